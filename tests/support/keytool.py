"""Java's keytool as a stranger's opinion of our keystores."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support import needs


@dataclass(frozen=True)
class Entry:
    """One entry as keytool lists it; fingerprints are SHA-256 in lower-case hex, leaf first."""

    alias: str
    kind: str
    fingerprints: tuple[str, ...]


def list_entries(data: bytes, password: str, store_type: str) -> list[Entry]:
    """Return what ``keytool -list -v`` finds in a keystore; fail if it finds fault with it."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store")
        store.write_bytes(data)
        text = _run("-list", "-v", *_store(store, password, store_type))
    return [_entry(part) for part in text.split("Alias name: ")[1:]]


def private_key_to_pkcs12(data: bytes, password: str, store_type: str) -> bytes:
    """Let keytool decrypt the key entries of a keystore and write them as PKCS #12."""
    with tempfile.TemporaryDirectory() as folder:
        store, out = Path(folder, "store"), Path(folder, "out.p12")
        store.write_bytes(data)
        _run(
            "-importkeystore",
            *("-srckeystore", str(store), "-srcstorepass", password, "-srcstoretype", store_type),
            *("-destkeystore", str(out), "-deststorepass", password, "-deststoretype", "PKCS12"),
        )
        return out.read_bytes()


def _store(store: Path, password: str, store_type: str) -> list[str]:
    return ["-keystore", str(store), "-storepass", password, "-storetype", store_type]


def _run(*arguments: str) -> str:
    keytool = needs.program("keytool", apt="default-jre-headless")
    found = subprocess.run(
        [keytool, "-J-Duser.language=en", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def _entry(part: str) -> Entry:
    kind = re.search(r"Entry type: (\S+)", part)
    assert kind is not None, part
    found = re.findall(r"SHA256: ([0-9A-F:]+)", part)
    prints = tuple(each.replace(":", "").lower() for each in found)
    return Entry(part.splitlines()[0], kind[1], prints)
