from __future__ import annotations

from typing import Any

from accredit.agent.revocation_text import lists_text, revoked_text

SVID = {
    "serial": "abc",
    "spiffe_id": "spiffe://prod.example/a",
    "entry_id": "e",
    "not_after": "2026-01-01T01:00:00Z",
}
NOTHING: dict[str, Any] = {"revoked": [], "revoked_before": [], "problem": ""}
EMPTY: dict[str, Any] = {"entries": [], "svids": [], "crls": [], "problem": ""}
ENTRY = {"entry_id": "e", "spiffe_id": "spiffe://prod.example/a", "since": "s", "declared": False}
CRL = {"root": "kid", "number": 7, "revoked": 1, "next_update": "n", "replaced_at": "r"}


def test_each_thing_that_was_revoked_has_a_line() -> None:
    text = revoked_text(NOTHING | {"entries": ["e"], "revoked": [SVID], "revoked_before": [SVID]})
    assert text.splitlines() == [
        "entry e is revoked",
        "SVID abc of spiffe://prod.example/a, until 2026-01-01T01:00:00Z, is revoked",
        "SVID abc of spiffe://prod.example/a, until 2026-01-01T01:00:00Z, was revoked before",
    ]


def test_what_is_in_the_way_is_told_with_every_answer() -> None:
    assert revoked_text(NOTHING | {"problem": "nobody has the key"}) == "BUT nobody has the key"
    assert lists_text(EMPTY | {"problem": "no key"}).endswith("BUT no key")


def test_nothing_revoked_is_told_in_words() -> None:
    assert lists_text(EMPTY) == "no entry is revoked\n\nno SVID is revoked"


def test_entries_svids_and_lists_each_have_a_table() -> None:
    svid = SVID | {"since": "s"}
    entries, svids, crls = lists_text(
        EMPTY | {"entries": [ENTRY], "svids": [svid], "crls": [CRL]}
    ).split("\n\n")
    assert entries.splitlines()[1].split() == ["spiffe://prod.example/a", "e", "s"]
    assert svids.splitlines()[1].split()[:2] == ["spiffe://prod.example/a", "abc"]
    assert crls.splitlines()[1].split() == ["kid", "7", "1", "n"]
