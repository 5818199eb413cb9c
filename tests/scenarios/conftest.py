"""The order in which scenarios run under xdist: chains of the sweep in one worker, the longest files first."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# What a scenario's file takes, roughly, in lab seconds: a lab of its own, each operation, each wait that it names.
LAB, OPERATION, ROLLBACK = 10.0, 35.0, 60.0


class ByChain(LoadScopeScheduling):
    # xdist's own groups (--dist loadgroup) do nothing under this pytest: it does not let a plugin change a test's id.
    def _split_scope(self, nodeid: str) -> str:
        """The chain of `test_sweep[chain/case]`; every other test is by itself."""
        chain, _, _ = nodeid.rpartition("/")
        return chain if "[" in chain else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByChain | None:
    return ByChain(config, log) if config.getvalue("dist") == "loadscope" else None


def length(text: str) -> float:
    operations, rollbacks = len(re.findall(r"^  - (backup|restore):", text, re.M)), text.count("{rollback:")
    waits = sum(float(each) for each in re.findall(r"wait: \{seconds: (\d+)", text))
    return LAB + OPERATION * operations + ROLLBACK * rollbacks + waits


def dealt(items: list[Any], lengths: list[float], hands: int) -> list[Any]:
    """The longest first, dealt out: `--dist worksteal` gives each worker one stretch of the list to begin with."""
    longest = [item for _, item in sorted(zip(lengths, items, strict=True), key=lambda each: -each[0])]
    return [item for hand in range(hands) for item in longest[hand::hands]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.name.startswith("test_file[")]
    lengths = [length(item.callspec.params["path"].read_text(encoding="utf-8")) for item in ours]  # type: ignore[attr-defined]
    in_order = iter(dealt(ours, lengths, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
    items[:] = [next(in_order) if item.name.startswith("test_file[") else item for item in items]
