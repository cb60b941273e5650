"""So many log lines a user may cause, and no more: anybody may open streams and say anything."""

from __future__ import annotations

from dataclasses import dataclass

_LINES = 20
_SECONDS = 10.0


@dataclass(slots=True)
class LogBudget:
    """Twenty lines in ten seconds; what goes beyond is counted."""

    began: float = 0.0
    lines: int = 0
    unsaid: int = 0

    def take(self, now: float) -> dict[str, int] | None:
        """Return what to add to a line at monotonic time ``now``, or None to leave the line out."""
        if now - self.began >= _SECONDS:
            self.began, self.lines = now, 0
        if self.lines >= _LINES:
            self.unsaid += 1
            return None
        self.lines += 1
        unsaid, self.unsaid = self.unsaid, 0
        return {"unsaid": unsaid} if unsaid else {}
