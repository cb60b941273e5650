"""What ``accredit check`` warns of in outputs, and in entries for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from accredit.agent.config import load_config
from accredit.agent.doubts import doubts

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
_OUTPUT = "outputs:\n  - {name: web, profile: pem, folder: FOLDER}\n"
_NO_ENTRY = (
    "output 'web' gets no identity: no entry is for it; add one with selectors: [\"output:web\"]"
)
_ENTRY = "entries:\n  - {id: /web, selectors: ['output:web'], hint: x}\n"


def found(folder: Path, text: str) -> list[str]:
    path = folder / "accredit.yaml"
    path.write_text(_HEAD + text.replace("FOLDER", str(folder / "web")))
    path.chmod(0o600)
    plan = load_config(path).plan(path)
    told = doubts(plan, plan.entry_files.read())
    return [each.replace(str(path), "FILE") for each in told if "is on a disk" not in each]


def test_an_output_with_an_entry_raises_none(tmp_path: Path) -> None:
    assert found(tmp_path, _ENTRY + _OUTPUT) == []
    off = "workload_api: {enabled: false}\nsds: {enabled: false}\n"
    assert found(tmp_path, _ENTRY + _OUTPUT + off) == []
    assert not (tmp_path / "web").exists()


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (
            _OUTPUT + "entries: [{id: /b, selectors: ['unix:uid:1']}]\n",
            _NO_ENTRY,
        ),
        (
            _ENTRY + _OUTPUT.replace("{name", "{spiffe_id: /b, name"),
            "output 'web' gets no identity: none of its entries is /b",
        ),
        (
            _ENTRY + _OUTPUT.replace("{name", "{hint: y, name"),
            "output 'web' gets no identity: none of its entries is hint 'y'",
        ),
        (_ENTRY, "FILE:6: output:web never holds: there is no such output"),
        (
            _ENTRY + "  - {id: /b, selectors: ['output:wep']}\n" + _OUTPUT,
            "FILE:7: output:wep never holds: there is no such output; did you mean output:web?",
        ),
        (
            _ENTRY + "  - {id: '/b/{unix:user}', selectors: ['output:web']}\n" + _OUTPUT,
            "FILE:7: never holds: an output has no selector but output:web",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['output:web', 'unix:uid:1']}\n" + _OUTPUT,
            "FILE:7: never holds: an output has no selector but output:web",
        ),
    ],
)
def test_what_is_probably_not_meant_is_told_with_its_place(
    tmp_path: Path, text: str, doubt: str
) -> None:
    assert found(tmp_path, text) == [doubt]


def test_one_template_is_enough_for_all_outputs(tmp_path: Path) -> None:
    template = "entries:\n  - id: /file/{output}\n"
    assert found(tmp_path, template + _OUTPUT) == []
    named = _OUTPUT.replace("{name", "{spiffe_id: /file/web, name")
    assert found(tmp_path, template + named) == []
    spoilt = _OUTPUT.replace("name: web", "name: 'web server'")
    assert found(tmp_path, template + spoilt)[0].startswith("output 'web server' gets no identity")


def test_two_paths_to_one_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path)
    other = "  - {name: b, profile: pem, folder: way/web}\n"
    told = found(tmp_path, _ENTRY + "  - {id: /b, selectors: ['output:b']}\n" + _OUTPUT + other)
    [doubt] = [each for each in told if "by another path" in each]
    assert doubt.startswith("output 'b': ")
