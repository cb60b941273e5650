"""Envoy's admin interface, on its pipe or its loopback port."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from typing import Any

from accredit.envoy.supervise.expected import AdminAddress

_PATIENCE = 5
_MAX_ANSWER = 16 << 20


class Admin:
    """Asks one Envoy; every question is a connection of its own."""

    def __init__(self, address: AdminAddress) -> None:
        self._address = address

    async def get(self, path: str) -> Any:
        """Return the JSON at ``path``; None if nobody answers, or nothing that makes sense."""
        answer = await asyncio.to_thread(self._ask, "GET", path)
        try:
            return None if answer is None else json.loads(answer)
        except ValueError:
            return None

    async def post(self, path: str) -> bool:
        """Do what ``path`` stands for; False if nobody did."""
        return await asyncio.to_thread(self._ask, "POST", path) is not None

    def _ask(self, method: str, path: str) -> bytes | None:
        connection = http.client.HTTPConnection("admin")
        try:
            connection.sock = self._connect()
            connection.request(method, path, headers={"connection": "close"})
            answer = connection.getresponse()
            body = answer.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException):
            return None
        else:
            return body if answer.status == http.HTTPStatus.OK else None
        finally:
            connection.close()

    def _connect(self) -> socket.socket:
        if isinstance(self._address, str):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(_PATIENCE)
            try:
                sock.connect(self._address)
            except OSError:
                sock.close()
                raise
            return sock
        return socket.create_connection(self._address, _PATIENCE)
