"""Compares what becomes of Cloud API webhooks with how pywa, an independent library, reads the same webhooks.

Usage: cloud_api.py DIRECTORY, that of the goldens.
"""

import json
import logging
import sys
import warnings
from pathlib import Path

from pywa import WhatsApp, types, utils
from pywa.types.base_update import RawUpdate

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
CLIENT = WhatsApp(phone_id="1065", token="token", filter_updates=False)
# Webhooks that pywa does not read at all, or not in this form.
SKIPPED = {"unknown type", "errors of the platform", "another number", "batch", "user id changed", "sent to a group", "read by a member of a group",
           "status about something else"}


def complete(webhook):
    """Adds what every webhook has had since April 2026, and pywa requires."""
    value = webhook["entry"][0]["changes"][0]["value"]
    for message in value.get("message_echoes", []):
        value.setdefault("contacts", [{"wa_id": message["to"], "profile": {"name": "Asha"}}])
        message.setdefault("to_user_id", "US.1349")
    for status in value.get("statuses", []):
        number = status.get("recipient_participant_id", status.get("recipient_id", "15550101844"))
        value.setdefault("contacts", [{"wa_id": number, "profile": {"name": "Asha"}}])
        status.setdefault("recipient_id", number)
        if "recipient_participant_id" in status:
            status.setdefault("recipient_participant_user_id", "US.1349")
    for contact in value.get("contacts", []):
        contact.setdefault("user_id", "US.1349")
    return webhook


def read(webhook):
    update = RawUpdate(json.dumps(complete(webhook)).encode(), hmac_header=None, update_hash="0")
    handler = CLIENT._get_handler_type(update)
    return CLIENT._handlers_to_updates[handler].from_update(CLIENT, update)


def millis(update):
    return int(update.timestamp.timestamp() * 1000)


def of_message(update):
    media = update.media
    return {
        "id": update.id,
        "timestamp": millis(update),
        "body": update.text or update.caption or None,
        "quotedMessageId": update.reply_to_message.message_id if update.reply_to_message else None,
        "isForwarded": True if update.forwarded or update.forwarded_many_times else None,
        "mime": media.mime_type if media else None,
        "file": getattr(media, "filename", None) if media else None,
        "media_id": media.id if media else None,
        "voice": bool(getattr(media, "voice", False)),
        "location": (update.location.latitude, update.location.longitude) if update.location else None,
        "cards": [card.name.formatted_name for card in update.contacts or []],
    }


def our_message(message, follow_ups):
    media = next((item["media"] for item in follow_ups if "media" in item), {})
    location = message.get("location")
    cards = [card.split("FN:")[1].split("\n")[0] for card in message.get("vcards", [])]
    body = None if message["type"] == "order" else message.get("body")
    return {
        "id": message["id"],
        "timestamp": message["timestamp"],
        "body": body,
        "quotedMessageId": message.get("quotedMessageId"),
        "isForwarded": message.get("isForwarded"),
        "mime": media.get("mime_type"),
        "file": media.get("file_name"),
        "media_id": media.get("locator", {}).get("id"),
        "voice": message["type"] == "ptt",
        "location": (location["latitude"], location["longitude"]) if location else None,
        "cards": cards,
    }


def compare(update, event, follow_ups):
    kind, content = next(iter(event.items()))
    if isinstance(update, types.MessageStatus):
        names = {"sent": "server"}
        theirs = (update.id, names.get(update.status.value, update.status.value), millis(update))
        ours = (content["message"]["id"], content["kind"], content["at"])
        assert update.error is None or content["reason"].startswith(str(update.error.code)), content
        accepted = [item["accepted"]["send"] for item in follow_ups if "accepted" in item]
        assert accepted == ([update.tracker] if update.tracker else []), update.tracker
    elif isinstance(update, types.EditedMessage):
        theirs = (update.original_message_id, update.message.text or update.message.caption, millis(update))
        ours = (content["message"]["id"], content["body"], content["at"])
    elif isinstance(update, types.DeletedMessage):
        theirs, ours = ("deleteMessage", update.original_message_id), (kind, content["message"]["id"])
    elif isinstance(update, types.CallbackButton):
        theirs, ours = (update.id, update.title), (content["id"], content["body"])
    elif isinstance(update, types.CallbackSelection):
        lines = [line for line in (update.title, update.description) if line]
        theirs, ours = (update.id, "\n".join(lines)), (content["id"], content["body"])
    elif kind == "reaction":
        reaction = update.reaction
        theirs = (reaction.message_id, reaction.emoji or "", millis(update))
        ours = (content["message"]["id"], content["emoji"], content["at"])
    elif isinstance(update, (types.Message, types.OutgoingMessage)):
        theirs, ours = of_message(update), our_message(content, follow_ups)
    else:
        theirs, ours = (update.id, millis(update)), (content["id"], content["timestamp"])
    assert theirs == ours, f"\npywa: {theirs}\nours: {ours}"


def main(directory):
    compared = 0
    for name in ["messages", "people", "statuses", "coexistence"]:
        for case in json.loads((directory / f"{name}.json").read_text()):
            events = case["raw_events"][0]["events"]
            field = case["webhook"]["entry"][0]["changes"][0]["field"]
            if case["name"] in SKIPPED or not events or field in ("history", "smb_app_state_sync"):
                continue
            try:
                compare(read(case["webhook"]), events[-1], case["raw_events"][0].get("follow_ups", []))
            except Exception as error:
                raise AssertionError(f"{name}: {case['name']}: {error!r} {error}") from error
            compared += 1
    assert compared > 40, compared
    print("ok")


main(Path(sys.argv[1]))
