"""An embedded authority whose keys are kept as a configuration says, with the TPM of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.agent.config import parse_config
from accredit.agent.key_ways import key_ways
from accredit.agent.plan import Plan
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.identity.clock import Clock
from support.embedded import TRUST_DOMAIN, opened
from support.swtpm import SoftwareTpm

SEALED = "{disk: {seal: tpm}}"
SEALED_TO_PCR = "{disk: {seal: tpm, pcrs: [16]}}"


def plan(folder: Path, keys: str, tpm: SoftwareTpm) -> Plan:
    text = (
        f"trust_domain: {TRUST_DOMAIN}\ndata_dir: data\nsocket: s\nadmin_socket: a\n"
        f'tpm: {{device: "{tpm.device}"}}\n'
        f"authority: {{embedded: {{keys: {keys}}}}}\n"
    )
    file = folder / "accredit.yaml"
    return parse_config(text, file).plan(file)


@contextmanager
def kept(folder: Path, clock: Clock, keys: str, tpm: SoftwareTpm) -> Iterator[EmbeddedAuthority]:
    """Open the authority of ``folder/data``."""
    found = plan(folder, keys, tpm)
    with (
        key_ways(found) as ways,
        opened(found.data_dir, clock, found.embedded, ways=ways) as authority,
    ):
        yield authority


def key_files(folder: Path) -> set[str]:
    """Return how keys are kept: the ends of their files' names, one for each kind."""
    files = (folder / "data/authority/keys").iterdir()
    return {f"{path.name.partition('-')[0]}{path.suffix}" for path in files}
