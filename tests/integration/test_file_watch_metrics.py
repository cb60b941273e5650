"""Metrics of ``accredit file watch``, which are the agent's own of the same outputs."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

from support.agent_process import AgentProcess
from support.eventually import eventually
from support.exposition import scraped
from support.file_watch import FileWatch, agent_config, leaf
from support.ports import free_port

_FILE = """\
socket: unix://{socket}
metrics: {{listen: "{listen}"}}
outputs:
  - {{name: web, profile: pem, folder: web, hint: internal}}
  - {{name: broken, profile: pem, folder: broken, reload: [/no/program]}}
"""


def watch_of(agent: AgentProcess, folder: Path, listen: str) -> FileWatch:
    file = folder / "files.yaml"
    file.write_text(_FILE.format(socket=agent.socket, listen=listen))
    file.chmod(0o600)
    return FileWatch(folder, "-c", file)


def _counts(port: int, sample: tuple[str, ...]) -> float:
    return scraped(port)[sample]


async def test_outputs_are_counted_under_the_agents_names(tmp_path: Path) -> None:
    port = free_port()
    agent = AgentProcess(tmp_path, agent_config(tmp_path))
    watch = watch_of(agent, tmp_path, f"127.0.0.1:{port}")
    served = ("accredit_output_state", "web", "served")
    failing = ("accredit_output_state", "broken", "failing")
    with agent.running(), watch.running():
        await eventually(lambda: _counts(port, served) == _counts(port, failing) == 1)
        found = scraped(port)
        ends = leaf(tmp_path / "web").not_valid_after_utc.timestamp()
        assert found["accredit_output_expiry_timestamp_seconds", "web"] == ends
        assert found["accredit_output_failures_total", "broken"] >= 1
        assert found["accredit_problems",] == 1
        manual = (Path(__file__).parents[2] / "docs/operations.md").read_text()
        documented = set(re.findall(r"`(accredit_\w+)", manual))
        assert {name for name, *_ in found if not name.endswith("_created")} == {
            each
            for each in documented
            if each.startswith(("accredit_output_", "accredit_build", "accredit_start"))
        } | {"accredit_problems"}
        assert agent.stop() == 0
        await eventually(lambda: _counts(port, ("accredit_problems",)) == 2)
        assert watch.stop() == 0


async def test_a_change_of_metrics_needs_a_restart_and_that_is_told(tmp_path: Path) -> None:
    port = free_port()
    agent = AgentProcess(tmp_path, agent_config(tmp_path))
    watch = watch_of(agent, tmp_path, f"127.0.0.1:{port}")
    with agent.running(), watch.running():
        await eventually(lambda: scraped(port))
        watch_of(agent, tmp_path, f"127.0.0.1:{free_port()}")
        watch.send(signal.SIGHUP)
        await eventually(lambda: "a change of socket, logging or metrics" in watch.logged())
        assert scraped(port)


def test_an_address_that_cannot_be_had_ends_it_and_is_told(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, agent_config(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        watch = watch_of(agent, tmp_path, listen)
        with watch.running():
            assert watch.ended() == 1
    assert f"metrics: cannot listen at {listen}: " in watch.logged()
    assert "Traceback" not in watch.logged()
