// Who is signed in. The token stays in memory, or in the tab's storage if the user asks for it.
import { signal } from '@preact/signals';
import { Api, type Caller } from '../api';

export interface Account {
  readonly api: Api;
  /** Who the token stood for at sign-in. */
  readonly caller: Caller;
  /** Email of the user; empty if it is neither known nor entered. */
  readonly email: string;
  /** Whether the tab's storage keeps the token and the settings. */
  readonly isKept: boolean;
}

export interface Entry {
  readonly token: string;
  readonly email: string;
  readonly isKept: boolean;
}

const KEY = 'switchboard-inbox';

export const account = signal<Account | undefined>(undefined);

/** Signs in. Fails when the service does not accept the token. */
export async function signIn({ token, email, isKept }: Entry): Promise<void> {
  const api = new Api(token);
  const [caller] = await Promise.all([api.caller(), api.loadSessions()]);
  if (isKept) {
    sessionStorage.setItem(KEY, JSON.stringify({ token, email }));
  }
  account.value = { api, caller, email: email || (caller.email ?? ''), isKept };
}

/** What the tab's storage keeps, if anything. */
export function kept(): Entry | undefined {
  const text = sessionStorage.getItem(KEY);
  return text ? { isKept: true, ...JSON.parse(text) } : undefined;
}

/** Signs out: removes the token and empties the fields. */
export function signOut(): void {
  sessionStorage.removeItem(KEY);
  history.replaceState(null, '', location.pathname);
  location.reload();
}
