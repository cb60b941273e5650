from __future__ import annotations

from dataclasses import replace

from support.entries import entry


def test_where_an_entry_stands_makes_no_difference_to_what_it_is() -> None:
    web = entry("/web")
    assert replace(web, order=7, source="other.yaml:12") == web
    assert replace(web, hint="internal") != web
