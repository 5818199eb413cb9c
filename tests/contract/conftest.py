"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.machines import Engine

if TYPE_CHECKING:
    from cluster_bench import Bench

    from lab.client import Lab


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Engine:
    """State machines in the module's lab: makes them, runs them, waits for their ends."""
    return Engine(lab)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes simulated clusters in this process: `bench(auto_recovery=False, switches={…}, up=True)`."""
    from cluster_bench import Bench  # late: it brings the whole lab into this process

    made: list[Bench] = []

    def make(up: bool = True, **spec: object) -> Bench:
        home = tmp_path / str(len(made))
        home.mkdir()
        made.append(Bench(home, spec, up))
        return made[-1]

    yield make
    for each in made:
        each.close()
