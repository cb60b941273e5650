"""What is doubted of a configuration with one entry, of one more selector than everybody has."""

from __future__ import annotations

from pathlib import Path

from accredit.agent.config import load_config
from accredit.agent.doubts import doubts

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"


def doubted(folder: Path, selector: str, attestation: str) -> list[str]:
    """Return the doubts about ``selector``, at line 7, where this is written for attestation."""
    path = folder / "accredit.yaml"
    entry = f"entries:\n  - {{id: /a, selectors: ['unix:uid:1', '{selector}']}}\n"
    path.write_text(f"{_HEAD}attestation: {attestation}\n{entry}")
    path.chmod(0o600)
    plan = load_config(path).plan(path)
    return [each.replace(str(path), "FILE") for each in doubts(plan, plan.entry_files.read())]
