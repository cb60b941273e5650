from __future__ import annotations

from pathlib import Path

import pytest

from accredit.authority.entry_file import EntryDefaults
from accredit.authority.entry_files import EntryFiles, Known, is_entry_file
from accredit.identity.errors import ConfigError
from accredit.identity.spiffe_id import TrustDomain


def _files(config: Path | None = None, folder: Path | None = None) -> EntryFiles:
    return EntryFiles(TrustDomain("td.example"), EntryDefaults(), config, folder)


def _entry(path: str) -> str:
    return f"entries:\n- {{id: {path}, selectors: [a:b]}}\n"


def _ids(files: EntryFiles) -> list[str]:
    return [each.path for each in files.read()]


def test_the_configuration_comes_first_then_the_folder_by_name(tmp_path: Path) -> None:
    config, folder = tmp_path / "accredit.yaml", tmp_path / "entries"
    folder.mkdir()
    config.write_text("trust_domain: td.example\n" + _entry("/config"))
    (folder / "b.yaml").write_text(_entry("/b"))
    (folder / "a.yml").write_text(_entry("/a"))
    files = _files(config, folder)
    assert _ids(files) == ["/config", "/a", "/b"]
    assert [each.order for each in files.read()] == [0, 1, 2]


def test_a_folder_that_does_not_exist_holds_no_entries(tmp_path: Path) -> None:
    assert _ids(_files(folder=tmp_path / "later")) == []
    assert _ids(_files()) == []


def test_a_folder_that_is_a_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: cannot be listed: Not a directory"):
        _files(folder=tmp_path / "file").read()


def test_hidden_files_and_editors_copies_are_not_read(tmp_path: Path) -> None:
    for name in (".a.yaml.swp", ".a.yaml", "a.yaml~", "a.yaml.bak", "README", "#a.yaml#", "4913"):
        (tmp_path / name).write_text("not: entries")
    assert _ids(_files(folder=tmp_path)) == []
    assert is_entry_file("a.yaml")


def test_the_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_entry("bad"))
    (tmp_path / "b.yaml").write_text("a: ]")
    (tmp_path / "c.yaml").write_text(_entry("/fine"))
    (tmp_path / "d.yaml").write_text("trust_domain: td.example\n")
    with pytest.raises(ConfigError) as caught:
        _files(folder=tmp_path).read()
    found = [(Path(mistake.path).name, mistake.line) for mistake in caught.value.mistakes]
    assert found == [("a.yaml", 2), ("b.yaml", 1), ("d.yaml", 1)]


def test_one_identity_in_two_files_is_a_mistake_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_entry("/web"))
    (tmp_path / "b.yaml").write_text(_entry("/web"))
    with pytest.raises(ConfigError, match=r"b\.yaml:2: .* stands in .*a\.yaml:2 already"):
        _files(folder=tmp_path).read()


def test_a_configuration_that_is_gone_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"accredit\.yaml: cannot be read"):
        _files(config=tmp_path / "accredit.yaml").read()


def test_a_file_that_has_not_changed_is_not_parsed_again(tmp_path: Path) -> None:
    known: Known = {}
    (tmp_path / "a.yaml").write_text(_entry("/a"))
    (tmp_path / "b.yaml").write_text(_entry("/b"))
    files = _files(folder=tmp_path)
    files.read(known)
    before = known[tmp_path / "a.yaml"][1]
    (tmp_path / "b.yaml").write_text(_entry("/c"))
    assert [each.path for each in files.read(known)] == ["/a", "/c"]
    assert known[tmp_path / "a.yaml"][1] is before
    (tmp_path / "a.yaml").unlink()
    files.read(known)
    assert set(known) == {tmp_path / "b.yaml"}


def test_a_file_that_was_bad_meanwhile_is_read_again(tmp_path: Path) -> None:
    known: Known = {}
    file = tmp_path / "a.yaml"
    for text, ids in ((_entry("/a"), ["/a"]), ("a: ]", None), (_entry("/a"), ["/a"])):
        file.write_text(text)
        if ids is None:
            with pytest.raises(ConfigError):
                _files(folder=tmp_path).read(known)
        else:
            assert [e.path for e in _files(folder=tmp_path).read(known)] == ids


def test_texts_are_read_as_if_they_were_the_files() -> None:
    config, other = Path("/x/accredit.yaml"), Path("/x/entries/a.yaml")
    found = _files(config).parse(
        [(config, "trust_domain: td.example\n" + _entry("/a")), (other, _entry("/b"))]
    )
    assert [(each.path, each.order, each.source) for each in found] == [
        ("/a", 0, "/x/accredit.yaml:3"),
        ("/b", 1, "/x/entries/a.yaml:2"),
    ]


def test_mistakes_in_all_texts_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        _files(Path("/c")).parse(
            [
                (Path("/a"), "more: 1\n" + _entry("/a")),
                (Path("/b"), _entry("/b")),
                (Path("/d"), _entry("/b")),
                (Path("/e"), "entries: ]"),
            ]
        )
    places = [str(each).split(": ")[0] for each in caught.value.mistakes]
    assert places == ["/a:1", "/e:1", "/d:2"]
