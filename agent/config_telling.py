"""Sections of an output: how its program is checked, told of new files, and looked at."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from accredit.agent.config_types import (
    Account,
    Addresses,
    Count,
    Duration,
    Section,
    Text,
    Unit,
    Words,
)
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import DEFAULT_TIMEOUT, Command
from accredit.file_output.tell.haproxy import HaproxyRuntime, Loaded
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.systemd import Systemd, Verb
from accredit.file_output.tell.way import Nothing, Way
from accredit.file_output.verify import Verify

_NOTHING = Nothing()


def _environment(value: object) -> dict[str, str]:
    fits = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    if not isinstance(value, dict) or not fits:
        raise ValueError("expected names and texts, such as PGPASSFILE: /etc/accredit/pgpass")
    return value


Environment = Annotated[
    dict[str, str], BeforeValidator(_environment), Field(repr=False), Unit("names and texts")
]


class OutputCommand(Section):
    """A program that is run to its end, without a shell; `{dir}` is the output's folder."""

    command: Words | None = Field(
        default=None, description="The program and its arguments, as a list."
    )
    user: Account | None = Field(
        default=None, description="As whom it runs, with all of that user's groups."
    )
    group: Account | None = Field(default=None, description="Its group, if not the user's first.")
    environment: Environment = Field(
        default={}, description="Its environment, beside `PATH` and `LANG`; nothing is inherited."
    )
    timeout: Duration | None = Field(
        default=None,
        description="When it is killed with all its children. Default: 30s, or 90s for systemd.",
    )

    def _run(self, default: timedelta = DEFAULT_TIMEOUT) -> Command:
        return Command(
            self.command or (),
            self.timeout or default,
            self.user or "",
            self.group or "",
            self.environment,
        )

    def _check_command(self) -> None:
        if self.command is None and (self.user or self.group or self.environment):
            raise ValueError("user, group and environment belong to a command")


class OutputValidate(OutputCommand):
    """Looks at the program's configuration with the new files, before the program is told.

    `[nginx, -t]` is short for `{command: [nginx, -t]}`, and `false` means no such look.
    """

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_command()
        if self.model_fields_set and self.command is None:
            raise ValueError("expected a command")
        self.way()
        return self

    def way(self) -> Way:
        """Return what is done."""
        return self._run() if self.command else _NOTHING


class OutputReload(OutputCommand):
    """How the program is told of new files: one of `systemd`, `signal` and `command`.

    `haproxy` may have one of them beside it, for what its runtime API cannot do. `false` means
    that the program looks at its files by itself.
    """

    systemd: Text | None = Field(default=None, description="A unit, such as `nginx.service`.")
    verb: Annotated[Literal["reload", "restart", "try-reload-or-restart"], Unit("choice")] = Field(
        default="reload", description="What systemd does to the unit."
    )
    runtime_dir: Text | None = Field(
        default=None,
        description="`/run/user/UID` for a unit of that user's systemd.",
    )
    signal: Text | None = Field(
        default=None, description="A signal, such as `HUP`, to the process in `pid_file`."
    )
    pid_file: Text | None = Field(
        default=None, description="Absolute path of the program's pid file, read anew each time."
    )
    program: Text | None = Field(
        default=None,
        description="File name of the executable that the process must run. Without it the process "
        "must have started before its pid file was written.",
    )
    haproxy: Addresses | None = Field(
        default=None,
        description="Addresses of HAProxy's runtime API; certificates change without a reload.",
    )
    worker: Text | None = Field(
        default=None, description="With a master's socket, its name of the worker, such as `@1`."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_command()
        ways = [name for name in ("systemd", "pid_file", "command") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"expected one of {' and '.join(ways)}, not several")
        if self.model_fields_set and not ways and not self.haproxy:
            raise ValueError("expected systemd, signal with pid_file, command or haproxy")
        self._check_belongings()
        self.way(())
        return self

    def _check_belongings(self) -> None:
        for name, to in _BELONGS.items():
            if name in self.model_fields_set and not getattr(self, to):
                raise ValueError(f"{name} belongs to {to}")
        if self.pid_file and not self.pid_file.startswith(("/", "{dir}/")):
            raise ValueError("pid_file: expected an absolute path")

    def way(self, specs: tuple[FileSpec, ...]) -> Way:
        """Return what is done for an output of these files; ValueError if it cannot be."""
        plain = self._plain()
        if self.haproxy is None:
            return plain or _NOTHING
        sockets = tuple(Cli(each, self.worker or "") for each in self.haproxy)
        files = tuple(Loaded(spec.name) for spec in specs if spec.kind is Kind.COMBINED)
        return HaproxyRuntime(sockets, files, plain)

    def _plain(self) -> Way | None:
        if self.systemd:
            unit = Systemd(self.systemd, Verb(self.verb), runtime_dir=self.runtime_dir or "")
            return replace(unit, timeout=self.timeout) if self.timeout else unit
        if self.pid_file:
            return Signal(self.pid_file, _signal(self.signal or "HUP"), self.program or "")
        return self._run() if self.command else None


_BELONGS = {
    "verb": "systemd",
    "runtime_dir": "systemd",
    "signal": "pid_file",
    "program": "pid_file",
    "worker": "haproxy",
}


def _signal(name: str) -> signal.Signals:
    try:
        return signal.Signals[f"SIG{name.removeprefix('SIG')}"]
    except KeyError:
        raise ValueError(f"signal: {name[:20]!r} is not one; try HUP or USR1") from None


class OutputVerify(Section):
    """Looks at what the program serves, which must be the certificate just written.

    `"127.0.0.1:443"` is short for `{address: "127.0.0.1:443"}`, and `false` means no such look.
    """

    address: Addresses = Field(
        default=(), description="Where the program listens; with several, all must serve it."
    )
    server_name: Text | None = Field(default=None, description="Server name (SNI) to ask for.")
    starttls: Annotated[Literal["none", "postgresql", "mysql"], Unit("choice")] = Field(
        default="none", description="What is spoken before TLS."
    )
    within: Duration = Field(
        default=timedelta(seconds=10), description="How long the program may take to serve it."
    )
    in_a_row: Count = Field(
        default=3, description="How often in a row it must be seen: old workers linger."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model_fields_set and not self.address:
            raise ValueError("expected an address, such as 127.0.0.1:443")
        return self

    def way(self) -> Way:
        """Return what is done."""
        if not self.address:
            return _NOTHING
        tls = StartTls(self.starttls)
        return Verify(self.address, self.server_name or "", tls, self.within, self.in_a_row)


def _short(section: type[Section], kind: type, key: str) -> Callable[[Any], Any]:
    def read(value: object) -> object:
        if value is False:
            return section.model_construct()  # nothing set: nothing is done
        if value == {}:
            raise ValueError("expected keys and values, or false")
        return {key: value} if isinstance(value, kind) else value

    return read


Validate = Annotated[OutputValidate, BeforeValidator(_short(OutputValidate, list, "command"))]
Reload = Annotated[OutputReload, BeforeValidator(_short(OutputReload, list, "command"))]
Looks = Annotated[OutputVerify, BeforeValidator(_short(OutputVerify, str, "address"))]
