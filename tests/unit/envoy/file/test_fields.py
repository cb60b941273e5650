from __future__ import annotations

from datetime import timedelta

import pytest

from accredit.envoy.file.fields import Fields
from accredit.envoy.sidecar import Protocol, TlsVersion
from accredit.identity.yaml_lines import Key, Plain, show


class _Fields(Fields):
    def __init__(self, **data: Plain) -> None:
        self.told: list[str] = []
        super().__init__(data, ("at",), self._tell)

    def _tell(self, key: Key, reason: str) -> None:
        self.told.append(f"{show(key)}: {reason}")


def test_an_unknown_key_is_told_with_the_one_that_was_meant_or_with_all() -> None:
    fields = _Fields(lisen="a", zzz="b", app="c")
    fields.only("listen", "app")
    assert fields.told == [
        "at.lisen: unknown key; did you mean 'listen'?",
        "at.zzz: unknown key; expected listen, app",
    ]


def test_of_very_many_unknown_keys_a_hundred_are_told() -> None:
    fields = _Fields(**{f"k{n}": 1 for n in range(5000)})
    fields.only("listen")
    assert len(fields.told) == 101
    assert fields.told[-1] == "at: has 5000 unknown keys"


@pytest.mark.parametrize("empty", [None, []])
def test_a_key_without_a_value_is_told_and_reads_as_its_default(empty: Plain) -> None:
    fields = _Fields(key=empty)
    fields.only("key")
    fields.missing("key", "something")
    assert fields.told == ["at.key: is empty; give it a value, or remove the key"]
    assert not fields.has("key")


def test_what_is_missing_is_told_at_the_section() -> None:
    fields = _Fields()
    fields.missing("app", "such as 127.0.0.1:8080")
    assert fields.told == ["at: 'app' is missing; expected such as 127.0.0.1:8080"]


@pytest.mark.parametrize("value", [0, 4, True, 2.0, "3", None, [], 10**99])
def test_a_number_out_of_bounds_or_of_another_type_reads_as_the_default(value: Plain) -> None:
    fields = _Fields(retries=value)
    assert fields.number("retries", 2, 1, 3) == 2
    quoted = ", without quotes" if value == "3" else ""
    assert fields.told == (
        [] if value is None else [f"at.retries: expected a whole number from 1 to 3{quoted}"]
    )


def test_fields_that_are_not_there_read_as_their_defaults() -> None:
    fields = _Fields()
    assert fields.number("a", 2, 1, 3) == 2
    assert fields.flag("a", default=True)
    assert fields.choice("a", Protocol.GRPC) is Protocol.GRPC
    assert fields.duration("a", timedelta(7)) == timedelta(7)
    assert fields.parsed("a", str) is None
    assert fields.section("a") is None
    assert (fields.sections("a"), fields.parsed_list("a", str)) == ([], ())
    assert fields.told == []


def test_fields_that_are_right_read_as_they_are() -> None:
    fields = _Fields(n=3, f=False, c="tcp", v=1.2, d="1m", s={"x": 1}, t=["b", "a"])
    assert fields.number("n", 2, 1, 3) == 3
    assert not fields.flag("f", default=True)
    assert fields.choice("c", Protocol.HTTP) is Protocol.TCP
    assert fields.choice("v", TlsVersion.TLS_1_3) is TlsVersion.TLS_1_2  # unquoted, a number
    assert fields.duration("d", timedelta(7)) == timedelta(minutes=1)
    section = fields.section("s")
    assert section is not None
    assert section.number("x", 2, 1, 3) == 1
    assert fields.parsed_list("t", str.upper) == ("B", "A")
    assert fields.told == []


def test_fields_that_are_wrong_read_as_their_defaults_and_are_told() -> None:
    fields = _Fields(f="yes", c="udp", d="soon", s=[1], l=["a", 1, "a"], m=[{}, "x"])
    assert fields.flag("f", default=True)
    assert fields.choice("c", Protocol.HTTP) is Protocol.HTTP
    assert fields.duration("d", timedelta(7)) == timedelta(7)
    assert fields.section("s") is None
    assert fields.parsed_list("l", str) == ("a",)
    assert len(fields.sections("m")) == 1
    assert fields.told == [
        "at.f: expected true or false",
        "at.c: expected one of http, http2, grpc, tcp",
        "at.d: 'soon' is not a duration; expected one such as 20s, 5m, 1h, 30d",
        "at.s: expected keys and values",
        "at.l[1]: expected text; quote it if it looks like a number",
        "at.l[2]: 'a' is listed twice",
        "at.m[1]: expected keys and values",
    ]


def test_one_value_alone_is_a_list_of_one_and_is_told_without_a_place() -> None:
    fields = _Fields(l=5, m={"bad": 1})
    assert fields.parsed_list("l", str) == ()
    (section,) = fields.sections("m")
    section.only("good")
    assert fields.told == [
        "at.l: expected text; quote it if it looks like a number",
        "at.m.bad: unknown key; expected good",
    ]


def test_more_sections_than_an_envoy_could_hold_are_refused() -> None:
    fields = _Fields(m=[{}] * 1001)
    assert len(fields.sections("m")) == 1000
    assert fields.told == ["at.m: has more than 1000 items"]
