// Judges of the Cloud API that know nothing of the service: @kapso/whatsapp-cloud-api reads the webhooks of the goldens in
// GOLDENS, and sends messages to the fake Graph API at GRAPH.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

import { WhatsAppClient } from "@kapso/whatsapp-cloud-api";
import { normalizeWebhook, verifySignature } from "@kapso/whatsapp-cloud-api/server";

const millis = (item) => Number(item.timestamp) * 1000;

/** What both sides say about an item: its id, time and direction. */
function ours(event) {
  const [kind, content] = Object.entries(event)[0];
  const at = content.timestamp ?? content.at;
  const byUs = kind === "receipt" ? content.message.fromMe : content.fromMe;
  return { kind, id: kind === "message" ? content.id : content.message.id, at, byUs };
}

function compare(event, item) {
  const { kind, id, at, byUs } = ours(event);
  const target = item.edit?.originalMessageId ?? item.revoke?.originalMessageId ?? item.reaction?.messageId ?? item.id;
  assert.equal(id, target);
  if (at !== undefined) assert.equal(at, millis(item));
  if (kind === "message" && item.kapso) assert.equal(byUs, item.kapso.direction === "outbound");
  if (kind === "edit") assert.equal(event.edit.body, item.edit.message.text?.body ?? item.edit.message.image.caption);
  if (kind === "reaction") assert.equal(event.reaction.emoji, item.reaction.emoji ?? "");
}

let compared = 0;
for (const name of ["messages", "people", "statuses", "coexistence"]) {
  for (const { name: title, webhook, raw_events: events } of JSON.parse(readFileSync(`${process.env.GOLDENS}/${name}.json`))) {
    const read = normalizeWebhook(webhook);
    const items = [...read.messages, ...read.statuses];
    if (items.length === 0) continue;
    assert.equal(events.length, items.length, title);
    for (const [index, { events: mapped }] of events.entries()) {
      if (mapped.length === 0) continue;
      try {
        compare(mapped.at(-1), items[index]);
      } catch (error) {
        throw new Error(`${name}: ${title}: ${error.message}`);
      }
      compared += 1;
    }
  }
}
assert.ok(compared > 40, `${compared} webhooks`);

// Its signature check covers the escaped bytes, as ours does.
const rawBody = '{"object":"whatsapp_business_account","text":"\\u00e4"}';
const signature = createHmac("sha256", "app secret").update(rawBody).digest("hex");
assert.ok(verifySignature({ appSecret: "app secret", rawBody, signatureHeader: `sha256=${signature}` }));

const { messages } = new WhatsAppClient({
  accessToken: process.env.TOKEN,
  baseUrl: process.env.GRAPH,
  graphVersion: "v25.0",
});
const to = { phoneNumberId: "1065", to: "15550101844" };
const template = {
  name: "hello",
  language: { code: "en_US" },
  components: [{ type: "body", parameters: [{ type: "text", text: "Asha" }] }],
};
const card = {
  name: { formattedName: "Ben", firstName: "Ben" },
  phones: [{ phone: "+1 555 010 1845", waId: "15550101845" }],
};
await messages.sendText({ ...to, body: "hi", previewUrl: true });
await messages.sendImage({ ...to, image: { id: "50", caption: "a cat" } });
await messages.sendVideo({ ...to, video: { id: "51" } });
await messages.sendAudio({ ...to, audio: { id: "52" } });
await messages.sendAudio({ ...to, audio: { id: "53", voice: true } });
await messages.sendDocument({ ...to, document: { id: "54", caption: "May", filename: "a.bin" } });
await messages.sendSticker({ ...to, sticker: { id: "55" } });
await messages.sendLocation({ ...to, location: { latitude: 37.5, longitude: -122.25, name: "Acme" } });
await messages.sendContacts({ ...to, contacts: [card] });
await messages.sendTemplate({ ...to, template });
await messages.sendReaction({ ...to, reaction: { messageId: "wamid.OLD", emoji: "👍" } });
await messages.sendText({
  phoneNumberId: "1065",
  recipient: "US.1349",
  body: "hi",
  previewUrl: true,
  contextMessageId: "wamid.OLD",
});
await messages.markRead({ phoneNumberId: "1065", messageId: "wamid.NEW" });
console.log("ok");
