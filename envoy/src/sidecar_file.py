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
from accredit.envoy.file import conflicts
from accredit.envoy.file.context import Context, Surroundings, usable
from accredit.envoy.file.fields import Fields
from accredit.envoy.file.inbound import inbound
from accredit.envoy.file.outbound import outbound
from accredit.envoy.file.redirect import redirect
from accredit.envoy.peers import whole
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
_BELOW = "by default below XDG_RUNTIME_DIR"
_MAX_BYTES = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def read(path: Path, at: Surroundings) -> Sidecar:
    """Return the sidecar that the file at ``path`` describes.

    Raises:
        ConfigError: it cannot be read, or every mistake in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _refusal(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(data) > _MAX_BYTES:
        raise _refusal(path, f"is larger than {_MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(path, "is not UTF-8 text", line) from None
    return parse(text, path, at)


def _refusal(path: Path, reason: str, line: int | None = None) -> ConfigError:
    return ConfigError([Mistake(str(path), line, "", reason)])


def parse(text: str, path: Path, at: Surroundings) -> Sidecar:
    """Return the sidecar that ``text``, the content of the file at ``path``, describes.

    Raises:
        ConfigError: every mistake in it.
    """
    twice: list[Mistake] = []
    data, lines = load(text, str(path), twice)
    mistakes = _Mistakes(str(path), lines, twice)
    document = Fields(data if isinstance(data, dict) else {}, (), mistakes.add)
    document.only("sidecar")
    section = document.section("sidecar")
    document.missing("sidecar", "it at the top, and all the rest below it")
    sidecar = None if section is None else _sidecar(section, path, at)
    if sidecar is None or mistakes.found:
        raise ConfigError(mistakes.in_order())
    return sidecar


class _Mistakes:
    def __init__(self, path: str, lines: Lines, found: list[Mistake]) -> None:
        self.found = found
        self._path = path
        self._lines = lines

    def add(self, key: Key, reason: str) -> None:
        self.found.append(Mistake(self._path, self._lines.line(key), show(key), reason))

    def in_order(self) -> list[Mistake]:
        return sorted(self.found, key=lambda mistake: mistake.line or 0)


def _sidecar(fields: Fields, path: Path, at: Surroundings) -> Sidecar:
    fields.only(*_KEYS)
    own = fields.parsed("trust_domain", TrustDomain.parse)
    spiffe_id = fields.parsed("spiffe_id", lambda text: _spiffe_id(text, own))
    socket = fields.parsed("socket", parse_socket) or usable(at.socket)
    if not socket:
        fields.missing("socket", f"the agent's, such as /run/accredit/public/api.sock; {_BELOW}")
    parts = _parts(fields, Context(at, _own(fields, own, spiffe_id), socket))
    name = fields.parsed("name", _name) or _default_name(fields, path)
    sidecar = Sidecar(
        name=name,
        socket=socket,
        admin_socket=fields.parsed("admin", parse_socket) or _admin(fields, name, at),
        spiffe_id=spiffe_id,
        inbound=tuple(each for _, each in parts.inbound),
        outbound=tuple(each for _, each in parts.outbound),
        redirect=redirect(fields.section("redirect")),
        profile=at.profile,
        svid_ttl=fields.duration("svid_ttl", timedelta(hours=1)),
        connection_lifetime=fields.parsed("connection_lifetime", parse_duration),
        access_log=fields.parsed("access_log", _log) or "",
    )
    conflicts.report(parts, sidecar)
    return sidecar


def _parts(fields: Fields, context: Context) -> conflicts.Parts:
    if "outbound" not in fields.data:
        fields.missing("inbound", "who may call the app, or 'outbound', where the app connects to")
    inbounds = [(each, inbound(each, context)) for each in fields.sections("inbound")]
    return conflicts.Parts(
        whole=fields,
        inbound=[(each, found) for each, found in inbounds if found is not None],
        outbound=[(each, outbound(each, context)) for each in fields.sections("outbound")],
    )


def _own(fields: Fields, own: TrustDomain | None, spiffe_id: SpiffeId | None) -> TrustDomain | None:
    if own is None:
        return None if spiffe_id is None else spiffe_id.trust_domain
    if spiffe_id is not None and spiffe_id.trust_domain != own:
        fields.wrong("spiffe_id", f"is not of the trust domain {own}")
    return own


def _spiffe_id(text: str, own: TrustDomain | None) -> SpiffeId:
    spiffe_id = SpiffeId.parse(whole(text, own))
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
        fields.missing("name", "a name, since the file's has more than letters and digits")
        return "sidecar"
    return name


def _admin(fields: Fields, name: str, at: Surroundings) -> str:
    socket = usable(f"{at.runtime_dir}/sidecar-{name}/admin.sock") if at.runtime_dir else ""
    if not socket:
        fields.missing(
            "admin", f"where Envoy's admin socket goes, such as /run/web/admin.sock; {_BELOW}"
        )
    return socket


def _log(text: str) -> str:
    if not text.startswith("/") or not text.isprintable():
        raise ValueError("expected an absolute path; leave it out for standard output")
    return text
