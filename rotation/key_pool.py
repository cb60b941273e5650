"""Fresh keys for SVIDs, without making the event loop wait for them."""

from __future__ import annotations

import asyncio
from collections import deque

from accredit.identity.keys import KeyType, PrivateKey, generate

_SPARE = 4
_SLOW = frozenset({KeyType.RSA_2048, KeyType.RSA_4096})


class KeyPool:
    """Makes EC keys on the spot and RSA keys ahead, in a thread: OpenSSL lets go of the GIL."""

    def __init__(self, kind: KeyType, spare: int = _SPARE) -> None:
        self._kind = kind
        self._spare: deque[PrivateKey] = deque()
        self._goal = spare if kind in _SLOW else 0
        self._taken = asyncio.Event()

    async def take(self) -> PrivateKey:
        """Return a key that nobody else has."""
        if self._kind not in _SLOW:
            return generate(self._kind)
        self._taken.set()
        if self._spare:
            return self._spare.popleft()
        return await asyncio.to_thread(generate, self._kind)

    async def run(self) -> None:
        """Keep spare keys until cancelled."""
        while True:
            while len(self._spare) < self._goal:
                self._spare.append(await asyncio.to_thread(generate, self._kind))
            self._taken.clear()
            await self._taken.wait()
