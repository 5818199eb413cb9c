"""A deployed product for the tests of restores, one for each of their files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from restores import on, run

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up


@pytest.fixture(scope="module")
def restorable() -> Iterator[Product]:
    """A deployed product with one valid backup."""
    with Lab(scale=12) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        # A rollback that copies waits for it, and nothing here asks how long.
        lab.control("timing", values={"peer_wait": 60})
        assert run(made, "backup", {})["status"] == "SUCCEEDED"
        yield made


@pytest.fixture
def product(restorable: Product) -> Iterator[Product]:
    """It, without faults; fast snapshot restore must be off after each test."""
    restorable.lab.control("clear_faults")
    yield restorable
    restorable.lab.control("clear_faults")
    wait_until_up(restorable.lab)
    assert not on(restorable), "fast snapshot restore is still on"
