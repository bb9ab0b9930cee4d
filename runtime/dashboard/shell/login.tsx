/**
 * The login form: who one is to the engine, and where to find the password.
 */
import { type SyntheticEvent, useRef, useState } from 'react';
import type { AskProblem } from '../live/request.ts';
import { logIn } from '../live/session.ts';

/** Asks for name and password; says why a session ended, or why a login was refused. */
export function Login({ reason }: { readonly reason: string | undefined }) {
  const [problem, setProblem] = useState<AskProblem>();
  const [isAsking, setIsAsking] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setIsAsking(true);
    const refused = await logIn({
      name: String(fields.get('name')),
      password: String(fields.get('password')),
    });
    setIsAsking(false);
    setProblem(refused);
    if (refused !== undefined) password.current?.select();
  };
  return (
    <main className="alone">
      <form className="login" onSubmit={submit}>
        <h1>microtarget</h1>
        <p className="soft">{reason ?? 'Log in to see live figures.'}</p>
        <label>
          Name
          <input name="name" autoComplete="username" defaultValue="viewer" required={true} />
        </label>
        <label>
          Password
          <input
            ref={password}
            name="password"
            type="password"
            autoComplete="current-password"
            required={true}
          />
        </label>
        <div role="alert">
          {problem === undefined ? null : (
            <p className="login-problem">
              <strong>{problem.problem}</strong>
              {problem.hint === undefined ? null : ` ${problem.hint}`}
            </p>
          )}
        </div>
        <button type="submit" className="button button-primary" disabled={isAsking}>
          Log in
        </button>
        <p className="hint">
          <code>viewer</code> sees marketers' figures, <code>ops</code> everything. Both passwords
          are in <code>.microtarget/local.env</code> on the engine's machine, where{' '}
          <code>npx microtarget dashboard</code> prints a link that logs you in.
        </p>
      </form>
    </main>
  );
}
