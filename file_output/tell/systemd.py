"""Through systemd, by its own client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from accredit.file_output.tell.command import Command
from accredit.file_output.tell.way import Written

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}")
_TIMEOUT = timedelta(seconds=90)  # systemd's own for a unit's job


class Verb(StrEnum):
    """What to ask for."""

    RELOAD = "reload"
    RESTART = "restart"
    TRY_RELOAD_OR_RESTART = "try-reload-or-restart"


@dataclass(frozen=True, slots=True)
class Systemd:
    """``systemctl VERB UNIT``, which ends when the unit's own reload has.

    ``runtime_dir``, such as /run/user/1000, makes it that user's systemd instead of the system's.
    """

    unit: str
    verb: Verb = Verb.RELOAD
    timeout: timedelta = _TIMEOUT
    runtime_dir: str = ""

    def __post_init__(self) -> None:
        if not _UNIT.fullmatch(self.unit):
            raise ValueError(f"{self.unit[:100]!r} is not the name of a unit: try nginx.service")

    @property
    def command(self) -> Command:
        """What is run."""
        scope = ("--user",) if self.runtime_dir else ()
        argv = ("systemctl", *scope, "--no-ask-password", str(self.verb), "--", self.unit)
        environment = {"XDG_RUNTIME_DIR": self.runtime_dir} if self.runtime_dir else {}
        return Command(argv, self.timeout, environment=environment)

    async def tell(self, written: Written) -> None:
        """Run it."""
        await self.command.tell(written)

    def __str__(self) -> str:
        return f"systemctl {self.verb} {self.unit}"
