"""Holds every example of an OpenAPI document, which comes on standard input, to the schema it stands beside."""

import json
import sys

from openapi_schema_validator import OAS31Validator, oas31_format_checker

document = json.load(sys.stdin)
found = 0


def walk(node):
    global found
    if isinstance(node, list):
        for item in node:
            walk(item)
    elif isinstance(node, dict):
        if "schema" in node and "example" in node:
            found += 1
            schema = {**node["schema"], "components": document["components"]}
            OAS31Validator(schema, format_checker=oas31_format_checker).validate(node["example"])
        for item in node.values():
            walk(item)


walk(document)
assert found > 0
print("ok")
