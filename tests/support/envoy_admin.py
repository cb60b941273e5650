"""What an Envoy's admin interface says, on its pipe."""

from __future__ import annotations

import http.client
import json
import socket
from datetime import datetime
from typing import Any


class EnvoyAdmin:
    """Asks whichever Envoy listens on ``admin_socket`` just then."""

    def __init__(self, admin_socket: str) -> None:
        self.admin_socket = admin_socket

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask the admin interface; (0, b"") while it is not up yet."""
        connection = http.client.HTTPConnection("admin")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        try:
            connection.sock.connect(self.admin_socket)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    @property
    def ready(self) -> bool:
        return self.get("/ready")[0] == 200

    def stats(self, regex: str) -> dict[str, int]:
        status, body = self.get(f"/stats?format=json&filter={regex}")
        if status != 200:
            return {}
        found = json.loads(body)["stats"]
        return {stat["name"]: stat["value"] for stat in found if "name" in stat}

    def serial(self) -> str:
        """Return the serial of the certificate it would show now, or ``""``."""
        return next((str(leaf["serial_number"]) for leaf in self._certificates("cert_chain")), "")

    def uris(self) -> set[str]:
        """Return the URI names in the certificates it would show now."""
        names = [
            name for leaf in self._certificates("cert_chain") for name in leaf["subject_alt_names"]
        ]
        return {name["uri"] for name in names if "uri" in name}

    def expires(self) -> datetime:
        """Return when the certificate it would show now ends."""
        (leaf,) = self._certificates("cert_chain")
        return datetime.fromisoformat(leaf["expiration_time"])

    def roots(self) -> set[str]:
        """Return the serials of the authorities it trusts now."""
        return {str(root["serial_number"]) for root in self._certificates("ca_cert")}

    def _certificates(self, kind: str) -> list[Any]:
        status, body = self.get("/certs")
        contexts: list[Any] = json.loads(body)["certificates"] if status == 200 else []
        return [certificate for context in contexts for certificate in context.get(kind, [])]
