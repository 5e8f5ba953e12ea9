// The sign-in form. The token is kept in memory only, by the client of the service.
import { Api, reason, type Session } from './api';
import { part } from './page';

export interface SignedIn {
  api: Api;
  sessions: Session[];
  /** Email of the user; empty if not entered. */
  email: string;
}

export function onSignIn(done: (signedIn: SignedIn) => void): void {
  const form = part<HTMLFormElement>('sign-in-form');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void signIn(form, done);
  });
}

async function signIn(form: HTMLFormElement, done: (signedIn: SignedIn) => void): Promise<void> {
  const token = part<HTMLInputElement>('token').value.trim();
  const email = part<HTMLInputElement>('email').value.trim();
  const button = form.querySelector('button');
  button?.setAttribute('disabled', '');
  part('sign-in-error').textContent = '';
  try {
    const api = new Api(token);
    const sessions = await api.loadSessions();
    form.reset();
    part('sign-in').hidden = true;
    part('inbox').hidden = false;
    done({ api, sessions, email });
  } catch (error) {
    part('sign-in-error').textContent = reason(error);
  } finally {
    button?.removeAttribute('disabled');
  }
}
