"""Serves the own trust bundle under settings that may change while the agent runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.identity.errors import ConfigError, UnavailableError

_logger = logging.getLogger(__name__)


class Serving(Protocol):
    """A component that sets ``ready`` once it does its work."""

    ready: asyncio.Event

    @property
    def name(self) -> str:
        """What the logs call it."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


Build = Callable[[EndpointSettings], Iterable[Serving]]


class EndpointHost:
    """A component. ``ready`` is set once what should be served at the start is.

    ``settings`` are what is served now, None for nothing; ``problem`` says why that is not what was
    last wanted, and is empty if it is. ``build`` makes what serves, each part standing on those
    before it. Other settings that will not do change nothing, unless the old ones
    will not do any more, either: then nothing is served until others come.
    """

    name = "bundle endpoint"

    def __init__(self, settings: EndpointSettings | None, build: Build) -> None:
        self.ready = asyncio.Event()
        self.settings = settings
        self.problem = ""
        self._wanted = settings
        self._build = build
        self._changed = asyncio.Event()
        self._is_served = False

    def apply(self, settings: EndpointSettings | None) -> None:
        """Serve under these from now on; visits under way come to their end first."""
        self.problem = ""
        if settings != self._wanted:
            self._wanted = settings
            self._changed.set()

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            UnavailableError: the address cannot be used at the start.
            ConfigError: the certificate cannot be used at the start.
        """
        while True:
            tried = self._wanted
            try:
                await self._serve(tried)
            except* (ConfigError, UnavailableError) as errors:
                if self._is_served or not self.ready.is_set():
                    raise
                self._refused(errors, again=tried == self.settings)
                if tried == self.settings:
                    self.settings = None
                if self._wanted == tried:
                    self._wanted = self.settings

    async def _serve(self, settings: EndpointSettings | None) -> None:
        """Serve under these until others are wanted."""
        self._is_served = False
        async with asyncio.TaskGroup() as group:
            parts = tuple(self._build(settings)) if settings else ()
            tasks = [group.create_task(part.run(), name=part.name) for part in parts]
            for part in parts:
                await part.ready.wait()
            self._note(settings)
            await self._changed.wait()
            self._changed.clear()
            for task in reversed(tasks):
                task.cancel()
                await asyncio.wait([task])

    def _note(self, settings: EndpointSettings | None) -> None:
        self._is_served = True
        self.ready.set()
        if settings != self.settings:
            where = None if settings is None else str(settings.listen)
            _logger.info("bundle endpoint changed", extra={"address": where})
            self.settings = settings

    def _refused(self, errors: BaseExceptionGroup, *, again: bool) -> None:
        text = "bundle endpoint not changed; it stays as it was"
        if again:
            text = "bundle endpoint cannot be served as before; it is off"
        error = "; ".join(_texts(errors))
        self.problem = f"{text}: {error}"
        _logger.error(text, extra={"error": error})


def _texts(error: BaseException) -> Iterable[str]:
    if isinstance(error, BaseExceptionGroup):
        return [text for each in error.exceptions for text in _texts(each)]
    return [str(error)]
