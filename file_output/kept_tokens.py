"""The last JWT-SVIDs of an output, for when no new ones can be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accredit.file_output.fileset import FileSet
from accredit.file_output.material import Material
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.spiffe_id import SpiffeId


class KeptTokens:
    """Knows them from the last set that was made. They go with an X.509-SVID of their identity.

    One that has expired is still in its file, as it is while nothing new is written at all: its
    receiver refuses it like none, but a file that is gone might keep the program from starting.
    """

    def __init__(self, specs: Sequence[FileSpec]) -> None:
        self._names = {spec.audience: spec.name for spec in specs if spec.kind is Kind.JWT}
        self._of: SpiffeId | None = None
        self._tokens: dict[str, str] = {}

    def fitting(self, material: Material) -> Mapping[str, str]:
        """Return them by audience, if they are of the identity that the material is of."""
        svid = material.svid
        return self._tokens if svid is not None and svid.spiffe_id == self._of else {}

    def made(self, material: Material, files: FileSet) -> None:
        """Take those of a new set."""
        self._of = None if material.svid is None else material.svid.spiffe_id
        found = {audience: files.content(name) for audience, name in self._names.items()}
        self._tokens = {key: data.decode("ascii") for key, data in found.items() if data}
