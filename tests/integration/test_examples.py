"""Each example does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import needs
from support.agent_process import AgentProcess
from support.ports import free_port

from accredit.agent.config_file_watch import load_file_watch
from accredit.agent.config_kubernetes import KubernetesAttestor
from accredit.envoy.bootstrap import to_json
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile
from accredit.envoy.sidecar_file import read

_EXAMPLES = Path(__file__).parents[2] / "examples"
_UNITS = ["accredit.service", "files.service", "sidecar@.service"]
_CONFIGS = sorted(_EXAMPLES.rglob("accredit.yaml"))


def copied(folder: Path, example: Path, old: str = "", new: str = "") -> Path:
    """Give an example an owner and a mode that the agent accepts."""
    path = folder / example.name
    path.write_text(example.read_text().replace(old, new))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("example", _CONFIGS, ids=lambda path: path.parent.name)
def test_a_configuration_is_one(tmp_path: Path, example: Path) -> None:
    places = {"XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/state"}
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "check", "-c", copied(tmp_path, example)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **places},
    )
    assert done.returncode == 0, done.stderr
    assert "prod.example" in done.stdout


def _objects(name: str) -> dict[str, Any]:
    """Return the objects of a manifest by their kind."""
    text = (_EXAMPLES / "kubernetes" / name).read_text()
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_the_daemon_set_gives_the_agent_what_it_needs_of_the_node() -> None:
    found = _objects("agent.yaml")
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (pod["hostPID"], pod["hostNetwork"]) == (True, True)
    assert container["securityContext"]["privileged"]
    paths = {each["name"]: each.get("hostPath", {}).get("path") for each in pod["volumes"]}
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    assert set(paths) == set(mounts)
    config = (_EXAMPLES / "kubernetes/accredit.yaml").read_text()
    assert f"data_dir: {mounts['data']['mountPath']}\n" in config
    for name, place in paths.items():
        assert place in {None, mounts[name]["mountPath"]}
    assert paths["cgroups"] == "/sys/fs/cgroup"
    (variable,) = container["env"]
    assert variable["name"] == KubernetesAttestor().node_name_env
    rules = found["ClusterRole"]["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["nodes/pods"], "verbs": ["get"]}]


def test_a_workload_in_a_pod_mounts_the_folder_of_the_public_socket() -> None:
    found = _objects("workload.yaml")
    config = (_EXAMPLES / "kubernetes/accredit.yaml").read_text()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    (mount,), (variable,) = container["volumeMounts"], container["env"]
    assert variable["value"] == f"unix://{mount['mountPath']}/api.sock"
    assert f"socket: {volume['hostPath']['path']}/api.sock\n" in config
    assert mount["readOnly"]
    namespace, account = found["Deployment"]["metadata"]["namespace"], pod["serviceAccountName"]
    assert f'selectors: ["k8s:ns:{namespace}", "k8s:sa:{account}"]' in config


def test_the_kustomization_names_what_is_there() -> None:
    folder = _EXAMPLES / "kubernetes"
    found = yaml.safe_load((folder / "kustomization.yaml").read_text())
    files = [*found["resources"], *found["configMapGenerator"][0]["files"]]
    assert all((folder / name).is_file() for name in files)


@pytest.mark.parametrize(
    "example", sorted((_EXAMPLES / "sidecar").iterdir()), ids=lambda path: path.stem
)
def test_a_sidecar_file_gives_a_bootstrap_that_envoy_accepts(tmp_path: Path, example: Path) -> None:
    at = Surroundings(Profile.ACCREDIT, "/run/a/api.sock", str(tmp_path), date(2026, 11, 27))
    bootstrap = tmp_path / "bootstrap.json"
    here = copied(tmp_path, example, "/var/log/legacy", str(tmp_path))
    bootstrap.write_text(to_json(read(here, at)))
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", bootstrap], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    "example", sorted((_EXAMPLES / "files").iterdir()), ids=lambda path: path.name
)
def test_a_file_of_outputs_is_one(tmp_path: Path, example: Path) -> None:
    path = copied(tmp_path, example)
    plans = load_file_watch(path).plans(path)
    assert all(str(plan.folder).startswith("/run/accredit-files/") for plan in plans)
    if example.suffix == ".conf":
        done = subprocess.run(
            [sys.executable, "-m", "accredit", "file", "convert", path],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        printed = tmp_path / "converted.yaml"
        printed.write_text(done.stdout)
        printed.chmod(0o600)
        assert load_file_watch(printed).plans(printed) == plans


def test_the_minimal_one_gives_the_app_its_identity(tmp_path: Path) -> None:
    text = (_EXAMPLES / "minimal/accredit.yaml").read_text()
    assert len([line for line in text.splitlines() if not line.startswith("#")]) <= 10
    here = text.replace("unix:user:checkout", f"unix:uid:{os.geteuid()}")
    here = here.replace("/usr/bin/envoy", str(Path(sys.executable).resolve()))
    agent = AgentProcess(tmp_path, here)
    with agent.running():
        found = agent.command("api", "fetch", "x509", f"--socket=unix://{agent.socket}")
        assert "spiffe://prod.example/checkout" in found


@pytest.mark.slow
def test_two_partners_meet_rotate_and_part() -> None:
    # Sockets have short paths, and pytest's folders have not.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = {"18443": str(free_port()), "18444": str(free_port())}
        for example in (_EXAMPLES / "federation").iterdir():
            text = example.read_text()
            for old, new in ports.items():
                text = text.replace(old, new)
            (folder / example.name).write_text(text)
        program = folder / "accredit"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m accredit "$@"\n')
        program.chmod(0o700)
        done = subprocess.run(
            ["bash", folder / "run.sh", folder / "work"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "ACCREDIT": str(program)},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SPIFFE ID  spiffe://shop.example/app") == 2
    assert "no JWT keys of the subject's trust domain" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", _UNITS)
def test_systemd_accepts_the_unit(tmp_path: Path, name: str) -> None:
    verify = needs.program("systemd-analyze", apt="systemd")
    unit = _EXAMPLES / "systemd" / name
    here = copied(tmp_path, unit, "/opt/accredit/bin/accredit", sys.executable)
    # A template is checked as an instance of it.
    here = here.rename(here.with_name(name.replace("@", "@web")))
    done = subprocess.run([verify, "verify", here], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", _UNITS)
def test_the_unit_is_hardened(tmp_path: Path, name: str) -> None:
    analyze = needs.program("systemd-analyze", apt="systemd")
    unit = copied(tmp_path, _EXAMPLES / "systemd" / name)
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=25", unit],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_unit_and_configuration_mean_the_same_places() -> None:
    unit = (_EXAMPLES / "systemd/accredit.service").read_text().splitlines()
    config = (_EXAMPLES / "systemd/accredit.yaml").read_text()
    assert "StateDirectory=accredit" in unit
    assert "RuntimeDirectory=accredit" in unit
    assert "data_dir: /var/lib/accredit\n" in config
    assert "socket: /run/accredit/public/api.sock\n" in config
    assert "admin_socket: /run/accredit/private/admin.sock\n" in config


def test_only_accredit_gets_the_signals_of_a_sidecars_unit() -> None:
    unit = (_EXAMPLES / "systemd/sidecar@.service").read_text().splitlines()
    assert "KillMode=mixed" in unit
    assert "TimeoutStartSec=infinity" in unit
