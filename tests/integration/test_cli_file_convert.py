"""``accredit file convert`` and ``accredit file snippet`` as processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.file_watch import file

_CONF = """\
agent_address = "/run/spire/sockets/agent.sock"
cmd = "nginx"
renew_signal = "SIGHUP"
cert_dir = "/certs"
svid_file_name = "svid.pem"
svid_key_file_name = "key.pem"
svid_bundle_file_name = "bundle.pem"
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "helper.conf"
    path.write_text(_CONF)
    path.chmod(0o600)
    return path


def test_what_is_lost_is_said_beside_the_result_and_refused_by_watch(conf: Path) -> None:
    done = file("convert", conf)
    assert done.returncode == 0
    assert "socket: unix:///run/spire/sockets/agent.sock\n" in done.stdout
    assert f"{conf}: cmd: not translated: accredit starts no program" in done.stderr
    watched = file("watch", conf)
    assert watched.returncode == 1
    assert f"{conf}:2: cmd: accredit starts no program" in watched.stderr


def test_a_file_that_is_no_hcl_is_1(conf: Path) -> None:
    conf.write_text("outputs: []\n- x")
    done = file("convert", conf)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{conf}: is not HCL" in done.stderr


def test_a_snippet_and_its_script_are_for_one_program(tmp_path: Path) -> None:
    asked = ("--allow", "spiffe://td.example/web", "--write-scripts", tmp_path, "--dir", "/f")
    done = file("snippet", "nginx", *asked)
    assert done.returncode == 0, done.stderr
    assert f"js_import spiffe from {tmp_path}/spiffe.js;" in done.stdout
    assert "function" in (tmp_path / "spiffe.js").read_text()
    wrong = file("snippet", "redis", "--allow", "spiffe://td.example/web")
    assert wrong.returncode == 2
    assert "redis cannot be made to check SPIFFE IDs" in wrong.stderr
