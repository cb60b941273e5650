"""Material of a test authority, and sets of files that tell what they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from accredit.file_output.fileset import FileSet, RenderedFile
from accredit.file_output.given import Given
from accredit.file_output.material import Material
from accredit.file_output.render import render
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.bundle import TrustBundle
from accredit.identity.jwt_svid import sign_jwt_svid
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from support.ca import TestCa
from support.clock import EPOCH

PASSWORD = "changeit"
GIVEN = Given({"/password": PASSWORD})
TLS = (
    FileSpec(Kind.CERTIFICATE, "tls.crt"),
    FileSpec(Kind.KEY, "tls.key"),
    FileSpec(Kind.COMBINED, "both.pem"),
    FileSpec(Kind.OWN_BUNDLE, "ca.crt"),
)


def material(
    ca: TestCa,
    *partners: TestCa,
    kind: KeyType = KeyType.EC_P256,
    tokens: Mapping[str, str] | None = None,
) -> Material:
    """Return what a workload of ``ca`` that federates with ``partners`` has."""
    bundles = {each.trust_domain: each.bundle() for each in (ca, *partners)}
    return Material(ca.svid(kind=kind), ca.trust_domain, bundles, tokens or {})


def bundles_only(*bundles: TrustBundle) -> Material:
    """Return material without an identity; the first bundle is the own one."""
    by_domain: dict[TrustDomain, TrustBundle] = {each.trust_domain: each for each in bundles}
    return Material(None, bundles[0].trust_domain, by_domain)


def token(ca: TestCa, audience: str, *, now: datetime = EPOCH) -> str:
    """Return a JWT-SVID of ``ca`` that is valid five minutes."""
    return sign_jwt_svid(
        SpiffeId.parse("spiffe://td.example/a"),
        [audience],
        key=ca.jwt_key,
        kid=ca.jwt_authority.key_id,
        now=now,
        lifetime=timedelta(minutes=5),
    ).token


def rendered(ca: TestCa, specs: Sequence[FileSpec] = TLS) -> FileSet:
    """Return the files of a new SVID."""
    return render(material(ca), specs, GIVEN, EPOCH)


def names(folder: Path) -> list[str]:
    """Return the names of all there is in a folder."""
    return sorted(each.name for each in folder.iterdir())


def contents(files: FileSet) -> dict[str, bytes]:
    return {file.name: file.content for file in files.files}


def marked(version: str, *names: str, mode: int = 0o600, size: int = 0) -> FileSet:
    """Return files that hold their version and name, and then ``size`` bytes."""
    return FileSet(
        tuple(
            RenderedFile(name, f"{version} {name}\n".encode() + b"x" * size, mode)
            for name in names or ("tls.crt", "tls.key")
        ),
        version,
    )
