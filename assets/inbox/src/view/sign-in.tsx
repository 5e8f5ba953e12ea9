// The sign-in form, and what is shown in its place while a reload signs in again.
import { useEffect, useState } from 'preact/hooks';
import { reason } from '../errors';
import { type Entry, removeKept, refusal, resume, signIn } from '../model/account';

export function SignIn() {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState(refusal.value);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(fields.get(name) ?? '').trim();
    setBusy(true);
    setFailure('');
    try {
      await signIn({ token: text('token'), email: text('email'), isKept: fields.has('kept') });
    } catch (error) {
      setFailure(reason(error));
      setBusy(false);
    }
  };
  return (
    <main id="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Inbox</h1>
        <label for="token">API key or login token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck={false} required autofocus />
        <label for="email">Your email, to find the chats assigned to you (optional)</label>
        <input id="email" name="email" type="email" autocomplete="email" />
        <label class="check">
          <input name="kept" type="checkbox" /> Stay signed in in this tab
        </label>
        <button class="primary" disabled={isBusy}>{isBusy ? 'Signing in…' : 'Sign in'}</button>
        <p class="quiet">Without the tick, the token is gone when the page is closed or reloaded. With it, this tab keeps the token, your settings and unsent texts until you sign out. Nothing is stored outside this tab.</p>
        <p id="sign-in-error" role="alert">{failure}</p>
      </form>
    </main>
  );
}

/** Signs in after a reload of the page. */
export function Resume({ entry }: { entry: Entry }) {
  const [failure, setFailure] = useState('');
  const start = () => {
    setFailure('');
    resume(entry).catch((error: unknown) => setFailure(reason(error)));
  };
  useEffect(start, [entry]);
  return (
    <main id="sign-in">
      <form onSubmit={(event) => {
        event.preventDefault();
        start();
      }}>
        <h1>Inbox</h1>
        <p role="status">{failure === '' ? 'Signing in…' : `You could not be signed in: ${failure}`}</p>
        {failure !== '' && <button class="primary">Try again</button>}
        {failure !== '' && <button type="button" onClick={() => removeKept()}>Sign in with another token</button>}
      </form>
    </main>
  );
}
