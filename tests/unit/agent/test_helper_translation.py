from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from accredit.agent.config_file_watch import load_file_watch
from accredit.agent.helper_conf import parse_helper_conf
from accredit.agent.helper_translation import Here, Translation, translate
from accredit.file_output.spec import Kind
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.way import Nothing
from accredit.identity.errors import ConfigError

HERE = Here(Path("/home/web"), 100)
NAMES = (
    'cert_dir = "/certs"\nsvid_file_name = "svid.pem"\nsvid_key_file_name = "key.pem"\n'
    'svid_bundle_file_name = "bundle.pem"\n'
)


def made(text: str) -> Translation:
    return translate(parse_helper_conf(text, "helper.conf"), HERE)


def output(text: str) -> dict[str, Any]:
    outputs: Any = made(text).document["outputs"]
    (found,) = outputs
    assert isinstance(found, dict)
    return found


def noted(text: str) -> dict[str, str]:
    return {note.key: note.text for note in made(text).notes if not note.lost}


def lost(text: str) -> dict[str, str]:
    return {note.key: note.text for note in made(text).notes if note.lost}


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        made(text).require_all()
    return str(caught.value)


def saved(folder: Path, text: str) -> Path:
    path = folder / "helper.conf"
    path.write_text(text)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


def test_the_three_files_of_an_identity() -> None:
    assert output(NAMES) == {
        "name": "spiffe-helper",
        "folder": "/certs",
        "files": [
            {"kind": "certificate", "name": "svid.pem"},
            {"kind": "key", "name": "key.pem"},
            {"kind": "own-bundle", "name": "bundle.pem"},
        ],
        "reload": False,
    }


@pytest.mark.parametrize("address", ["/run/api.sock", "unix:///run/api.sock"])
def test_the_address_is_one_of_a_workload_endpoint(address: str) -> None:
    found = made(f'agent_address = "{address}"\n{NAMES}')
    assert found.document["socket"] == "unix:///run/api.sock"


def test_without_an_address_the_environment_says() -> None:
    assert "socket" not in made(NAMES).document


def test_the_hint_stays() -> None:
    assert output(NAMES + 'hint = "internal"')["hint"] == "internal"
    assert "hint" not in output(NAMES + 'hint = ""')


def test_federated_bundles_are_never_pooled() -> None:
    text = NAMES + "include_federated_domains = true"
    foreign = {"kind": "foreign-bundles", "name": "bundle-{trust_domain}.pem"}
    assert output(text)["files"][3] == foreign
    assert "each authority could sign for every" in noted(text)["include_federated_domains"]


def test_jwt_bundles_are_plain_key_sets() -> None:
    text = NAMES + 'jwt_bundle_file_name = "keys.json"\njwt_bundle_file_mode = 0640'
    assert output(text)["files"][3:] == [
        {"kind": "jwks", "name": "keys.json", "mode": "0640"},
        {"kind": "foreign-jwks", "name": "keys-{trust_domain}.json", "mode": "0640"},
    ]
    assert "base64" in noted(text)["jwt_bundle_file_name"]


def test_each_audience_gets_a_file_of_its_own() -> None:
    text = (
        'cert_dir = "/certs"\njwt_svids = [{jwt_audience="a", jwt_extra_audiences=["b", "a"],'
        ' jwt_svid_file_name="t.jwt"}, {jwt_audience="c", jwt_svid_file_name="c.jwt"}]'
    )
    assert output(text)["files"] == [
        {"kind": "jwt", "name": "t.jwt", "audience": "a"},
        {"kind": "jwt", "name": "t.1.jwt", "audience": "b"},
        {"kind": "jwt", "name": "c.jwt", "audience": "c"},
    ]
    assert "one file for each audience" in noted(text)["jwt_svids[0].jwt_extra_audiences"]
    assert "jwt_svids[1].jwt_extra_audiences" not in noted(text)


def test_modes_are_kept_where_they_are_safe() -> None:
    text = NAMES + "cert_file_mode = 0664\nkey_file_mode = 0644"
    certificate, key, bundle = output(text)["files"]
    assert certificate["mode"] == bundle["mode"] == "0644"
    assert (key["mode"], key["group"]) == ("0640", 100)
    assert "gets 0644 instead of 0664" in noted(text)["cert_file_mode"]
    assert [note for note in made(text).notes if "key.pem gets 0640 instead of 0644" in note.text]
    assert "group" not in output(NAMES + "key_file_mode = 0400")["files"][1]


def test_a_pid_file_and_a_signal_are_a_reload() -> None:
    text = NAMES + 'pid_file_name = "nginx.pid"\nrenew_signal = "SIGUSR1"'
    assert output(text)["reload"] == {"signal": "USR1", "pid_file": "/home/web/nginx.pid"}
    assert "starts at /home/web" in noted(text)["pid_file_name"]
    without = NAMES + 'pid_file_name = "/run/nginx.pid"'
    assert "helper.conf:5: pid_file_name: needs renew_signal" in refused(without)


def test_a_command_is_split_as_spiffe_helper_does() -> None:
    text = (
        NAMES + r'cmd = "mysql"' + "\n" + r'cmd_args = "-e \"ALTER INSTANCE  TLS\" --x=\"y\" $HOME"'
    )
    words = ["mysql", "-e", "ALTER INSTANCE  TLS", '--x="y"', "$HOME"]
    assert output(text)["reload"] == {"command": words}
    assert "must end within 30 s" in noted(text)["cmd"]


@pytest.mark.parametrize("more", ["", 'pid_file_name = "/run/x.pid"\n'])
def test_a_program_that_spiffe_helper_kept_running_is_named_and_not_forgotten(more: str) -> None:
    text = NAMES + f'cmd = "envoy"\nrenew_signal = "SIGHUP"\n{more}'
    assert "accredit starts no program" in lost(text)["cmd"]
    assert refused(text).startswith("helper.conf:5: cmd: accredit starts no program")


@pytest.mark.parametrize(
    ("option", "key", "reason"),
    [
        ("add_intermediates_to_bundle = true", "add_intermediates_to_bundle", "like roots"),
        ("omit_expired = true", "omit_expired", "verifies nothing"),
        ("daemon_mode = false", "daemon_mode", "accredit file once -c FILE"),
        ("health_checks { listener_enabled = true }", "health_checks", "systemd is told"),
        ("", "cert_dir", "are not overwritten"),
    ],
)
def test_what_is_not_the_same_is_told_with_the_reason(option: str, key: str, reason: str) -> None:
    assert reason in noted(NAMES + option)[key]
    assert made(NAMES).notes[1:] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NAMES.replace("cert_dir", "hint"), "helper.conf: cert_dir: is missing"),
        ('cert_dir = "/a"', "svid_file_name: is missing; there is no file to write"),
        (
            'cert_dir = "/a"\nsvid_key_file_name = "k"',
            "svid_file_name: is missing; all three names are needed, or none",
        ),
    ],
)
def test_what_spiffe_helper_would_refuse_is_refused(text: str, reason: str) -> None:
    assert reason in refused(text)


def test_relative_folders_start_where_it_is_run() -> None:
    assert output(NAMES.replace("/certs", "certs"))["folder"] == "/home/web/certs"


def test_its_file_may_be_used_as_it_is(tmp_path: Path) -> None:
    text = NAMES + 'pid_file_name = "/run/x.pid"\nrenew_signal = "SIGHUP"\nkey_file_mode = 0640'
    path = saved(tmp_path, text)
    (plan,) = load_file_watch(path).plans(path)
    assert plan.recipe.reload == Signal("/run/x.pid")
    assert [spec.kind for spec in plan.recipe.files] == [
        Kind.CERTIFICATE,
        Kind.KEY,
        Kind.OWN_BUNDLE,
    ]
    assert plan.recipe.files[1].mode == 0o640
    assert plan.recipe.verify == Nothing()


def test_names_that_are_none_here_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path, NAMES.replace("key.pem", "sub/key.pem"))
    with pytest.raises(ConfigError, match=r"outputs\[0\].files\[1\].*'sub/key.pem' is not a file"):
        load_file_watch(path)
