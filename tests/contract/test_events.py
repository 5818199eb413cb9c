"""AWS's own events: recorded, delivered to rules, and lost, doubled or late when a fault says so."""

from __future__ import annotations

import itertools
import json

import pytest
from fixtures.functions import allow, role
from fixtures.machines import chain, jsonata, one

STATUS = "Step Functions Execution Status Change"
_numbers = itertools.count(1)


@pytest.fixture
def watched(engine, lab):
    """A failing machine whose failure starts another one, with the failure's ARN as its input."""
    failing = engine.make(one({"Type": "Fail", "Error": "E", "Cause": "c"}))
    recover = engine.make(one({"Type": "Succeed"}))
    number = next(_numbers)
    starter = role(lab, f"rule-{number}", allow("states:StartExecution"), service="events.amazonaws.com")
    events = lab.boto("events")
    detail = {"stateMachineArn": [failing], "status": ["FAILED", "ABORTED", "TIMED_OUT"]}
    pattern = {"source": ["aws.states"], "detail-type": [STATUS], "detail": detail}
    events.put_rule(Name=f"failures-{number}", EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {"arn": "$.detail.executionArn", "error": "$.detail.error"},
        "InputTemplate": '{"arn": <arn>, "error": <error>}',
    }
    target = {"Id": "1", "Arn": recover, "RoleArn": starter, "InputTransformer": transformer}
    assert events.put_targets(Rule=f"failures-{number}", Targets=[target])["FailedEntryCount"] == 0
    yield failing, recover
    lab.control("clear_faults")


def caused(lab, execution):
    return [each for each in lab.control("executions") if each["caused_by"] == execution]


def test_a_failure_starts_the_recovery_and_is_its_cause(engine, lab, watched):
    execution = engine.start(watched[0])
    engine.end(execution)
    (started,) = lab.wait_for(lambda: caused(lab, execution))
    assert started["machine"] == watched[1].rsplit(":", 1)[-1]
    assert json.loads(started["input"]) == {"arn": execution, "error": "E"}
    assert started["parent"] is None


def test_the_status_event_as_documented(engine, lab):
    machine = engine.make(one({"Type": "Pass", "Result": {"r": 1}, "End": True}))
    execution = engine.start(machine, {"i": 1})
    engine.end(execution)
    found = lab.wait_for(
        lambda: len(mine := [e for e in lab.log(kind="event") if execution in e["resources"]]) == 2 and mine
    )
    assert [(e["source"], e["detail_type"], e["fate"]) for e in found] == [("aws.states", STATUS, "delivered")] * 2
    running, done = (event["detail"] for event in found)
    assert (running["status"], running["stopDate"], running["output"]) == ("RUNNING", None, None)
    described = engine.sfn.describe_execution(executionArn=execution)
    assert done["status"] == "SUCCEEDED"
    assert done["startDate"] == round(described["startDate"].timestamp() * 1000)
    assert done["stopDate"] == round(described["stopDate"].timestamp() * 1000)
    assert (json.loads(done["input"]), json.loads(done["output"])) == ({"i": 1}, {"r": 1})
    assert (done["error"], done["redriveStatus"]) == (None, "NOT_REDRIVABLE")


def test_a_lost_event(engine, lab, watched):
    lab.fault(event=STATUS, nth=2, effect="lost")  # the first one says RUNNING
    execution = engine.start(watched[0])
    engine.end(execution)
    lab.wait_for(lambda: [e for e in lab.log(kind="event", fate="lost") if execution in e["resources"]])
    lab.sleep(10)
    assert caused(lab, execution) == []


def test_an_event_that_comes_twice(engine, lab, watched):
    lab.fault(event=STATUS, nth=2, effect="twice")
    execution = engine.start(watched[0])
    engine.end(execution)
    lab.wait_for(lambda: len(caused(lab, execution)) == 2)
    lab.sleep(10)
    assert len(caused(lab, execution)) == 2


def test_an_event_that_comes_late(engine, lab, watched):
    lab.fault(event=STATUS, nth=2, effect={"late": 20})
    execution = engine.start(watched[0])
    engine.end(execution)
    lab.sleep(8)
    assert caused(lab, execution) == []
    lab.wait_for(lambda: caused(lab, execution))
    fates = [e for e in lab.log(kind="event") if execution in e["resources"] and e["detail"]["status"] == "FAILED"]
    assert [e["fate"] for e in fates] == ["late", "delivered"]
    assert 20 <= fates[1]["t"] - fates[0]["t"] < 20 + lab.scale


class TestAbort:
    """The fault `{execution: abort, at: <phase>}`."""

    def machines(self, engine):
        task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes", "Arguments": {}}
        name = f"phase-{next(_numbers)}"
        inner = {"StartAt": "Split: look", "States": {"Split: look": {**task, "End": True}}}
        inner["States"]["Split: look"]["Arguments"] = {"Filters": [{"Name": "tag:phase", "Values": [name]}]}
        child = engine.make(jsonata(inner))
        start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2"}
        start["Arguments"] = {"StateMachineArn": child}
        catch = {"ErrorEquals": ["States.ALL"], "Next": "Snapshot"}
        states = {
            "Splitter": {"Type": "Pass", "Next": "Child"},
            "Child": {**start, "Catch": [catch], "Next": "Snapshot"},
            "Snapshot": {"Type": "Pass", "Next": "Snapshot_wait"},
            "Snapshot_wait": {"Type": "Wait", "Seconds": 1, "End": True},
        }
        return engine.make(jsonata({"StartAt": "Splitter", "States": states})), name

    def test_the_outermost_execution_of_the_chain(self, engine, lab):
        machine, name = self.machines(engine)
        lab.fault(execution="abort", at="Split")  # neither `Splitter` nor anything but the first word counts
        execution = engine.start(machine)
        assert engine.end(execution)["status"] == "ABORTED"
        child = next(each for each in lab.control("executions") if each["parent"] == execution)
        assert engine.end(child["arn"])["status"] == "ABORTED"
        assert engine.events(child["arn"])[-2].get("state") == "Split: look"
        calls = lab.log(kind="api", call="ec2:DescribeVolumes")
        assert not [call for call in calls if name in json.dumps(call["params"])]  # the state did nothing
        seen = lab.wait_for(lambda: [e for e in lab.log(kind="event") if e["detail"].get("status") == "ABORTED"])
        assert {execution, child["arn"]} >= {e["detail"]["executionArn"] for e in seen[-2:]}
        assert "Snapshot" not in [event.get("state") for event in engine.events(execution)]  # no Catch sees an abort
        assert engine.run(machine)["status"] == "SUCCEEDED"  # once

    def test_a_phase_is_entered_once_per_operation(self, engine, lab):
        machine, _ = self.machines(engine)
        fault = lab.fault(execution="abort", at="Snapshot", nth=2)
        assert engine.run(machine)["status"] == "SUCCEEDED"
        assert [each["seen"] for each in lab.control("faults") if each["id"] == fault] == [1]
        assert engine.run(machine)["status"] == "ABORTED"

    def test_inside_a_parallel_state(self, engine, lab):
        branch = chain({"Type": "Pass"}, {"Type": "Wait", "Seconds": 1})
        branch = json.loads(json.dumps(branch).replace('"B"', '"Seal"'))
        other = one({"Type": "Wait", "Seconds": 600, "End": True}, "Long")
        lab.fault(execution="abort", at="Seal")
        execution = engine.start(one({"Type": "Parallel", "Branches": [branch, other], "End": True}, "Both"))
        assert engine.end(execution)["status"] == "ABORTED"
        assert engine.took(execution) < lab.scale
