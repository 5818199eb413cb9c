"""What our functions log as metrics, judged by the schema that CloudWatch publishes. The functions' own tests (in
report.rs, patrol.rs, keep_schedules.rs and prove) assert that these are the lines that they write."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.patches.embedded_metrics import Invalid, points

WRITTEN = Path(__file__).resolve().parents[2] / "functions" / "tests" / "metrics"
LINES = [line for file in sorted(WRITTEN.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_the_lines_of_all_functions_are_there():
    assert {file.stem for file in WRITTEN.iterdir()} == {"keep-schedules", "patrol", "prove", "report"}
    assert len(LINES) == 15


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_ours_is_in_the_format_and_makes_every_metric(line: str) -> None:
    directives = json.loads(line)["_aws"]["CloudWatchMetrics"]
    wanted = [metric["Name"] for directive in directives for metric in directive["Metrics"]]
    assert [point.name for point in points(line)] == wanted


Line = dict[str, Any]


def _directive(line: Line) -> Line:
    return line["_aws"]["CloudWatchMetrics"][0]


def _first(line: Line) -> str:
    return _directive(line)["Metrics"][0]["Name"]


MUTANTS: dict[str, Callable[[Line], object]] = {
    "no timestamp": lambda line: line["_aws"].pop("Timestamp"),
    "a timestamp that is no integer": lambda line: line["_aws"].update(Timestamp="2026-05-01T02:03:04Z"),
    "no namespace": lambda line: _directive(line).pop("Namespace"),
    "an empty namespace": lambda line: _directive(line).update(Namespace=""),
    "a long namespace": lambda line: _directive(line).update(Namespace="n" * 256),
    "no dimension set": lambda line: _directive(line).update(Dimensions=[]),
    "dimensions that are no set": lambda line: _directive(line).update(Dimensions=["Cluster"]),
    "too many dimensions": lambda line: _directive(line).update(Dimensions=[["Cluster"] * 10]),
    "a dimension without a member": lambda line: _directive(line).update(Dimensions=[["Nobody"]]),
    "a metric without a name": lambda line: _directive(line)["Metrics"][0].pop("Name"),
    "a long name": lambda line: _directive(line)["Metrics"][0].update(Name="n" * 256),
    "a unit that is none": lambda line: _directive(line)["Metrics"][0].update(Unit="Pieces"),
    "a metric that is null": lambda line: line.update({_first(line): None}),
    "a metric that is a text": lambda line: line.update({_first(line): "1"}),
    "a metric without a member": lambda line: line.pop(_first(line)),
    "too many metrics": lambda line: _directive(line).update(Metrics=_directive(line)["Metrics"] * 101),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_fault_is_found(mutant: str) -> None:
    for written in LINES:
        line = copy.deepcopy(json.loads(written))
        MUTANTS[mutant](line)
        with pytest.raises(Invalid):
            points(json.dumps(line))
