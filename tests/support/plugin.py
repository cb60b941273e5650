"""An installed package that brings an attestor, as little of it as Python needs to find it."""

from __future__ import annotations

from pathlib import Path

GOOD = """
from accredit.attestation.plugin import Trust, UnavailableError

class Made:
    trust = Trust.RUNTIME

    def __init__(self, options):
        self.options = options

    def attest(self, caller):
        return [f"pid:{caller.pid}", *(f"{key}:{value}" for key, value in self.options.items())]
"""


def installed(
    folder: Path, source: str, *, name: str = "lab", package: str = "lab-attestor"
) -> str:
    """Put a module and its metadata into a folder of ``sys.path``; returns the module's name."""
    module = f"{package.replace('-', '_')}_{folder.name.replace('-', '_')}"
    (folder / f"{module}.py").write_text(source)
    metadata = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    entry = f"[accredit.attestors]\n{name} = {module}:Made\n"
    (metadata / "entry_points.txt").write_text(entry)
    return module
