"""The probes in labs: an honest one confirms all beliefs that can be asked there, and lies are found.

Of the forty lies of tests/lies/lies.yaml at least 38 must be found, and of ten that a seed draws at least 8. One that
is missed is named below, and stays in the list. Two of the lies are in test_smoke.py.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from lying import LIES, SMOKE, asked, found

from lab.lies import mutations

NOT_IN_THE_LAB = {"lambda-glibc"}
MISSED: frozenset[str] = frozenset()  # lies that no probe finds
MISSED_SEEDS: frozenset[int] = frozenset()


def _seeds(count: int) -> list[int]:
    """The first seeds that draw different changes."""
    known: set[mutations.Mutation] = set()
    out = []
    for seed in itertools.count(1):
        if (drawn := mutations.drawn(seed)) not in known:
            known.add(drawn)
            out.append(seed)
        if len(out) == count:
            return out
    raise AssertionError("never")


SEEDS = _seeds(10)


REST = [lie for lie in LIES if lie["id"] not in SMOKE]


@pytest.mark.parametrize("lie", REST, ids=[lie["id"] for lie in REST])
def test_lie(lie: dict[str, Any]):
    verdict, left = found(lie)
    assert (verdict.result == "refuted") == (lie["id"] not in MISSED), verdict
    assert not left


@pytest.mark.parametrize("seed", SEEDS, ids=[str(mutations.drawn(seed)) for seed in SEEDS])
def test_drawn(seed: int):
    verdicts, left = asked(["--mutate", str(seed)])
    refuted = [belief for belief, verdict in verdicts.items() if verdict.result == "refuted"]
    assert bool(refuted) == (seed not in MISSED_SEEDS), verdicts
    assert not left


def test_enough_are_found():
    assert len(LIES) == 40 and len(LIES) - len(MISSED) >= 38
    assert len(SEEDS) == 10 and len(SEEDS) - len(MISSED_SEEDS) >= 8


def test_an_honest_lab_confirms_all():
    verdicts, left = asked()
    other = {belief: verdict for belief, verdict in verdicts.items() if verdict.result != "confirmed"}
    assert set(other) == NOT_IN_THE_LAB, other
    assert not left
