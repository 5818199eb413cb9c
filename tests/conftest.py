"""Fixtures for every test that needs a lab."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab.client import Lab

# How long a case takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for all tests of a module, ten times as fast as life. Tests must not depend on one another."""
    with Lab(scale=10) as running:
        yield running


@pytest.fixture
def fresh_lab() -> Iterator[Callable[..., Lab]]:
    """Makes labs of one's own, stopped at the end of the test: `fresh_lab(scale=5, options=[...])`."""
    running: list[Lab] = []

    def make(scale: float = 10, options: list[str] | None = None) -> Lab:
        running.append(Lab(scale=scale, options=options))
        return running[-1]

    yield make
    for each in running:
        each.stop()
