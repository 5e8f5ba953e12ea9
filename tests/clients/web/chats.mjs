// Builds the page, serves it from two origins of its own, and looks at it with a headless Chromium. It first prints its
// origins, then waits for a line of JSON with the service's URL: the service has to know the first origin when it starts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { limitTime } from '../limits.mjs';
import { launch, openPage } from './browser.mjs';

limitTime();

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const buf = join(here, '../node_modules/.bin/buf');
execFileSync(buf, ['generate', '--template', join(here, 'buf.gen.yaml')], { cwd: root, stdio: 'inherit' });
const bundle = await build({ entryPoints: [join(here, 'page.ts')], bundle: true, format: 'esm', write: false });
const page = `<!doctype html><meta charset="utf-8"><title>Chats</title><script type="module">${bundle.outputFiles[0].text}</script>`;

async function serve() {
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(page));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}
const [allowed, stranger] = [await serve(), await serve()];
console.log(JSON.stringify({ allowed, stranger }));
const settings = JSON.parse((await once(createInterface(process.stdin), 'line'))[0]);

const browser = await launch();
try {
  const inbox = await open(allowed);
  assert.equal(await text(inbox, '#end'), 'shown', inbox.complaints.join('\n'));
  assert.equal(await text(inbox, '#name'), 'Asha Rao');
  assert.equal(await text(inbox, '#labels'), 'seen in a browser');
  assert.equal(await text(inbox, '#missing'), 'NotFound');

  const elsewhere = await open(stranger);
  assert.match(await text(elsewhere, '#end'), /^failed: /);
  assert.equal(await elsewhere.locator('#name').count(), 0);
  assert.ok(elsewhere.complaints.some((text) => /CORS policy/.test(text)), elsewhere.complaints.join('\n'));
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);

async function open(origin) {
  const tab = await openPage(browser);
  tab.complaints = [];
  tab.on('console', (message) => tab.complaints.push(message.text()));
  tab.on('pageerror', (error) => tab.complaints.push(String(error)));
  await tab.goto(`${origin}/#${new URLSearchParams(settings)}`);
  await tab.locator('#end').waitFor().catch((error) => {
    throw new Error(`${error}\n${tab.complaints.join('\n')}`);
  });
  return tab;
}

async function text(tab, selector) {
  return tab.locator(selector).textContent();
}
