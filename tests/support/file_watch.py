"""A real ``accredit file watch``, and what the commands of ``accredit file`` say."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from accredit.identity.bundle import encode_bundle
from support.agent_process import AgentProcess
from support.ca import TestCa

Done = subprocess.CompletedProcess[str]
ME = f"unix:uid:{os.geteuid()}"


def agent_config(folder: Path, ttl: str = "1h", partner: TestCa | None = None) -> str:
    """Return the configuration of an agent with two identities for us; the first may federate."""
    federated, authority = "", ""
    if partner is not None:
        document = folder / "partner.json"
        document.write_bytes(encode_bundle(partner.bundle()))
        authority = (
            "authority: {embedded: {federated_bundles:"
            f" {{{partner.trust_domain}: {document}}}}}}}\n"
        )
        federated = f"    federates_with: [{partner.trust_domain}]\n"
    return (
        f"trust_domain: prod.example\n{authority}entries:\n"
        f'  - id: /web\n    selectors: ["{ME}"]\n    hint: internal\n    ttl: {ttl}\n{federated}'
        f'  - id: /api\n    selectors: ["{ME}"]\n    ttl: {ttl}\n'
    )


def file(*arguments: str | Path, agent: AgentProcess | None = None) -> Done:
    """Run ``accredit file ...``, which finds the agent by its environment."""
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("SPIFFE_")}
    if agent is not None:
        environment["SPIFFE_ENDPOINT_SOCKET"] = f"unix://{agent.socket}"
    return subprocess.run(
        [sys.executable, "-m", "accredit", "file", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


def leaf(folder: Path, name: str = "tls.crt") -> x509.Certificate:
    """Return the leaf that a reader of the folder finds."""
    return x509.load_pem_x509_certificates((folder / name).read_bytes())[0]


def spiffe_id(folder: Path, name: str = "tls.crt") -> str:
    names = leaf(folder, name).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    (found,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return found


class FileWatch:
    """Started with what systemd would give it; ``said`` is all that it told systemd.

    ``environment`` is what it is given beside that.
    """

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.log = folder / "watch.log"
        self.said: list[str] = []
        self.environment: dict[str, str] = {}
        self._address = folder / "watch.notify"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._receiver: socket.socket | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[FileWatch]:
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as self._receiver,
            self.log.open("ab") as log,
        ):
            self._receiver.bind(str(self._address))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "accredit", "file", "watch", *map(str, self._arguments)],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, "NOTIFY_SOCKET": str(self._address)},
            )
            try:
                yield self
            finally:
                self._process.kill()
                self._process.wait(60)

    def until_said(self, text: str, seconds: float = 60) -> str:
        """Return what it tells systemd next that holds ``text``."""
        assert self._receiver is not None
        self._receiver.settimeout(seconds)
        try:
            while True:
                self.said.append(self._receiver.recv(4096).decode())
                if text in self.said[-1]:
                    return self.said[-1]
        except TimeoutError:
            raise AssertionError(f"never {text!r}: {self.said}\n{self.logged()}") from None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def ended(self) -> int:
        """Wait for it to end by itself; return its exit code."""
        assert self._process is not None
        return self._process.wait(60)

    def logged(self) -> str:
        return self.log.read_text()
