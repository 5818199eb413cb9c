"""What an operation's time was spent on, by its phases. Pure functions; all times are lab seconds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

Phases = list[tuple[float, str]]  # (when it began, its name), in order


def at(phases: Phases, moment: float) -> str:
    """The phase that an operation was in, "before" where none had begun."""
    return next((name for began, name in reversed(phases) if began <= moment), "before")


def seconds(intervals: Iterable[tuple[float, float]], phases: Phases) -> dict[str, float]:
    """phase -> seconds of `intervals` that lie in it, the largest first."""
    found: dict[str, float] = {}
    for start, end in intervals:
        borders = [start, *(began for began, _ in phases if start < began < end), end]
        for left, right in itertools.pairwise(borders):
            name = at(phases, left)
            found[name] = found.get(name, 0.0) + right - left
    return {name: round(value, 3) for name, value in sorted(found.items(), key=lambda each: -each[1])}
