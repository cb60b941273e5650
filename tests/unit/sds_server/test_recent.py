from __future__ import annotations

from accredit.sds_server.recent import Recent


def test_what_was_used_longest_ago_is_made_again() -> None:
    made: list[str] = []
    recent: Recent[int] = Recent(2)

    def get(key: str) -> int:
        def make() -> int:
            made.append(key)
            return len(made)

        return recent.memo(key, make)

    assert [get("a"), get("b"), get("a")] == [1, 2, 1]
    get("c")
    assert get("a") == 1
    assert get("b") == 4
    assert made == ["a", "b", "c", "b"]
