from __future__ import annotations

import signal

import pytest

from accredit.file_output.tell.heeds import handles, handles_now

STATUS = "Name:\tx\nShdPnd:\t{0:016x}\nSigBlk:\t{1:016x}\nSigIgn:\t{2:016x}\nSigCgt:\t{3:016x}\n"
HUP, OTHER = 1 << (signal.SIGHUP - 1), 1 << (signal.SIGUSR2 - 1)


@pytest.mark.parametrize(
    ("masks", "at_all", "now"),
    [
        ((0, 0, 0, HUP | OTHER), True, True),
        ((0, HUP, 0, HUP), True, False),
        ((0, HUP, 0, 0), True, False),
        ((0, 0, HUP, 0), False, False),
        ((HUP, 0, 0, 0), False, False),
        ((0, OTHER, 0, OTHER), False, False),
    ],
)
def test_a_signal_is_heeded_by_who_has_a_handler_that_may_run(
    masks: tuple[int, ...], at_all: bool, now: bool
) -> None:
    status = STATUS.format(*masks).encode()
    assert handles(status, signal.SIGHUP) is at_all
    assert handles_now(status, signal.SIGHUP) is now
