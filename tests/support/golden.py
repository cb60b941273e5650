"""Sidecar files with the bootstraps that are made of them: ``make golden`` writes them anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from accredit.envoy import sidecar_file
from accredit.envoy.bootstrap import to_json
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile

FOLDER = Path(__file__).parents[1] / "envoy/golden"
_SOCKETS = {
    Profile.ACCREDIT: "/run/accredit/public/api.sock",
    Profile.SPIRE: "/run/spire/agent/public/api.sock",
}
_TODAY = date(2026, 12, 1)
_ACCREDIT_ONLY = {"jwt"}  # SPIRE's SDS has no tokens


@dataclass(frozen=True)
class Golden:
    """A sidecar file read for one profile, and the bootstrap that was looked at."""

    source: Path
    profile: Profile

    @property
    def bootstrap(self) -> Path:
        return self.source.with_name(f"{self.source.stem}.{self.profile.value}.json")

    def generate(self) -> str:
        at = Surroundings(self.profile, _SOCKETS[self.profile], "/run", _TODAY)
        return to_json(sidecar_file.read(self.source, at))

    def __str__(self) -> str:
        return f"{self.source.stem}-{self.profile.value}"


def every() -> Iterator[Golden]:
    """Yield each file, for each profile that it can be read for."""
    for source in sorted(FOLDER.glob("*.yaml")):
        for profile in Profile:
            if profile is Profile.ACCREDIT or source.stem not in _ACCREDIT_ONLY:
                yield Golden(source, profile)


if __name__ == "__main__":
    for each in every():
        each.bootstrap.write_text(each.generate())
