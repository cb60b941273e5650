"""Follows ``federation`` and ``outputs`` of the configuration, and bundles it begins with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.endpoint_host import EndpointHost
from accredit.agent.federation_settings import read_settings
from accredit.agent.output_plan import OutputPlan
from accredit.authority.federation.polling import BundlePolling
from accredit.authority.path_watch import PathWatch
from accredit.authority.rereading import Rereading
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError
from accredit.identity.yaml_lines import load

_logger = logging.getLogger(__name__)


class SectionReload:
    """A component that applies both sections whenever one changes, or when asked.

    A file with any mistake changes nothing. It is checked by another process, which is how this one
    never imports the model of the configuration. ``endpoint`` serves the own bundle; ``files`` are
    bundles that nobody fetches, which ``reread`` reads whenever something has changed; ``outputs``
    takes what is to be written.
    """

    name = "sections"

    def __init__(  # noqa: PLR0913, PLR0917  each part that takes something over
        self,
        config: Path | None,
        polling: BundlePolling,
        endpoint: EndpointHost,
        files: Iterable[Path] = (),
        reread: Callable[[], None] = lambda: None,
        outputs: Callable[[Sequence[OutputPlan]], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._polling = polling
        self._endpoint = endpoint
        self._files = tuple(files)
        self._reread = reread
        self._outputs = outputs
        self._rereading = Rereading()
        self._last_error = ""
        self._section = _section(config)

    def describe(self) -> list[dict[str, object]]:
        """Return each relationship, its bundle and its last fetch, as plain data."""
        return self._polling.describe()

    @property
    def endpoint(self) -> EndpointSettings | None:
        """How the own bundle is served now, if it is."""
        return self._endpoint.settings

    @property
    def mistakes(self) -> str:
        """Why the file as it is now is not taken over, a line each; empty if it is."""
        return self._last_error

    @property
    def problem(self) -> str:
        """Why the own bundle is not served as the configuration wants; empty if it is."""
        return self._endpoint.problem

    def reload(self) -> None:
        """Ask for the file to be read soon, changed or not; what comes of it is logged."""
        self._rereading.ask()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        try:
            watch = PathWatch(self._paths, None, lambda _: False)
        except OSError as error:
            _logger.warning(
                "federation and outputs are not watched: they are read on SIGHUP only",
                extra={"error": error.strerror},
            )
            await self._rereading.follow(None, self._read)
        else:
            with watch:
                await self._rereading.follow(watch, self._read)

    def _paths(self) -> Iterable[Path]:
        found = [each.bootstrap_bundle for each in self._polling.relationships]
        return [path for path in (self._config, *self._files, *found) if path is not None]

    async def _read(self, asked: bool) -> None:  # noqa: FBT001  a callback
        section = await asyncio.to_thread(_section, self._config)
        if self._config is not None and (asked or section != self._section):
            await self._apply(self._config, section, asked=asked)
        self._reread()
        self._polling.look_again()
        if asked:
            self._polling.retry()

    async def _apply(self, config: Path, section: object, *, asked: bool) -> None:
        try:
            found = await read_settings(config)
        except ConfigError as error:
            if asked or str(error) != self._last_error:
                _logger.error(  # noqa: TRY400  the text says it all
                    "configuration not reloaded; what is at work stays",
                    extra={"error": str(error)},
                )
            # So that they are applied even if the mistake was elsewhere in the file.
            self._section, self._last_error = None, str(error)
            return
        self._section, self._last_error = section, ""
        if self._polling.apply(found.federation):
            names = [str(each.trust_domain) for each in found.federation.relationships]
            _logger.info("federation reloaded", extra={"relationships": names})
        self._endpoint.apply(found.endpoint)
        self._outputs(found.outputs)


def _section(config: Path | None) -> object:
    """Return what the file says about both, or why it says nothing: cheap to compare."""
    try:
        data = None if config is None else load(read_trusted(config), str(config))[0]
    except ConfigError as error:
        return str(error)
    return [data.get("federation"), data.get("outputs")] if isinstance(data, dict) else []
