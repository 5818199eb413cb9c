"""The dashboard answers three questions in their order, and shows no metric and no alarm that is not there."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402
import read_template  # noqa: E402

BODY = read_template.read()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
WIDGETS: list[dict[str, Any]] = json.loads(BODY)["widgets"]
LINES = [
    json.loads(line)
    for file in (ROOT / "functions/tests/metrics").glob("*.jsonl")
    for line in file.read_text(encoding="utf-8").splitlines()
]


def written() -> set[tuple[str, ...]]:
    """Each metric of ours: its name and its dimensions."""
    return {
        (metric["Name"], *dimensions)
        for line in LINES
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def shown() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for widget in WIDGETS:
        last: list[Any] = []
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                text = metric[0]["expression"]
                dimensions, name = re.findall(r'\{mirrorsnap,([\w,]+)\} MetricName="(\w+)"', text)[0]
                found.add((name, *dimensions.split(",")))
                continue
            names = [each for each in metric if isinstance(each, str)]
            last = [last[at] if each == "." else each for at, each in enumerate(names)] if names[0] != "..." else last
            if last[0] == "mirrorsnap":
                found.add((last[1], *last[2::2]))
    return found


def test_the_three_questions_stand_in_their_order() -> None:
    heads = [each["properties"]["markdown"] for each in WIDGETS if each["type"] == "text"]
    assert [head[:5] for head in heads] == ["## 1.", "## 2.", "## 3."]
    assert "protected" in heads[0] and "backup cost" in heads[1] and "needs me" in heads[2]
    at = [(each["y"], each["x"]) for each in WIDGETS]
    assert at == sorted(at)


def test_widgets_do_not_overlap() -> None:
    fields = [
        (each["x"] + x, each["y"] + y) for each in WIDGETS for x in range(each["width"]) for y in range(each["height"])
    ]
    assert len(fields) == len(set(fields)) and max(x for x, _ in fields) < 24


def test_every_metric_of_ours_that_is_shown_is_written() -> None:
    assert shown() <= written(), shown() - written()
    wanted = {"OutageSeconds", "DegradedSeconds", "TotalSeconds", "BackupAgeSeconds", "BackupGibibytes"}
    assert wanted | {"SnapshotUsdPerMonthAtMost", "WithoutValidBackup"} <= {name for name, *_ in shown()}


def test_every_alarm_is_there_once_but_those_of_the_functions() -> None:
    """The functions' own are added when the template is built, two for each."""
    (widget,) = [each for each in WIDGETS if each["type"] == "alarm"]
    listed = [re.sub(r"^\$\{(\w+)\.Arn\}$", r"\1", each) for each in widget["properties"]["alarms"]]
    resources = read_template.read()["Resources"]
    assert sorted(listed) == sorted(name for name, each in resources.items() if "Alarm" in each["Type"])


def test_every_metric_of_ours_that_an_alarm_watches_is_written() -> None:
    found = [each["Properties"] for each in build.build()["Resources"].values() if "Alarm" in each["Type"]]
    ours = [each for each in found if each["Namespace"] == "mirrorsnap"]
    watched = {(each["MetricName"], *(dimension["Name"] for dimension in each["Dimensions"])) for each in ours}
    assert watched <= written() and len(watched) == len(ours) > 6
