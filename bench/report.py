"""What was measured, as a table for people or as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

_AGENT, _FLOOR = "accredit", "floor"


@dataclass(frozen=True)
class Aim:
    """What was hoped for; ``of_ratio`` speaks of agent over floor, else of the agent alone."""

    text: str
    most: float
    of_ratio: bool = False


@dataclass
class Measure:
    """One quantity: a value for each run, of the agent and of the floor."""

    unit: str
    aim: Aim | None = None
    runs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def ratio(self) -> float | None:
        """The agent's median over the floor's."""
        if not self.runs[_AGENT] or not self.runs[_FLOOR]:
            return None
        return median(self.runs[_AGENT]) / median(self.runs[_FLOOR])

    @property
    def met(self) -> bool | None:
        """Whether the aim was met, in the median."""
        value = self.ratio if self.aim and self.aim.of_ratio else median(self.runs[_AGENT])
        return None if self.aim is None or value is None else value <= self.aim.most


class Results:
    """Measures by name, in the order of their first value."""

    def __init__(self) -> None:
        self._measures: dict[str, Measure] = {}

    def add(self, name: str, unit: str, side: str, value: float, aim: Aim | None = None) -> None:
        """Note the value of one run."""
        self._measures.setdefault(name, Measure(unit, aim)).runs[side].append(value)

    def table(self) -> str:
        """Return medians with their spread, one measure a line."""
        rows: list[tuple[str, ...]] = [("", _AGENT, _FLOOR, "ratio", "aim")]
        rows += [_row(name, measure) for name, measure in self._measures.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def json(self) -> str:
        """Return everything that was measured, each run by itself."""
        measures = {
            name: {
                "unit": measure.unit,
                "runs": measure.runs,
                "ratio": measure.ratio,
                "aim": measure.aim and measure.aim.text,
                "met": measure.met,
            }
            for name, measure in self._measures.items()
        }
        return json.dumps({"machine": machine(), "measures": measures}, indent=2)


def _row(name: str, measure: Measure) -> tuple[str, ...]:
    ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
    aim = "" if measure.aim is None else measure.aim.text
    if measure.met is not None:
        aim += ": met" if measure.met else ": missed"
    sides = (_spread(measure.runs[side], measure.unit) for side in (_AGENT, _FLOOR))
    return (name, *sides, ratio, aim)


def _spread(runs: list[float], unit: str) -> str:
    if not runs:
        return ""
    middle, least, most = (_number(each(runs)) for each in (median, min, max))
    return f"{middle} {unit}" + (f" [{least}-{most}]" if len(runs) > 1 else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> dict[str, object]:
    """Return what the numbers depend on."""
    return {
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


Progress = Callable[[str], None]
