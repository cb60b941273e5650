"""What was seen: requests, failures, identities and serials. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from cryptography import x509


@dataclass(slots=True)
class Side:
    """What one side saw of the other: its SPIFFE ID and the serials of its certificates."""

    spiffe_id: str = ""
    serials: list[str] = field(default_factory=list)

    def saw(self, spiffe_id: str, serial: str) -> bool:
        """Note one sight; return whether the serial is new."""
        self.spiffe_id = spiffe_id
        if serial in self.serials:
            return False
        self.serials.append(serial)
        return True

    @property
    def rotations(self) -> int:
        """How often the certificate changed while it was watched."""
        return max(0, len(self.serials) - 1)


@dataclass(slots=True)
class Tally:
    """The demo's counts. ``server`` is what checkout's side saw, ``caller`` what payments' saw."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    told: set[str | None] = field(default_factory=set)
    server: Side = field(default_factory=Side)
    caller: Side = field(default_factory=Side)

    def app_line(self, line: str) -> None:
        """Count one line of the calling app."""
        answer = json.loads(line)
        self.requests += 1
        if answer["status"] == 200:
            self.told.add(answer["answer"]["caller"])
        else:
            self.failures.append(str(answer.get("error", answer["status"])))

    def log_line(self, line: str) -> str | None:
        """Take in one line of a sidecar's access log; return news of a certificate, if any."""
        entry = _access_log_entry(line)
        if certificate := entry.get("server_certificate"):
            leaf = x509.load_pem_x509_certificate(unquote(certificate).encode())
            serial, who = f"{leaf.serial_number:x}", entry["server"]
            return _news("payments", serial) if self.server.saw(who, serial) else None
        if entry.get("caller_serial"):
            serial, who = entry["caller_serial"].lstrip("0"), entry["caller"]
            return _news("checkout", serial) if self.caller.saw(who, serial) else None
        return None

    @property
    def rotations(self) -> int:
        """Rotations seen from outside, on both sides together."""
        return self.server.rotations + self.caller.rotations


def _news(name: str, serial: str) -> str:
    return f"{name} now shows serial {serial}"


def _access_log_entry(line: str) -> Mapping[str, str]:
    """Return the fields Envoy had a value for; it logs the others as ``-`` or null."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return {key: value for key, value in entry.items() if value not in {None, "-"}}
