"""Holds every example of an OpenAPI document, which comes on standard input, to the schema it stands beside."""

import json
import sys

from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

document = json.load(sys.stdin)
registry = Registry().with_resource("", Resource.from_contents(document, default_specification=DRAFT202012))
found = 0


def walk(node):
    global found
    if isinstance(node, list):
        for item in node:
            walk(item)
    elif isinstance(node, dict):
        if "schema" in node and "example" in node:
            found += 1
            OAS31Validator(node["schema"], registry=registry).validate(node["example"])
        for item in node.values():
            walk(item)


walk(document)
assert found > 0
print("ok")
