"""The runner itself: what it finds wrong it says, and nothing passes by mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario.deployment import ROOT
from scenario.format import ScenarioError, parse
from scenario.product import configuration, family
from scenario.runner import deploy, lab_for, run

SCALE = 10.0


def steps(result: dict[str, Any]) -> list[str | None]:
    return [each["status"] for each in result["steps"]]


@pytest.mark.timeout(1200)
def test_a_step_that_does_not_hold_fails_the_scenario() -> None:
    text = """
name: what does not hold
cluster: {config: {colour: red}}
steps:
  - write: {file: a, text: hello}
  - check: {file: a, text: other}
  - check: {file: b, absent: true}
  - backup: {}
  - backup: {}
    expect: {status: FAILED, error: MirrorNotNormal, valid_backups: 1}
  - restore: {backup: latest, confirm: orders}
    expect: {status: SUCCEEDED}
  - set: {run: {active: "clpgrp -t failover1"}}
  - wait: {healthy: 3}
"""
    result = run(parse(text), SCALE)
    assert not result["passed"]
    assert steps(result)[:5] == ["SUCCEEDED", "FAILED", "SUCCEEDED", "FAILED", "FAILED"]
    assert result["steps"][3]["error"] == "ConfigInvalid"
    first, second = result["steps"][3]["failures"], result["steps"][4]["failures"]
    assert [f.split(" ")[0] for f in first] == ["status"]
    assert sorted(f.split(" ")[0] for f in second) == ["error", "valid"]
    assert result["steps"][7]["failures"][0].startswith("not healthy within 3 s: group failover1")
    assert result["steps"][0]["kind"] == "write" and result["steps"][3]["executions"]


@pytest.mark.timeout(1200)
def test_residue_of_an_operation_is_a_violation_and_what_a_set_step_left_is_not() -> None:
    text = """
name: residue
steps:
  - set: {run: {active: "clpmonctrl -s -h server1 -m mdw1"}}
  - recover: {}
    expect: {healthy_within: 0}
  - recover: {}
    as: slow
    background: true
    expect: {healthy_within: 0}
  - set: {run: {active: "clpmonctrl -s -h server2 -m mdw1"}}
  - join: slow
"""
    result = run(parse(text), SCALE)
    assert [(v["oracle"], v["step"], v["text"]) for v in result["violations"]] == [
        (2, 2, "monitor mdw1 is suspended on server2")
    ]
    assert not result["passed"]


@pytest.mark.timeout(1200)
def test_a_violation_that_a_step_expects_is_none_and_one_that_it_misses_is_a_failure() -> None:
    text = """
name: somebody stops the group while a restore's volumes are made, and starts it again
cluster: {timing: {volume_create: 8}}
steps:
  - write: {file: a, text: precious}
  - backup: {}
  - restore: {backup: latest, confirm: orders}
    as: r
    background: true
    expect: {violations: [4, 9], healthy_within: 120}
  - set: {run: {server1: "clpgrp -t failover1"}}
    at: {step: r, phase: PrepareVolumes}
  - set: {run: {server1: "clpgrp -s failover1"}}
  - join: r
"""
    result = run(parse(text), SCALE)
    step = result["steps"][2]
    assert step["status"] == "SUCCEEDED"
    assert step["failures"] == ["oracle 4 was not violated, expected to be"]
    early = "when 0 of 2 new volumes were available"
    assert step["violations"] == [
        {"oracle": 9, "text": f"group failover1 left online on server1 {early}"},
        {"oracle": 9, "text": f"`clpgrp -t failover1` on server1 {early}"},
    ]
    assert result["violations"] == [] and not result["passed"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("name: x\nsteps: [{set: {}}]", "set"),
        ("name: x\nsteps: [{set: {colour: red}}]", "colour"),
        ("name: x\ncluster: {active: server3}\nsteps: [{backup: {}}]", "active"),
        ("name: x\ncluster: {timing: {bot: 1}}\nsteps: [{backup: {}}]", "bot"),
        ("name: x\nsteps: [{restore: {before: {step: later}}}]", "before"),
    ],
)
def test_a_malformed_file_is_refused_with_2_and_its_place(text: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=place):
        parse(text)
    path = tmp_path / "x.yaml"
    path.write_text(text)
    command = [sys.executable, "-m", "scenario.runner", str(path)]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": "tests"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and place in done.stderr and not done.stdout


def test_a_family_is_whatever_an_execution_caused() -> None:
    def one(arn: str, parent: str | None = None, caused_by: str | None = None) -> dict[str, Any]:
        return {"arn": arn, "parent": parent, "caused_by": caused_by, "over": arn != "d"}

    every = [one("a"), one("b", parent="a"), one("x"), one("c", caused_by="a"), one("d", parent="c"), one("y", "x")]
    assert [m["arn"] for m in family(every, "a").members] == ["a", "b", "c", "d"]
    assert not family(every, "a").over and family(every, "x").over


def test_the_configuration_is_the_scenarios_cluster_in_the_products_form() -> None:
    spec = parse_cluster({"mirror_disks": [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc"}]})
    found = configuration(
        spec, {"server1": "i-0aaa", "server2": "i-0ccc"}, {"max_outage_seconds": 60, "retention": None}
    )
    assert found["nodes"] == [
        {"name": "server1", "instance_id": "i-0aaa"},
        {"name": "server2", "instance_id": "i-0ccc"},
    ]
    assert found["mirror_disks"][1] == {
        "name": "md2",
        "monitor": "mdw2",
        "device": "/dev/sdc",
        "cluster_partition": "/dev/xvdc1",
        "data_partition": "/dev/xvdc2",
    }
    assert found["max_outage_seconds"] == 60 and "retention" not in found
    json.dumps(found)


def test_no_step_begins_before_the_first_patrol_has_ended() -> None:
    scenario = parse("name: at once\nsteps: [{wait: {seconds: 1}}]\n")
    with lab_for(scenario, SCALE) as lab:
        late = {"call": "states:StartExecution", "effect": {"delay": 30}}
        lab.control("fault", spec=late)
        product = deploy(scenario, lab, lambda text: None)
        found = [each for each in lab.control("executions") if "patrol" in each["arn"]]
        assert [each["over"] for each in found] == [True]
        assert product.machines["mirrorsnap-patrol"].rpartition(":")[2] in found[0]["arn"]
