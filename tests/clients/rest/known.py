"""Gives Schemathesis existing ids: values that a schema refers to are taken from the organization under test.

KNOWN is JSON. For each word of `x-refers-to` it has what exists: `kept` for most calls, `changed` for what an update is of
where what is kept must stay as it is, `spare` for what a deletion is of. The keys of a map are known with a schema of their values.
"""

import copy
import itertools
import json
import os
import re
import time

import schemathesis

KNOWN = json.loads(os.environ["KNOWN"])
METHODS = {"get", "put", "post", "delete", "patch"}
ROUTES = []
STAYS = {}
IN_FUTURE = set()
CALLS = itertools.count(1)
DAY = 86_400_000
# What a value of one field requires of others, which the document only describes.
BETWEEN_FIELDS = (
    "a message has a text, media",
    "must not be beside",
    "must be empty for this kind",
    "must be a message of the chat",
)


@schemathesis.hook
def before_load_schema(context, schema):
    for template, path in schema["paths"].items():
        pattern = re.compile(re.sub(r"\\{[^{}]*\\}", "[^/]+", re.escape(template)))
        for method in METHODS & path.keys():
            ROUTES.append((method.upper(), pattern))
            for parameter in path[method].get("parameters", []):
                is_last = template.endswith("{" + parameter.get("name", "") + "}")
                known = KNOWN.get(parameter.get("schema", {}).get("x-refers-to"), {})
                if is_last and method == "delete" and "spare" in known:
                    STAYS[template] = set(known["kept"]) - set(known["spare"])
                fill(parameter, {"delete": "spare", "patch": "changed"}.get(method, "kept") if is_last else "kept")
            body = path[method].get("requestBody", {})
            if template.startswith("/api/v1/connections"):
                # That of another gateway than the one that exists.
                body.get("content", {}).get("application/json", {}).pop("example", None)
            fill(body, "kept")
    fill(schema["components"], "kept")


def fill(node, which):
    if isinstance(node, list):
        for item in node:
            fill(item, which)
    if not isinstance(node, dict):
        return
    settle_content(node)
    settle_gateway(node)
    for item in node.values():
        fill(item, which)
    if node.get("minProperties") and "properties" in node:
        # Undeclared properties do not count.
        node["anyOf"] = [{"required": [name]} for name in node["properties"]]
    for name, item in node.get("properties", {}).items():
        if isinstance(item, dict) and item.pop("x-in-future", False):
            IN_FUTURE.add(name)
    if "x-refers-to" in node.get("propertyNames", {}):
        entries = KNOWN[node.pop("propertyNames")["x-refers-to"]]["entries"]
        node["properties"] = entries
        node["additionalProperties"] = False
    elif "x-refers-to" in node:
        known = KNOWN[node["x-refers-to"]]
        pattern = re.compile(node.get("pattern", ""))
        values = [value for value in known.get(which, known["kept"]) if pattern.search(value)]
        assert values, node
        node["enum"] = values + ([None] if "null" in node["type"] else [])


def settle_content(node):
    """A message to send has one content: a text."""
    properties = node.get("properties", {})
    if {"media", "vcards", "template"} <= properties.keys():
        text = "message" if "message" in properties else "text"
        for name in ("media", "vcards", "template", "poll", "location"):
            del properties[name]
        properties[text]["minLength"] = 1
        node["required"] = [*node.get("required", []), text]


def settle_gateway(node):
    """A connection of the kind that exists has no settings that only other kinds have, and is of a session that exists."""
    properties = node.get("properties", {})
    of_others = [name for name, item in properties.items() if item.get("x-refers-to") == "gateway" and name != "kind"]
    for name in of_others:
        del properties[name]
    if of_others and "sessionId" in properties:
        properties["sessionId"]["type"] = "string"
        node["required"] = [*node.get("required", []), "sessionId"]


@schemathesis.hook
def filter_case(context, case):
    """What is kept stays, also when it was seen in an answer, and the token that all calls are made with. A list does not
    hold what is the same without the blanks around it: the document cannot express it."""
    named = [value for value in (case.path_parameters or {}).values() if isinstance(value, str)]
    stays = STAYS.get(case.operation.path, set()) if case.method == "DELETE" else set()
    fields = case.body.values() if isinstance(case.body, dict) else []
    return not stays.union([KNOWN["key"]["own"]]).intersection(named) and not any(map(is_twice_there, fields))


def is_twice_there(field):
    texts = [item for item in field if isinstance(item, str)] if isinstance(field, list) else []
    return len({text.strip() for text in texts}) < len(set(texts))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each call has its own idempotency key, because a reused one is a conflict. And what must lie in the future
    does so when it is sent, which no fixed minimum can say."""
    for name in IN_FUTURE & (case.body.keys() if isinstance(case.body, dict) else set()):
        future, sent = int(time.time() * 1000) + DAY, case.body[name]
        if type(sent) is int and 0 <= sent < future or isinstance(sent, str) and re.fullmatch("[0-9]{1,14}", sent):
            case.body = copy.copy(case.body)
            case.body[name] = type(sent)(max(int(sent), future))
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = f"{next(CALLS)}-{key}"[:255]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A method that a literal path lacks may be another path's, which takes the literal for its variable: with only GET at
    `/v1/chats/messages`, PATCH is there too, as a change of the chat `messages`, which is 422 and not 405. And the document does
    not express rules between fields."""
    path = case.operation.path
    of_others = {method for method, pattern in ROUTES if pattern.fullmatch(path)}
    kind = type(failure).__name__
    if kind == "RejectedPositiveData" and any(rule in response.text for rule in BETWEEN_FIELDS):
        return False
    if kind == "UnsupportedMethodResponse":
        return response.status_code not in (404, 422) or case.method not in of_others
    if kind == "AllowHeaderMismatch":
        return bool(failure.missing_methods) or not of_others.issuperset(failure.undocumented_methods)
    return True
