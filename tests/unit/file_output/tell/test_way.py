from __future__ import annotations

from pathlib import Path

from support.file_sets import marked

from accredit.file_output.tell.way import Nothing, Written

OLD, NEW = marked("1", "a", "b"), marked("2", "a", "c")


def test_the_folder_is_filled_in_and_contents_are_found_by_name() -> None:
    written = Written(Path("/files"), NEW)
    assert written.fill("{dir}/a and {dir}/b") == "/files/a and /files/b"
    assert written.content("a") == b"2 a\n"
    assert written.content("b") is None
    assert "2 a" not in repr(written)


def test_what_changed_is_known_where_the_set_before_is() -> None:
    assert Written(Path("/files"), NEW).changed() is None
    assert Written(Path("/files"), NEW, before=OLD).changed() == frozenset("abc")
    assert Written(Path("/files"), NEW, before=NEW).changed() == frozenset()


async def test_nothing_is_easily_done() -> None:
    await Nothing().tell(Written(Path("/files"), NEW))
    assert str(Nothing()) == "nothing to do"
