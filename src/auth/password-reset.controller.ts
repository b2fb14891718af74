import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public, SessionTransport } from '@latchkey/session';
import type { Request, Response } from 'express';
import { ConfirmPasswordResetDto, RequestPasswordResetDto } from './password-reset.dto.js';
import { PasswordResetService } from './password-reset.service.js';
import { ResetQuotas } from './reset-quotas.js';

@ApiTags('auth')
@Public()
@Controller('auth/password-reset')
export class PasswordResetController {
  constructor(
    private readonly resets: PasswordResetService,
    private readonly quotas: ResetQuotas,
    private readonly transport: SessionTransport,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a message with a one-time token, if there is such an account: the reply does not tell',
  })
  async request(
    @Body() { username }: RequestPasswordResetDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    this.resets.assertAvailable();
    await this.quotas.countMessage({ request, response }, username);
    await this.resets.request(username);
  }

  @Post('confirm')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Set a new password by the token of a message; works once, and every session is ended',
  })
  async confirm(
    @Body() { token, newPassword }: ConfirmPasswordResetDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const ip = this.transport.clientIp(request);
    await this.quotas.countingGuess({ request, response }, () =>
      this.resets.confirm({ token, newPassword, ip }),
    );
  }
}
