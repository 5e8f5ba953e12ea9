// A further judge of the Cloud API: whatsapp-api-js checks the signatures of the goldens in GOLDENS, reads them, and sends
// messages to the fake Graph API at GRAPH.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

import { WhatsAppAPI } from "whatsapp-api-js";
import * as messages from "whatsapp-api-js/messages";

/** Sends requests to the fake. Contents that are lists are written as JSON text, which Meta reads, too. */
function toFake(url, options) {
  const body = JSON.parse(options.body);
  if (typeof body[body.type] === "string") body[body.type] = JSON.parse(body[body.type]);
  const { href } = new URL(String(url).replace("https://graph.facebook.com", process.env.GRAPH));
  return fetch(href, { ...options, body: JSON.stringify(body) });
}

const api = new WhatsAppAPI({
  token: process.env.TOKEN,
  appSecret: "app secret",
  webhookVerifyToken: "verify me",
  v: "v25.0",
  ponyfill: { fetch: toFake },
});

const signed = (body) => `sha256=${createHmac("sha256", "app secret").update(body).digest("hex")}`;
// As Meta does.
const escaped = (value) =>
  JSON.stringify(value).replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Reads a webhook: a message or a status, or undefined if the library passes it over. */
async function read(webhook) {
  let found;
  api.on.message = ({ message, recipient, phoneID }) => (found = { message, recipient, phoneID });
  api.on.status = (status) => (found = { status, recipient: status.recipient, phoneID: status.phoneID });
  const body = escaped(webhook);
  await api.post(JSON.parse(body), body, signed(body)).catch((error) => assert.equal(error.httpStatus, 200));
  await assert.rejects(api.post(webhook, body, signed(`${body} `)), { httpStatus: 401 });
  return found;
}

const KINDS = { sent: "server", delivered: "delivered", read: "read", played: "played", failed: "failed" };

function compare(event, { message, status, recipient, phoneID }) {
  const [kind, content] = Object.entries(event)[0];
  const about = kind === "message" ? content : content.message;
  const item = message ?? status;
  const targets = [message?.edit?.original_message_id, message?.revoke?.original_message_id, message?.reaction?.message_id];
  assert.equal(about.id, targets.find((id) => id) ?? item.id);
  assert.equal(phoneID, "1065");
  const at = content.timestamp ?? content.at;
  if (at !== undefined) assert.equal(at, Number(item.timestamp) * 1000);
  const person = recipient.phone ? `${recipient.phone}@c.us` : recipient.bsuid && `${recipient.bsuid}@bsuid`;
  if (person) assert.equal(about.chat, person);
  else assert.ok(recipient.group === undefined || about.chat.endsWith("@g.us"));
  if (status) assert.equal(content.kind, KINDS[status.status]);
  if (status?.error) assert.ok(content.reason.startsWith(`${status.error.code} `), content.reason);
  if (kind === "message") assert.equal(content.body ?? "", message.text?.body ?? content.body ?? "");
  if (kind === "reaction") assert.equal(content.emoji, message.reaction.emoji ?? "");
}

let compared = 0;
for (const name of ["messages", "people", "statuses"]) {
  for (const { name: title, webhook, raw_events: events } of JSON.parse(readFileSync(`${process.env.GOLDENS}/${name}.json`))) {
    const found = events.length === 1 ? await read(webhook) : undefined;
    const mapped = events[0]?.events.at(-1);
    if (!found || !mapped) continue;
    try {
      compare(mapped, found);
    } catch (error) {
      throw new Error(`${name}: ${title}: ${error.message}`);
    }
    compared += 1;
  }
}
assert.ok(compared > 40, `${compared} webhooks`);
const challenge = { "hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "1158201444" };
assert.equal(api.get(challenge), "1158201444");

const { Audio, BodyComponent, BodyParameter, Contacts, Document, Image, Location, Name, Phone, Reaction, Sticker } = messages;
const { Template, Text, Video } = messages;
const card = [new Name("Ben", "Ben"), new Phone("+1 555 010 1845", undefined, "15550101845")];
for (const message of [
  new Text("hi", true),
  new Image("50", true, "a cat"),
  new Video("51", true),
  new Audio("52", true),
  new Audio("53", true, true),
  new Document("54", true, "May", "a.bin"),
  new Sticker("55", true),
  new Location(-122.25, 37.5, "Acme"),
  new Contacts(card),
  new Template("hello", { code: "en_US" }, new BodyComponent(new BodyParameter("Asha"))),
  new Reaction("wamid.OLD", "👍"),
  new Reaction("wamid.OLD"),
]) {
  const response = await api.sendMessage("1065", { phone: "15550101844" }, message);
  assert.ok(response.messages?.[0].id, JSON.stringify(response));
}
await api.sendMessage("1065", { bsuid: "US.1349" }, new Text("hi", true), "wamid.OLD");
assert.deepEqual(await api.markAsRead("1065", "wamid.NEW"), { success: true });
console.log("ok");
