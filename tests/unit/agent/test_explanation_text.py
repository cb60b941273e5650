from __future__ import annotations

from typing import Any

from accredit.agent.explanation_text import explanation_text

_ENTRY = {"id": "spiffe://a/web", "source": "f.yaml:3", "template": None}


def _process(**other: Any) -> dict[str, Any]:
    facts = {
        "pid": 7,
        "parent": 1,
        "name": "envoy",
        "pids": [7, 2],
        "uids": [5, 5, 5, 5],
        "gids": [6, 7, 6, 6],
        "groups": [27, 4],
        "executable": "/usr/bin/envoy",
        "namespaces": {"pid": "another", "user": "own", "mnt": "unknown"},
        "cgroup": ["0::/system.slice/envoy.service"],
    }
    return {
        "pid": 7,
        "facts": facts | other.pop("facts", {}),
        "selectors": [{"selector": "unix:uid:5", "trust": "kernel"}],
        "failures": {},
        "matching": [],
        "revoked": [],
        "nearest": [],
        "workload_api": None,
        "sds": None,
        **other,
    }


def _lines(*processes: dict[str, Any], more: int = 0, missed: int = 0) -> list[str]:
    found = {"processes": processes, "more": more, "missed": missed}
    return [" ".join(line.split()) for line in explanation_text(found).splitlines()]


def test_facts_selectors_and_their_trust_are_told() -> None:
    lines = _lines(_process())
    for line in (
        "process 7 (envoy)",
        "pid inside 2",
        "uid 5",
        "gid 6 7 6 6",
        "groups 27 4",
        "executable /usr/bin/envoy",
        "namespaces not ours pid mnt",
        "cgroup 0::/system.slice/envoy.service",
        "unix:uid:5 kernel",
    ):
        assert line in lines


def test_who_matches_nothing_is_told_so_and_what_it_lacks() -> None:
    lack = {"wanted": "unix:uid:0", "reason": "the caller has unix:uid:5"}
    lines = _lines(_process(nearest=[{"entry": _ENTRY, "lacks": [lack]}]))
    assert lines[lines.index("entries that match") + 1] == "none"
    near = lines.index("nearest entries that do not")
    assert lines[near + 1 : near + 3] == [
        "spiffe://a/web from f.yaml:3",
        "lacks unix:uid:0: the caller has unix:uid:5",
    ]
    assert "could not be told" not in lines


def test_an_instance_names_its_template() -> None:
    made = _ENTRY | {"template": "spiffe://a/{unix:user}"}
    assert "spiffe://a/web from f.yaml:3, made of spiffe://a/{unix:user}" in _lines(
        _process(matching=[made])
    )


def test_attestors_that_failed_are_told() -> None:
    assert "docker no answer" in _lines(_process(failures={"docker": "no answer"}))


def test_answers_are_told() -> None:
    svid = {"spiffe_id": "spiffe://a/web", "hint": "x", "ttl": "1h", "not_after": None}
    api = {
        "svids": [svid, svid | {"hint": "", "not_after": "2026-01-01T00:00:00Z"}],
        "bundles": ["a", "b"],
        "missing_bundles": ["c"],
    }
    lines = _lines(_process(workload_api=api, sds=[{"name": "default", "answer": "nothing: x"}]))
    for line in (
        "spiffe://a/web, ttl 1h, hint 'x', signed when it is asked for",
        "spiffe://a/web, ttl 1h, ends 2026-01-01T00:00:00Z",
        "bundles of a, b",
        "not here yet: bundles of c",
        "default nothing: x",
    ):
        assert line in lines


def test_no_identity_is_what_the_workload_api_says() -> None:
    api: dict[str, Any] = {"svids": [], "bundles": [], "missing_bundles": []}
    assert "no identity: PERMISSION_DENIED" in _lines(_process(workload_api=api))


def test_services_that_are_off_are_told() -> None:
    lines = _lines(_process())
    assert [lines[lines.index(each) + 1] for each in ("Workload API", "SDS")] == (
        ["switched off"] * 2
    )


def test_a_process_cannot_write_lines_of_ours() -> None:
    lines = _lines(_process(facts={"name": "x\n\x1b[2Jentries", "cgroup": ["0::/a\x07"]}))
    assert lines[0] == "process 7 (x\\n\\x1b[2Jentries)"
    assert "cgroup 0::/a\\x07" in lines


def test_what_is_not_shown_is_counted() -> None:
    assert _lines(_process(), more=3, missed=2)[-3:] == [
        "and 3 more processes",
        "",
        "2 processes could not be looked at",
    ]


def test_a_revoked_entry_is_told_as_the_reason() -> None:
    lines = _lines(_process(revoked=[_ENTRY]))
    at = lines.index("revoked entries, which would match")
    assert lines[at + 1] == "spiffe://a/web from f.yaml:3"
    assert lines[lines.index("entries that match") + 1] == "none"
