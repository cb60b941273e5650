"""The one door to libtss2, which only an agent that uses a TPM walks through."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from accredit.identity.errors import TpmError

_CURE = "run: apt-get install libtss2-dev gcc pkg-config python3-dev; pip install 'accredit[tpm]'"


@cache
def tss() -> Any:
    """Return the module ``tpm2_pytss``; it has no types.

    Raises:
        TpmError: it, or a library below it, is not installed.
    """
    os.environ.setdefault("TSS2_LOG", "all+NONE")  # it would write to standard error
    try:
        for part in ("tsskey", "utils"):  # which the package does not load by itself
            import_module(f"tpm2_pytss.{part}")
        return import_module("tpm2_pytss")
    except ImportError as error:
        raise TpmError(f"the TPM's software is missing ({error})", _CURE) from None
