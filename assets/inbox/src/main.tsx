// Entry point of the page.
import { render } from 'preact';
import { kept, signIn } from './model/account';
import { App } from './view/app';

const entry = kept();
if (entry) {
  // A token that is no longer accepted leads to the sign-in form.
  await signIn(entry).catch(() => undefined);
}
const page = document.getElementById('page');
if (page) {
  render(<App />, page);
}
