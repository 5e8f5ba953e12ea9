"""Reads and changes a chat over gRPC, knowing nothing but the address: everything else comes over reflection."""

import os
import sys

import grpc
from google.protobuf import field_mask_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ADDRESS, TOKEN, SESSION, CHAT, JID, EMAIL = (
    os.environ[name] for name in ("ADDRESS", "TOKEN", "SESSION", "CHAT", "JID", "EMAIL")
)



def content(name):
    """What is in the file that a variable names, if there is one."""
    if name in os.environ:
        with open(os.environ[name], "rb") as file:
            return file.read()


if authority := content("AUTHORITY"):
    credentials = grpc.ssl_channel_credentials(authority, content("CLIENT_KEY"), content("CLIENT_CERTIFICATE"))
    channel = grpc.secure_channel(ADDRESS, credentials)
else:
    channel = grpc.insecure_channel(ADDRESS)
database = ProtoReflectionDescriptorDatabase(channel)
services = sorted(database.get_services())
assert {"switchboard.v1.ChatService", "switchboard.v1.SessionService"} <= set(services), services
pool = DescriptorPool(database)


def call(service, method, token=TOKEN, **fields):
    """Calls a method by its name; what it is made of is looked up."""
    descriptor = pool.FindServiceByName(f"switchboard.v1.{service}").FindMethodByName(method)
    request = GetMessageClass(descriptor.input_type)
    answer = GetMessageClass(descriptor.output_type)
    stub = channel.unary_unary(
        f"/switchboard.v1.{service}/{method}",
        request_serializer=request.SerializeToString,
        response_deserializer=answer.FromString,
    )
    metadata = [("authorization", f"Bearer {token}")] if token else []
    return stub(request(**fields), metadata=metadata, timeout=60)


def refused(code, text, *args, **fields):
    """The call must fail with that code and those text."""
    try:
        call(*args, **fields)
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        assert text in error.details(), error.details()
    else:
        sys.exit(f"{args} was not refused with {code}")


chat = call("ChatService", "GetChat", chat_id=CHAT)
assert (chat.chat_id, chat.chat_name) == (CHAT, "Asha Rao"), chat
assert not chat.HasField("assigned_to")

changed = call("ChatService", "UpdateChat", chat_id=CHAT, chat={"labels": ["vip"], "assigned_to": EMAIL})
assert list(changed.labels) == ["vip"] and changed.assigned_to == EMAIL, changed
mask = field_mask_pb2.FieldMask(paths=["assigned_to"])
cleared = call("ChatService", "UpdateChat", chat_id=CHAT, chat={}, update_mask={"paths": mask.paths})
assert not cleared.HasField("assigned_to") and list(cleared.labels) == ["vip"], cleared

pinned = call("SessionService", "UpdateSessionChat", session_id=SESSION, jid=JID, chat={"pinned": True})
assert pinned.pinned and not pinned.archived, pinned
assert call("SessionService", "GetSessionChat", session_id=SESSION, jid=JID) == pinned

code = grpc.StatusCode
refused(code.UNAUTHENTICATED, "", "ChatService", "GetChat", token=None, chat_id=CHAT)
refused(code.UNAUTHENTICATED, "", "ChatService", "GetChat", token="nonsense", chat_id=CHAT)
refused(code.INVALID_ARGUMENT, "chat_id", "ChatService", "GetChat", chat_id="nonsense")
refused(code.INVALID_ARGUMENT, "assigned_to", "ChatService", "UpdateChat", chat_id=CHAT,
        chat={"assigned_to": "nobody@acme.example"})
refused(code.NOT_FOUND, "chat not found", "ChatService", "GetChat", chat_id="15550109999@c.us")

print("ok")
