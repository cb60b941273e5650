"""Which processes a person means who names an image, a unit or selectors. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from accredit.identity.selector import Selector

# Of any attestor that knows containers, whichever name of the image it tells.
_IMAGE = frozenset({"image_id", "image_config_digest", "container-image", "pod-image"})
_UNIT = "systemd"
_WITHOUT_CONTAINERS = frozenset({"unix", "linux", _UNIT, "systemd-user"})


@dataclass(frozen=True, slots=True)
class ProcessFilter:
    """All that is given must hold; ``unit`` without a suffix is a service."""

    selectors: frozenset[Selector] = frozenset()
    image: str = ""
    unit: str = ""

    def __bool__(self) -> bool:
        return bool(self.selectors or self.image or self.unit)

    def takes(self, selectors: frozenset[Selector]) -> bool:
        """Tell whether a process with ``selectors`` is meant."""
        return (
            self.selectors <= selectors
            and (not self.image or any(map(self._is_image, selectors)))
            and (not self.unit or Selector(_UNIT, f"id:{self._unit_name}") in selectors)
        )

    def lacking(self, types: AbstractSet[str]) -> str | None:
        """Return why no process can be meant while attestors give ``types`` only."""
        if self.unit and _UNIT not in types:
            return "no attestor here tells of units: switch on attestation.systemd"
        if self.image and types <= _WITHOUT_CONTAINERS:
            return "no attestor here tells of images: switch on one for containers in attestation"
        missing = sorted({each.type for each in self.selectors} - types)
        return f"no attestor here gives selectors of type {missing[0]}" if missing else None

    def __str__(self) -> str:
        parts = sorted(map(str, self.selectors))
        parts += [f"image {self.image}"] * bool(self.image)
        parts += [f"unit {self._unit_name}"] * bool(self.unit)
        return " and ".join(parts)

    @property
    def _unit_name(self) -> str:
        return self.unit if "." in self.unit else f"{self.unit}.service"

    def _is_image(self, selector: Selector) -> bool:
        kind, _, value = selector.value.partition(":")
        return kind in _IMAGE and value == self.image
