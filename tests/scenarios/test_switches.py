"""A backup's whole life under each value of each switch, and under pairs drawn by seed. `make build` comes first."""

from __future__ import annotations

import pytest
import yaml

from lab.nodes.clusterpro.switches import CHOICES, Switches
from scenario.format import parse
from scenario.runner import run
from scenarios.switches import PAIRS, SEED, VALUES, Life, pairs, singles
from scenarios.test_scenarios import SCALE, SECONDS, built, judge

__all__ = ["built"]


def live(life: Life) -> None:
    text = yaml.safe_dump({"name": life.name, "cluster": life.cluster, "steps": life.steps(0)})
    judge(run(parse(text, life.name), SCALE))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("life", singles(), ids=lambda life: life.name)
def test_value(life: Life) -> None:
    live(life)


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("life", pairs(SEED, PAIRS), ids=lambda life: f"{SEED}-{life.name}")
def test_pair(life: Life) -> None:
    live(life)


def test_every_switch_has_every_other_value() -> None:
    named = {each.name for each in VALUES}
    assert set(CHOICES) <= named
    for each in VALUES:
        if each.where == "switches":
            Switches().update({each.name: each.value})
            assert getattr(Switches(), each.name) != each.value


def test_pairs_are_the_seed_s_and_differ() -> None:
    assert pairs(1, 60) == pairs(1, 60) != pairs(2, 60)
    assert len({each.name for each in pairs(1, 60)}) == 60
