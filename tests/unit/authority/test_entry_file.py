from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.authority.entry import Entry
from accredit.authority.entry_file import EntryDefaults, EntryReader, entry_id, parse_entries
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.identity.errors import ConfigError
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.yaml_lines import load

_OWN = TrustDomain("td.example")
_DEFAULTS = EntryDefaults()

_FULL = """\
entries:
  - id: /ns/payments/sa/checkout
    selectors: ["unix:user:checkout", "unix:path:/usr/bin/checkout"]
    ttl: 20m
    jwt_ttl: 1m
    federates_with: [partner.example, spiffe://other.example]
    hint: internal
    default: true
    dns_names: [checkout.internal, "*.checkout.internal"]
  - id: spiffe://td.example/db
    selectors: ["unix:uid:70"]
"""


def _parse(text: str) -> tuple[Declared, ...]:
    return parse_entries(text, "entries.yaml", _OWN, _DEFAULTS)


def _mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def _one(*fields: str) -> str:
    given_keys = {field.partition(":")[0] for field in fields}
    basics = {"id": "/web", "selectors": '["unix:uid:1"]'}
    rest = [f"{key}: {value}" for key, value in basics.items() if key not in given_keys]
    return "entries:\n  - " + "\n    ".join([*rest, *fields]) + "\n"


def test_an_entry_is_read_with_all_its_fields() -> None:
    checkout, _ = _parse(_FULL)
    assert isinstance(checkout, Entry)
    assert str(checkout.spiffe_id) == "spiffe://td.example/ns/payments/sa/checkout"
    assert checkout.selectors == {
        Selector("unix", "user:checkout"),
        Selector("unix", "path:/usr/bin/checkout"),
    }
    assert checkout.x509_ttl == timedelta(minutes=20)
    assert checkout.jwt_ttl == timedelta(minutes=1)
    assert checkout.federates_with == (TrustDomain("partner.example"), TrustDomain("other.example"))
    assert checkout.hint == "internal"
    assert checkout.default
    assert checkout.dns_names == ("checkout.internal", "*.checkout.internal")
    assert checkout.source == "entries.yaml:2"


def test_an_entry_needs_no_more_than_an_id_and_selectors() -> None:
    _, db = _parse(_FULL)
    assert db.shown_id == "spiffe://td.example/db"
    assert (db.hint, db.default, db.dns_names, db.federates_with) == ("", False, (), ())
    assert db.order == 1


@pytest.mark.rows("SV-11")
def test_lifetimes_that_nobody_chose_are_short() -> None:
    _, db = _parse(_FULL)
    assert db.x509_ttl <= timedelta(hours=1)
    assert db.jwt_ttl <= timedelta(minutes=5)


@pytest.mark.parametrize("text", ["", "entries:\n", "entries: []\n", "# nothing yet\n"])
def test_a_file_may_hold_no_entries(text: str) -> None:
    assert _parse(text) == ()


@pytest.mark.rows("SV-09")
def test_an_id_of_another_trust_domain_is_refused() -> None:
    assert _mistakes(_one("id: spiffe://b.example/x")) == [
        "entries.yaml:3: entries[0].id: belongs to trust domain b.example; expected td.example"
    ]


@pytest.mark.rows("WC-22")
def test_a_hint_has_at_most_1024_bytes() -> None:
    (longest,) = _parse(_one(f"hint: {'é' * 512}"))
    assert len(longest.hint.encode()) == 1024
    assert _mistakes(_one(f"hint: {'é' * 512}x")) == [
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
    (found,) = _mistakes(_one(field))
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
    (found,) = _mistakes(text)
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
    assert [mistake.split(": ")[:2] for mistake in _mistakes(text)] == [
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
    (mistake,) = _mistakes(text)
    assert mistake.startswith("entries.yaml:3: entries: spiffe://td.example/web with the same sel")
    assert mistake.endswith("stands in entries.yaml:2 already")


def test_one_identity_for_two_sets_of_selectors_is_fine() -> None:
    text = "entries:\n- {id: /web, selectors: [a:b]}\n- {id: /web, selectors: [c:d]}\n"
    assert len({entry.entry_id for entry in _parse(text)}) == 2


def test_the_entry_id_follows_from_id_and_selectors_alone() -> None:
    (before,) = _parse(_one("selectors: [a:b, c:d]", "hint: old"))
    (after,) = _parse(_one("selectors: [c:d, a:b]", "hint: new", "ttl: 5m"))
    assert before.entry_id == after.entry_id == "d9862bc5a1995e83"


def test_selectors_that_only_join_to_the_same_text_give_other_ids() -> None:
    web = SpiffeId(_OWN, "/web")
    assert entry_id(web, [Selector("a", "b"), Selector("c", "d")]) != entry_id(
        web, [Selector("a", "b\nc:d")]
    )


def test_two_defaults_are_allowed_as_their_callers_may_differ() -> None:
    entries = _parse(
        "entries:\n"
        "- {id: /a, selectors: [unix:uid:1], default: true}\n"
        "- {id: /b, selectors: [unix:uid:1], default: true}\n"
    )
    assert all(entry.default for entry in entries)


def test_the_entries_of_a_file_with_other_keys_are_read_where_those_are_known() -> None:
    data, lines = load("trust_domain: td.example\n" + _FULL, "accredit.yaml")
    reader = EntryReader("accredit.yaml", lines, _OWN, _DEFAULTS)
    checkout, _ = reader.read(data)
    assert reader.mistakes == []
    assert checkout.source == "accredit.yaml:3"


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
        found = _parse(text)
        assert all(each.shown_id.startswith("spiffe://td.example/") for each in found)
        assert all(each.selectors or isinstance(each, EntryTemplate) for each in found)


@given(st.text())
def test_no_text_does_worse_than_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        _parse(text)


def test_a_reference_in_the_id_makes_a_template() -> None:
    (found,) = _parse("entries:\n- id: /ns/{k8s:ns}/sa/{k8s:sa}\n  hint: x\n")
    assert isinstance(found, EntryTemplate)
    assert (found.path, found.selectors, found.hint) == (
        "/ns/{k8s:ns}/sa/{k8s:sa}",
        frozenset(),
        "x",
    )


def test_a_whole_id_may_be_a_template_too() -> None:
    (found,) = _parse("entries:\n- id: spiffe://td.example/u/{unix:user}\n  selectors: [a:b]\n")
    assert found.shown_id == "spiffe://td.example/u/{unix:user}"
    assert found.selectors == {Selector("a", "b")}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/{unix:user}", "a template begins with a segment of plain text"),
        ("/u/{unix:usr}", "{unix:usr} is unknown"),
        ("spiffe://other.example/u/{unix:user}", "belongs to trust domain other.example"),
        ("spiffe://{unix:user}/u", "trust domain is empty or not lowercase"),
        ("https://td.example/u/{unix:user}", "scheme is not spiffe://"),
    ],
)
def test_a_bad_template_is_a_mistake_with_its_line(path: str, reason: str) -> None:
    (mistake,) = _mistakes(f"entries:\n- id: {path!r}\n")
    assert mistake.startswith("entries.yaml:2: entries[0].id: ")
    assert reason in mistake


def test_the_same_template_with_the_same_selectors_is_a_mistake() -> None:
    text = "entries:\n- {id: '/u/{unix:user}'}\n- {id: '/u/{unix:user}'}\n"
    (mistake,) = _mistakes(text)
    assert "spiffe://td.example/u/{unix:user} with the same selectors stands in" in mistake
