/**
 * The way to a user: a field for the id, the users looked at last in this tab, and, for whoever
 * looks for an example, some who are active now. The former are kept in the session's storage only:
 * an id may say who somebody is, and is gone with the tab.
 */
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useLive } from '../live/live-store.ts';
import { parseLookedAt, withLookedAt } from './looked-at.ts';

const MAX_ACTIVE = 8;
const KEPT_AS = 'microtarget.users-looked-at';

/** The address of a user's view. */
export function userHash(user: string): string {
  return `#/users/${encodeURIComponent(user)}`;
}

/** The search; `user` is the one that is shown. */
export function UserSearch({ user }: { readonly user: string | undefined }) {
  const [typed, setTyped] = useState(user ?? '');
  const [lookedAt, setLookedAt] = useState(readLookedAt);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (user === undefined) {
      field.current?.focus();
      return;
    }
    setTyped(user);
    setLookedAt((ids) => withLookedAt(ids, user));
  }, [user]);
  useEffect(() => keepLookedAt(lookedAt), [lookedAt]);
  const go = (event: FormEvent) => {
    event.preventDefault();
    const id = typed.trim();
    if (id !== '') window.location.hash = userHash(id);
  };
  const others = lookedAt.filter((id) => id !== user);
  return (
    <search className="user-search panel panel-wide">
      <form onSubmit={go}>
        <label htmlFor="user-id">User id</label>
        <input
          id="user-id"
          ref={field}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          placeholder="as your application knows it"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          enterKeyHint="search"
        />
        <button type="submit" className="button button-primary">
          Look
        </button>
      </form>
      <UserLinks label="Looked at last" users={others} />
      {user === undefined ? <ActiveUsers /> : null}
    </search>
  );
}

/** As of when the view was opened: a list that changes under the pointer cannot be clicked. */
function ActiveUsers() {
  const workers = useLive((state) => state.workers);
  const [users, setUsers] = useState<readonly string[]>([]);
  const found = [...workers.values()].flatMap(({ latest_users }) => latest_users);
  if (users.length === 0 && found.length > 0) setUsers(found.slice(0, MAX_ACTIVE));
  return <UserLinks label="Active now" users={users} />;
}

function UserLinks({
  label,
  users,
}: {
  readonly label: string;
  readonly users: readonly string[];
}) {
  if (users.length === 0) return null;
  return (
    <nav aria-label={label}>
      <span className="soft">{label}:</span>
      {users.map((id) => (
        <a key={id} href={userHash(id)}>
          {id}
        </a>
      ))}
    </nav>
  );
}

function readLookedAt(): readonly string[] {
  try {
    return parseLookedAt(sessionStorage.getItem(KEPT_AS));
  } catch {
    return [];
  }
}

function keepLookedAt(ids: readonly string[]): void {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(ids));
  } catch {
    // Storage is denied or full: the list lives as long as the view.
  }
}
