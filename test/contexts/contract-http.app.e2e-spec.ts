import { Controller, Get } from '@nestjs/common';
import { PLATFORMS } from '../support/library-app.js';
import { type ContextKit, describeContext } from './support/describe-context.js';

const http = (platform: (typeof PLATFORMS)[number]): ContextKit => ({
  name: `HTTP on ${platform.name}`,
  among: 'controllers',
  adapter: platform.adapter,
  onMethod: (name) => Get(name),
  onClass: Controller(),
  connect: async (app, token) => {
    const url = await app.getUrl();
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return {
      call: async (handler) => {
        const response = await fetch(`${url}/${handler}`, { headers });
        if (response.ok) return { value: await response.text() };
        return { code: ((await response.json()) as { code: string }).code };
      },
      close: () => undefined,
    };
  },
});

PLATFORMS.forEach((platform) => describeContext(http(platform)));
