"""Tells Schemathesis what there is: what a schema says it refers to is taken from the organization under test.

KNOWN is JSON: for each word of `x-refers-to` what exists under it, and what may be deleted. A property, whose values have a
form of their own, is known by a schema for each id.
"""

import itertools
import json
import os
import re

import schemathesis

KNOWN = json.loads(os.environ["KNOWN"])
METHODS = {"get", "put", "post", "delete", "patch"}
ROUTES = []
CALLS = itertools.count(1)


@schemathesis.hook
def before_load_schema(context, schema):
    for template, path in schema["paths"].items():
        pattern = re.compile(re.sub(r"\\{[^{}]*\\}", "[^/]+", re.escape(template)))
        for method in METHODS & path.keys():
            ROUTES.append((method.upper(), pattern))
            fill(path[method], "spare" if method == "delete" else "kept")
    fill(schema["components"], "kept")


def fill(node, which):
    if isinstance(node, list):
        for item in node:
            fill(item, which)
    if not isinstance(node, dict):
        return
    for item in node.values():
        fill(item, which)
    if "x-refers-to" in node.get("propertyNames", {}):
        entries = KNOWN[node.pop("propertyNames")["x-refers-to"]][which]
        node["properties"] = {name: {"oneOf": [schema, {"type": "null"}]} for name, schema in entries.items()}
        node["additionalProperties"] = False
    elif "x-refers-to" in node:
        pattern = re.compile(node.get("pattern", ""))
        values = [value for value in KNOWN[node["x-refers-to"]][which] if pattern.search(value)]
        assert values, node
        node["enum"] = values + ([None] if "null" in node["type"] else [])


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each call is one of its own: under a key that another had, it would only be told so."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = f"{next(CALLS)}-{key}"[:255]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A method that a literal path lacks may be another path's, which takes the literal for its variable: with only GET at
    `/v1/chats/messages`, PATCH is there too, as a change of the chat `messages`, which is 422 and not 405."""
    path = case.operation.path
    of_others = {method for method, pattern in ROUTES if pattern.fullmatch(path)}
    kind = type(failure).__name__
    if kind == "UnsupportedMethodResponse":
        return response.status_code != 422 or case.method not in of_others
    if kind == "AllowHeaderMismatch":
        return bool(failure.missing_methods) or not of_others.issuperset(failure.undocumented_methods)
    return True
