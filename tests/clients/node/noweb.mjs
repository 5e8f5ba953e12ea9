// Writes what WAHA's engine NOWEB sends of every type of WhatsApp message, as JSON. Baileys' own protobuf encodes and decodes
// each, so that bytes, numbers of 64 bits and enums look as they do there: one chat has them as webhooks (names of enums,
// base64), another one as the history of the engine's store (numbers of enums, `Buffer` objects).
//
// A type is a field of `proto.Message` in Baileys' descriptor. The program fails when one has no case, and fills every field of a
// message that its case leaves out: a text "internal-<field>" must not reach a reader.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { proto } from "baileys/WAProto/index.js";
import protobuf from "protobufjs";

import { CASES, WRAPPED } from "./noweb_messages.mjs";

const file = fileURLToPath(new URL("../node_modules/baileys/WAProto/WAProto.proto", import.meta.url));
const root = protobuf.loadSync(file).resolveAll();
const Message = root.lookupType("proto.Message");

const { Type } = proto.Message.ProtocolMessage;

const PERSON = "15550101844@s.whatsapp.net";
/** The chat that has the messages in each form. */
const CHATS = { webhooks: PERSON, history: "120363300000000001@g.us" };

/** Cases for all fields: wrappers without one of their own hold an image. */
function* cases() {
  const names = new Set(Object.keys(CASES).map((name) => name.split(":")[0]));
  for (const [name, field] of Object.entries(Message.fields)) {
    assert.ok(name in proto.Message.prototype, `the descriptor is of another version: ${name}`);
    const isWrapper = field.resolvedType?.name === "FutureProofMessage";
    assert.ok(names.delete(name) || isWrapper, `proto.Message.${name} has no case`);
    if (!(name in CASES)) yield [name, name, ...WRAPPED];
  }
  assert.deepEqual([...names], [], "cases without a field");
  for (const [name, [value, seen]] of Object.entries(CASES)) yield [name, name.split(":")[0], value, seen];
  const types = root.lookupEnum("proto.Message.ProtocolMessage.Type").values;
  for (const type of Object.keys(types).filter((type) => type !== "REVOKE" && type !== "MESSAGE_EDIT")) {
    yield [`protocolMessage: ${type}`, "protocolMessage", (key) => ({ key, type }), null];
  }
}

/** Texts of people, which many messages do not have. */
const OPTIONAL = ["caption", "comment"];

/** The value with every field that it leaves out, but for messages in it, alternatives of each other and optional texts. */
function filled(type, value) {
  const result = { ...value };
  for (const [name, field] of Object.entries(type.fields)) {
    const isAlternative = field.partOf && !field.options?.proto3_optional;
    const inner = field.resolvedType;
    if (name in value && inner instanceof protobuf.Type && !["ContextInfo", "MessageKey"].includes(inner.name)) {
      const fill = (item) => (inner === Message ? content(item) : filled(inner, item));
      result[name] = field.repeated ? value[name].map(fill) : fill(value[name]);
    } else if (!(name in value) && !OPTIONAL.includes(name) && !isAlternative && !field.repeated && !(inner instanceof protobuf.Type)) {
      result[name] = filler(field);
    }
  }
  return result;
}

function filler({ name, type, resolvedType }) {
  if (resolvedType) return Object.values(resolvedType.values)[0];
  if (type === "string") return `internal-${name}`;
  if (type === "bytes") return Buffer.alloc(32, 7);
  return type === "bool" ? false : 7;
}

/** A message with this content. The text of a conversation is the content itself. */
function content(fields) {
  const types = Object.entries(fields).map(([name, value]) => {
    const type = Message.fields[name].resolvedType;
    return [name, type ? filled(type, value) : value];
  });
  return Object.fromEntries(types);
}

/** Wrappers that Baileys removes when it extracts the content. */
const UNWRAPPED =
  /^(ephemeralMessage|viewOnceMessage(V2(Extension)?)?|documentWithCaptionMessage|editedMessage|associatedChildMessage|groupStatusMessage(V2)?)$/;

/** The content without wrappers and templates, as Baileys extracts it. */
function extracted(message) {
  const [, wrapper] = Object.entries(message).find(([name, value]) => UNWRAPPED.test(name) && value?.message) ?? [];
  if (wrapper) return extracted(wrapper.message);
  const { buttonsMessage, templateMessage } = message;
  const template = buttonsMessage ?? templateMessage?.hydratedFourRowTemplate ?? templateMessage?.hydratedTemplate;
  if (!template) return message;
  const { imageMessage, contentText, hydratedContentText } = template;
  return imageMessage ? { imageMessage } : { conversation: contentText ?? hydratedContentText };
}

const lines = (...texts) => texts.filter(Boolean).join("\n") || null;

/** The text that NOWEB takes for that of the message. */
function body(message) {
  const it = extracted(message);
  const { listMessage: list, listResponseMessage: listed, interactiveMessage: interactive } = it;
  const edited = it.protocolMessage?.editedMessage;
  return (
    it.conversation ||
    it.extendedTextMessage?.text ||
    mediaOf(message)?.caption ||
    (edited && body(edited)) ||
    (it.templateButtonReplyMessage ?? it.buttonsResponseMessage)?.selectedDisplayText ||
    (list && lines(list.title, list.description, list.footerText)) ||
    (listed && lines(listed.title, listed.description)) ||
    (interactive && lines(interactive.header?.title, interactive.body?.text, interactive.footer?.text)) ||
    it.eventMessage?.name ||
    null
  );
}

function mediaOf(message) {
  const { documentMessage, imageMessage, videoMessage, audioMessage, ptvMessage, stickerMessage } = extracted(message);
  return documentMessage ?? imageMessage ?? videoMessage ?? audioMessage ?? ptvMessage ?? stickerMessage;
}

const cus = (jid) => jid?.replace("@s.whatsapp.net", "@c.us");

/** The payload of `message.any`. */
function payload({ key, message, messageTimestamp }, data) {
  const it = extracted(message);
  const media = mediaOf(message);
  const [chat, participant] = [cus(key.remoteJid), cus(key.participant) || undefined];
  const quotes = Object.values(it).find((value) => value?.contextInfo?.quotedMessage)?.contextInfo;
  const place = it.locationMessage ?? it.liveLocationMessage;
  const { degreesLatitude: latitude, degreesLongitude: longitude, name, address } = place ?? {};
  const url = `http://localhost:3000/api/files/default/${key.id}`;
  return {
    id: `${key.fromMe}_${chat}_${key.id}${participant ? `_${participant}` : ""}`,
    timestamp: Number(messageTimestamp),
    from: chat,
    fromMe: key.fromMe,
    source: "app",
    to: participant && chat,
    participant,
    body: body(message),
    hasMedia: Boolean(media),
    media: media ? { url, mimetype: media.mimetype, filename: media.fileName || null } : null,
    ack: 1,
    ackName: "SERVER",
    location: place ? { live: Boolean(it.liveLocationMessage), latitude, longitude, name, address } : null,
    vCards: (it.contactMessage ? [it.contactMessage] : (it.contactsArrayMessage?.contacts ?? [])).map(({ vcard }) => vcard),
    replyTo: quotes ? { id: quotes.stanzaId, participant: cus(quotes.participant), body: body(quotes.quotedMessage) } : null,
    _data: data,
  };
}

/** The events that NOWEB has for changes of a message, beside the message that early versions send, too. */
function changes(sent, message) {
  const { reactionMessage: reaction, secretEncryptedMessage: secret } = message;
  const { protocolMessage: protocol } = extracted(message);
  if (reaction) {
    const messageId = `false_${sent.from}_${reaction.key.id}`;
    return [{ event: "message.reaction", payload: { ...sent, _data: undefined, reaction: { text: reaction.text, messageId } } }];
  }
  if (protocol?.type === Type.REVOKE) {
    const rest = { revokedMessageId: protocol.key.id, _data: sent._data };
    return [{ event: "message.revoked", payload: { before: null, after: sent, ...rest } }];
  }
  const isSecretEdit = secret?.secretEncType === proto.Message.SecretEncryptedMessage.SecretEncType.MESSAGE_EDIT;
  const edited = isSecretEdit ? secret.targetMessageKey : protocol?.type === Type.MESSAGE_EDIT && protocol.key;
  return edited ? [{ event: "message.edited", payload: { ...sent, body: sent.body ?? "", editedMessageId: edited.id } }] : [];
}

const output = { webhooks: [], history: [], expected: {} };
let seconds = 1760000000;

/** Sends a message with this content to the chat of the form. */
function send(form, key, message) {
  seconds += 1;
  const info = proto.WebMessageInfo.fromObject({ key, message, messageTimestamp: seconds, pushName: "Asha", status: "SERVER_ACK" });
  const decoded = proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(info).finish());
  if (form === "history") {
    output.history.push(payload(decoded, proto.WebMessageInfo.toObject(decoded, { longs: Number })));
  } else {
    const sent = payload(decoded, decoded.toJSON());
    output.webhooks.push({ event: "message.any", payload: sent }, ...changes(sent, decoded.message));
  }
}

for (const [form, chat] of Object.entries(CHATS)) {
  const expected = (output.expected[cus(chat)] = {});
  const key = { remoteJid: chat, fromMe: false, ...(form === "history" && { participant: PERSON }) };
  for (const [number, [name, field, make, seen]] of [...cases()].entries()) {
    const id = `3EB0${String(number).padStart(4, "0")}`;
    const target = { ...key, id: `${id}T` };
    if (typeof make === "function") {
      send(form, target, { conversation: "Original" });
      expected[target.id] = { name: `${name}, its target`, seen: seen?.target ?? { message_type: "chat", body: "Original" } };
    }
    const value = typeof make === "function" ? make(target) : make;
    // Real messages have this beside their content.
    const messageContextInfo = { deviceListMetadataVersion: 2, messageSecret: Buffer.alloc(32, 7) };
    send(form, { ...key, id }, content({ messageContextInfo, [field]: value }));
    if (seen && !seen.target) expected[id] = { name, seen };
  }
}

// What no protobuf can encode: a field of a later version, and a message to view once, which only the phone receives.
const plain = output.webhooks.find(({ payload }) => payload.body === "Good morning").payload;
const later = { messageContextInfo: {}, laterMessage: { text: "Hello from later", code: "internal-code" } };
for (const [id, data, text] of [
  ["3EB0LATER", { message: later }, "Hello from later"],
  ["3EB0ONCE", { message: undefined, key: { ...plain._data.key, isViewOnce: true } }, null],
]) {
  const sent = { ...plain, id: `false_${plain.from}_${id}`, body: null, _data: { ...plain._data, ...data } };
  output.webhooks.push({ event: "message.any", payload: sent });
  output.expected[plain.from][id] = { name: id, seen: { message_type: "unknown", body: text } };
}
console.log(JSON.stringify(output));
