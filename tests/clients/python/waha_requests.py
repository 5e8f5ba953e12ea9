"""Validates requests to WAHA with waha-py, whose models are generated from WAHA's own OpenAPI document.

Usage: waha_requests.py FILE, a JSON array of requests with method, path and body.
"""

import json
import sys

from pydantic import TypeAdapter
from waha import models

ROUTES = {
    "/api/sendText": models.MessageTextRequest,
    "/api/sendImage": models.MessageImageRequest,
    "/api/sendVideo": models.MessageVideoRequest,
    "/api/sendFile": models.MessageFileRequest,
    "/api/sendVoice": models.MessageVoiceRequest,
    "/api/sendSticker": models.MessageStickerRequest,
    "/api/sendLocation": models.MessageLocationRequest,
    "/api/sendContactVcard": models.MessageContactVcardRequest,
    "/api/sendPoll": models.MessagePollRequest,
    "/api/sendSeen": models.SendSeenRequest,
    "/api/reaction": models.MessageReactionRequest,
    "/messages/": models.EditMessageRequest,
    "/api/sessions/": models.SessionUpdateRequest,
}


def validate(model, body):
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = set(body) - known
    assert not unknown, f"{model.__name__} has no {sorted(unknown)}"
    TypeAdapter(model).validate_python(body)


def checked(path, body):
    model = next(model for route, model in ROUTES.items() if route in path)
    body = dict(body)
    if path in ("/api/sendVideo", "/api/sendVoice"):
        # The models have objects in place of the texts and the flag that WAHA documents.
        validate(models.BinaryFile, body["file"])
        body["file"] = {"mimetype": {}, "filename": {}, "data": body["file"]["data"]}
    if path == "/api/sendPoll":
        assert isinstance(body["poll"]["multipleAnswers"], bool)
        body["poll"] = body["poll"] | {"multipleAnswers": {}}
    if path.startswith("/api/sessions/"):
        for webhook in body["config"]["webhooks"]:
            validate(models.WebhookConfig, webhook | {"events": []})
        body["config"] = body["config"] | {"webhooks": []}
    validate(model, body)
    return model


with open(sys.argv[1], encoding="utf-8") as file:
    requests = [request for request in json.load(file) if request["body"]]
seen = {checked(request["path"], request["body"]) for request in requests}
missing = set(ROUTES.values()) - seen
assert not missing, f"no request for {sorted(model.__name__ for model in missing)}"
print("ok")
