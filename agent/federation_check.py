"""Checks a configuration, and writes what a running agent takes over to standard output.

``python -m accredit.agent.federation_check FILE``
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from accredit.agent.config import load_config
from accredit.agent.federation_settings import GREETING, Section
from accredit.identity.errors import ConfigError


def main(path: Path) -> None:
    """Write the section and no mistakes, or no section and every mistake."""
    try:
        plan = load_config(path).plan(path)
        section = Section(plan.federation, plan.endpoint, plan.outputs)
        answer: tuple[object, object] = (section, ())
    except ConfigError as error:
        answer = (None, error.mistakes)
    sys.stdout.buffer.write(GREETING + pickle.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
