// Looks at the page that describes the APIs, with a headless Chromium: everything is shown, and nothing is asked of anybody
// but the service.
import assert from 'node:assert/strict';
import { launch } from './browser.mjs';

setTimeout(() => process.exit(1), 60_000).unref();

const service = process.env.SERVICE;
const document = await (await fetch(`${service}/openapi.json`)).json();
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
assert.ok(operations.length > 0);

const browser = await launch();
try {
  const page = await browser.newPage();
  const complaints = [];
  const asked = new Set();
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => asked.add(request.url().startsWith('data:') ? service : new URL(request.url()).origin));
  await page.goto(`${service}/docs`);
  assert.equal(await page.title(), 'Switchboard API');
  for (const { summary } of operations) {
    const entry = page.getByText(summary, { exact: true }).first();
    await entry.waitFor({ timeout: 15_000 });
    await entry.click();
    await page.getByRole('heading', { name: summary, exact: true }).or(page.locator('h2, h3').getByText(summary, { exact: true })).first().waitFor();
  }
  assert.deepEqual(complaints, []);
  assert.deepEqual([...asked], [service]);
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);
