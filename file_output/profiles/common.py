"""What several profiles share."""

from __future__ import annotations

from datetime import timedelta

from accredit.file_output.address import Address
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.starttls import StartTls
from accredit.file_output.verify import Verify

_GROUP_MAY_READ = 0o640
CERTIFICATE = FileSpec(Kind.CERTIFICATE, "tls.crt")
KEY = FileSpec(Kind.KEY, "tls.key")
BUNDLE = FileSpec(Kind.OWN_BUNDLE, "ca.crt")
# Beside the own one, never in it: each verifies the IDs of its own trust domain only.
FOREIGN = FileSpec(Kind.FOREIGN_BUNDLES, "ca-{trust_domain}.crt")
PEM_FILES = (CERTIFICATE, KEY, BUNDLE, FOREIGN)


def key_for(group: str, kind: Kind = Kind.KEY, name: str = "tls.key") -> FileSpec:
    """Return a secret for a program that reads it as an ordinary user of that group."""
    return FileSpec(kind, name, _GROUP_MAY_READ, group=group)


def pem_files_for(group: str) -> tuple[FileSpec, ...]:
    """Return the usual four files, with a key that this group may read."""
    return (CERTIFICATE, key_for(group), BUNDLE, FOREIGN)


def here(port: int, starttls: StartTls = StartTls.NONE, seconds: int = 10) -> Verify:
    """Return a look at a port of this machine."""
    within = timedelta(seconds=seconds)
    return Verify((Address("127.0.0.1", port),), starttls=starttls, within=within)
