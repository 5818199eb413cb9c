"""What the lab leaves for botocore's shapes and jsonata to judge (lab/witness.py), and that both agree with it.

Also the answers of ministack's that did not agree (lab/patches/answers.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.machines import Engine, jsonata, one

from lab.client import Lab
from references.verdict import verdict


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIRRORSNAP_WITNESS", str(tmp_path / "left"))
    return tmp_path / "left"


@pytest.fixture
def witnessed(left: Path, fresh_lab: Callable[..., Lab]) -> Iterator[Lab]:
    yield fresh_lab(scale=10)


def entries(left: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for path in left.glob(f"{kind}-*.jsonl") for line in path.read_text().splitlines()]


def test_each_kind_of_call_is_left_once(witnessed: Lab, left: Path) -> None:
    ec2 = witnessed.boto("ec2")
    witnessed.control("timing", values={"volume_create": 600})  # another state would be another kind of answer
    made = [ec2.create_volume(AvailabilityZone=f"{witnessed.region}a", Size=1)["VolumeId"] for _ in range(3)]
    for volume in made:
        ec2.describe_volumes(VolumeIds=[volume])
    calls = [each["call"] for each in entries(left, "calls")]
    assert calls.count("ec2:CreateVolume") == 1  # the second and third are of the same kind
    before = len(calls)
    ec2.describe_volumes(VolumeIds=made, Filters=[{"Name": "status", "Values": ["available"]}])
    assert len(entries(left, "calls")) == before + 1  # a filter is new
    assert verdict(left).problems == {}
    assert verdict(left).without_shape == {}


def value(lab: Lab, output: Any, given: Any) -> Any:
    """The output of a machine of one Pass state."""
    result = Engine(lab).run(jsonata(one({"Type": "Pass", "Output": output, "End": True})), given)
    assert result["status"] == "SUCCEEDED", result
    return result["output"]


def test_values_are_left_with_the_variables_that_they_read(witnessed: Lab, left: Path) -> None:
    value(witnessed, {"a": "{% $states.input.n + 1 %}", "at": "{% $millis() > 0 %}"}, {"n": 2, "more": "x"})
    found = {each["expression"].strip(): each for each in entries(left, "values")}
    assert found["$states.input.n + 1"]["value"] == 3
    assert found["$states.input.n + 1"]["bindings"]["states"]["input"] == {"n": 2, "more": "x"}
    assert found["$millis() > 0"]["bindings"] == {}
    assert found["$millis() > 0"]["millis"] > 1_700_000_000_000
    judged = verdict(left)
    assert judged.compared == 2
    assert judged.problems == {}


def test_in_one_evaluation_time_stands_still(witnessed: Lab) -> None:
    """jsonata takes the time once: `$millis()` is the same at the end of a long expression as at its beginning."""
    long = "{% ($a := $millis(); $s := $sum($map([1..5000], function($v) { $v * $v })); $s > 0 ? $millis() - $a) %}"
    assert value(witnessed, {"took": long}, {}) == {"took": 0}


def test_nothing_is_left_without_the_switch(fresh_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("MIRRORSNAP_WITNESS", raising=False)
    monkeypatch.chdir(tmp_path)
    fresh_lab(scale=10).boto("ec2").describe_volumes()
    assert list(tmp_path.iterdir()) == []


def test_what_ministack_answers_is_as_the_shapes_have_it(witnessed: Lab, left: Path) -> None:
    dynamodb, cloudwatch, ec2 = (witnessed.boto(name) for name in ("dynamodb", "cloudwatch", "ec2"))
    key = {"AttributeName": "id"}
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        KeySchema=[{**key, "KeyType": "HASH"}],
    )
    assert dynamodb.describe_table(TableName="table")["Table"]["WarmThroughput"]["ReadUnitsPerSecond"] == 12000
    alarm = {"AlarmName": "a", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
    cloudwatch.put_metric_alarm(**alarm, Namespace="n", MetricName="m", Period=60, Statistic="Sum")
    assert "Unit" not in cloudwatch.describe_alarms()["MetricAlarms"][0]
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    ec2.describe_vpcs()
    judged = verdict(left)
    assert judged.problems == {}
    assert judged.operations >= {"dynamodb:CreateTable", "cloudwatch:DescribeAlarms", "ec2:DescribeVpcs"}
