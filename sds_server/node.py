"""What an Envoy says about itself: shown to people, and some wishes; never who it is."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.struct_pb2 import Struct

from accredit.sds_server.proto import core_pb2

_MAX_CHARS = 256
_DISABLE = "disable_spiffe_cert_validation"
_HINT = "accredit.hint"
_SPIFFE_ID = "accredit.spiffe_id"
_MAX_SPIFFE_ID_CHARS = 2048 + 1  # what is too long stays too long
# As SPIRE reads it, which is Go's strconv.ParseBool.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class Node:
    """An Envoy in its own words, all but IDs cut to 256 characters.

    ``plain_validation`` is metadata ``disable_spiffe_cert_validation``, None where it is not set or
    no boolean. ``hint`` and ``spiffe_id``, metadata ``accredit.hint`` and ``accredit.spiffe_id``,
    choose among the caller's own identities.
    """

    node_id: str = ""
    cluster: str = ""
    agent: str = ""
    plain_validation: bool | None = None
    hint: str = ""
    spiffe_id: str = ""


def read_node(message: core_pb2.Node) -> Node:
    """Read what matters of a node message."""
    metadata = message.metadata
    return Node(
        message.id[:_MAX_CHARS],
        message.cluster[:_MAX_CHARS],
        _agent(message)[:_MAX_CHARS],
        _boolean(metadata, _DISABLE),
        _text(metadata, _HINT)[:_MAX_CHARS],
        _text(metadata, _SPIFFE_ID)[:_MAX_SPIFFE_ID_CHARS],
    )


def _agent(message: core_pb2.Node) -> str:
    version = message.user_agent_version
    if message.HasField("user_agent_build_version"):
        number = message.user_agent_build_version.version
        version = f"{number.major_number}.{number.minor_number}.{number.patch}"
    return f"{message.user_agent_name}/{version}" if version else message.user_agent_name


def _boolean(metadata: Struct, key: str) -> bool | None:
    if key in metadata.fields and metadata.fields[key].HasField("bool_value"):
        return metadata.fields[key].bool_value
    text = _text(metadata, key)
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def _text(metadata: Struct, key: str) -> str:
    # Looking a missing key up in ``fields`` would add it.
    return metadata.fields[key].string_value if key in metadata.fields else ""
