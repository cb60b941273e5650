"""The sidecar file: a short description in YAML, into a :class:`Sidecar` or all of its mistakes.

::

    sidecar:
      spiffe_id: spiffe://prod.example/ns/payments/sa/checkout   # optional
      inbound:
        - listen: 0.0.0.0:8443
          app: 127.0.0.1:8080
          allow: [/ns/web/sa/frontend, "spiffe://partner.example/*"]
      outbound:
        - listen: 127.0.0.1:9001
          to: payments.internal:8443
          expect: [/ns/payments/sa/ledger]
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from accredit.envoy.address import parse_socket
from accredit.envoy.file.conflicts import conflicts
from accredit.envoy.file.context import Context, Surroundings
from accredit.envoy.file.fields import Fields
from accredit.envoy.file.inbound import inbound
from accredit.envoy.file.outbound import outbound
from accredit.envoy.file.redirect import redirect
from accredit.envoy.sidecar import Sidecar
from accredit.identity.durations import parse_duration
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.yaml_lines import Key, Lines, load, show

_KEYS = (
    "name",
    "trust_domain",
    "spiffe_id",
    "socket",
    "admin",
    "svid_ttl",
    "connection_lifetime",
    "access_log",
    "inbound",
    "outbound",
    "redirect",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def read(path: Path, at: Surroundings) -> Sidecar:
    """Return the sidecar that the file at ``path`` describes.

    Raises:
        ConfigError: it cannot be read, or every mistake in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError([Mistake(str(path), None, "", "is not UTF-8 text")]) from None
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise ConfigError([Mistake(str(path), None, "", reason)]) from error
    return parse(text, path, at)


def parse(text: str, path: Path, at: Surroundings) -> Sidecar:
    """Return the sidecar that ``text``, the content of the file at ``path``, describes.

    Raises:
        ConfigError: every mistake in it.
    """
    data, lines = load(text, str(path))
    mistakes = _Mistakes(str(path), lines)
    document = Fields(data if isinstance(data, dict) else {}, (), mistakes.add)
    document.only("sidecar")
    section = document.section("sidecar")
    if section is None and not document.has("sidecar"):
        document.missing("sidecar", "and below it what it does")
    sidecar = None if section is None else _sidecar(section, path, at)
    if sidecar is None or mistakes.found:
        raise ConfigError(mistakes.in_order())
    return sidecar


class _Mistakes:
    def __init__(self, path: str, lines: Lines) -> None:
        self.found: list[Mistake] = []
        self._path = path
        self._lines = lines

    def add(self, key: Key, reason: str) -> None:
        self.found.append(Mistake(self._path, self._lines.line(key), show(key), reason))

    def in_order(self) -> list[Mistake]:
        return sorted(self.found, key=lambda mistake: mistake.line or 0)


def _sidecar(fields: Fields, path: Path, at: Surroundings) -> Sidecar:
    fields.only(*_KEYS)
    spiffe_id = fields.parsed("spiffe_id", _spiffe_id)
    socket = fields.parsed("socket", parse_socket) or at.socket
    context = Context(at, _own(fields, spiffe_id), socket)
    name = fields.parsed("name", _name) or _default_name(fields, path)
    inbounds = [inbound(each, context) for each in fields.sections("inbound")]
    sidecar = Sidecar(
        name=name,
        socket=socket,
        admin_socket=fields.parsed("admin", parse_socket) or _admin(fields, name, at),
        spiffe_id=spiffe_id,
        inbound=tuple(each for each in inbounds if each is not None),
        outbound=tuple(outbound(each, context) for each in fields.sections("outbound")),
        redirect=redirect(fields.section("redirect")),
        profile=at.profile,
        svid_ttl=fields.duration("svid_ttl", timedelta(hours=1)),
        connection_lifetime=fields.parsed("connection_lifetime", parse_duration),
        access_log=fields.parsed("access_log", _log) or "",
    )
    _check(fields, sidecar)
    return sidecar


def _check(fields: Fields, sidecar: Sidecar) -> None:
    if not fields.data.get("inbound") and not fields.data.get("outbound"):
        fields.missing("inbound", "what comes to the app, or 'outbound', where it connects to")
    if not sidecar.socket:
        fields.missing("socket", "the agent's socket, such as /run/accredit/public/api.sock")
    for key, reason in conflicts(sidecar):
        fields.wrong(str(key[0]), reason, *key[1:])


def _own(fields: Fields, spiffe_id: SpiffeId | None) -> TrustDomain | None:
    own = fields.parsed("trust_domain", TrustDomain.parse)
    if own is None:
        return None if spiffe_id is None else spiffe_id.trust_domain
    if spiffe_id is not None and spiffe_id.trust_domain != own:
        fields.wrong("spiffe_id", f"is not of the trust domain {own}")
    return own


def _spiffe_id(text: str) -> SpiffeId:
    spiffe_id = SpiffeId.parse(text)
    if not spiffe_id.path:
        raise ValueError("is a trust domain; a workload's SPIFFE ID has a path, such as /ns/web")
    return spiffe_id


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of letters, digits, '-', '_' and '.'")
    return text


def _default_name(fields: Fields, path: Path) -> str:
    name = path.stem.removesuffix(".sidecar")
    if not _NAME.fullmatch(name):
        if not fields.has("name"):
            fields.missing("name", "a name, since the file's has other than letters and digits")
        return "sidecar"
    return name


def _admin(fields: Fields, name: str, at: Surroundings) -> str:
    if fields.has("admin"):
        return ""
    if not at.runtime_dir:
        fields.missing("admin", "where Envoy's admin socket goes, such as /run/web/admin.sock")
        return ""
    return f"{at.runtime_dir}/sidecar-{name}/admin.sock"


def _log(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("expected an absolute path; leave it out for standard output")
    return text
