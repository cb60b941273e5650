"""What the linux attestor can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinuxSettings:
    """Which facts are looked for."""

    cgroup: bool = True
    namespaces: bool = True
    label: bool = True
    login: bool = True
