"""What a frozen backup costs an application: many runs of both nodes' real scripts, beside stopped ones (pace.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import pace
from .test_interleaving import nodecmd  # noqa: F401 (a fixture)

RUNS = int(os.environ.get("MIRRORSNAP_PACED_RUNS", pace.RUNS))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seconds", pace.LONGEST)
def test_no_write_fails_and_none_waits_long(nodecmd: Path, seconds: float) -> None:  # noqa: F811
    every = list(pace.runs(nodecmd, seconds, RUNS))
    frozen, stopped = [each for each in every if each.frozen], [each for each in every if not each.frozen]
    assert len(frozen) == len(stopped) == RUNS and all(each.valid for each in every)
    assert {(each.failed, each.outage) for each in frozen} == {(0, 0.0)}
    assert all(each.writes > 0 and each.pause > 0 for each in frozen), "nothing was measured"
    longest, absent = max(each.pause for each in frozen), min(each.outage for each in stopped)
    print(f"{seconds} s: a write waits for {longest} s at most, a stopped service is away for {absent} s at least")
    assert longest <= pace.LONGEST[seconds] and longest * 3 <= absent
    assert all(each.failed for each in stopped), "the application does not notice its own absence"
