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
CALLS = itertools.count(1)


@schemathesis.hook
def before_load_schema(context, schema):
    for path in schema["paths"].values():
        for method in METHODS & path.keys():
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
