from __future__ import annotations

from pathlib import Path

from accredit.agent.config_file_watch import load_file_watch, translated
from accredit.agent.helper_yaml import as_yaml
from accredit.file_output.tell.command import Command
from accredit.identity.yaml_lines import load

NAMES = (
    'cert_dir = "/certs"\nsvid_file_name = "svid.pem"\nsvid_key_file_name = "key.pem"\n'
    'svid_bundle_file_name = "bundle.pem"\n'
)


def saved(folder: Path, text: str, name: str = "helper.conf") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_what_is_printed_means_the_same_as_the_file_itself(tmp_path: Path) -> None:
    text = NAMES + 'cmd = "mysql"\ncmd_args = "-e \\"x: y\\""\ninclude_federated_domains = true'
    path = saved(tmp_path, text)
    printed = saved(tmp_path, as_yaml(translated(text, path)), "accredit.yaml")
    (plan,) = load_file_watch(path).plans(path)
    assert load_file_watch(printed).plans(printed) == (plan,)
    assert plan.recipe.reload == Command(("mysql", "-e", "x: y"))


def test_notes_are_comments_and_cannot_become_anything_else() -> None:
    found = translated(NAMES + 'cmd = "a"\nrenew_signal = "HUP"', Path("helper.conf"))
    found.note("evil", "a\nsocket: unix:///evil\x1b" + "long " * 50)
    printed = as_yaml(found)
    data, _ = load(printed, "x")
    assert data == found.document
    head = [line for line in printed.splitlines() if line.startswith("#")]
    assert any(line.startswith("# - cmd: NOT TRANSLATED: accredit starts") for line in head)
    assert "\x1b" not in printed
    assert max(len(line) for line in head) <= 100
