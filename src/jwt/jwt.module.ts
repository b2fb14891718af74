import { Module } from '@nestjs/common';
import { JwksController } from '@latchkey/session/jwt';

/** The public keys of the access tokens; with opaque ones, there are none. */
@Module({ controllers: [JwksController] })
export class JwtModule {}
