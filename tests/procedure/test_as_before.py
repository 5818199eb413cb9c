"""The expansion of statemachine/*.yaml is the ASL that it replaces."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build_statemachines  # noqa: E402


@pytest.mark.parametrize("name", ["backup", "restore", "recover", "converge", "hold"])
def test_the_expansion_equals_the_asl(name: str) -> None:
    before = json.loads((ROOT / "statemachine" / f"{name}.asl.json").read_text(encoding="utf-8"))
    assert build_statemachines.expand(name) == before
