"""What the benchmark makes of its runs; the runs themselves are `make bench`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scenario.timeline import Window

from . import __main__ as bench
from . import figures, growth, lanes, page, paper, parts, phases, polling
from .__main__ import plan
from .approaches import Failed
from .bill import bill


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
        ("outage", "mirrorsnap", "0.1"): [single(each) for each in (1.0, 9.0, 1.2)],
        ("outage", "mirrorsnap", "0.7"): [{**single(7.1), "transitions": 46, "host_busy": 0.4}],
        ("outage", "cli_waiters", "0.1"): [single(11.0)],
        ("outage", "cli_waiters", "0.7"): [single(30.0)],
        ("outage", "polling_state_machine", "0.7"): [single(7.1)],
    }
    found = figures.report(runs)
    ours = found["approaches"]["mirrorsnap"]
    assert ours["0.1"]["outage_overhead_seconds"] == {"median": 1.2, "min": 1.0, "max": 9.0, "runs": 3}
    assert "transitions" not in ours["0.1"]
    assert [(each.got, each.met) for each in figures.targets(found)] == [
        (1.2, True),
        (9.2, False),
        (7.1, False),
        (4.2, True),
        (1.0, False),
        (46, False),
    ]
    assert len(figures.table(found["approaches"])) == 6


def test_a_frozen_backup_is_judged_by_its_pause():
    def paused(seconds: float) -> dict:
        given_up = float(seconds > 7)
        return {"outage_seconds": 0.0, "pause_seconds": seconds, "given_up": given_up, "host_busy": 0.2}

    runs = {
        ("outage", "mirrorsnap", "0.1"): [single(1.0)],
        ("frozen", "mirrorsnap_frozen", "0.1"): [paused(each) for each in (1.4, 1.6, 1.3)],
        ("frozen", "mirrorsnap_frozen", "0.7"): [paused(7.1)],
        ("applications", "1"): [single(1.0)],
        ("applications", "20"): [{**single(1.0), "outage_seconds": 4.1}],
    }
    found = figures.report(runs)
    assert found["approaches"]["mirrorsnap_frozen"]["0.1"]["pause_seconds"]["median"] == 1.4
    judged = {each.name: (each.got, each.met) for each in figures.targets(found)}
    assert judged["pause of a frozen backup, commands of 0.1 s"] == (1.4, True)
    assert judged["pause of a frozen backup, commands of 0.7 s"] == (7.1, False)
    assert judged["of these given up, commands of 0.1 s"] == (0, True)
    assert judged["of these given up, commands of 0.7 s"] == (1, False)
    assert judged["a stopped backup's outage with an application of 20 s by a frozen one's pause"] == (2.9, False)
    assert len(figures.table(found["approaches"])) == 2
    ElementTree.fromstring(page.drawing(found))
    frozen = [run for run in plan(("frozen",), 2, 1) if run.part == "frozen"]
    assert [run.of for run in frozen] == [("mirrorsnap_frozen", "0.1"), ("mirrorsnap_frozen", "0.7")] * 2


def restored(own: float, outage: float, forecast: float) -> dict:
    return {"outage_seconds": outage, "rto_own_seconds": own, "forecast_seconds": forecast}


def test_a_restore_has_its_targets_and_its_forecast():
    run = {"none": restored(6.9, 100.0, 121.0), "rollback": {"outage_seconds": 1.0, "rto_own_seconds": 11.9}}
    run["none"]["own_parts"] = {"Plan": 2.0, "Swap": 4.9}
    forecast = {"none": {"outage_seconds": 100.0, "forecast_seconds": 121.0}}
    found = figures.report({("restore",): [{**run, "host_busy": 0.1}], ("forecast",): [forecast]})
    assert set(found["restore"]) == {"none", "rollback"}
    assert found["restore"]["none"]["own_parts"]["Swap"]["median"] == 4.9
    assert [(each.got, each.met) for each in figures.targets(found)] == [(6.9, True), (11.9, True), (0.21, False)]


def started(cold: float, memory: float) -> dict:
    return {"cold_start_ms": cold, "first_call_ms": 1.0, "peak_memory_mb": memory}


def test_a_function_is_compared_with_python():
    runs = [{"rust": started(20, 30), "python": started(99, 91), "host_busy": 0.1}]
    found = figures.report({("functions",): runs})
    assert [(each.got, each.met) for each in figures.targets(found)] == [(0.202, False), (0.33, True)]


def test_nothing_is_demanded_of_what_was_not_measured():
    assert figures.targets(figures.report({("outage", "cli_1s", "0.1"): [single(3.0)]})) == []


def test_the_runs_take_turns_and_of_others_the_first_is_whole():
    names = ("mirrorsnap", "cli_waiters", "cli_1s", "polling_state_machine")
    first = [((name, pace), 1) for pace in ("0.1", "0.7") for name in names]
    assert [(run.of, run.number) for run in plan(("outage",), 2, 1)] == [
        *first,
        *((("mirrorsnap", pace), 2) for pace in ("0.1", "0.7")),
    ]
    assert [run.part for run in plan(("functions", "restore"), 2, 1)] == ["functions", "restore", "functions"]


def noted(name: str, number: int, measure: Callable[[], dict]) -> lanes.Run:
    return lanes.Run(name, (), number, measure)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lanes, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


def test_runs_go_side_by_side_but_for_those_that_go_alone(runs: Path):
    def measure() -> dict:
        begun = time.monotonic()
        time.sleep(0.3)
        return {"begun": begun, "ended": time.monotonic()}

    todo = [noted(part, number, measure) for number in (1, 2) for part in ("functions", "outage")]
    lanes.carry_out(todo, ("functions",), 2, resume=False)
    spans = {run.name: (lambda each: (each["begun"], each["ended"]))(json.loads(run.file.read_text())) for run in todo}

    def beside(one: str, other: str) -> bool:
        return spans[one][0] < spans[other][1] and spans[other][0] < spans[one][1]

    assert beside("outage-1", "outage-2")
    assert not any(beside("functions-1", other) for other in spans if other != "functions-1")
    assert all(0 <= json.loads(run.file.read_text())["host_busy"] <= 1 for run in todo)
    written = {run.name: run.file.stat().st_mtime_ns for run in todo}
    todo[1].file.unlink()
    lanes.carry_out(todo, ("functions",), 2, resume=True)
    assert [run.name for run in todo if run.file.stat().st_mtime_ns != written[run.name]] == ["outage-1"]


@pytest.mark.parametrize("error", [Failed("the group was never down"), KeyError("parts")])
def test_a_run_that_fails_says_so_and_takes_no_other_with_it(
    runs: Path, capfd: pytest.CaptureFixture[str], error: Exception
):
    def measure() -> dict:
        raise error

    todo = [noted("outage", 1, measure), noted("outage", 2, dict), noted("outage", 3, dict)]
    with pytest.raises(Failed, match="RESUME=1"):
        lanes.carry_out(todo, (), 1, resume=False)
    assert str(error) in capfd.readouterr().err
    assert [run.file.exists() for run in todo] == [False, True, True]


@pytest.mark.parametrize(("overhead", "ends"), [(1.5, 0), (1.6, 1)])
def test_the_benchmark_fails_where_a_target_is_missed_and_names_it(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], overhead: float, ends: int
):
    monkeypatch.setattr(bench, "OUT", runs.parent)
    runs.mkdir()
    arguments = ["--only", "outage", "--ours", "1", "--others", "1"]
    for run in plan(("outage",), 1, 1):
        took = overhead if run.of[0] == "mirrorsnap" else 40.0
        run.file.write_text(json.dumps({**single(took), "transitions": 45, "host_busy": 0.1}))
    assert bench.main([*arguments, "--report"]) == ends
    name = "outage beyond the clusterware's own time, commands of 0.1 s: "
    said = [line for line in capsys.readouterr().out.splitlines() if name in line]
    assert [line.startswith("MISSED") for line in said] == [bool(ends)]
    run.file.unlink()
    assert bench.main([*arguments, "--report"]) == 1
    assert "NOT WHOLE: 1 of 8 runs are missing" in capsys.readouterr().out


def test_fast_restore_is_measured_once_and_counts_once(tmp_path: Path):
    seconds = {"rto_own_seconds": 6.0, "outage_seconds": 20.0}
    found = figures.report({("restore",): [{"none": seconds, "fsr": seconds}, {"none": seconds, "host_busy": 0.1}]})
    assert [each["rto_own_seconds"]["runs"] for each in found["restore"].values()] == [2, 1]


def size(clusters: int, transitions: float, busy: float) -> dict:
    calls = {
        "calls_per_cluster": 100.0,
        "calls_by_action": {"ec2:DescribeVolumes": 8.0},
        "peak_calls_per_second": 3,
        "peaks": {},
        "total_seconds": 1.0,
        "lab_busy": busy,
    }
    return {"clusters": clusters, "transitions_per_cluster": transitions, **calls, "host_busy": busy}


def test_a_cluster_among_many_takes_no_more_and_a_busy_machine_s_figures_are_void():
    found = figures.report({("growth", "1"): [size(1, 45, 0.1)], ("growth", "50"): [size(50, 54, 0.8)]})
    assert [(each.got, each.met) for each in figures.targets(found)] == [
        (1.2, False),
        (1.0, True),
        *[(0.1, True)] * 2,
        *[(0.8, False)] * 2,
    ]


def test_time_is_told_by_phase_and_a_part_that_a_run_lacks_took_none():
    told = [(1.0, "Quiesce"), (4.0, "Snapshot")]
    assert phases.seconds([(0.5, 2.0), (3.0, 9.0)], told) == {"Snapshot": 5.0, "Quiesce": 2.0, "before": 0.5}
    found = figures.parted([{"a": 1.0, "b": 5.0}, {"b": 4.0}])
    assert list(found) == ["b", "a"] and found["a"]["median"] == 0.5 and found["b"]["max"] == 5.0


def test_rates_are_counted_by_action_and_second():
    calls = [{"kind": "api", "call": call, "t": t} for call, t in (("a", 1.1), ("a", 1.9), ("a", 2.0), ("b", 9.0))]
    assert growth.rates(calls, 1.0, 8.0) == ({"a": 3}, {"a": 2})
    assert len(growth.mapping(3)["further"]) == 2


ENTRIES = [
    {"kind": "api", "t": 1.0},
    {"kind": "lambda", "t": 4.9, "duration_ms": 999.0, "init_ms": None},
    {"kind": "api", "t": 6.0},
    {"kind": "lambda", "t": 7.0, "duration_ms": 100.0, "init_ms": 20.0},
    {"kind": "lambda", "t": 8.0, "duration_ms": 30.0, "init_ms": None},
]


def test_the_bill_counts_what_lies_within_the_run():
    found = bill(ENTRIES, 5.0, 8.0, 1000)
    assert (found["api_calls"], found["lambda_ms"]) == (1, 150.0)
    assert found["cost_usd"] == round(0.025 + 2 * 2e-7 + 0.15 * 0.25 * 0.0000166667, 6)


def targets_of(states: dict) -> set[str]:
    found = set()
    for state in states.values():
        found |= {state[field] for field in ("Next", "Default") if field in state}
        found |= {rule["Next"] for rule in state.get("Choices", [])}
    return found


def test_the_polling_machine_does_what_the_script_types_and_ends():
    machine = polling.definition(("server1", "i-1"), ("server2", "i-2"), "vol-1")
    assert targets_of(machine["States"]) <= set(machine["States"])
    assert all(state["Seconds"] == 5 for state in machine["States"].values() if state["Type"] == "Wait")
    typed = [
        state["Parameters"]["Parameters"]["commands"][0]
        for state in machine["States"].values()
        if state.get("Resource", "").endswith("sendCommand")
    ]
    script = (Path(__file__).parent.parent / "seed" / "operator.sh").read_text(encoding="utf-8")
    for word in (
        "clpgrp -t",
        "clpmonctrl -s",
        "clpmdctrl --break",
        "clpgrp -s",
        "clpbackup.sh --pre",
        "clpbackup.sh --post",
    ):
        assert any(word in line for line in typed) and word in script, word


INITIALIZATION = Path(__file__).parents[2] / "functions/domain/src/restore/initialization.rs"
BACKUP = Path(__file__).parents[2] / "statemachine/backup.yaml"


def test_a_polling_state_machine_knows_when_the_group_is_back():
    machine = polling.definition(("server1", "i-1"), ("server2", "i-2"), "vol-1")["States"]
    names = list(machine)
    assert names.index("start group: is it over?") + 1 == names.index(polling.BEHIND)


def test_what_is_computed_stands_on_the_product_s_own_constants():
    source = INITIALIZATION.read_text(encoding="utf-8").replace("_", "")
    for name, value in (("RATEUSD: f64", "0.000012"), ("FASTEST: i32", "300"), ("FSRUSD: f64", "0.75")):
        assert f"const {name} = {value};" in source, name
    assert (paper.RATE_USD, paper.FASTEST, paper.FSR_USD) == (0.000012, 300, 0.75)
    looks = ", ".join(f"{_pause(each)} x {most}" if most else _pause(each) for each, most in paper.LOOKS)
    assert f"every: [{looks}]" in BACKUP.read_text(encoding="utf-8")


def _pause(seconds: int) -> str:
    return f"{seconds // 60}m" if seconds in (360, 1800) else f"{seconds}s"


def test_looks_and_limits():
    assert [paper.looks(each) for each in (0, 15, 16, 600, 601, 4200)] == [1, 2, 3, 41, 42, 101]
    assert paper.seconds_for(100, paper.EC2_READS) == 0 and paper.seconds_for(300, paper.EC2_READS) == 10
    calls = {"ec2:DescribeVolumes": 8.0, "ec2:CreateTags": 1.0, "ssm:SendCommand": 99.0}
    assert paper.bound(1, calls, 50) == paper.Bound("state transitions", 0.0)
    assert paper.bound(1000, calls, 50) == paper.Bound("ec2:DescribeVolumes", 395.0)
    assert paper.limit_of("ssm:SendCommand") is None and paper.limit_of("ec2:StartInstances") == paper.EC2_WRITES


def test_a_restore_on_paper_costs_what_its_data_costs():
    rows = {(row[0], row[1]): row for row in paper.restores()}
    assert rows["1 TiB", "rate"][2:] == ["none", "fast after 59 min", "$7.37"]
    assert rows["1 TiB", "fsr"][2:] == ["2.0 h", "fast at once", "$3.00"]
    assert rows["16 TiB", "none"][4] == "$0"


def test_the_page_computes_what_no_machine_here_can_play(tmp_path: Path):
    more = {"transitions": 43, "proof_and_copy_transitions": 6, "lambda_ms": 900.0, "cost_usd": 0.0015}
    runs = {
        ("outage", "mirrorsnap", "0.1"): [{**single(1.0), **more, "host_busy": 0.2}],
        ("growth", "50"): [size(50, 54, 0.5)],
    }
    found = {"date": "2026-11-27", "machine": "2 cores", **figures.report(runs), "targets": []}
    page.write(found, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "## On paper" in text and "| 1,000 |" in text
    assert "ec2:DescribeVolumes: at least 7 min for all" in text
    assert "| 16 TiB | the first | 23.3 h |" in text


def test_the_page_is_made_of_the_report(tmp_path: Path):
    runs = {
        ("outage", name, pace): [{**single(2.0), "degraded_seconds": 9.0, "total_seconds": 12.0, "cost_usd": 0.001}]
        for name in ("mirrorsnap", "cli_waiters")
        for pace in ("0.1", "0.7")
    }
    found = {"date": "2026-11-27", "machine": "2 cores", **figures.report(runs)}
    found["targets"] = [vars(each) for each in figures.targets(found)]
    page.write(found, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| a backup's outage beyond the clusterware, commands of 0.7 s | reads 1.00, monitors 1.00" in text
    assert "2026-11-27" in text and "2.00 s" in text and "| missed |" in text
    ElementTree.parse(tmp_path / "performance.svg")
