"""What a probe says in the end, and what a probe is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scratch import Scratch


@dataclass(frozen=True)
class Verdict:
    """`words` are for people: what was seen, or why it was not asked."""

    result: str  # confirmed, refuted, not asked
    words: str


def confirmed(words: str) -> Verdict:
    return Verdict("confirmed", words)


def refuted(words: str) -> Verdict:
    return Verdict("refuted", words)


def not_asked(why: str) -> Verdict:
    return Verdict("not asked", why)


def holds(seen: Any, wrong: list[str]) -> Verdict:
    """Confirmed unless something is wrong; `wrong` are sentences."""
    return refuted(" ".join(wrong)) if wrong else confirmed(f"Seen: {seen}")


@dataclass(frozen=True)
class Probe:
    """One belief's probe. `ask` makes calls and says what it saw; `judge` makes no call."""

    belief: str  # its id in docs/assumptions.md
    ask: Callable[[Scratch], Any]
    judge: Callable[[Any], Verdict]
    minutes: float  # what it takes on AWS, what it needs of others not counted
    dollars: float = 0.001
    needs: tuple[str, ...] = ()  # what it shares with others: instance, snapshot, power cycle, events
    not_in_the_lab: str = ""  # why the lab cannot be asked; "" if it can
