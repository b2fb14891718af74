import { SessionConfigurationError } from '../../model/session-error.js';
import { AllowExpired, Assurance, Fresh, OptionalSession, Permissions, Public, Roles } from './access.js';
import { declaredAccessOf } from './declarations.js';

describe('the same decorator twice', () => {
  it.each([
    ['@Public()', () => Public()],
    ['@OptionalSession()', () => OptionalSession()],
    ['@Roles()', () => Roles('admin')],
    ['@Permissions()', () => Permissions('post:delete')],
    ['@Fresh()', () => Fresh('10m')],
    ['@Assurance()', () => Assurance('aal2')],
    ['@AllowExpired()', () => AllowExpired()],
  ])('throws where it is written: %s', (name, decorator) => {
    const onHandler = () => {
      class Posts {
        @decorator()
        @decorator()
        remove() {}
      }
      return Posts;
    };
    const onClass = () => {
      @decorator()
      @decorator()
      class Posts {}
      return Posts;
    };
    for (const [declare, where] of [[onHandler, 'Posts.remove'] as const, [onClass, 'Posts'] as const]) {
      expect(declare).toThrow(SessionConfigurationError);
      expect(declare).toThrow(`${where} has ${name} twice`);
    }
  });

  it('is no contradiction on a class and its handler, on two handlers, or on a class and its child', () => {
    @Roles('admin')
    class Posts {
      @Roles('moderator')
      remove() {}

      @Roles('user')
      write() {}
    }
    @Roles('user')
    class Drafts extends Posts {
      @Roles('admin')
      override remove() {}
    }
    const declared = (target: Function, name: string) => declaredAccessOf(target.prototype[name]);
    expect(declaredAccessOf(Posts)).toEqual({ roles: ['admin'] });
    expect(declaredAccessOf(Drafts)).toEqual({ roles: ['user'] });
    expect(declared(Posts, 'remove')).toEqual({ roles: ['moderator'] });
    expect(declared(Drafts, 'remove')).toEqual({ roles: ['admin'] });
    expect(declared(Drafts, 'write')).toEqual({ roles: ['user'] });
  });
});
