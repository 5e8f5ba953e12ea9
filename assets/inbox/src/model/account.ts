// Who is signed in. The token stays in memory, or in the tab's storage if the user asks for it.
import { signal } from '@preact/signals';
import { Api, type Caller } from '../api';
import { isFinal, reason } from '../errors';
import { emptyStorage, keep, readKept } from './kept';

export interface Account {
  readonly api: Api;
  /** Who the token stood for at sign-in. */
  readonly caller: Caller;
  /** Email of the user; empty if it is neither known nor entered. */
  readonly email: string;
  /** Whether the tab's storage keeps the token, the settings and the drafts. */
  readonly isKept: boolean;
}

export interface Entry {
  readonly token: string;
  readonly email: string;
  readonly isKept: boolean;
}

export const account = signal<Account | undefined>(undefined);
/** What the tab's storage keeps while nobody is signed in yet. */
export const kept = signal<Entry | undefined>(stored());
/** Why what was kept is no longer accepted. */
export const refusal = signal('');

/** Signs in. Fails when the service does not accept the token. */
export async function signIn({ token, email, isKept }: Entry): Promise<void> {
  const api = new Api(token);
  const [caller] = await Promise.all([api.caller(), api.loadSessions()]);
  if (isKept) {
    keep('token', () => ({ token, email }));
  } else {
    emptyStorage();
  }
  account.value = { api, caller, email: email || (caller.email ?? ''), isKept };
}

/** Signs in with what was kept. A token that is no longer accepted is removed; after another failure, it can be tried again. */
export async function resume(entry: Entry): Promise<void> {
  try {
    await signIn(entry);
  } catch (error) {
    if (!isFinal(error)) {
      throw error;
    }
    removeKept(reason(error));
  }
}

/** Removes what was kept, and shows the sign-in form. */
export function removeKept(why = ''): void {
  emptyStorage();
  refusal.value = why;
  kept.value = undefined;
}

function stored(): Entry | undefined {
  const entry = readKept('token') as Pick<Entry, 'token' | 'email'> | null;
  return entry ? { ...entry, isKept: true } : undefined;
}

/** Whether the user is signing out: drafts are given up. */
export let isSigningOut = false;

/** Signs out: removes everything that was kept and empties the fields. */
export function signOut(): void {
  isSigningOut = true;
  emptyStorage();
  history.replaceState(null, '', location.pathname);
  location.reload();
}
