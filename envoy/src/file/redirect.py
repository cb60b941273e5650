"""``redirect:``: whose connections are steered into the sidecar."""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import ip_address

from accredit.envoy.address import Endpoint, parse_listen
from accredit.envoy.file.fields import Fields
from accredit.envoy.sidecar import Redirect

_DEFAULT = (Endpoint("127.0.0.1", 15001), Endpoint("::1", 15001))
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?")
_CGROUP = re.compile(r"[A-Za-z0-9_.@:\\-]+(?:/[A-Za-z0-9_.@:\\-]+)*")


class _Otherwise(Enum):
    LET = "pass"
    REFUSE = "refuse"


def redirect(fields: Fields | None) -> Redirect | None:
    """Read ``redirect``; None if there is none."""
    if fields is None:
        return None
    fields.only("listen", "users", "cgroups", "otherwise")
    if "cgroups" not in fields.data:
        fields.missing("users", "the app's users, or its 'cgroups'; else nothing is steered")
    return Redirect(
        listen=_listen(fields),
        users=fields.parsed_list("users", _user),
        cgroups=fields.parsed_list("cgroups", _cgroup),
        refuse=fields.choice("otherwise", _Otherwise.LET) is _Otherwise.REFUSE,
    )


def _listen(fields: Fields) -> tuple[Endpoint, ...]:
    if not fields.has("listen"):
        return _DEFAULT
    found = fields.parsed_list("listen", parse_listen)
    if any(not ip_address(each.host).is_loopback for each in found):
        fields.wrong("listen", "expected 127.0.0.1 and [::1] only: it serves this machine's app")
    if len({each.is_ipv6 for each in found}) != len(found):
        fields.wrong("listen", "expected at most one address of IPv4 and one of IPv6")
    return found or _DEFAULT


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError(f"{text[:64]!r} is no user name and no uid")
    return text


def _cgroup(text: str) -> str:
    path = text.strip("/")
    parts = path.split("/")
    if len(path) > 1024 or not _CGROUP.fullmatch(path) or {".", ".."} & set(parts):
        raise ValueError(f"{text[:64]!r} is no cgroup path such as system.slice/legacy.service")
    return path
