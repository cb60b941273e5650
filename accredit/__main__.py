"""``python -m accredit``."""

from __future__ import annotations

from accredit.agent.cli import main

main()
