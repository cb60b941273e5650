"""Where things are when the configuration does not say."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/accredit/accredit.yaml")


def config_file() -> Path:
    """Return ``$ACCREDIT_CONFIG``, ``./accredit.yaml`` or ``/etc/accredit/accredit.yaml``."""
    if chosen := os.environ.get("ACCREDIT_CONFIG"):
        return Path(chosen)
    local = Path("accredit.yaml")
    try:
        return local if local.exists() else SYSTEM_CONFIG
    except OSError:  # as after sudo, in the folder of somebody else
        return SYSTEM_CONFIG


def is_missing(path: Path) -> bool:
    """Whether there is nothing; what cannot be looked at is there, and reading it says why not."""
    try:
        return not path.exists()
    except OSError:
        return False


def data_dir() -> Path:
    """Return the system's data folder for root, the user's own for anybody else.

    Raises:
        ValueError: there is none.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/accredit")
    if state := _absolute("XDG_STATE_HOME"):
        return state / "accredit"
    if home := _absolute("HOME"):
        return home / ".local/state/accredit"
    raise ValueError("has no default here: neither XDG_STATE_HOME nor HOME is set; set it")


def socket() -> Path:
    """Return where the Workload API and SDS are served; ValueError if there is no such place."""
    return _runtime_dir() / "public/api.sock"


def admin_socket() -> Path:
    """Return where the agent is administered; ValueError if there is no such place."""
    return _runtime_dir() / "private/admin.sock"


def _runtime_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/run/accredit")
    if runtime := _absolute("XDG_RUNTIME_DIR"):
        return runtime / "accredit"
    # Nothing below /tmp: whoever comes first there owns the name.
    raise ValueError("has no default here: XDG_RUNTIME_DIR is not set; set it")


def _absolute(variable: str) -> Path | None:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else None
