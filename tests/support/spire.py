"""A real SPIRE: a server, and an agent that joined it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accredit.identity.bundle import TrustBundle, encode_bundle
from support import needs
from support.eventually import wait_until
from support.ports import free_port
from support.real_program import Program

ME = f"unix:uid:{os.geteuid()}"


class SpireServer(Program):
    """``settings`` are further lines of its section ``server``, such as ``federation``.

    What it knows lies in its folder and outlives it; its CA's keys too.
    """

    def __init__(
        self, folder: Path, trust_domain: str = "prod.example", settings: str = ""
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.trust_domain = trust_domain
        config, self.socket = folder / "server.conf", folder / "server.sock"
        command = (needs.spire() / "spire-server", "run", "-config", config)
        super().__init__(folder, command, free_port())
        config.write_text(f"""
server {{
    bind_address = "127.0.0.1"
    bind_port = "{self.port}"
    socket_path = "{self.socket}"
    trust_domain = "{trust_domain}"
    data_dir = "{folder}"
    log_level = "DEBUG"
    ca_key_type = "ec-p256"
    experimental {{ cache_reload_interval = "200ms" }}
{settings}
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = "{folder}/server.sqlite3"
        }}
    }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    KeyManager "disk" {{ plugin_data {{ keys_path = "{folder}/server.keys" }} }}
}}
""")

    def is_up(self) -> bool:
        return _says(needs.spire() / "spire-server", "healthcheck", "-socketPath", self.socket)

    def cli(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run a command of the server's own CLI, such as ``"bundle", "show"``; return stdout."""
        done = subprocess.run(
            [needs.spire() / "spire-server", *arguments, "-socketPath", self.socket],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def join_token(self) -> str:
        found: dict[str, str] = json.loads(self.cli("token", "generate", "-output", "json"))
        return found["value"]

    def set_bundle(self, bundle: TrustBundle) -> None:
        """Let it know a trust domain that entries may federate with."""
        name = f"spiffe://{bundle.trust_domain}"
        self.cli(
            "bundle", "set", "-format", "spiffe", "-id", name, stdin=encode_bundle(bundle).decode()
        )


class SpireAgent(Program):
    """Joins ``server``, which has to run, when it starts first; then it knows who it is.

    ``settings`` are further lines of its section ``agent``.
    """

    def __init__(self, folder: Path, server: SpireServer, settings: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self.server = server
        self.token = server.join_token()
        self.config, self.socket = folder / "agent.conf", folder / "api.sock"
        command = (needs.spire() / "spire-agent", "run", "-config", self.config)
        super().__init__(folder, command, 0)
        roots = folder / "roots.pem"
        roots.write_text(server.cli("bundle", "show"))
        self.config.write_text(f"""
agent {{
    server_address = "127.0.0.1"
    server_port = "{server.port}"
    socket_path = "{self.socket}"
    trust_domain = "{server.trust_domain}"
    trust_bundle_path = "{roots}"
    join_token = "{self.token}"
    data_dir = "{folder}"
    log_level = "DEBUG"
    experimental {{ sync_interval = "500ms" }}
{settings}
}}
plugins {{
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    KeyManager "disk" {{ plugin_data {{ directory = "{folder}" }} }}
    WorkloadAttestor "unix" {{ plugin_data {{ discover_workload_path = true }} }}
}}
""")

    def is_up(self) -> bool:
        return _says(needs.spire() / "spire-agent", "healthcheck", "-socketPath", self.socket)

    def create(self, path: str, *options: str, selector: str = ME, ttl: int = 3600) -> str:
        """Create an entry for its workloads; return the entry's id once it has an SVID for them.

        ``options`` are those of ``spire-server entry create``.
        """
        logged = self.log.stat().st_size
        trust_domain = f"spiffe://{self.server.trust_domain}"
        parent = f"{trust_domain}/spire/agent/join_token/{self.token}"
        named = ("-parentID", parent, "-spiffeID", f"{trust_domain}{path}", "-selector", selector)
        lasting = ("-x509SVIDTTL", str(ttl), "-output", "json")
        answer: dict[str, Any] = json.loads(
            self.server.cli("entry", "create", *named, *lasting, *options)
        )
        (result,) = answer["results"]
        assert result["status"]["code"] == 0, answer
        created: str = result["entry"]["id"]
        self.wait_until_logged(f'msg="SVID updated" entry={created} ', logged)
        return created

    def delete(self, entry_id: str) -> None:
        """Delete it, and return once the agent has noticed."""
        logged = self.log.stat().st_size
        self.server.cli("entry", "delete", "-entryID", entry_id)
        self.wait_until_logged(f'msg="Entry removed" entry={entry_id} ', logged)

    def wait_until_logged(self, text: str, since: int = 0, seconds: float = 60) -> None:
        """Return once it has logged ``text`` after the byte ``since`` of its log."""

        def logged() -> bool:
            return text.encode() in self.log.read_bytes()[since:]

        wait_until(logged, seconds, text)


class SpireKeys(Program):
    """SPIRE's OIDC discovery provider: the keys of JWT-SVIDs, at ``/keys`` on a unix socket."""

    def __init__(self, folder: Path, server: SpireServer) -> None:
        folder.mkdir(exist_ok=True)
        config, self.socket = folder / "keys.conf", folder / "keys.sock"
        config.write_text(f"""
domains = ["keys.{server.trust_domain}"]
listen_socket_path = "{self.socket}"
server_api {{
    address = "unix://{server.socket}"
    poll_interval = "1s"
}}
""")
        command = (needs.spire() / "oidc-discovery-provider", "-config", config)
        super().__init__(folder, command, 0)

    def is_up(self) -> bool:
        return self.socket.exists()


@contextlib.contextmanager
def running(
    folder: Path, trust_domain: str = "prod.example", *, server: str = "", agent: str = ""
) -> Iterator[SpireAgent]:
    """Run a server and an agent; ``server`` and ``agent`` are further lines of their sections."""
    with SpireServer(folder / "spire-server", trust_domain, server).running() as started:
        assert isinstance(started, SpireServer)
        with SpireAgent(folder / "spire-agent", started, agent).running() as joined:
            yield joined


def _says(*command: str | Path) -> bool:
    return subprocess.run([*command], check=False, capture_output=True, timeout=60).returncode == 0
