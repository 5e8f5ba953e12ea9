"""Imports code that protoc generated from our proto files beside googleapis-common-protos."""

import importlib.util
import sys
from pathlib import Path

import google.rpc.error_details_pb2  # noqa: F401
from google.api import annotations_pb2

proto, generated = Path(sys.argv[1]), Path(sys.argv[2])
upstream = Path(annotations_pb2.__file__).parent

for name in ("http", "annotations", "field_behavior"):
    ours = (proto / f"google/api/{name}.proto").read_text()
    assert ours == (upstream / f"{name}.proto").read_text(), f"google/api/{name}.proto differs from upstream"
    # The copy registers under the same name in the descriptor pool, which rejects a different file.
    spec = importlib.util.spec_from_file_location(f"copy_{name}", generated / f"google/api/{name}_pb2.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))

sys.path.append(str(generated))
from switchboard.v1 import api_key_pb2, chat_pb2, ingest_pb2, options_pb2, session_pb2, webhook_pb2  # noqa: E402, F401

get_chat = chat_pb2.DESCRIPTOR.services_by_name["ChatService"].methods_by_name["GetChat"].GetOptions()
assert get_chat.Extensions[annotations_pb2.http].get == "/v1/chats/{chat_id}", get_chat
assert get_chat.Extensions[options_pb2.capability] == options_pb2.CAPABILITY_READ, get_chat
key = api_key_pb2.ApiKey.DESCRIPTOR.fields_by_name["key"].GetOptions()
assert key.Extensions[options_pb2.secret], key
