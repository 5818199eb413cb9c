"""To which step a violation belongs, and whether the step expects it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Span:
    """A step in lab time; of an operation, until everything that it caused has ended."""

    step: int
    start: float
    end: float | None = None  # None: it still runs
    expected: list[int] = field(default_factory=list)  # oracles that have to be violated during it
    seen: list[tuple[int, str]] = field(default_factory=list)  # those that were


def attribute(spans: Iterable[Span], oracle: int, t: float, text: str) -> int | None:
    """None: the violation was expected, and is noted at the step that expects it. Else the step that had begun last."""
    last = 0
    for span in spans:
        if span.start > t:
            continue
        last = max(last, span.step)
        if oracle in span.expected and (span.end is None or t <= span.end):
            span.seen.append((oracle, text))
            return None
    return last


def unmet(span: Span) -> list[str]:
    """What the step expects to be violated, and is not."""
    found = Counter(oracle for oracle, _ in span.seen)
    return [f"oracle {oracle} was not violated, expected to be" for oracle in span.expected if not found[oracle]]
