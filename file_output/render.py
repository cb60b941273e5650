"""From material to files, without touching anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256

from accredit.file_output.checks import check_bundles
from accredit.file_output.encode import encode, encode_bundle
from accredit.file_output.fileset import FileSet, RenderedFile
from accredit.file_output.formats.content import Content
from accredit.file_output.given import Given
from accredit.file_output.material import Material
from accredit.file_output.spec import PLACEHOLDER, FileSpec, check_file_name
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, JwtSvidError, UnavailableError

_VERSION_CHARS = 32
_NOTHING: Mapping[str, str] = {}


def render(
    material: Material,
    specs: Sequence[FileSpec],
    given: Given,
    now: datetime,
    kept: Mapping[str, str] = _NOTHING,
) -> FileSet:
    """Return the files that ``specs`` ask for.

    ``kept`` are tokens by audience for those that there are none of just now: an X.509-SVID is not
    to wait for them, and ``stale`` says that it did not.

    A federated trust domain whose file cannot be made costs the others nothing: the file is left
    out, and ``left_out`` says why.

    Raises:
        UnavailableError: a part, or all of it, is missing just now: the SVID, the bundle, a token,
            a password.
        X509SvidError: the SVID would be refused by its peers.
        JwtSvidError: a token would be.
        BundleError: a bundle has no authority, or is another trust domain's.
        UnimplementedError: a library is not installed.
    """
    if material.lacking:
        raise UnavailableError(material.lacking)
    check_bundles(material)
    files = _Files(given)
    for spec in specs:
        if spec.audience in kept:
            files.add_token(spec, material, now, kept[spec.audience])
        elif not spec.kind.foreign:
            files.add(spec.name, spec, encode(spec, material, given, now))
    for spec in specs:
        if spec.kind.foreign:
            files.add_foreign(spec, _foreign(material))
    return _file_set(files, specs, material)


def _file_set(files: _Files, specs: Iterable[FileSpec], material: Material) -> FileSet:
    made, version, svid = tuple(files.made), files.version(), material.svid
    found = FileSet(made, version, left_out=tuple(files.left_out), stale=tuple(files.stale))
    if svid is None or not any(spec.kind.needs_svid for spec in specs):
        return found
    fingerprint = svid.leaf.fingerprint(SHA256()).hex()
    return replace(found, serial=svid.serial, not_after=svid.not_after, leaf_sha256=fingerprint)


def _foreign(material: Material) -> list[TrustBundle]:
    return [material.bundles[td] for td in sorted(material.bundles) if td != material.own]


@dataclass(slots=True)
class _Files:
    """The files made so far, what was left out, and what is of earlier."""

    given: Given
    made: list[RenderedFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    meanings: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, spec: FileSpec, content: Content) -> None:
        file = RenderedFile(
            name,
            content.data,
            spec.mode,
            _number(self.given.uids, spec.owner),
            _number(self.given.gids, spec.group),
            content.salted,
        )
        self.made.append(file)
        self.meanings[name] = content.identity

    def add_token(self, spec: FileSpec, material: Material, now: datetime, kept: str) -> None:
        try:
            content = encode(spec, material, self.given, now)
        except (UnavailableError, JwtSvidError) as error:
            content = Content.plain(kept.encode("ascii"))
            self.stale.append(f"{spec.name}: {error}")
        self.add(spec.name, spec, content)

    def add_foreign(self, spec: FileSpec, bundles: Iterable[TrustBundle]) -> None:
        for bundle in bundles:
            name = spec.name.replace(PLACEHOLDER, str(bundle.trust_domain))
            try:
                check_file_name(name)
                if name in self.meanings:
                    raise ValueError(f"{name!r} is the name of another file")  # noqa: TRY301
                self.add(name, spec, encode_bundle(spec.kind, bundle))
            except (BundleError, ValueError) as error:
                self.left_out.append(f"{spec.kind} of {bundle.trust_domain}: {error}")

    def version(self) -> str:
        """Return a hash of all that a reader could notice, and of nothing else."""
        digest = hashlib.sha256()
        for file in sorted(self.made, key=lambda file: file.name):
            meaning = hashlib.sha256(self.meanings[file.name]).hexdigest()
            line = f"{file.name} {file.mode:o} {file.uid} {file.gid} {meaning}\n"
            digest.update(line.encode("ascii"))
        return digest.hexdigest()[:_VERSION_CHARS]


def _number(numbers: Mapping[str, int], name: str) -> int | None:
    if not name:
        return None
    if name not in numbers:
        raise UnavailableError(f"{name!r} has not been looked up on this machine")
    return numbers[name]
