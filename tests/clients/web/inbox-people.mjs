// The inbox as people open it, in a headless Chromium, over a line to the service that can be cut.
import assert from 'node:assert/strict';
import { PATIENCE } from '../limits.mjs';
import { launch, openPage } from './browser.mjs';
import { openLine } from './line.mjs';

export const { SERVICE, TOKEN: token, AGENT: agent, READER: reader, BLIND: blind, EMAIL: email, COLLEAGUE: colleague } = process.env;
export const line = await openLine(SERVICE);
/** What the browser found fault with. */
export const complaints = [];
/** The requests of the pages: host and content type. */
export const asked = new Set();
export const grpcWeb = new Set();
export const browser = await launch();

export async function open({ width, height, ...device } = { width: 1200, height: 760 }, at = line.url) {
  const page = await openPage(browser, { viewport: { width, height }, ...device });
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    asked.add(['data:', 'blob:'].includes(protocol) || origin === at ? line.url : origin);
    if (request.method() === 'POST') {
      grpcWeb.add(request.headers()['content-type']);
    }
  });
  await page.goto(`${at}/inbox`);
  return page;
}

export async function signIn(key, viewport, at) {
  const page = await open(viewport, at);
  await enter(page, key);
  return page;
}

export async function enter(page, key, as = email) {
  await page.getByLabel('API key or login token').fill(key);
  await page.getByLabel('Your email').fill(as);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#inbox').waitFor();
}

/** The names of the calls that a page makes from here on. */
export function calls(page) {
  const names = [];
  page.on('request', (request) => names.push(request.url().split('/').at(-1)));
  return names;
}

/** A response with a status only. */
export function ended(status, message) {
  return { contentType: 'application/grpc-web+proto', headers: { 'grpc-status': status, 'grpc-message': message } };
}

/** A response with this message, encoded, of at most 255 bytes. */
export function answered(message = '') {
  const frame = (flags, text) => Buffer.concat([Buffer.from([flags, 0, 0, 0, text.length]), Buffer.from(text, 'latin1')]);
  return { contentType: 'application/grpc-web+proto', body: Buffer.concat([frame(0, message), frame(0x80, 'grpc-status: 0\r\n')]) };
}

export function row(page, name) {
  return page.locator('#list .row').filter({ has: page.getByText(name, { exact: true }) });
}

/** Waits until exactly these chats are listed, in this order. */
export async function names(page, expected) {
  const listed = () => page.locator('#list strong').allInnerTexts();
  const ends = Date.now() + PATIENCE;
  while (Date.now() < ends && (await isLoading(page) || String(await listed()) !== String(expected))) {
    await page.waitForTimeout(50);
  }
  assert.deepEqual(await listed(), expected, complaints.join('\n'));
}

async function isLoading(page) {
  return (await page.locator('#list').getAttribute('aria-busy')) === 'true';
}
