"""Lengths at which AWS refuses or cuts, a describe that lags, and transformers that break the JSON they fill."""

from __future__ import annotations

import itertools
import json

import pytest
from fixtures.functions import allow, refused, role
from fixtures.machines import chain, jsonata, one

PASS = {"Type": "Pass"}
STATUS = "Step Functions Execution Status Change"
_numbers = itertools.count(1)


@pytest.fixture
def topic(lab):
    return lab.boto("sns").create_topic(Name=f"topic-{next(_numbers)}")["TopicArn"]


@pytest.mark.parametrize("subject", ["s" * 100, "two\nlines", "a\tb"])
def test_subjects_that_are_refused(lab, topic, subject):
    publish = lab.boto("sns").publish
    assert refused(publish, TopicArn=topic, Message="m", Subject=subject) == "InvalidParameter"
    assert publish(TopicArn=topic, Message="m", Subject="s" * 99)["MessageId"]
    assert publish(TopicArn=topic, Message="m")["MessageId"]


def test_a_cause_is_cut(engine):
    """In the execution, and in what its parent catches: JSON that is cut there is no JSON any more."""
    child = engine.make(one({"Type": "Fail", "Error": "E" * 300, "Cause": "c" * 40_000}))
    ended = engine.run(child)
    assert (len(ended["error"]), len(ended["cause"])) == (256, 32_768)
    start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2"}
    start |= {"Arguments": {"StateMachineArn": child}}
    catch = {"ErrorEquals": ["States.ALL"], "Output": "{% $length($states.errorOutput.Cause) %}", "Next": "B"}
    assert engine.run(jsonata(chain({**start, "Catch": [catch]}, PASS)))["output"] == 32_768


def test_a_describe_of_an_execution_that_lags(engine, lab):
    machine = engine.make(one({"Type": "Wait", "Seconds": 3000, "End": True}))
    lab.fault(call="states:DescribeExecution", effect="stale")
    execution = engine.start(machine)
    assert refused(engine.sfn.describe_execution, executionArn=execution) == "ExecutionDoesNotExist"
    lab.sleep(8)
    engine.sfn.stop_execution(executionArn=execution)
    lab.fault(call="states:DescribeExecution", effect="stale")
    late = engine.sfn.describe_execution(executionArn=execution)
    assert (late["status"], "stopDate" in late) == ("RUNNING", False)
    assert engine.sfn.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_a_transformer_that_escapes_nothing_breaks_a_text_with_quotation_marks(engine, lab):
    """Without a dead-letter queue the event is lost, and only a metric says so."""
    number = next(_numbers)
    failing, caused = (
        engine.make(one({"Type": "Fail", "Error": "E", "Cause": "c"})),
        engine.make(one(PASS | {"End": True})),
    )
    starter = role(lab, f"raw-{number}", allow("states:StartExecution"), service="events.amazonaws.com")
    detail = {"stateMachineArn": [failing], "status": ["FAILED"]}
    events = lab.boto("events")
    pattern = {"source": ["aws.states"], "detail-type": [STATUS], "detail": detail}
    events.put_rule(Name=f"raw-{number}", EventPattern=json.dumps(pattern))
    target = {"Id": "1", "Arn": caused, "RoleArn": starter}
    target["InputTransformer"] = {"InputPathsMap": {"input": "$.detail.input"}, "InputTemplate": '{"input": <input>}'}
    events.put_targets(Rule=f"raw-{number}", Targets=[target])
    assert lab.control("raw_transformers") is False
    first = engine.start(failing, {"cluster": "orders"})
    (started,) = lab.wait_for(lambda: [e for e in lab.control("executions") if e["caused_by"] == first])
    assert json.loads(json.loads(started["input"])["input"]) == {"cluster": "orders"}
    lab.control("raw_transformers", raw=True)
    engine.start(failing, {"cluster": "orders"})
    (lost,) = lab.wait_for(lambda: lab.log(kind="delivery", name=f"raw-{number}", outcome="dropped"))
    assert (lost["error"], lost["dead_letter"]) == ("InvalidExecutionInput", None)
    lab.control("raw_transformers", raw=False)
