"""Asks a plug-in, which may be slow, wrong or broken, and costs no more than its own selectors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from functools import partial
from itertools import islice

from accredit.attestation.background import Background
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.plugin import lent
from accredit.attestation.plugins.loading import Plugin, PluginError, load, reason
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.process import Process
from accredit.attestation.trust import declare
from accredit.identity.errors import SelectorError, UnavailableError
from accredit.identity.selector import Selector

_logger = logging.getLogger(__name__)

_THREADS = 4
_MAX_VALUES = 256


class PluginAttestor:
    """An attestor of another package.

    Its code runs in threads of its own, its import too: what hangs there hangs alone.
    """

    def __init__(self, settings: PluginSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._background = Background[Evidence](f"plugin/{self.name}", _THREADS)
        self._loaded = threading.Event()
        self._plugin: Plugin | None = None
        self._refusal = ""
        self._told = False
        threading.Thread(target=self._load, name=f"plugin/{self.name}", daemon=True).start()

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return what the plug-in says of the caller."""
        if self._refusal:
            return self._failed(self._refusal)
        return await self._background.run(caller.uid, partial(self._look, caller))

    def _load(self) -> None:
        try:
            self._plugin = load(self._settings)
        except PluginError as error:
            self._refusal = str(error)
            facts = {"attestor": self.name, "error": self._refusal}
            _logger.error("attestor plug-in cannot be used", extra=facts)  # noqa: TRY400  the text says all
        else:
            declare(self.name, self._plugin.trust)
        self._loaded.set()

    def _look(self, caller: KernelCaller) -> Evidence:
        self._loaded.wait()
        if self._plugin is None:
            return self._failed(self._refusal)
        with caller.opened() as process:
            return self._ask(self._plugin, process, caller)

    def _ask(self, plugin: Plugin, process: Process, caller: KernelCaller) -> Evidence:
        try:
            with lent(process, caller.uid, caller.gid) as lent_caller:
                return Evidence(_selectors(self.name, plugin.attest(lent_caller)))
        except UnavailableError as error:
            return self._failed(reason(error), retry=True)
        except PluginError as error:
            return self._failed(str(error))
        except BaseException as error:  # noqa: BLE001  others' code; SystemExit must not end the agent
            self._tell(error)
            return self._failed(reason(error))

    def _failed(self, why: str, *, retry: bool = False) -> Evidence:
        return Evidence(frozenset(), {self.name: why}, retry)

    def _tell(self, error: BaseException) -> None:
        """Log where it broke, once: every caller's failure is told, too, by its text."""
        if not self._told:
            self._told = True
            _logger.error(
                "attestor plug-in is broken", extra={"attestor": self.name}, exc_info=error
            )


def _selectors(name: str, returned: Iterable[str]) -> frozenset[Selector]:
    if isinstance(returned, str):
        raise PluginError("attest returned a text instead of a list of them")
    values = list(islice(returned, _MAX_VALUES + 1))
    if len(values) > _MAX_VALUES:
        raise PluginError(f"attest returned more than {_MAX_VALUES} values")
    return frozenset(_selector(name, value) for value in values)


def _selector(name: str, value: object) -> Selector:
    if not isinstance(value, str) or not value.isprintable():
        raise PluginError(f"attest returned {repr(value)[:100]}, which is no value of a selector")
    try:
        return Selector(name, value)
    except SelectorError as error:
        raise PluginError(f"attest returned a value that will not do: {error}") from None
