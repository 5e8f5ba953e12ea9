// Entry point of the page.
import { render } from 'preact';
import { App } from './view/app';

const page = document.getElementById('page');
if (page) {
  render(<App />, page);
}
