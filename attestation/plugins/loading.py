"""From the name of a plug-in to its attestor, or to one clear reason why not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from accredit.attestation.plugin import Caller
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.trust import Trust

GROUP = "accredit.attestors"
_MAX_SHOWN = 200


class PluginError(Exception):
    """A plug-in that is missing, or is none; the text is for people."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded one: how it is asked, and whose word its selectors are."""

    attest: Callable[[Caller], Iterable[str]]
    trust: Trust


def load(settings: PluginSettings) -> Plugin:
    """Import the plug-in and make its attestor, which runs its code.

    Raises:
        PluginError: it is missing, fails, or has not the shape of one.
    """
    found = _entry_point(settings.name)
    try:
        made = found.load()(settings.options)
        return Plugin(_method(made), _trust(made))
    except PluginError as error:
        raise PluginError(f"{found.value} of {_source(found)} {error}") from None
    except BaseException as error:  # others' code; SystemExit must not end the agent
        raise PluginError(f"{found.value} of {_source(found)}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Return an error of somebody else's code in one line."""
    text = _text(error)[:_MAX_SHOWN]
    shown = text if text.isprintable() else repr(text)
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001  others' code, and this is where its failures end
        return ""


def _entry_point(name: str) -> EntryPoint:
    found = {each.value: each for each in entry_points(group=GROUP, name=name)}
    if not found:
        raise PluginError(
            f"no installed package has an entry point {name!r} in the group {GROUP};"
            " install it beside accredit"
        )
    if len(found) > 1:
        sources = " and ".join(sorted(map(_source, found.values())))
        raise PluginError(f"{sources} both have an entry point {name!r}; uninstall one")
    return next(iter(found.values()))


def _source(found: EntryPoint) -> str:
    return found.dist.name if found.dist else "an unknown package"


def _method(made: object) -> Callable[[Caller], Iterable[str]]:
    method = getattr(made, "attest", None)
    if not callable(method):
        raise PluginError("makes what has no method attest(caller)")
    if inspect.iscoroutinefunction(method):
        raise PluginError("has a coroutine for attest: it has a thread to itself, so a plain def")
    checked: Callable[[Caller], Iterable[str]] = method
    return checked


def _trust(made: object) -> Trust:
    declared = getattr(made, "trust", Trust.WORKLOAD)
    if declared not in list(Trust):
        words = ", ".join(Trust)
        raise PluginError(f"has trust {str(declared)[:40]!r}; expected one of {words}")
    return Trust(declared)
