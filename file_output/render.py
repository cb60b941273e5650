"""From material to files, without touching anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from accredit.identity.errors import BundleError, UnavailableError

_VERSION_CHARS = 32


def render(material: Material, specs: Sequence[FileSpec], given: Given, now: datetime) -> FileSet:
    """Return the files that ``specs`` ask for.

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
        if not spec.kind.foreign:
            files.add(spec.name, spec, encode(spec, material, given, now))
    for spec in specs:
        if spec.kind.foreign:
            files.add_foreign(spec, _foreign(material))
    return _file_set(files, specs, material)


def _file_set(files: _Files, specs: Iterable[FileSpec], material: Material) -> FileSet:
    made, version, left_out = tuple(files.made), files.version(), tuple(files.left_out)
    svid = material.svid
    if svid is None or not any(spec.kind.needs_svid for spec in specs):
        return FileSet(made, version, left_out=left_out)
    fingerprint = svid.leaf.fingerprint(SHA256()).hex()
    return FileSet(made, version, svid.serial, svid.not_after, fingerprint, left_out)


def _foreign(material: Material) -> list[TrustBundle]:
    return [material.bundles[td] for td in sorted(material.bundles) if td != material.own]


@dataclass(slots=True)
class _Files:
    """The files made so far, and what was left out."""

    given: Given
    made: list[RenderedFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
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
