"""Checks a configuration, and writes its federation to standard output, for the running agent.

``python -m accredit.agent.federation_check FILE``
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from accredit.agent.config import load_config
from accredit.agent.federation_settings import Section
from accredit.identity.errors import ConfigError


def main(path: Path) -> None:
    """Write the section and no mistakes, or no section and every mistake."""
    try:
        found = load_config(path).federation
        endpoint = found.endpoint.settings() if found.endpoint else None
        answer: tuple[object, object] = (Section(found.settings(), endpoint), ())
    except ConfigError as error:
        answer = (None, error.mistakes)
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
