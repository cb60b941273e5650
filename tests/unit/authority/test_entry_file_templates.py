"""Entries of a file that are templates, for the references in their IDs."""

from __future__ import annotations

import pytest
from support.entry_text import mistakes, parse

from accredit.authority.entry_template import EntryTemplate
from accredit.identity.selector import Selector


def test_a_reference_in_the_id_makes_a_template() -> None:
    (found,) = parse("entries:\n- id: /ns/{k8s:ns}/sa/{k8s:sa}\n  hint: x\n")
    assert isinstance(found, EntryTemplate)
    assert (found.path, found.selectors, found.hint) == (
        "/ns/{k8s:ns}/sa/{k8s:sa}",
        frozenset(),
        "x",
    )


def test_a_whole_id_may_be_a_template_too() -> None:
    (found,) = parse("entries:\n- id: spiffe://td.example/u/{unix:user}\n  selectors: [a:b]\n")
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
    (mistake,) = mistakes(f"entries:\n- id: {path!r}\n")
    assert mistake.startswith("entries.yaml:2: entries[0].id: ")
    assert reason in mistake


def test_the_same_template_with_the_same_selectors_is_a_mistake() -> None:
    text = "entries:\n- {id: '/u/{unix:user}'}\n- {id: '/u/{unix:user}'}\n"
    (mistake,) = mistakes(text)
    assert "spiffe://td.example/u/{unix:user} with the same selectors stands in" in mistake
