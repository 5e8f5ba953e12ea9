// Contents of WhatsApp messages, one at least for every field of `proto.Message`, and what a person sees of each in WhatsApp: the
// fields of a message as GET /v1/chats/{chat}/messages returns them, by what was put in.

const bytes = (length) => Buffer.alloc(length, 7);
const file = (mimetype, rest = {}) => ({ mimetype, fileLength: 48211, fileSha256: bytes(32), mediaKey: bytes(32), ...rest });
const media = (message_type, mimetype, rest = {}) => ({ message_type, body: null, has_media: true, mimetype, filename: null, ...rest });

const vcard = "BEGIN:VCARD\nVERSION:3.0\nFN:Ben Adler\nTEL;waid=15550101845:+1 555 010 1845\nEND:VCARD";
const image = file("image/jpeg", { caption: "The cat sleeps" });
const anImage = media("image", "image/jpeg", { body: "The cat sleeps" });
const place = { degreesLatitude: 48.8584, degreesLongitude: 2.2945, name: "Eiffel Tower", address: "Champ de Mars" };
const aPlace = { latitude: 48.8584, longitude: 2.2945, name: "Eiffel Tower", address: "Champ de Mars" };
const poll = { name: "Lunch?", options: [{ optionName: "Sushi" }, { optionName: "Pizza" }], selectableOptionsCount: 1 };
const aPoll = { message_type: "poll_creation", body: "Lunch?", poll_info: { name: "Lunch?", options: ["Sushi", "Pizza"], multiple: false } };
const note = { extendedTextMessage: { text: "For the tickets" } };
const quote = { stanzaId: "3EB0OLD", participant: "15550101845@s.whatsapp.net", quotedMessage: { conversation: "When?" } };
const aQuote = { has_quoted_msg: true, quoted_message_id: "3EB0OLD" };
const hydrated = { hydratedContentText: "Your order was sent", hydratedFooterText: "Acme" };
const encrypted = (name) => (key) => ({ [name]: key, encPayload: bytes(48), encIv: bytes(12) });

const of = (message_type, body = null, rest = {}) => ({ message_type, body, ...rest });
/** What changes another message; without it, nothing is left of a message. */
const change = (target) => ({ target });
const NOTHING = null;

/** Cases by field: the value, or what makes it from the key of another message, and what is seen. */
export const CASES = {
  conversation: ["Good morning", of("chat", "Good morning")],
  senderKeyDistributionMessage: [{ groupId: "120363300000000001@g.us" }, NOTHING],
  fastRatchetKeySenderKeyDistributionMessage: [{ groupId: "120363300000000001@g.us" }, NOTHING],
  messageContextInfo: [{ messageSecret: bytes(32) }, NOTHING],
  extendedTextMessage: [
    { text: "See https://acme.example", matchedText: "https://acme.example", title: "Acme", description: "Tools", contextInfo: {} },
    of("chat", "See https://acme.example"),
  ],
  "extendedTextMessage: reply": [
    { text: "At three, @15550101846", contextInfo: { ...quote, mentionedJid: ["15550101846@s.whatsapp.net"] } },
    of("chat", "At three, @15550101846", { ...aQuote, mentioned_ids: ["15550101846@c.us"] }),
  ],
  "extendedTextMessage: forwarded": [
    { text: "Pass it on", contextInfo: { isForwarded: true, forwardingScore: 5 } },
    of("chat", "Pass it on", { is_forwarded: true, forwarding_score: 5 }),
  ],
  imageMessage: [image, anImage],
  "imageMessage: reply": [{ ...image, contextInfo: quote }, { ...anImage, ...aQuote }],
  videoMessage: [file("video/mp4", { caption: "Look", seconds: 12 }), media("video", "video/mp4", { body: "Look", duration: "12" })],
  "videoMessage: GIF": [file("video/mp4", { gifPlayback: true }), media("video", "video/mp4", { is_gif: true })],
  ptvMessage: [file("video/mp4", { seconds: 4 }), media("video", "video/mp4", { duration: "4" })],
  audioMessage: [file("audio/mp4", { seconds: 200 }), media("audio", "audio/mp4", { duration: "200" })],
  "audioMessage: voice note": [
    file("audio/ogg; codecs=opus", { ptt: true, seconds: 3, waveform: bytes(64) }),
    media("ptt", "audio/ogg; codecs=opus", { duration: "3" }),
  ],
  documentMessage: [file("application/pdf", { fileName: "May.pdf" }), media("document", "application/pdf", { filename: "May.pdf" })],
  documentWithCaptionMessage: [
    { message: { documentMessage: file("application/pdf", { fileName: "May.pdf", caption: "The invoice" }) } },
    media("document", "application/pdf", { body: "The invoice", filename: "May.pdf" }),
  ],
  stickerMessage: [file("image/webp"), media("sticker", "image/webp")],
  lottieStickerMessage: [{ message: { stickerMessage: file("application/was", { isLottie: true }) } }, media("sticker", "application/was")],
  stickerPackMessage: [{ name: "Cats", publisher: "Acme", caption: "For you" }, of("sticker_pack", "Cats\nFor you")],
  contactMessage: [{ displayName: "Ben Adler", vcard }, of("vcard", null, { vcards: [vcard] })],
  contactsArrayMessage: [
    { displayName: "2 contacts", contacts: [{ displayName: "Ben", vcard }, { displayName: "Ben", vcard }] },
    of("multi_vcard", null, { vcards: [vcard, vcard] }),
  ],
  locationMessage: [place, of("location", null, { location: aPlace })],
  liveLocationMessage: [
    { degreesLatitude: 48.5, degreesLongitude: 2.25, caption: "On my way" },
    of("location", "On my way", { location: { latitude: 48.5, longitude: 2.25, live: true } }),
  ],
  pollCreationMessage: [{ ...poll, selectableOptionsCount: 0 }, { ...aPoll, poll_info: { ...aPoll.poll_info, multiple: true } }],
  pollCreationMessageV2: [poll, aPoll],
  pollCreationMessageV3: [poll, aPoll],
  pollCreationMessageV4: [{ message: { pollCreationMessageV3: poll } }, aPoll],
  pollCreationMessageV5: [poll, aPoll],
  pollResultSnapshotMessage: [
    { name: "Lunch?", pollVotes: [{ optionName: "Sushi", optionVoteCount: 3 }, { optionName: "Pizza", optionVoteCount: 0 }] },
    of("poll_result_snapshot", "Lunch?", {
      poll_info: { name: "Lunch?", options: ["Sushi", "Pizza"] },
      poll_results: [{ name: "Sushi", votes: 3 }, { name: "Pizza", votes: 0 }],
    }),
  ],
  pollResultSnapshotMessageV3: [{ name: "Lunch?", pollVotes: [] }, of("poll_result_snapshot", "Lunch?")],
  pollUpdateMessage: [(key) => ({ pollCreationMessageKey: key, vote: { encPayload: bytes(48), encIv: bytes(12) } }), NOTHING],

  reactionMessage: [(key) => ({ key, text: "👍", senderTimestampMs: 1760000900000 }), change({ has_reaction: true, body: "Original" })],
  "reactionMessage: none": [(key) => ({ key, text: "", senderTimestampMs: 1760000900000 }), change({ has_reaction: false, body: "Original" })],
  encReactionMessage: [encrypted("targetMessageKey"), NOTHING],
  encCommentMessage: [encrypted("targetMessageKey"), NOTHING],
  encEventResponseMessage: [encrypted("eventCreationMessageKey"), NOTHING],
  secretEncryptedMessage: [(key) => ({ ...encrypted("targetMessageKey")(key), secretEncType: "EVENT_EDIT" }), NOTHING],
  "secretEncryptedMessage: edit": [
    (key) => ({ ...encrypted("targetMessageKey")(key), secretEncType: "MESSAGE_EDIT" }),
    change({ body: "Original" }),
  ],
  protocolMessage: [(key) => ({ key, type: "REVOKE" }), change({ is_deleted: true, body: null })],
  "protocolMessage: edit": [
    (key) => ({ key, type: "MESSAGE_EDIT", editedMessage: { conversation: "Corrected" }, timestampMs: 1760000900000 }),
    change({ body: "Corrected", prev_body: "Original" }),
  ],
  editedMessage: [
    (key) => ({
      message: { protocolMessage: { key, type: "MESSAGE_EDIT", editedMessage: note, timestampMs: 1760000900000 } },
    }),
    change({ body: "For the tickets", prev_body: "Original" }),
  ],
  "protocolMessage: edit of a caption": [
    (key) => ({
      key,
      type: "MESSAGE_EDIT",
      editedMessage: { documentWithCaptionMessage: { message: { documentMessage: { caption: "The right invoice" } } } },
      timestampMs: 1760000900000,
    }),
    change({ body: "The right invoice", prev_body: "Original" }),
  ],
  "protocolMessage: edit of a wrapped image": [
    (key) => ({
      key,
      type: "MESSAGE_EDIT",
      editedMessage: { ephemeralMessage: { message: { imageMessage: image } } },
      timestampMs: 1760000900000,
    }),
    change({ body: "The cat sleeps", prev_body: "Original" }),
  ],
  pinInChatMessage: [(key) => ({ key, type: "PIN_FOR_ALL" }), of("pin_message")],
  "pinInChatMessage: unpin": [(key) => ({ key, type: "UNPIN_FOR_ALL" }), NOTHING],
  keepInChatMessage: [(key) => ({ key, keepType: "KEEP_FOR_ALL" }), of("keep_in_chat")],
  "keepInChatMessage: undo": [(key) => ({ key, keepType: "UNDO_KEEP_FOR_ALL" }), NOTHING],

  ephemeralMessage: [{ message: { imageMessage: image } }, { ...anImage, is_ephemeral: true }],
  "ephemeralMessage: to view once": [
    { message: { viewOnceMessageV2: { message: { imageMessage: { ...image, viewOnce: true } } } } },
    { ...anImage, is_ephemeral: true },
  ],
  deviceSentMessage: [{ destinationJid: "15550101877@s.whatsapp.net", message: { conversation: "From my phone" } }, of("chat", "From my phone")],
  commentMessage: [
    (key) => ({ message: { extendedTextMessage: { text: "I agree" } }, targetMessageKey: { ...key, id: "3EB0OLD" } }),
    of("chat", "I agree", aQuote),
  ],
  statusMentionMessage: [{ message: { protocolMessage: { type: "STATUS_MENTION_MESSAGE" } } }, NOTHING],
  groupStatusMentionMessage: [{ message: { protocolMessage: { type: "STATUS_MENTION_MESSAGE" } } }, NOTHING],
  limitSharingMessage: [{ message: { protocolMessage: { type: "LIMIT_SHARING", limitSharing: { sharingLimited: true } } } }, NOTHING],
  albumMessage: [{ expectedImageCount: 2 }, of("album")],

  buttonsMessage: [{ contentText: "Tea or coffee?", text: "Acme", headerType: "TEXT" }, of("buttons", "Tea or coffee?")],
  "buttonsMessage: with an image": [
    { contentText: "Tea or coffee?", imageMessage: file("image/jpeg"), headerType: "IMAGE" },
    media("buttons", "image/jpeg", { body: "Tea or coffee?" }),
  ],
  buttonsResponseMessage: [{ selectedDisplayText: "Tea", contextInfo: quote }, of("buttons_response", "Tea", aQuote)],
  listMessage: [
    { title: "Menu", description: "Choose one", buttonText: "Open", footerText: "Acme", sections: [{ title: "Hot", rows: [{ title: "Tea" }] }] },
    of("list", "Menu\nChoose one\nAcme"),
  ],
  listResponseMessage: [{ title: "Tea", description: "With milk", contextInfo: quote }, of("list_response", "Tea\nWith milk", aQuote)],
  templateMessage: [{ hydratedTemplate: hydrated, hydratedFourRowTemplate: hydrated }, of("template", "Your order was sent")],
  "templateMessage: with an image": [
    { hydratedFourRowTemplate: { ...hydrated, imageMessage: file("image/jpeg") } },
    media("template", "image/jpeg", { body: "Your order was sent" }),
  ],
  "templateMessage: interactive": [
    { interactiveMessageTemplate: { header: { title: "Acme" }, body: { text: "Your order was sent" } } },
    of("template", "Acme\nYour order was sent"),
  ],
  templateButtonReplyMessage: [{ selectedDisplayText: "Stop", contextInfo: quote }, of("template_button_reply", "Stop", aQuote)],
  highlyStructuredMessage: [{ hydratedHsm: { hydratedTemplate: hydrated } }, of("hsm", "Your order was sent")],
  interactiveMessage: [
    { header: { title: "Acme" }, body: { text: "Pay now?" }, footer: { text: "Thank you" }, nativeFlowMessage: { buttons: [{ name: "pay" }] } },
    of("interactive", "Acme\nPay now?\nThank you"),
  ],
  interactiveResponseMessage: [
    { body: { text: "Paid" }, nativeFlowResponseMessage: { name: "pay", paramsJson: "{}" }, contextInfo: quote },
    of("native_flow_response", "Paid", aQuote),
  ],
  orderMessage: [{ orderId: "77", orderTitle: "Acme", itemCount: 2, message: "Two teas, please" }, of("order", "Two teas, please", { order_id: "77" })],
  productMessage: [
    { product: { productId: "5", title: "Tea", productImage: file("image/jpeg") }, body: "Is it in stock?", businessOwnerJid: "15550100400@s.whatsapp.net" },
    of("product", "Tea\nIs it in stock?"),
  ],
  sendPaymentMessage: [{ noteMessage: note }, of("payment", "For the tickets")],
  requestPaymentMessage: [{ noteMessage: note, currencyCodeIso4217: "INR", amount1000: 5000 }, of("payment", "For the tickets")],
  declinePaymentRequestMessage: [(key) => ({ key }), of("payment")],
  cancelPaymentRequestMessage: [(key) => ({ key }), of("payment")],
  paymentInviteMessage: [{ serviceType: "UPI" }, of("payment")],
  invoiceMessage: [{ note: "Invoice of May", attachmentType: "PDF" }, of("payment", "Invoice of May")],
  groupInviteMessage: [
    { groupJid: "120363300000000009@g.us", groupName: "Chess", inviteCode: "AbCd", inviteExpiration: 1760259200, caption: "Join us" },
    of("groups_v4_invite", "Join us", {
      invite_v4: { groupId: "120363300000000009@g.us", groupName: "Chess", inviteCode: "AbCd", inviteCodeExp: 1760259200 },
    }),
  ],
  newsletterAdminInviteMessage: [
    { newsletterJid: "120363300000000008@newsletter", newsletterName: "Acme news", caption: "Help us" },
    of("newsletter_admin_invite", "Acme news\nHelp us"),
  ],
  newsletterFollowerInviteMessageV2: [
    { newsletterJid: "120363300000000008@newsletter", newsletterName: "Acme news", caption: "Follow us" },
    of("newsletter_follower_invite", "Acme news\nFollow us"),
  ],
  eventMessage: [
    { name: "Picnic", description: "Bring cake", location: { ...place, url: "https://acme.example" }, startTime: 1760003600 },
    of("event_creation", "Picnic", { location: { ...aPlace, url: "https://acme.example" } }),
  ],
  scheduledCallCreationMessage: [{ title: "Planning", callType: "VIDEO", scheduledTimestampMs: 1760003600000 }, of("scheduled_call", "Planning")],
  scheduledCallEditMessage: [(key) => ({ key, editType: "CANCEL" }), NOTHING],
  call: [{ callKey: bytes(32) }, of("call_log", "Voice call")],
  callLogMesssage: [{ isVideo: true, callOutcome: "MISSED", callType: "REGULAR" }, of("call_log", "Missed video call")],
  "callLogMesssage: answered": [{ callOutcome: "CONNECTED", durationSecs: 65 }, of("call_log", "Voice call", { duration: "65" })],
  richResponseMessage: [
    { submessages: [{ messageType: "AI_RICH_RESPONSE_TEXT", messageText: "Paris is" }, { messageText: "the capital." }] },
    of("rich_response", "Paris is\nthe capital."),
  ],
  questionResponseMessage: [(key) => ({ key: { ...key, id: "3EB0OLD" }, text: "Blue" }), of("chat", "Blue", aQuote)],
  statusQuestionAnswerMessage: [(key) => ({ key: { ...key, id: "3EB0OLD" }, text: "Green" }), of("chat", "Green", aQuote)],
  statusQuotedMessage: [{ text: "Red", type: "QUESTION_ANSWER" }, of("chat", "Red")],
  requestPhoneNumberMessage: [{ contextInfo: {} }, of("request_phone_number")],
  bcallMessage: [{ caption: "Talk to us", mediaType: "AUDIO" }, of("unknown", "Talk to us")],
  placeholderMessage: [{ type: "MASK_LINKED_DEVICES" }, of("unknown")],
  chat: [{}, of("unknown")],

  // Between clients, of status updates, or said by another message.
  stickerSyncRmrMessage: [{ filehash: ["AAAA"] }, NOTHING],
  messageHistoryBundle: [file("application/octet-stream"), NOTHING],
  messageHistoryNotice: [{ messageHistoryMetadata: { messageCount: 5 } }, NOTHING],
  statusNotificationMessage: [(key) => ({ responseMessageKey: key, type: "STATUS_RESHARE" }), NOTHING],
  statusStickerInteractionMessage: [(key) => ({ key, type: "REACTION" }), NOTHING],
};

/** In the wrappers that have no case of their own. */
export const WRAPPED = [{ message: { imageMessage: image } }, anImage];
