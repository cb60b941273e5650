"""Network namespaces of a test's own, so that nothing it does to the network is the machine's."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import answering, needs

_IPV4, _IPV6 = "10.77.0.{}/24", "fd77::{}/64"


@dataclass(frozen=True)
class NetNamespace:
    name: str

    def inside(self, *command: str | Path, uid: int = 0) -> list[str | Path]:
        """Return a command that runs another one inside, in the mount namespace we are in."""
        who = ("--setuid", str(uid), "--setgid", str(uid)) if uid else ()
        return [
            needs.program("nsenter", apt="util-linux"),
            f"--net=/run/netns/{self.name}",
            *who,
            "--",
            *command,
        ]

    def run(
        self, *command: str | Path, uid: int = 0, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.inside(*command, uid=uid),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def rules(self) -> str:
        return self.run(needs.program("nft", apt="nftables"), "list", "ruleset").stdout

    @contextlib.contextmanager
    def answering(self, *servers: str, uid: int = 0) -> Iterator[None]:
        """Serve inside: see :mod:`support.answering`."""
        source = Path(answering.__file__).read_text()  # another user cannot enter our folders
        python = sys.executable if uid == 0 else "/usr/bin/python3"
        command = self.inside(python, "-c", source, *servers, uid=uid)
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/") as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                yield
            finally:
                process.kill()


@contextlib.contextmanager
def one() -> Iterator[NetNamespace]:
    """Make a namespace with nothing but loopback."""
    needs.root()
    ip = needs.program("ip", apt="iproute2")
    namespace = NetNamespace(f"accredit-{secrets.token_hex(8)}")
    subprocess.run([ip, "netns", "add", namespace.name], check=True)
    try:
        namespace.run(ip, "link", "set", "lo", "up")
        yield namespace
    finally:
        subprocess.run([ip, "netns", "del", namespace.name], check=True)


@contextlib.contextmanager
def two() -> Iterator[tuple[NetNamespace, NetNamespace]]:
    """Make two with a cable between them: 10.77.0.1 and .2, fd77::1 and ::2."""
    ip = needs.program("ip", apt="iproute2")
    with one() as near, one() as far:
        near.run(ip, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", far.name)
        for place, namespace in enumerate((near, far), 1):
            for address in (_IPV4, _IPV6):
                nodad = ("nodad",) if address is _IPV6 else ()
                namespace.run(ip, "addr", "add", address.format(place), "dev", "cable", *nodad)
            namespace.run(ip, "link", "set", "cable", "up")
        yield near, far
