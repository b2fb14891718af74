import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;
type Section = 'headers' | 'schemas' | 'securitySchemes';
type Part<Name extends Section> = NonNullable<Components[Name]>[string];

/** The components of a document, to which parts are added as they are used. */
export class ComponentParts {
  private readonly sections: Record<Section, Record<string, object>>;

  constructor(private readonly components: Components = {}) {
    const { headers = {}, schemas = {}, securitySchemes = {} } = components;
    this.sections = {
      headers: { ...headers },
      schemas: { ...schemas },
      securitySchemes: { ...securitySchemes },
    };
  }

  /** The name of a part, which is added if it is not there. Something else of that name stays: ours gets another. */
  nameOf<Name extends Section>(section: Name, name: string, part: Part<Name>): string {
    const parts: Record<string, object> = this.sections[section];
    const own = JSON.stringify(part);
    let free = name;
    while (parts[free] !== undefined && JSON.stringify(parts[free]) !== own) free += '_';
    parts[free] = part;
    return free;
  }

  refTo<Name extends 'headers' | 'schemas'>(section: Name, name: string, part: Part<Name>): { $ref: string } {
    return { $ref: `#/components/${section}/${this.nameOf(section, name, part)}` };
  }

  /** All of them; sections that were absent and got nothing still are. */
  all(): Components {
    const sections = Object.entries(this.sections).filter(
      ([name, parts]) => name in this.components || Object.keys(parts).length > 0,
    );
    return { ...this.components, ...Object.fromEntries(sections) };
  }
}

/** `Problem`, RFC 9457. An app may answer with codes of its own in the same form. */
export const PROBLEM: Part<'schemas'> = {
  type: 'object',
  description: 'A problem detail, RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'Names the kind of problem' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'A sentence for people' },
    code: { type: 'string', description: 'Stable: what clients may rely on' },
    block: {
      type: 'object',
      description: 'With `user_blocked`',
      required: ['reason'],
      properties: { reason: { type: 'string' }, until: { type: 'string', format: 'date-time' } },
    },
    'violated-policies': {
      type: 'array',
      items: { type: 'string' },
      description: 'With `rate_limited`: the names of the quotas that had no room',
    },
  },
};

const text = { type: 'string' };

export const HEADERS = {
  'WWW-Authenticate': { description: 'The challenge, RFC 6750 and RFC 9470', required: true, schema: text },
  'Retry-After': {
    description: 'After how many seconds a retry makes sense',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
  RateLimit: {
    description: 'What is left of each quota, draft-ietf-httpapi-ratelimit-headers',
    schema: text,
    example: '"posts";r=29;t=2',
  },
  'RateLimit-Policy': {
    description: 'The quotas, draft-ietf-httpapi-ratelimit-headers',
    schema: text,
    example: '"posts";q=30;w=60',
  },
  'Session-Expires': {
    description: 'The seconds until the session times out, unless there is activity',
    schema: { type: 'integer', minimum: 0 },
  },
} as const satisfies Record<string, Part<'headers'>>;

export type HeaderName = keyof typeof HEADERS;
