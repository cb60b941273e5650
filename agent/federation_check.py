"""Checks a configuration, and writes its federation to standard output, for the running agent.

``python -m accredit.agent.federation_check FILE``
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from accredit.agent.config import load_config
from accredit.identity.errors import ConfigError


def main(path: Path) -> None:
    """Write settings and no mistakes, or no settings and every mistake."""
    try:
        answer: tuple[object, object] = (load_config(path).federation.settings(), ())
    except ConfigError as error:
        answer = (None, error.mistakes)
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
