"""What the benchmark makes of its runs; the runs themselves are `make bench`."""

from __future__ import annotations

from scenario.timeline import Window

from . import figures, parts
from .__main__ import plan


def ran(argv: str, started: float, ended: float) -> dict:
    return {"kind": "node", "argv": argv.split(), "started": started, "t": ended}


LOG = [
    ran("clpstat -s", 9.0, 9.9),  # before
    ran("clpgrp -t failover1", 9.9, 11.0),
    ran("clpmonctrl -s -m mdw1", 11.0, 12.0),
    ran("clpmdstat --mirror md1", 11.5, 13.0),  # half beside the monitor's
    ran("sleep 0.2", 13.0, 13.2),
    ran("clpmdctrl --break md1", 14.0, 15.0),
    ran("clpgrp -s failover1", 15.0, 17.0),
]


def test_each_moment_of_an_outage_counts_once_and_all_of_them_count():
    window = Window(10.0, 16.5)
    found = parts.spent(LOG, window)
    assert found == {"cluster": 3.5, "monitors": 1.0, "reads": 1.0, "between": 1.0}
    assert parts.outage(LOG, window)["outage_overhead_seconds"] == 3.0


def single(overhead: float) -> dict:
    return {
        "outage_seconds": overhead + 1,
        "outage_overhead_seconds": overhead,
        "parts": dict.fromkeys(parts.KINDS, 1.0),
    }


def test_medians_and_targets_name_what_is_missed():
    runs = {
        ("mirrorsnap", "0.1"): [single(each) for each in (1.0, 9.0, 1.2)],
        ("mirrorsnap", "0.7"): [single(7.1)],
        ("cli_waiters", "0.1"): [single(11.0)],
        ("cli_waiters", "0.7"): [single(30.0)],
    }
    found = figures.approaches(runs)
    assert found["mirrorsnap"]["0.1"]["outage_overhead_seconds"] == {"median": 1.2, "min": 1.0, "max": 9.0, "runs": 3}
    assert [(each.got, each.met) for each in figures.targets(found)] == [
        (1.2, True),
        (9.2, False),
        (7.1, False),
        (4.2, True),
    ]
    assert len(figures.table(found)) == 5


def test_nothing_is_demanded_of_what_was_not_measured():
    assert figures.targets(figures.approaches({("cli_1s", "0.1"): [single(3.0)]})) == []


def test_the_runs_take_turns():
    assert plan(2, 1) == [
        *((name, pace, 1) for pace in ("0.1", "0.7") for name in ("mirrorsnap", "cli_waiters", "cli_1s")),
        *(("mirrorsnap", pace, 2) for pace in ("0.1", "0.7")),
    ]
