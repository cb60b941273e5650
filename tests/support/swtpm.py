"""A real TPM 2.0 in software, on a unix socket: started, killed, started anew, exchanged."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.settings import TpmSettings
from support import needs

RESETTABLE = 16  # a register that a test may change and change back


class SoftwareTpm:
    """One machine's TPM; its seeds and what it remembers lie in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "tpm.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def device(self) -> str:
        """What the configuration calls it."""
        return f"swtpm:path={self._socket}"

    @property
    def settings(self) -> TpmSettings:
        return TpmSettings(self.device)

    def start(self) -> None:
        control = Path(f"{self._socket}.ctrl")
        for path in (self._socket, control):
            path.unlink(missing_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        command: list[str | Path] = [
            *(needs.program("swtpm", apt="swtpm"), "socket", "--tpm2"),
            *("--tpmstate", f"dir={self.folder}/state"),
            *("--server", f"type=unixio,path={self._socket}"),
            *("--ctrl", f"type=unixio,path={control}"),
            *("--flags", "not-need-init,startup-clear"),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not (_listens(control) and _listens(self._socket)):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "swtpm does not listen"
            time.sleep(0.005)

    def kill(self) -> None:
        """Take it away, as a crash or a pulled plug would."""
        self._send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(30)
        self._process = None

    def freeze(self) -> None:
        """Let it take questions and answer none, until it is thawed."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def restart(self) -> None:
        """Power the machine off and on; the seeds stay."""
        self.kill()
        self.start()

    def exchange(self) -> None:
        """Put another TPM in its place, with seeds of its own."""
        self.kill()
        shutil.rmtree(self.folder / "state")
        self.start()

    def extend(self, number: int = RESETTABLE) -> None:
        """Change a register, as other firmware would."""

        def question(connection: Any) -> None:
            tss = connection.tss
            digest = tss.TPMU_HA(sha256=b"\x01" * 32)
            value = tss.TPMT_HA(hashAlg=tss.TPM2_ALG.SHA256, digest=digest)
            connection.esapi.pcr_extend(tss.ESYS_TR(number), tss.TPML_DIGEST_VALUES([value]))

        self.ask(question)

    def loaded(self) -> int:
        """Return how many keys are loaded in it, whoever loaded them."""

        def question(connection: Any) -> int:
            first = connection.tss.TPM2_HC.TRANSIENT_FIRST
            kind = connection.tss.TPM2_CAP.HANDLES
            _, capability = connection.esapi.get_capability(kind, first, 64)
            return len(list(capability.data.handles))

        return int(self.ask(question))

    def ask(self, question: Any) -> Any:
        """Ask as another program of the machine would."""
        with closing(Device(self.settings)) as device:
            return device.ask(question)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def running(*, certified: bool = False, bank: str = "sha256") -> Iterator[SoftwareTpm]:
    """Lend a new TPM; ``certified`` ones have a maker, who vouches for their endorsement keys.

    The maker also chooses the one ``bank`` of registers.
    """
    needs.tpm()
    with tempfile.TemporaryDirectory(prefix="swtpm-") as name:  # short, for a socket
        tpm = SoftwareTpm(Path(name))
        if certified:
            _manufacture(tpm.folder, bank)
        tpm.start()
        try:
            yield tpm
        finally:
            if tpm._process is not None:
                tpm.kill()


def _manufacture(folder: Path, bank: str) -> None:
    setup = needs.program("swtpm_setup", apt="swtpm-tools")
    authority = folder / "ca"
    for each in (authority, folder / "state"):
        each.mkdir()
    files = {
        "ca.conf": f"statedir={authority}\nsigningkey={authority}/key.pem\n"
        f"issuercert={authority}/issuer.pem\ncertserial={authority}/serial\n",
        "ca.options": "--platform-manufacturer Lab\n--platform-version 1\n--platform-model VM\n",
        "setup.conf": f"create_certs_tool={needs.program('swtpm_localca', apt='swtpm-tools')}\n"
        f"create_certs_tool_config={folder}/ca.conf\n"
        f"create_certs_tool_options={folder}/ca.options\nactive_pcr_banks={bank}\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    subprocess.run(
        [
            *(setup, "--tpm2", "--tpmstate", folder / "state", "--create-ek-cert"),
            *("--config", folder / "setup.conf", "--logfile", folder / "setup.log"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
