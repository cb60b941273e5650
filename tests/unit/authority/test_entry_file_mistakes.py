"""What is wrong in a file of entries: each mistake with its line, all of them at once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entry_text import mistakes, one, parse

from accredit.authority.entry_template import EntryTemplate
from accredit.identity.errors import ConfigError


@pytest.mark.rows("SV-09")
def test_an_id_of_another_trust_domain_is_refused() -> None:
    assert mistakes(one("id: spiffe://b.example/x")) == [
        "entries.yaml:3: entries[0].id: belongs to trust domain b.example; expected td.example"
    ]


@pytest.mark.rows("WC-22")
def test_a_hint_has_at_most_1024_bytes() -> None:
    (longest,) = parse(one(f"hint: {'é' * 512}"))
    assert len(longest.hint.encode()) == 1024
    assert mistakes(one(f"hint: {'é' * 512}x")) == [
        "entries.yaml:4: entries[0].hint: is longer than 1024 bytes"
    ]


@pytest.mark.parametrize(
    ("field", "mistake"),
    [
        ("id: spiffe://td.example", "entries[0].id: a workload's SPIFFE ID needs a path"),
        ("id: web", "entries[0].id: expected a path such as /ns/web, or a whole SPIFFE ID"),
        ("id: 5", "entries[0].id: expected a path such as /ns/web"),
        ("id: /a/../b", "'spiffe://td.example/a/../b' is not a SPIFFE ID: bad path segment '..'"),
        ("id: http://x/y", "'http://x/y' is not a SPIFFE ID: scheme is not spiffe://"),
        ("selectors: []", "entries[0].selectors: expected at least one, such as unix:uid:1000"),
        ("selectors:", "entries[0].selectors: expected at least one"),
        (
            "selectors: unix:uid:1",
            "entries[0].selectors: expected a list such as ['unix:uid:1000']",
        ),
        (
            "selectors: [{unix: uid}]",
            "selectors[0]: expected text such as 'unix:uid:1000', in quot",
        ),
        ("selectors: [uid]", "entries[0].selectors[0]: 'uid:' is not a selector: expected type:v"),
        ("selectors: [unix:usr:web]", "selectors[0]: unix:usr is unknown; expected one of uid, us"),
        ("selectors: [unix:uid:x]", "selectors[0]: unix:uid needs a decimal number, not 'x'"),
        ("selectors: [a:b, a:b]", "entries[0].selectors[1]: 'a:b' is listed twice"),
        ("ttl: 3600", "entries[0].ttl: expected a duration such as 1h"),
        ("ttl: 1 hour", "entries[0].ttl: '1 hour' is not a duration; expected one such as 20s"),
        ("jwt_ttl: 0s", "entries[0].jwt_ttl: '0s' is out of range"),
        ("federates_with: b.example", "entries[0].federates_with: expected a list"),
        ("federates_with: [B.example]", "federates_with[0]: 'spiffe://B.example' is not a SPIFFE"),
        ("federates_with: [spiffe://b/x]", "federates_with[0]: 'spiffe://b/x' is not a SPIFFE ID"),
        ("federates_with: [td.example]", "federates_with[0]: is the own trust domain"),
        ("federates_with: [b, b]", "entries[0].federates_with[1]: 'b' is listed twice"),
        ("hint: 5", "entries[0].hint: expected one line of text; quote it"),
        ('hint: "a\\nb"', "entries[0].hint: expected one line of text"),
        ("default: yes", "entries[0].default: expected true or false"),
        ("dns_names: [Web]", "dns_names[0]: 'Web' is not a lower-case DNS name"),
        (f"dns_names: [{'a' * 64}]", "is not a lower-case DNS name"),
        (f"dns_names: [{'.'.join(['a' * 63] * 4)}]", "is not a lower-case DNS name"),
        ("hnt: internal", "entries[0].hnt: unknown key; did you mean 'hint'?"),
        ("zzz: 1", "entries[0].zzz: unknown key; expected id, selectors, ttl"),
    ],
)
def test_a_bad_field_is_one_mistake_with_its_key_and_what_was_expected(
    field: str, mistake: str
) -> None:
    (found,) = mistakes(one(field))
    assert mistake in found


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("- id: /a", "entries.yaml:1: expected 'entries:' and below it a list"),
        ("just text", "entries.yaml:1: expected 'entries:' and below it a list"),
        ("entries: 5", "entries.yaml:1: entries: expected a list of entries, each with 'id'"),
        (
            "entries:\n- /a",
            "entries.yaml:2: entries[0]: expected an entry with 'id' and 'selectors",
        ),
        ("ttl: 1h", "entries.yaml:1: ttl: unknown key; a file of entries holds 'entries' only"),
    ],
)
def test_a_file_of_another_shape_says_what_was_expected(text: str, mistake: str) -> None:
    (found,) = mistakes(text)
    assert mistake in found


def test_all_mistakes_come_at_once_each_with_its_line() -> None:
    text = (
        "entries:\n"
        "  - id: spiffe://b.example/x\n"
        "    selectors: [unix:usr:web]\n"
        "    ttl: 5\n"
        "  - selectors:\n"
        "      - unix:uid:1\n"
        "      - unix:uid:x\n"
        "more: true\n"
    )
    assert [mistake.split(": ")[:2] for mistake in mistakes(text)] == [
        ["entries.yaml:8", "more"],
        ["entries.yaml:2", "entries[0].id"],
        ["entries.yaml:3", "entries[0].selectors[0]"],
        ["entries.yaml:4", "entries[0].ttl"],
        ["entries.yaml:5", "entries[1].id"],
        ["entries.yaml:7", "entries[1].selectors[1]"],
    ]


def test_one_identity_for_the_same_selectors_twice_is_a_mistake() -> None:
    text = (
        "entries:\n"
        "- {id: /web, selectors: [a:b, c:d]}\n"
        "- {id: spiffe://td.example/web, selectors: [c:d, a:b], hint: again}\n"
    )
    (mistake,) = mistakes(text)
    assert mistake.startswith("entries.yaml:3: entries: spiffe://td.example/web with the same sel")
    assert mistake.endswith("stands in entries.yaml:2 already")


_values = st.recursive(
    st.sampled_from(
        ["/web", "unix:uid:1", "5", "true", "~", "1h", "spiffe://td.example/x", "''", "b.example"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"{k}: {v}" for k, v in items.items()) + "}"
        )
    ),
    max_leaves=5,
)
_keys = st.sampled_from(
    ["id", "selectors", "ttl", "jwt_ttl", "federates_with", "hint", "default", "dns_names", "x"]
)


@given(st.lists(st.dictionaries(_keys, _values, max_size=9), max_size=4))
def test_no_fields_do_worse_than_a_config_error(entries: list[dict[str, str]]) -> None:
    items = ["{" + ", ".join(f"{k}: {v}" for k, v in each.items()) + "}" for each in entries]
    text = f"entries: [{', '.join(items)}]"
    with suppress(ConfigError):
        found = parse(text)
        assert all(each.shown_id.startswith("spiffe://td.example/") for each in found)
        assert all(each.selectors or isinstance(each, EntryTemplate) for each in found)


@given(st.text())
def test_no_text_does_worse_than_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        parse(text)
