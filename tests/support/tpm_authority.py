"""An embedded authority whose keys are kept as a configuration says, with the TPM of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.agent.config import parse_config
from accredit.agent.key_ways import key_ways
from accredit.agent.plan import Plan
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.identity.clock import Clock
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, opened, running, settle
from support.entries import entry
from support.swtpm import SoftwareTpm

SEALED = "{disk: {seal: tpm}}"
SEALED_TO_PCR = "{disk: {seal: tpm, pcrs: [16]}}"
WEB = entry("/web", ttl=timedelta(minutes=10), jwt_ttl=timedelta(minutes=5))
KEY = generate(KeyType.EC_P256).public_key()


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


async def signs(authority: EmbeddedAuthority, clock: FakeClock) -> None:
    """Sign one of each, as the rest of the world verifies them."""
    (leaf,) = await authority.sign_x509(WEB, KEY)
    token = await authority.sign_jwt(WEB, ["db"])
    verify_x509_svid([leaf], authority.bundles, clock.now())
    validate_jwt_svid(token.token, ["db"], authority.bundles, clock.now())


def roots_of(authority: EmbeddedAuthority) -> list[bytes]:
    roots = authority.bundles[TRUST_DOMAIN].x509_authorities
    return [root.public_bytes(Encoding.DER) for root in roots]


async def live_until_replaced(authority: EmbeddedAuthority, clock: FakeClock) -> None:
    """Let time pass until another root and JWT key have taken over and are alone."""
    before = authority._vault.state.signers
    async with running(authority):
        await settle(clock)
        while set(before) & set(authority._vault.state.signers) or len(
            authority._vault.state.signers
        ) != len(before):
            assert clock.next_wake is not None
            clock.advance(clock.next_wake - clock.now())
            await settle(clock)
            await signs(authority, clock)
