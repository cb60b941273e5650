"""Metrics of a real agent, as a real Prometheus and others read them."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.exposition import scraped
from support.ports import free_port
from support.real_program import Program
from support.unix_http import get

_BASE = """\
trust_domain: prod.example
metrics: {{listen: "{listen}", connections: 4}}
entries:
  - {{id: /web, selectors: ["output:web"]}}
  - {{id: /broken, selectors: ["output:broken"]}}
  - {{id: /me, selectors: ["unix:uid:{uid}"]}}
outputs:
  - {{name: web, profile: pem, folder: web}}
  - {{name: broken, profile: pem, folder: broken, reload: [/no/program]}}
"""


def agent_at(folder: Path, listen: str) -> AgentProcess:
    return AgentProcess(folder, _BASE.format(listen=listen, uid=os.geteuid()))


def prometheus(folder: Path, target: int) -> Program:
    """A Prometheus that scrapes one port every second."""
    binary, port = needs.program("prometheus", apt="prometheus"), free_port()
    (folder / "prometheus.yml").write_text(
        "scrape_configs:\n  - job_name: accredit\n    scrape_interval: 1s\n"
        f'    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]\n'
    )
    command = (
        *(binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
        f"--web.listen-address=127.0.0.1:{port}",
    )
    return Program(folder, command, port)


def query(port: int, expression: str) -> list[float]:
    words = urllib.parse.urlencode({"query": expression})
    url = f"http://127.0.0.1:{port}/api/v1/query?{words}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        found = json.load(answer)
    return [float(each["value"][1]) for each in found["data"]["result"]]


def test_prometheus_reads_what_the_agent_counts(tmp_path: Path) -> None:
    port = free_port()
    agent, reader = agent_at(tmp_path, f"127.0.0.1:{port}"), prometheus(tmp_path, port)
    with agent.running(), reader.running():
        agent.command("api", "fetch", "x509", f"--socket=unix://{agent.socket}")

        def read(expression: str) -> list[float]:
            return query(reader.port, expression)

        def comes(expression: str, *values: float) -> None:
            wait_until(lambda: read(expression) == [*values])

        # A scrape that is late, on a busy machine, leaves nothing to read for a moment.
        comes('accredit_output_state{state="served",output="web"}', 1)
        comes('accredit_output_failures_total{output="broken"} >= bool 1', 1)
        comes('accredit_output_state{state="failing",output="broken"}', 1)
        comes("accredit_x509_svids_signed_total", 3)
        expiry = 'accredit_output_expiry_timestamp_seconds{output="web"}'
        comes(f"({expiry} - time() > bool 0) * ({expiry} - time() <= bool 3600)", 1)
        comes("up", 1)
        comes("accredit_problems", 1)
        # Nothing of a caller, and few enough to name each.
        wait_until(lambda: 0 < len(read('{__name__=~"accredit_.+"}')) < 80)
        assert read('{__name__=~"accredit_.+",uid!=""}') == []


def test_the_manual_names_every_metric_and_no_other_and_its_alerts_are_rules(
    tmp_path: Path,
) -> None:
    manual = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    _, _, chapter = manual.partition("## Metrics\n")
    table, _, rules = chapter.partition("```yaml\n")
    port = free_port()
    agent = agent_at(tmp_path, f"127.0.0.1:{port}")
    with agent.running(), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    there = set(re.findall(r"^# HELP (accredit_\w+)", text, re.MULTILINE))
    assert set(re.findall(r"accredit_\w+", table)) == there
    file = tmp_path / "rules.yaml"
    file.write_text(rules.partition("```")[0])
    assert set(re.findall(r"accredit_\w+", file.read_text())) <= there
    promtool = needs.program("promtool", apt="prometheus")
    subprocess.run([promtool, "check", "rules", file], check=True, capture_output=True)


def test_nothing_secret_and_nobody_who_called_is_in_it(tmp_path: Path) -> None:
    port = free_port()
    agent = agent_at(tmp_path, f"127.0.0.1:{port}")
    with agent.running():
        agent.command("api", "fetch", "x509", f"--socket=unix://{agent.socket}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        for word in ("spiffe://", "BEGIN", "/no/program", str(tmp_path)):
            assert word not in text
        assert scraped(port)["accredit_entries",] == 3


def test_a_socket_is_for_its_owner_and_group_and_the_agent_needs_no_network(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    agent = agent_at(tmp_path, f"unix:{path}")
    with agent.running():
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        status, answer = get(path, "/metrics")
        assert (status, b"accredit_entries 3.0" in answer) == (200, True)
        assert agent.stop() == 0
    assert not path.exists()


def test_visitors_who_say_nothing_or_nonsense_cost_the_others_little(tmp_path: Path) -> None:
    port = free_port()
    agent = agent_at(tmp_path, f"127.0.0.1:{port}")
    where = ("127.0.0.1", port)
    with agent.running():
        for said in (b"GET /metrics HTTP/1.1\r\n" + b"x: y\r\n" * 5000, b"\x16\x03\x01\x00\x01"):
            with socket.create_connection(where, 20) as visitor:
                visitor.sendall(said)
                answer = visitor.recv(100)
                assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
        silent = [socket.create_connection(where, 20) for _ in range(6)]
        try:
            # Four may stay; the last ones are hung up on at once.
            assert silent[-1].recv(10) == b""
        finally:
            for each in silent:
                each.close()
        wait_until(lambda: _answers(port))
        assert "connections are open" in agent.log.read_text()


def _answers(port: int) -> bool:
    try:
        return ("accredit_entries",) in scraped(port)
    except OSError:
        return False


def test_an_agent_without_metrics_does_not_load_what_they_are_made_with() -> None:
    script = "import accredit.agent.wiring, sys; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "accredit.agent.metrics.sources" in loaded
    assert not [name for name in loaded if name.startswith("prometheus_client")]


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "192.0.2.1:9464"])
def test_an_address_that_cannot_be_had_is_told(tmp_path: Path, listen: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mine = listen.replace("127.0.0.1:1", f"127.0.0.1:{taken.getsockname()[1]}")
        agent = agent_at(tmp_path, mine)
        done = subprocess.run(
            [sys.executable, "-m", "accredit", "run", "-c", agent.config],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"metrics: cannot listen at {mine}: " in done.stderr
    assert "Traceback" not in done.stderr
