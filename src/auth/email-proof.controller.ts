import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, Public, SessionTransport, type UserState } from '@latchkey/session';
import type { Request, Response } from 'express';
import { ConfirmEmailProofDto, RequestEmailProofDto } from './email-proof.dto.js';
import { EmailProofService } from './email-proof.service.js';
import { ResetQuotas } from './reset-quotas.js';

@ApiTags('auth')
@Controller('auth/email-proof')
export class EmailProofController {
  constructor(
    private readonly proofs: EmailProofService,
    private readonly quotas: ResetQuotas,
    private readonly transport: SessionTransport,
  ) {}

  @Fresh('10m')
  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Send a one-time token to an address that shall be mine' })
  async request(
    @Body() { email }: RequestEmailProofDto,
    @CurrentUser() user: UserState,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    this.proofs.assertAvailable();
    await this.quotas.countMessage({ request, response }, user.id);
    await this.proofs.request(user, email);
  }

  @Public()
  @Post('confirm')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Prove the address by the token of its message; works once, also on another device',
  })
  async confirm(
    @Body() { token }: ConfirmEmailProofDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const ip = this.transport.clientIp(request);
    await this.quotas.countingGuess({ request, response }, () => this.proofs.confirm(token, ip));
  }
}
