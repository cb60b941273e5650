"""Selectors that no attestor of the configuration gives, and plug-ins that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accredit.agent.plan import Plan
from accredit.attestation.linux.settings import LinuxSettings
from accredit.attestation.plugins.loading import PluginError, load
from accredit.attestation.plugins.settings import PluginSettings
from accredit.attestation.trust import BUILT_IN, declare
from accredit.authority.entry_template import Declared, wants
from accredit.identity.selector import Selector

_SWITCHES = {
    "host": "namespaces",
    "container": "namespaces",
    "no_login": "login",
    "cgroup": "cgroup",
    "selinux": "label",
    "selinux_type": "label",
    "apparmor": "label",
}


def of_plugins(plugins: Sequence[PluginSettings]) -> Iterator[str]:
    """Yield why a plug-in cannot be used; the others say whose word their selectors are."""
    for each in plugins:
        try:
            declare(each.name, load(each).trust)
        except PluginError as error:
            yield f"attestation.plugins.{each.name}: {error}"


def of_host(entry: Declared, plan: Plan) -> Iterator[str]:
    """Yield what an entry wants and nobody could have."""
    plugins = {each.name for each in plan.plugins}
    for wanted, selector in wants(entry):
        if selector.type not in BUILT_IN | plugins:
            yield (
                f"{entry.source}: {wanted} never holds: no attestor or plug-in of attestation is"
                f" called {selector.type}"
            )
        elif missing := _missing(selector, plan):
            yield f"{entry.source}: {wanted} never holds unless attestation.{missing}"


def _missing(selector: Selector, plan: Plan) -> str | None:
    if selector.type == "linux":
        return _missing_of_linux(selector.value.partition(":")[0], plan.linux)
    if selector.type in {"systemd", "systemd-user"} and plan.systemd is None:
        return "systemd is there"
    if selector.type == "systemd-user" and plan.systemd and not plan.systemd.user_units:
        return "systemd.user_units is true"
    return None


def _missing_of_linux(kind: str, settings: LinuxSettings | None) -> str | None:
    if settings is None:
        return "linux is there"
    switch = _SWITCHES[kind]
    return None if getattr(settings, switch) else f"linux.{switch} is true"
