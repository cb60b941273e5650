from __future__ import annotations

import json

from accredit.envoy.plaintext import Plaintext


def _line(security: str, source: str = "10.0.0.7:4711", **more: str) -> str:
    entry = {"listener": "inbound_0", "security": security, "from": source, **more}
    return json.dumps(entry) + "\n"


def _read(*lines: str) -> Plaintext:
    found = Plaintext()
    found.read(lines)
    return found


def test_callers_are_counted_by_address_whatever_their_port() -> None:
    found = _read(
        _line("plaintext", "10.0.0.7:1", time="2026-11-02T10:00:00Z", user_agent="curl/8"),
        _line("plaintext", "10.0.0.7:2", time="2026-11-01T10:00:00Z"),
        _line("plaintext", "[fd00::1]:3", time="2026-11-01T10:00:00Z"),
    )
    first, second = found.callers
    assert (first.address, first.count, first.program) == ("10.0.0.7", 2, "curl/8")
    assert (first.first, first.last) == ("2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z")
    assert (second.address, second.count) == ("fd00::1", 1)


def test_the_same_address_at_two_listeners_is_two_lines() -> None:
    found = _read(_line("plaintext"), _line("plaintext", listener="inbound_1"))
    assert [each.listener for each in found.callers] == ["inbound_0", "inbound_1"]


def test_secured_requests_are_only_counted_and_refused_ones_and_the_apps_own_are_not() -> None:
    found = _read(_line("mtls"), _line("mtls", refused="no certificate"), _line("app"))
    assert (found.lines, found.mtls, found.callers) == (3, 1, [])


def test_what_a_supervisor_puts_before_a_line_does_not_matter() -> None:
    found = _read("Nov 27 10:00:00 host envoy[7]: " + _line("plaintext"))
    assert [each.address for each in found.callers] == ["10.0.0.7"]


def test_lines_that_are_no_log_are_skipped() -> None:
    strange = ["[info] {", "{}", "[1]", '{"security": 7}', '{"a":' * 100_000, "", "null\n", "{]"]
    found = _read(*strange, _line("plaintext"))
    assert (found.lines, len(found.callers)) == (9, 1)


def test_what_a_caller_says_of_itself_cannot_steer_a_terminal() -> None:
    (caller,) = _read(_line("plaintext", user_agent="\x1b[2Jevil" + "x" * 300)).callers
    assert caller.program.startswith("[2Jevil")
    assert len(caller.program) == 200


def test_memory_is_bounded_however_many_addresses_there_are() -> None:
    found = Plaintext()
    found.read(
        _line("plaintext", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}:1") for n in range(10_050)
    )
    assert len(found.callers) == 10_001
    assert (found.callers[0].address, found.callers[0].count) == ("(others)", 50)
