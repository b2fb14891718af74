import type {
  ComponentChildren,
  InputHTMLAttributes,
  JSX,
  SelectHTMLAttributes,
  TextareaHTMLAttributes,
} from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
}

interface Wiring {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': boolean | undefined;
}

function Wired({
  label,
  hint,
  error,
  children,
}: FieldProps & { readonly children: (wiring: Wiring) => ComponentChildren }): JSX.Element {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" role="alert" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export function Field({ label, hint, error, ...input }: FieldProps & InputHTMLAttributes): JSX.Element {
  return (
    <Wired label={label} hint={hint} error={error}>
      {(wiring) => <input {...input} {...wiring} />}
    </Wired>
  );
}

export function Area({ label, hint, error, ...area }: FieldProps & TextareaHTMLAttributes): JSX.Element {
  return (
    <Wired label={label} hint={hint} error={error}>
      {(wiring) => <textarea {...area} {...wiring} />}
    </Wired>
  );
}

export function Choice({
  label,
  hint,
  error,
  options,
  ...select
}: FieldProps &
  SelectHTMLAttributes & {
    readonly options: readonly (readonly [value: string | number, label: string])[];
  }): JSX.Element {
  return (
    <Wired label={label} hint={hint} error={error}>
      {(wiring) => (
        <select {...select} {...wiring}>
          {options.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Wired>
  );
}
