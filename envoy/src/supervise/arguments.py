"""How Envoy is called. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_OURS = (
    "-c",
    "--config-path",
    "--config-yaml",
    "--base-id",
    "--base-id-path",
    "--use-dynamic-base-id",
    "--restart-epoch",
    "--mode",
    "--socket-path",
    "--socket-mode",
    "--disable-hot-restart",
    "--skip-hot-restart-parent-stats",
    "--skip-hot-restart-on-no-parent",
    "--drain-time-s",
    "--drain-strategy",
    "--parent-shutdown-time-s",
    "-l",
    "--log-level",
    "--concurrency",
)
SOCKET = "hot"
# What is still open when the drain is over has been told to close; this much later it is closed.
_AFTER_DRAIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator chooses. Without ``concurrency`` Envoy has a worker for each core."""

    log_level: str = "warning"
    concurrency: int | None = None
    drain_time: timedelta = timedelta(seconds=30)
    further: tuple[str, ...] = ()

    @property
    def parent_shutdown(self) -> timedelta:
        """How long after a takeover the old process ends, whoever is still connected."""
        return self.drain_time + _AFTER_DRAIN


def not_yours(further: Sequence[str]) -> str:
    """Return the first of ``further`` arguments that is not the operator's to give, or ""."""
    return next((each for each in further if _is_ours(each)), "")


def _is_ours(argument: str) -> bool:
    name = argument.split("=", 1)[0]
    # TCLAP takes -cFILE for -c FILE.
    return name in _OURS or (not name.startswith("--") and name.startswith(("-c", "-l")))


def validate(bootstrap: Path) -> list[str]:
    """Return the arguments that check ``bootstrap`` and start nothing."""
    # Without hot restart: it would leave shared memory behind, or trip over another user's.
    return [
        *("--mode", "validate", "--config-path", str(bootstrap)),
        *("--log-level", "critical", "--log-format", "%v", "--disable-hot-restart"),
    ]


def serve(options: Options, bootstrap: Path, base_id: int, epoch: int) -> list[str]:
    """Return the arguments of a process; its sockets lie beside its ``bootstrap``."""
    workers = [] if options.concurrency is None else ["--concurrency", str(options.concurrency)]
    return [
        *("--config-path", str(bootstrap), "--log-level", options.log_level, *workers),
        *("--base-id", str(base_id), "--restart-epoch", str(epoch)),
        # A path in a private folder: abstract sockets are open to everybody, whatever the mode.
        *("--socket-path", str(bootstrap.parent / SOCKET), "--socket-mode", "600"),
        *("--drain-time-s", _seconds(options.drain_time), "--drain-strategy", "immediate"),
        *("--parent-shutdown-time-s", _seconds(options.parent_shutdown)),
        # Each counts from zero, so that what a process says of itself is not its parent's.
        "--skip-hot-restart-parent-stats",
        *options.further,
    ]


def _seconds(time: timedelta) -> str:
    return str(max(1, round(time.total_seconds())))
