import { applyDecorators, Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '@latchkey/session';
import { ConsoleFiles } from './console-files.js';

/** Everything comes from here, nothing is inline, and no text becomes markup or a script. */
const POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "object-src 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

function Serves(type: string): MethodDecorator {
  return applyDecorators(
    Header('Content-Type', `${type}; charset=utf-8`),
    Header('Content-Security-Policy', POLICY),
  );
}

/** The web console: a page, its script and its style. What it shows comes from the API, as for any other client. */
@ApiExcludeController()
@Public()
@Controller()
export class ConsoleController {
  constructor(private readonly files: ConsoleFiles) {}

  @Get()
  @Serves('text/html')
  page(): string {
    return this.files.read('index.html');
  }

  @Get('console/app.js')
  @Serves('text/javascript')
  script(): string {
    return this.files.read('app.js');
  }

  @Get('console/app.css')
  @Serves('text/css')
  style(): string {
    return this.files.read('app.css');
  }

  @Get('console/icon.svg')
  @Serves('image/svg+xml')
  icon(): string {
    return this.files.read('icon.svg');
  }
}
