"""Errors in the engine: their names, what catches and retries them, and what does not."""

from __future__ import annotations

import json

import pytest
from fixtures.functions import function, refused
from fixtures.machines import chain, jsonata, one

PASS = {"Type": "Pass"}
INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
INVOKED = "lambda:InvokeFunction"
CAUGHT = "{% $states.errorOutput.Error %}"


@pytest.fixture(scope="module")
def worker(lab):
    """A function that does what it is told."""
    return function(lab, "engine-worker")


@pytest.fixture(scope="module")
def table(lab):
    lab.boto("dynamodb").create_table(
        TableName="locks",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "locks"


def catching(state, *errors):
    """The machine ends with the name of the error that was caught."""
    return jsonata(chain({**state, "Catch": [{"ErrorEquals": list(errors), "Output": CAUGHT, "Next": "B"}]}, {**PASS}))


def failing(error, cause="c"):
    return {"Type": "Parallel", "Branches": [one({"Type": "Fail", "Error": error, "Cause": cause}, "Boom")]}


def invoke(worker, **event):
    return {**INVOKE, "Arguments": {"FunctionName": worker, "Payload": event}}


def test_a_functions_error_type_is_the_error_name(engine, worker):
    assert engine.run(catching(invoke(worker, do="fail"), "ValueError"))["output"] == "ValueError"
    result = engine.run(jsonata(one({**invoke(worker, do="fail"), "End": True})))
    assert (result["status"], result["error"]) == ("FAILED", "ValueError")
    assert '"errorMessage":"as told"' in result["cause"]


def test_a_functions_error_is_retried_and_counted(engine, worker):
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}
    execution = engine.start(jsonata(one({**invoke(worker, do="fail"), "Retry": [retry], "End": True})))
    assert engine.end(execution)["error"] == "ValueError"
    names = [event["event"] for event in engine.events(execution)]
    assert names.count("TaskScheduled") == names.count("TaskFailed") == 4
    assert engine.listed(execution)["transitions"] == 4  # one state entered, three retries


def test_errors_of_lambda_itself_can_be_retried(engine, worker, lab):
    lab.fault(call=INVOKED, effect={"error": "TooManyRequestsException"})
    retry = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 1, "MaxAttempts": 1}
    execution = engine.start(jsonata(one({**invoke(worker, do="echo", x=1), "Retry": [retry], "End": True})))
    assert engine.end(execution)["output"]["Payload"] == {"do": "echo", "x": 1}
    assert [e["error"] for e in engine.events(execution) if e["event"] == "TaskFailed"] == retry["ErrorEquals"]
    lab.fault(call=INVOKED, effect={"error": "ServiceException"})
    error = "Lambda.ServiceException"
    assert engine.run(catching(invoke(worker, do="echo"), error))["output"] == error


def test_a_lost_reply_is_an_sdk_client_exception(engine, worker, lab):
    lab.fault(call=INVOKED, effect="lose_reply")
    assert engine.run(catching(invoke(worker, do="echo"), "States.ALL"))["output"] == "Lambda.SdkClientException"
    lab.fault(call="ec2:DescribeVolumes", effect="lose_reply")
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes", "Arguments": {}}
    assert engine.run(catching(task, "States.TaskFailed"))["output"] == "Ec2.SdkClientException"


def test_task_timeout_fires_while_the_function_works(engine, worker, lab):
    task = {**invoke(worker, do="sleep", seconds=3), "TimeoutSeconds": 5}  # 3 real seconds are 30 of the lab
    execution = engine.start(catching(task, "States.Timeout"))
    assert engine.end(execution)["output"] == "States.Timeout"
    assert 5 <= engine.took(execution) < 5 + lab.scale
    names = [event["event"] for event in engine.events(execution)]
    assert "TaskTimedOut" in names
    lab.sleep(30)  # what the function returns in the end must not reappear
    assert [event["event"] for event in engine.events(execution)] == names


@pytest.mark.parametrize("integration", ["putItem", "updateItem"])
def test_a_failed_condition_is_caught_by_its_name(engine, table, integration):
    arguments = {"TableName": table, "ConditionExpression": "attribute_not_exists(pk)"}
    key = {"pk": {"S": f"lock-{integration}"}}
    if integration == "putItem":
        arguments |= {"Item": key}
    else:
        arguments |= {"Key": key, "UpdateExpression": "SET e = :e", "ExpressionAttributeValues": {":e": {"N": "1"}}}
    task = {"Type": "Task", "Resource": f"arn:aws:states:::dynamodb:{integration}", "Arguments": arguments}
    machine = catching(task, "DynamoDB.ConditionalCheckFailedException")
    machine["States"]["A"]["Output"] = "taken"
    assert engine.run(machine)["output"] == "taken"
    assert engine.run(machine)["output"] == "DynamoDB.ConditionalCheckFailedException"
    sdk = catching({**task, "Resource": f"arn:aws:states:::aws-sdk:dynamodb:{integration}"}, "States.ALL")
    assert engine.run(sdk)["output"] == "DynamoDb.ConditionalCheckFailedException"


def test_get_and_delete_item(engine, table):
    item = {"pk": {"S": "x"}, "n": {"N": "7"}}
    base = "arn:aws:states:::dynamodb:"
    key = {"TableName": table, "Key": {"pk": {"S": "x"}}}
    machine = chain(
        {"Type": "Task", "Resource": base + "putItem", "Arguments": {"TableName": table, "Item": item}},
        {
            "Type": "Task",
            "Resource": base + "getItem",
            "Arguments": {**key, "ConsistentRead": True},
            "Assign": {"n": "{% $states.result.Item.n.N %}"},
        },
        {"Type": "Task", "Resource": base + "deleteItem", "Arguments": key},
        {
            "Type": "Task",
            "Resource": base + "getItem",
            "Arguments": key,
            "Output": {"n": "{% $n %}", "left": "{% $exists($states.result.Item) %}"},
        },
    )
    assert engine.run(jsonata(machine))["output"] == {"n": "7", "left": False}


def test_sns_publish(engine, lab):
    topic = lab.boto("sns").create_topic(Name="engine")["TopicArn"]
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Arguments": {"TopicArn": topic}}
    task["Arguments"] |= {"Message": {"a": 1}, "Subject": "s"}
    task["Output"] = "{% $exists($states.result.MessageId) %}"
    assert engine.run(jsonata(one({**task, "End": True})))["output"] is True


@pytest.mark.parametrize(
    ("error", "catches", "caught"),
    [
        ("X", ["States.TaskFailed"], True),
        ("X", ["Y", "X"], True),
        ("X", ["Y"], False),
        ("States.Timeout", ["States.Timeout"], True),  # a branch that timed out: moto makes it States.Runtime
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.ALL"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.ALL"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
    ],
)
def test_what_catches_what(engine, error, catches, caught):
    result = engine.run(catching(failing(error), *catches))
    assert (result.get("output") or result.get("error")) == error
    assert result["status"] == ("SUCCEEDED" if caught else "FAILED")


def test_a_failing_output_can_be_caught_and_its_assign_is_dropped(engine):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes",
        "Arguments": {},
        "Assign": {"v": "new"},
        "Output": "{% $states.result.Nope %}",
        "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Output": CAUGHT, "Next": "C"}],
    }
    states = ({**PASS, "Assign": {"v": "old"}}, task, {**PASS, "Output": "{% [$states.input, $v] %}"})
    assert engine.run(jsonata(chain(*states)))["output"] == ["States.QueryEvaluationError", "old"]


def test_more_than_256_kib_is_an_error_that_all_does_not_catch(engine):
    def grow(size):
        text = f"$join($map([1..{size // 1024}], function($i){{$pad('', 1024, 'x')}})) & $pad('', {size % 1024}, 'x')"
        return jsonata(one({**PASS, "Output": f"{{% {text} %}}", "End": True}))

    fits = engine.run(grow(262_144 - 2))  # and its two quotation marks
    assert (fits["status"], len(fits["output"])) == ("SUCCEEDED", 262_142)
    assert engine.run(grow(262_144 - 1))["error"] == "States.DataLimitExceeded"


def test_the_limit_of_history_events(engine, lab):
    lab.control("history_limit", events=100)
    try:
        loop = jsonata({"StartAt": "A", "States": {"A": {**PASS, "Next": "B"}, "B": {**PASS, "Next": "A"}}})
        loop["States"]["A"] = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "C"}], "Default": "B"}
        loop["States"]["C"] = {"Type": "Succeed"}
        execution = engine.start(loop)
        result = engine.end(execution)
    finally:
        lab.control("history_limit", events=25_000)
    assert (result["status"], result["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events" in result["cause"]
    events = engine.events(execution)
    assert (len(events), events[-1]["event"]) == (100, "ExecutionFailed")


class TestCallbacks:
    def waiting(self, engine, worker, **more):
        payload = {"do": "echo", "token": "{% $states.context.Task.Token %}"}
        task = {**INVOKE, "Resource": INVOKE["Resource"] + ".waitForTaskToken"}
        task["Arguments"] = {"FunctionName": worker, "Payload": payload}
        return {**task, **more}

    def token(self, engine, execution, attempt=1):
        def found():
            history = engine.sfn.get_execution_history(executionArn=execution)["events"]
            tokens = [e["taskSubmittedEventDetails"]["output"] for e in history if e["type"] == "TaskSubmitted"]
            return tokens[attempt - 1] if len(tokens) >= attempt else None

        return json.loads(engine.lab.wait_for(found))["Payload"]["token"]

    def code(self, call, **arguments):
        return refused(call, **arguments)

    def test_success_ends_it_and_closes_the_token(self, engine, worker):
        execution = engine.start(jsonata(one({**self.waiting(engine, worker), "End": True})))
        token = self.token(engine, execution)
        sfn = engine.sfn
        assert self.code(sfn.send_task_success, taskToken=token, output="no json") == "InvalidOutput"
        sfn.send_task_success(taskToken=token, output='{"a": 1}')
        assert engine.end(execution)["output"] == {"a": 1}
        assert self.code(sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
        assert self.code(sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
        assert self.code(sfn.send_task_success, taskToken="unknown", output="{}") == "InvalidToken"

    def test_each_attempt_has_its_own_token(self, engine, worker):
        retry = {"ErrorEquals": ["Mine"], "IntervalSeconds": 1, "MaxAttempts": 1}
        execution = engine.start(jsonata(one({**self.waiting(engine, worker, Retry=[retry]), "End": True})))
        first = self.token(engine, execution)
        engine.sfn.send_task_failure(taskToken=first, error="Mine", cause="once")
        second = self.token(engine, execution, attempt=2)
        assert second != first
        engine.sfn.send_task_success(taskToken=second, output="2")
        assert engine.end(execution)["output"] == 2

    def test_heartbeats(self, engine, worker, lab):
        task = self.waiting(engine, worker, TimeoutSeconds=600, HeartbeatSeconds=15)
        machine = catching(task, "States.HeartbeatTimeout")
        machine["States"]["B"] = {"Type": "Wait", "Seconds": 60, "End": True}
        execution = engine.start(machine)
        token = self.token(engine, execution)
        for _ in range(4):
            lab.sleep(8)
            engine.sfn.send_task_heartbeat(taskToken=token)
        entered = lab.wait_for(lambda: [e for e in engine.events(execution) if e["event"] == "WaitStateEntered"])
        assert 32 + 15 <= entered[0]["t"] - engine.events(execution)[0]["t"] < 32 + 15 + 2 * lab.scale
        # the execution runs on, but the task is over
        assert self.code(engine.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
        assert self.code(engine.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
        assert engine.end(execution, 120)["output"] == "States.Timeout"

    def test_a_failure_with_an_error_of_step_functions(self, engine, worker):
        execution = engine.start(catching(self.waiting(engine, worker), "States.Timeout"))
        engine.sfn.send_task_failure(taskToken=self.token(engine, execution), error="States.Timeout")
        assert engine.end(execution)["output"] == "States.Timeout"
