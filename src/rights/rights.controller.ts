import { Controller, Delete, Get, HttpCode, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  CurrentSession,
  CurrentUser,
  Fresh,
  RateLimit,
  type Session,
  type UserState,
} from '@latchkey/session';
import type { Request, Response } from 'express';
import { ActRecorder } from '../audit/act-recorder.js';
import { ClientTokens } from '../auth/client-tokens.js';
import { ExportReply, toExportReply } from './rights.dto.js';
import { RightsService } from './rights.service.js';

@ApiTags('auth')
@Fresh('10m')
@RateLimit('personal-data')
@Controller('auth/me')
export class RightsController {
  constructor(
    private readonly rights: RightsService,
    private readonly recorder: ActRecorder,
    private readonly tokens: ClientTokens,
  ) {}

  @Get('export')
  @ApiOperation({ summary: 'Everything that is kept about me' })
  @ApiOkResponse({ type: ExportReply })
  async export(@CurrentUser() user: UserState, @CurrentSession() session: Session): Promise<ExportReply> {
    const { account, email, library, posts } = await this.rights.export(user.id);
    return toExportReply({ account, email, library, posts, currentId: session.id });
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({
    summary: 'Erase me: account, posts, likes and sessions. Demo accounts and the last admin: 409',
  })
  async erase(
    @CurrentUser() user: UserState,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.recorder.record(request, { action: 'account.erase', targetId: user.id }, () =>
      this.rights.erase(user.id),
    );
    this.tokens.takeBack({ request, response });
  }
}
