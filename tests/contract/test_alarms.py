"""What CloudWatch makes of a line that a function logs, and when an alarm changes its state."""

from __future__ import annotations

import copy
import json

import pytest

from lab.patches.embedded_metrics import Invalid, Point, points

LINE = {
    "_aws": {
        "Timestamp": 1_700_000_000_000,
        "CloudWatchMetrics": [
            {"Namespace": "n", "Dimensions": [["Fleet"]], "Metrics": [{"Name": "A", "Unit": "Count"}, {"Name": "B"}]}
        ],
    },
    "Fleet": "f",
    "A": 1,
    "B": [2, 3.5],
}
FLEET = (("Fleet", "f"),)


def test_a_line_makes_its_metrics():
    made = points(json.dumps(LINE))
    assert made == [
        Point("n", "A", "Count", FLEET, 1.0),
        Point("n", "B", "None", FLEET, 2.0),
        Point("n", "B", "None", FLEET, 3.5),
    ]


@pytest.mark.parametrize("line", ["", "a line", '{"level": "INFO"}', '{"_aws": 1}x', "INFO " + json.dumps(LINE)])
def test_what_is_no_line_of_the_format_makes_none(line):
    assert points(line) == []


def _without(*path):
    line = copy.deepcopy(LINE)
    at = line
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return line


DIRECTIVE = ("_aws", "CloudWatchMetrics", 0)
BROKEN = [
    _without("_aws", "Timestamp"),
    *(_without(*DIRECTIVE, name) for name in ("Namespace", "Dimensions", "Metrics")),
    _without(*DIRECTIVE, "Metrics", 0, "Name"),
    _without("A"),
    _without("Fleet"),
    {**LINE, "A": None},
    {**LINE, "A": True},
    {**LINE, "B": [1] * 101},
    {**LINE, "Fleet": ""},
    {**LINE, "Fleet": 7},
    json.loads(json.dumps(LINE).replace('"Count"', '"Pieces"')),
    json.loads(json.dumps(LINE).replace('"Timestamp": 1', '"Timestamp": 0.1')) | {"A": 1},
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_line_that_breaks_the_format_is_invalid(line):
    with pytest.raises(Invalid):
        points(json.dumps(line))


def alarm(lab, name, value, **more):
    lab.boto("cloudwatch").put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": "AWS/States",
            "MetricName": "ExecutionsFailed",
            "Dimensions": [{"Name": "StateMachineArn", "Value": value}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            **more,
        }
    )


def states(lab, *names):
    found = lab.boto("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    return {each["AlarmName"]: each["StateValue"] for each in found}


def test_an_alarm_hears_of_its_own_dimensions_only(engine, lab):
    failing, other = (engine.make(FAIL), engine.make({**FAIL, "Comment": "another one"}))
    alarm(lab, "own", failing)
    alarm(lab, "foreign", other)
    assert engine.run(failing)["status"] == "FAILED"
    lab.wait_for(lambda: states(lab, "own")["own"] == "ALARM", 30, "the alarm")
    assert states(lab, "foreign")["foreign"] == "OK"


def test_two_periods_are_two_datapoints_and_the_alarm_ends(engine, lab):
    failing = engine.make({**FAIL, "Comment": "twice"})
    alarm(lab, "twice", failing, EvaluationPeriods=2)
    engine.run(failing)
    engine.run(failing)
    lab.sleep(60)
    assert states(lab, "twice")["twice"] == "OK"
    engine.run(failing)
    lab.wait_for(lambda: states(lab, "twice")["twice"] == "ALARM", 30, "the alarm")
    lab.sleep(60 * 5)
    engine.run(engine.make({**FAIL, "Comment": "somebody else's"}))
    lab.wait_for(lambda: states(lab, "twice")["twice"] == "OK", 30, "the end of the alarm")


FAIL = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}
