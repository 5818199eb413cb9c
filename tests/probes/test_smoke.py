"""Two of the forty lies are found (the others: test_in_the_lab.py)."""

from __future__ import annotations

import pytest
from lying import LIES, SMOKE, found


@pytest.mark.parametrize("name", SMOKE)
def test_smoke(name: str):
    verdict, left = found(next(lie for lie in LIES if lie["id"] == name))
    assert verdict.result == "refuted", verdict
    assert not left
