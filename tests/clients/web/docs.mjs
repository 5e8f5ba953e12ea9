// Opens the page that describes the APIs in a headless Chromium: every operation is listed, the last one of each service is
// shown, and nothing is loaded from another origin.
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';

setTimeout(() => process.exit(1), 120_000).unref();

const service = process.env.SERVICE;
const document = await (await fetch(`${service}/openapi.json`)).json();
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
assert.ok(operations.length > 0);

const browser = await launch();
try {
  const page = await browser.newPage();
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
  await navigation.getByRole('link', { name: document.tags[0]['x-displayName'], exact: true }).waitFor({ timeout: 60_000 });
  for (const { name, 'x-displayName': title } of document.tags) {
    const closed = navigation.getByRole('button', { name: `Open Group - ${title}` });
    if (await closed.isVisible()) await closed.click();
    const entries = operations.filter(({ tags }) => tags.includes(name)).map(({ summary }) => [
      summary,
      navigation.getByRole('link', { name: new RegExp(`^${summary} HTTP Method`) }),
    ]);
    for (const [, entry] of entries) await entry.waitFor();
    const [summary, entry] = entries.at(-1);
    await entry.click();
    await page.getByRole('main').getByRole('heading', { name: summary }).first().waitFor();
  }
  assert.deepEqual(problems, []);
  assert.deepEqual([...origins], [service]);
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);
