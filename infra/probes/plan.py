"""What is asked, how long it takes and what it costs, before anything is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .ask import probes
from .verdict import Probe

MOST_MINUTES, MOST_DOLLARS = 30.0, 2.0
# What several probes share, once: minutes and dollars, of a t3.micro for half an hour, volumes of 1 and 8 GiB, and
# small snapshots.
SHARED = {"snapshot": (2.0, 0.02), "instance": (3.0, 0.05), "power cycle": (4.0, 0.0), "events": (1.5, 0.0)}
IMPLIES = {"power cycle": ("instance",)}
REMOVAL_MINUTES = 2.0


def chosen(only: Sequence[str]) -> list[Probe]:
    """All probes, or those of these beliefs; ValueError for one that has none."""
    known = probes()
    if unknown := sorted(set(only) - {each.belief for each in known}):
        raise ValueError(f"no probe asks {', '.join(unknown)}; there are {', '.join(e.belief for e in known)}")
    return [each for each in known if not only or each.belief in only]


def shared(asked: Iterable[Probe]) -> set[str]:
    needs = {need for each in asked for need in each.needs}
    return needs | {implied for need in needs for implied in IMPLIES.get(need, ())}


def estimate(asked: Sequence[Probe]) -> tuple[float, float]:
    """Minutes and dollars."""
    parts = [SHARED[need] for need in shared(asked)] + [(each.minutes, each.dollars) for each in asked]
    return sum(part[0] for part in parts) + REMOVAL_MINUTES, sum(part[1] for part in parts)


def words(asked: Sequence[Probe]) -> str:
    minutes, dollars = estimate(asked)
    lines = [f"{each.belief:24} {each.minutes:4.1f} min  {', '.join(each.needs)}" for each in asked]
    lines += [f"{need:24} {SHARED[need][0]:4.1f} min  shared" for need in sorted(shared(asked))]
    total = f"{len(asked)} beliefs, about {minutes:.0f} minutes (at most {MOST_MINUTES:.0f}) and {dollars:.2f} dollars"
    return "\n".join([*lines, f"{total} (at most {MOST_DOLLARS:.0f})."])
