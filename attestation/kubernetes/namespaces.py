"""Labels of namespaces, which only the API server knows; asked for when switched on."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from accredit.attestation.kubernetes.credentials import TlsContexts, TlsFiles, read_token
from accredit.attestation.kubernetes.http import Answer, Http
from accredit.attestation.kubernetes.pod import read_labels
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.clock import Clock
from accredit.identity.errors import UnavailableError

_TIMEOUT = timedelta(seconds=1.5)
_MAX_BYTES = 4 << 20
_KEPT_SECONDS, _KEPT_FAILURE_SECONDS = 60.0, 2.0
_MOST_KEPT = 1024
_OK, _FORBIDDEN = 200, 403

Labels = Mapping[str, str]


class ApiServer:
    """A client for one thing: ``GET /api/v1/namespaces/NAME``."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._token_file = settings.token_file
        self._tls = TlsContexts(TlsFiles(ca=settings.api_ca_file))
        self._http = Http(settings.api_server, "the API server", _TIMEOUT, _MAX_BYTES)

    async def labels(self, namespace: str) -> Labels:
        """Return the labels of ``namespace``.

        Raises:
            UnavailableError: it cannot be asked, refuses, or answers with something else.
        """
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        answer = await self._http.get(path, self._tls.current(), read_token(self._token_file))
        if answer.status != _OK:
            raise UnavailableError(_refusal(answer))
        try:
            return read_labels(json.loads(answer.body)["metadata"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UnavailableError("the API server's answer is no namespace") from None

    async def close(self) -> None:
        """Give back the connection."""
        await self._http.close()


@dataclass(slots=True)
class _Slot:
    """What is known of one namespace; who holds ``turn`` asks."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    labels: Labels | None = None
    failure: str = ""
    until: float = -1e9


class Namespaces:
    """Remembers labels for a minute and a failure for two seconds; callers ask once together."""

    def __init__(self, fetch: Callable[[str], Awaitable[Labels]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    async def labels(self, namespace: str) -> Labels:
        """Return the labels of ``namespace``; raises UnavailableError as :class:`ApiServer`."""
        slot = self._slot(namespace)
        async with slot.turn:
            if self._clock.monotonic() >= slot.until:
                await self._ask(namespace, slot)
        if slot.labels is None:
            raise UnavailableError(slot.failure)
        return slot.labels

    def _slot(self, namespace: str) -> _Slot:
        slot = self._slots.setdefault(namespace, _Slot())
        self._slots.move_to_end(namespace)
        if len(self._slots) > _MOST_KEPT:
            self._slots.popitem(last=False)
        return slot

    async def _ask(self, namespace: str, slot: _Slot) -> None:
        try:
            slot.labels, kept = await self._fetch(namespace), _KEPT_SECONDS
        except UnavailableError as error:
            slot.labels, slot.failure, kept = None, str(error), _KEPT_FAILURE_SECONDS
        slot.until = self._clock.monotonic() + kept


def _refusal(answer: Answer) -> str:
    said = f"the API server answers {answer.status} ({answer.words or 'without a word'})"
    if answer.status == _FORBIDDEN:
        return f"{said}: allow our service account to get namespaces"
    return said
