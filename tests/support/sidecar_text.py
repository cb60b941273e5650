"""Short sidecar files, and what is told about them."""

from __future__ import annotations

from pathlib import Path

from accredit.envoy.sidecar import Inbound, Outbound, Profile, Sidecar
from accredit.envoy.sidecar_file import parse
from accredit.identity.errors import ConfigError
from support.sidecar_documents import surroundings

_INBOUND = "inbound: [{listen: 0.0.0.0:8443, app: 127.0.0.1:8080, allow: /web}]"


def read(text: str, profile: Profile = Profile.ACCREDIT) -> Sidecar:
    return parse(text, Path("web.yaml"), surroundings(profile))


def told(text: str, profile: Profile = Profile.ACCREDIT) -> list[str]:
    """Return each mistake as ``line key: reason``; nothing if there is none."""
    try:
        read(text, profile)
    except ConfigError as error:
        return [str(each).removeprefix("web.yaml:") for each in error.mistakes]
    return []


def whole(fields: str = _INBOUND) -> str:
    """Return a file with these keys of ``sidecar:``, the first of them in line 3."""
    lines = "".join(f"  {line}\n" for line in fields.splitlines())
    return f"sidecar:\n  trust_domain: own.example\n{lines}"


def inbound(fields: str, profile: Profile = Profile.ACCREDIT) -> Inbound:
    """Return an inbound with these fields, ``a: b, c: d``, beside those it cannot be without."""
    return read(whole(in_flow(fields)), profile).inbound[0]


def in_flow(fields: str) -> str:
    """Return ``inbound:`` in one line, which is the third of the file."""
    return (
        f"inbound: [{{listen: 0.0.0.0:8443, app: 127.0.0.1:8080, {_with('allow: /web', fields)}}}]"
    )


def outbound(fields: str, profile: Profile = Profile.ACCREDIT) -> Outbound:
    """Return an outbound with these fields beside those it cannot be without."""
    return read(whole(out_flow(fields)), profile).outbound[0]


def out_flow(fields: str) -> str:
    """Return ``outbound:`` in one line, which is the third of the file."""
    need = _with("to: server:8443", _with("expect: /server", fields))
    return f"outbound: [{{listen: 127.0.0.1:9001, {need}}}]"


def _with(need: str, fields: str) -> str:
    given = need.partition(":")[0]
    return (
        fields
        if f"{given}:" in fields.replace("jwt: {audience: a, allow:", "")
        else f"{need}, {fields}"
    )
