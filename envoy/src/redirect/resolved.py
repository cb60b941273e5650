"""A sidecar file's redirect on this machine: its users looked up, and what is wrong by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accredit.envoy.redirect import programs, rules, sidecar_process
from accredit.envoy.redirect.programs import Programs
from accredit.envoy.sidecar import Redirect, Sidecar
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_lines import Key, load, show

_SECTION = ("sidecar", "redirect")
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Resolved:
    """``path`` is the file's, for what can only be found wrong later."""

    path: Path
    sidecar: Sidecar
    redirect: Redirect
    programs: Programs

    @property
    def text(self) -> str:
        """What nft loads."""
        return rules.ruleset(self.sidecar, self.redirect, self.programs)

    @property
    def table(self) -> str:
        """The name of the table that text is about."""
        return rules.table(self.sidecar)

    def require_cgroups(self) -> None:
        """Check that there is each cgroup: the kernel takes it as it is now, not its name.

        Raises:
            ConfigError: those that there are not.
        """
        mistakes = _Mistakes(self.path)
        for place, cgroup in enumerate(self.programs.cgroups):
            if not cgroup.folder.is_dir():
                reason = f"there is no cgroup {cgroup.folder}; start what runs in it first"
                mistakes.add(("cgroups", place), reason)
        mistakes.raise_any()

    def require_sidecar_apart(self) -> bool:
        """Check that a running sidecar is none of the programs; return whether it runs.

        Raises:
            ConfigError: it is, and its own connections would come back to it.
        """
        process = sidecar_process.find(self.sidecar.admin_socket)
        if process is None:
            return False
        mistakes = _Mistakes(self.path)
        for what in sidecar_process.caught_by(process, self.programs):
            mistakes.add((), f"the sidecar itself is of {what}; run it apart from the app")
        mistakes.raise_any()
        return True


def resolve(path: Path, sidecar: Sidecar) -> Resolved:
    """Look up what the file at ``path``, which describes ``sidecar``, has names for.

    Raises:
        ConfigError: it has no redirect, or every name that there is not.
    """
    if sidecar.redirect is None:
        reason = "is missing; expected the app's 'users' or 'cgroups'"
        raise ConfigError([Mistake(str(path), None, show(_SECTION), reason)])
    mistakes = _Mistakes(path)
    found = programs.find(sidecar.redirect, _MOUNTS.read_text(), mistakes.add)
    mistakes.raise_any()
    return Resolved(path, sidecar, sidecar.redirect, found)


class _Mistakes:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[Key, str]] = []
        self.add: Callable[[Key, str], None] = lambda key, why: self._found.append((key, why))

    def raise_any(self) -> None:
        if not self._found:
            return
        _, lines = load(self._path.read_text(encoding="utf-8"), str(self._path))
        raise ConfigError(
            [
                Mistake(str(self._path), lines.line(_SECTION + key), show(_SECTION + key), why)
                for key, why in self._found
            ]
        )
