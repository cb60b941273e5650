"""The daemons that may be asked about containers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

UID = "{uid}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """One daemon that speaks the Docker API, and what to take from it.

    ``owner`` is the user who must be serving ``socket``: whoever serves it may say anything.
    """

    name: str
    socket: Path
    env: bool = False
    owner: int = 0
    timeout: timedelta = timedelta(seconds=2)

    def __str__(self) -> str:
        return f"{self.name} at {self.socket}"

    def of_user(self, uid: int) -> Runtime:
        """Return that of one user, where ``socket`` has a place for the user's number."""
        return replace(self, socket=Path(str(self.socket).replace(UID, str(uid))), owner=uid)


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The daemons of one machine; None for one that is not to be asked.

    ``users`` has the Podman of single users asked, each for the containers of that user.
    """

    docker: Runtime | None = None
    podman: Runtime | None = None
    users: Runtime | None = None

    def of(self, folder: str) -> Runtime | None:
        """Return whose containers have a cgroup of this name."""
        return self.podman if is_podmans(folder) else self.docker


def is_podmans(folder: str) -> bool:
    """Whether a cgroup has a name as only Podman gives them."""
    return folder.rpartition("/")[2].startswith("libpod-")
