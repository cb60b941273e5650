"""What is built, and in which order it starts; the rest is seen from outside, as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from accredit.agent.config import load_config
from accredit.agent.plan import Plan
from accredit.agent.wiring import wired
from accredit.identity.errors import ConfigError, StoreError

_CONFIG = "trust_domain: a\ndata_dir: data\nsocket: api.sock\nadmin_socket: admin.sock\n"


def plan(folder: Path, more: str = "") -> Plan:
    path = folder / "accredit.yaml"
    path.write_text(_CONFIG + more)
    path.chmod(0o600)
    return load_config(path).plan(path)


async def test_what_serves_starts_last_and_so_stops_first(tmp_path: Path) -> None:
    async with wired(plan(tmp_path)) as agent:
        names = [component.name for component in agent.components]
        federation = ["federation", "sections", "bundle endpoint"]
        assert names == [
            *("authority", "rotation", "entries"),
            *federation,
            *("admin", "outputs", "listener", "jwks"),
        ]
        assert agent.status() == f"a at {tmp_path}/api.sock: 0 entries"


async def test_outputs_start_before_what_serves(
    tmp_path: Path,
) -> None:
    outputs = "outputs: [{profile: pem, folder: files}]\n"
    async with wired(plan(tmp_path, outputs)) as agent:
        names = [component.name for component in agent.components]
        assert names[names.index("admin") :] == ["admin", "outputs", "listener", "jwks"]
    assert not (tmp_path / "files").exists()


async def test_an_attestor_that_works_by_itself_starts_before_what_serves(tmp_path: Path) -> None:
    async with wired(plan(tmp_path, "attestation: {k8s: {}}\n")) as agent:
        names = [component.name for component in agent.components]
        assert names.index("entries") < names.index("k8s") < names.index("listener")


def test_an_agent_without_kubernetes_does_not_load_a_client_for_it() -> None:
    script = "import accredit.agent.wiring, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "accredit.attestation.kubernetes.settings" in loaded
    assert not {"httpx", "accredit.attestation.kubernetes.attestor"} & set(loaded)


def test_an_agent_without_outputs_does_not_load_what_they_are_made_of() -> None:
    script = "import accredit.agent.wiring, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "accredit.agent.wiring" in loaded
    for name in (
        "agent.output_group",
        "file_output.output",
        "file_output.store",
        "file_output.tell.command",
    ):
        assert f"accredit.{name}" not in loaded


async def test_nothing_is_left_open_so_that_it_can_be_built_again(tmp_path: Path) -> None:
    for _ in range(2):
        async with wired(plan(tmp_path)):
            pass


async def test_two_agents_cannot_have_one_data_folder(tmp_path: Path) -> None:
    async with wired(plan(tmp_path)):
        with pytest.raises(StoreError, match="is in use by another accredit"):
            async with wired(plan(tmp_path)):
                pass


async def test_services_that_are_switched_off_are_not_built(tmp_path: Path) -> None:
    off = plan(
        tmp_path, "sds: {enabled: false}\nworkload_api: {enabled: false}\njwks: {enabled: false}\n"
    )
    assert (off.sds, off.workload_api) == (None, None)
    async with wired(off) as agent:
        assert [each.name for each in agent.components][-1] == "listener"


async def test_entries_with_mistakes_build_nothing(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir(mode=0o755)
    with_folder = plan(tmp_path, "entries_dir: more\n")
    (tmp_path / "more/a.yaml").write_text("entries: [{id: 7}]")
    with pytest.raises(ConfigError, match=r"a\.yaml:1: entries\[0\]\.id: expected a path"):
        async with wired(with_folder):
            pass
    assert not (tmp_path / "data").exists()


def test_only_an_agent_with_an_endpoint_loads_its_server() -> None:
    code = "import sys, accredit.agent.wiring; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found = {name for name in done.stdout.split() if ".bundle_endpoint." in name}
    assert found == {"accredit.agent.bundle_endpoint.settings"}


async def test_the_endpoint_stops_before_what_it_serves_from(tmp_path: Path) -> None:
    more = "federation: {endpoint: {listen: '127.0.0.1:1', profile: https_spiffe}}\n"
    async with wired(plan(tmp_path, more)) as agent:
        names = [component.name for component in agent.components]
        assert names.index("authority") < names.index("bundle endpoint") < names.index("admin")
