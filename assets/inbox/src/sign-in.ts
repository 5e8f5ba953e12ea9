// Asks for the token. It is kept by the objects that call the service, in memory and nowhere else.
import { Api, reason, type Session } from './api';
import { part } from './page';

export interface SignedIn {
  api: Api;
  sessions: Session[];
  /** Who is using the page; empty when they did not say. */
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
