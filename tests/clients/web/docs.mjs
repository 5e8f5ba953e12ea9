// Opens the page that describes the APIs in a headless Chromium: every operation is listed with its method and path, the last
// one of each group is shown, the quick start has the page's origin, and nothing is loaded from another one.
import assert from 'node:assert/strict';
import { limitTime } from '../limits.mjs';
import { launch, openPage } from './browser.mjs';

limitTime();

const service = process.env.SERVICE;
const document = await (await fetch(`${service}/openapi.json`)).json();
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));
assert.ok(operations.length > 0);

const browser = await launch();
try {
  const page = await openPage(browser);
  const problems = [];
  const origins = new Set();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url())) origins.add(new URL(request.url()).origin);
  });
  await page.goto(`${service}/docs`);
  assert.equal(await page.title(), 'Switchboard API');
  const navigation = page.getByRole('complementary');
  await navigation.getByRole('link', { name: document.tags[0].name, exact: true }).waitFor();
  for (const { name } of document.tags) {
    const closed = navigation.getByRole('button', { name: `Open Group - ${name}` });
    if (await closed.isVisible()) await closed.click();
    const entries = operations.filter(({ tags }) => tags.includes(name)).map(({ summary, method, path }) => [
      summary,
      navigation.getByRole('link', { name: `${summary} ${path} HTTP Method: ${method.replace('DELETE', 'DEL')}`, exact: true }),
    ]);
    for (const [, entry] of entries) await entry.waitFor();
    // Webhook events have no path.
    if (!entries.length) continue;
    const [summary, entry] = entries.at(-1);
    await entry.click();
    await page.getByRole('main').getByRole('heading', { name: summary }).first().waitFor();
  }
  // On a phone, in the dark: nothing is wider than the screen.
  const phone = await openPage(browser, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await phone.goto(`${service}/docs`);
  await phone.getByRole('heading', { name: 'Quick start' }).waitFor();
  // Its examples call the service that shows them.
  for (const text of [`export API=${service}`, `const baseUrl = '${service}'`]) await phone.getByText(text).first().waitFor();
  const [width, background] = await phone.evaluate(() =>
    [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]);
  assert.equal(width, 390);
  assert.match(background, /^rgb\((\d|[1-4]\d), /);
  assert.deepEqual(problems, []);
  assert.deepEqual([...origins], [service]);
  // A request sends the optional parameters that the reader selects, not all that have an example.
  const [first] = operations.filter(({ path, method }) => path === '/v1/chats' && method === 'GET');
  await navigation.getByRole('link', { name: new RegExp(`^${first.summary} ${first.path} `) }).click();
  await page.getByRole('button', { name: `(get ${first.path})` }).click();
  const sent = page.waitForRequest((request) => new URL(request.url()).pathname === first.path);
  await page.getByRole('button', { name: /^Send Request/ }).click();
  assert.equal(new URL((await sent).url()).search, '');
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);
