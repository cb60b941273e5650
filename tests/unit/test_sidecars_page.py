"""docs/sidecars.md names every key that the reader knows, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.sidecar_text import in_flow, out_flow, told, whole

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs/sidecars.md").read_text()
_FILES = {
    "sidecar": whole() + "  zzz: 1\n",
    "inbound": whole(in_flow("zzz: 1")),
    "allow": whole(in_flow("allow: [{id: /web, methods: GET, zzz: 1}]")),
    "jwt": whole(in_flow("jwt: {audience: a, zzz: 1}")),
    "health_check": whole(in_flow("health_check: {zzz: 1}")),
    "probe": whole(in_flow("probe: {listen: 0.0.0.0:1, paths: /a, zzz: 1}")),
    "outbound": whole(out_flow("zzz: 1")),
    "redirect": whole(
        "redirect: {users: a, zzz: 1}\noutbound: [{intercept: '*:80', to: a:1, expect: /s}]"
    ),
}


def _documented(section: str) -> set[str]:
    table = _PAGE.split(f"\n### {section}\n")[1].split("\n##")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


@pytest.mark.parametrize("section", sorted(_FILES))
def test_the_page_has_each_key_of_each_section(section: str) -> None:
    (mistake,) = told(_FILES[section])
    assert "zzz: unknown key; expected " in mistake
    assert _documented(section) == set(mistake.partition("; expected ")[2].split(", "))


def test_the_page_has_no_section_that_is_not_compared() -> None:
    assert set(re.findall(r"^### (\w+)$", _PAGE, re.MULTILINE)) == set(_FILES)


@pytest.mark.parametrize("page", ["docs/sidecars.md", "README.md"])
def test_each_whole_file_on_a_page_has_no_mistake(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (_ROOT / page).read_text(), re.DOTALL)
    files = [block for block in blocks if re.search("^sidecar:", block, re.MULTILINE)]
    assert files
    for file in files:
        assert told(file) == []
