import type { JSX, TargetedEvent } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Field } from '../parts/field.js';
import { Notice, ProblemNotice } from '../parts/notice.js';
import { moment } from '../parts/time.js';
import { errorOf, useWork } from '../parts/work.js';
import { logIn, register } from '../state/session.js';
import { useStore } from '../state/store.js';
import type { Problem } from '../state/types.js';
import { text } from '../text.js';

const DEMO = [
  ['alice', 'user'],
  ['bob', 'user'],
  ['mia', 'moderator'],
  ['root', 'admin'],
] as const;

export function Welcome(): JSX.Element {
  const ending = useStore((state) => state.ending);
  const [form, setForm] = useState({ username: '', password: '', deviceName: '' });
  const submit = useRef<HTMLButtonElement>(null);
  const choose = (username: string): void => {
    setForm({ ...form, username, password: `correct-horse-${username}` });
    submit.current?.focus();
  };
  return (
    <div class="welcome">
      <section class="entry">
        {ending && <Ending problem={ending} />}
        <Entry form={form} setForm={setForm} submit={submit} />
        <section>
          <h2>{text.welcome.demo}</h2>
          <p class="muted">{text.welcome.demoHint}</p>
          <div class="chips">
            {DEMO.map(([name, role]) => (
              <button key={name} type="button" class="chip" onClick={() => choose(name)}>
                {name} <span class="muted">{text.roles[role]}</span>
              </button>
            ))}
          </div>
        </section>
      </section>
      <section class="about">
        <h1>{text.welcome.title}</h1>
        <p class="intro">{text.welcome.intro}</p>
        <ul class="promises">
          {text.welcome.promises.map(([name, says]) => (
            <li key={name}>
              <strong>{name}</strong>
              <span class="muted">{says}</span>
            </li>
          ))}
        </ul>
        <h2>{text.welcome.sideBySide}</h2>
        <p>{text.welcome.sideBySideHow}</p>
        <p class="links">
          {text.welcome.links.map(([href, name]) => (
            <a key={href} href={href}>
              {name}
            </a>
          ))}
        </p>
      </section>
    </div>
  );
}

/** Why the last session ended, or was refused. */
function Ending({ problem }: { readonly problem: Problem }): JSX.Element {
  const { code, block, detail } = problem;
  return (
    <Notice kind="warn" title={text.endings[code] ?? text.endings['other'] ?? ''}>
      {block ? (
        <>
          <p>{text.blockReason(block.reason)}</p>
          <p>{block.until ? text.blockUntil(moment(block.until)) : text.blockUntilLifted}</p>
        </>
      ) : (
        <p>{text.endingDetails[code] ?? detail}</p>
      )}
    </Notice>
  );
}

interface Form {
  readonly username: string;
  readonly password: string;
  readonly deviceName: string;
}

function Entry({
  form,
  setForm,
  submit,
}: {
  readonly form: Form;
  readonly setForm: (form: Form) => void;
  readonly submit: { current: HTMLButtonElement | null };
}): JSX.Element {
  const [isNew, setNew] = useState(false);
  const [rememberMe, setRemember] = useState(false);
  const work = useWork();
  const { username, password, deviceName } = form;
  const set = (name: keyof Form) => (event: TargetedEvent<HTMLInputElement>) =>
    setForm({ ...form, [name]: event.currentTarget.value });
  const send = (event: Event): void => {
    event.preventDefault();
    const extras = deviceName === '' ? { rememberMe } : { rememberMe, deviceName };
    void work.run(() =>
      isNew ? register({ username, password }) : logIn({ username, password, ...extras }),
    );
  };
  const turn = (isNow: boolean): void => {
    setNew(isNow);
    work.clear();
  };
  const isBlocked = work.problem?.code === 'user_blocked';
  return (
    <form class="card" onSubmit={send}>
      <div class="switch" role="group" aria-label={text.brand}>
        <button type="button" aria-pressed={!isNew} onClick={() => turn(false)}>
          {text.welcome.logIn}
        </button>
        <button type="button" aria-pressed={isNew} onClick={() => turn(true)}>
          {text.welcome.register}
        </button>
      </div>
      {isBlocked && work.problem ? (
        <Ending problem={work.problem} />
      ) : (
        <ProblemNotice problem={work.problem} fields={['username', 'password']} />
      )}
      <Field
        label={text.welcome.username}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        error={errorOf(work.problem, 'username')}
        value={username}
        onInput={set('username')}
      />
      <Field
        label={text.welcome.password}
        name="password"
        type="password"
        autocomplete={isNew ? 'new-password' : 'current-password'}
        required
        hint={isNew ? text.welcome.newPasswordHint : undefined}
        error={errorOf(work.problem, 'password')}
        value={password}
        onInput={set('password')}
      />
      {!isNew && (
        <>
          <Field
            label={`${text.welcome.deviceName} (${text.welcome.optional})`}
            name="deviceName"
            maxLength={64}
            value={deviceName}
            onInput={set('deviceName')}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={rememberMe}
              onChange={({ currentTarget }) => setRemember(currentTarget.checked)}
            />
            {text.welcome.remember}
          </label>
        </>
      )}
      <button id="login" class="wide" ref={submit} disabled={work.isBusy}>
        {isNew ? text.welcome.makeAccount : text.welcome.logIn}
      </button>
    </form>
  );
}
