"""Metrics out of what functions log: CloudWatch Logs turns each line in the embedded metric format into metrics.
ministack keeps the lines as they are.

A line that breaks the format makes no metric at all and is counted as `EMFValidationErrors` in AWS/Logs, as on AWS;
the record says what is wrong (kind `embedded_metrics`). The format is
tests/references/embedded_metric_format.schema.json.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import context

SCHEMA = Path(__file__).resolve().parents[2] / "references" / "embedded_metric_format.schema.json"
VALUES = 100  # of one metric in one line


class Invalid(Exception):
    """The line is in the embedded metric format and breaks it; the text says where."""


@dataclass(frozen=True)
class Point:
    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    value: float


@functools.cache
def _validator() -> Any:
    import jsonschema  # late: most labs run no function

    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def points(line: str) -> list[Point]:
    """The metrics of one log line, none if it is not in the format; Invalid."""
    if '"_aws"' not in line:
        return []
    try:
        root = json.loads(line)
    except ValueError:
        return []
    if not isinstance(root, dict) or "CloudWatchMetrics" not in (root.get("_aws") or {}):
        return []
    for error in _validator().iter_errors(root):
        raise Invalid(f"{error.json_path}: {error.message}")
    return [
        Point(directive["Namespace"], metric["Name"], metric.get("Unit", "None"), dimensions, value)
        for directive in root["_aws"]["CloudWatchMetrics"]
        for dimensions in [_dimensions(root, names) for names in directive["Dimensions"]]
        for metric in directive["Metrics"]
        for value in _values(root, metric["Name"])
    ]


def _dimensions(root: dict[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    for name in names:
        value = root.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= 1024:
            raise Invalid(f"dimension {name} has no text of 1 to 1024 characters: {value!r}")
    return tuple((name, root[name]) for name in names)


def _values(root: dict[str, Any], name: str) -> list[float]:
    value = root.get(name)
    values = value if isinstance(value, list) else [value]
    if len(values) > VALUES or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        raise Invalid(f"metric {name} has no number: {value!r}")
    return [float(each) for each in values]


def extract(function: str, group: str, lines: list[str]) -> None:
    """Make the metrics of what one invocation has logged, and evaluate the alarms on them."""
    from ministack.services import cloudwatch

    found = False
    for line in lines:
        try:
            made = points(line)
        except Invalid as error:
            cloudwatch.record_metric("AWS/Logs", "EMFValidationErrors", 1, "Count", {"LogGroupName": group})
            context.lab.record.add("embedded_metrics", function=function, invalid=str(error), line=line)
            continue
        for point in made:
            found = True
            cloudwatch.record_metric(point.namespace, point.name, point.value, point.unit, dict(point.dimensions))
            context.lab.record.add(
                "embedded_metrics",
                function=function,
                name=point.name,
                value=point.value,
                dimensions=dict(point.dimensions),
            )
    if found:
        cloudwatch._evaluate_all_alarms()
