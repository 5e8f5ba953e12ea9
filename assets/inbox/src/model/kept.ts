// What the tab's storage keeps while the user stays signed in: the token, the settings and the drafts. Nothing else is stored.
const KEY = 'switchboard-inbox';

export type Part = 'token' | 'settings' | 'drafts';

export function readKept(part: Part): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(part)) ?? 'null');
  } catch {
    return null;
  }
}

/** Returns whether it is kept: the storage may be full. */
export function keep(part: Part, value: () => object): boolean {
  try {
    sessionStorage.setItem(keyOf(part), JSON.stringify(value()));
    return true;
  } catch {
    sessionStorage.removeItem(keyOf(part));
    return false;
  }
}

/** Removes everything. */
export function emptyStorage(): void {
  (['token', 'settings', 'drafts'] as const).forEach((part) => sessionStorage.removeItem(keyOf(part)));
}

function keyOf(part: Part): string {
  return part === 'token' ? KEY : `${KEY}-${part}`;
}
