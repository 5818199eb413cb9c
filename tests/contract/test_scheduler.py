"""Schedules and rules: when they deliver, what, through which role, and what becomes of a delivery that is refused."""

from __future__ import annotations

import datetime
import itertools
import json

import pytest
from fixtures.functions import allow, function, refused, role

MACHINE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}


@pytest.fixture(scope="module")
def machine(lab):
    arn = role(lab, "machine-role", service="states.amazonaws.com")
    sfn = lab.boto("stepfunctions")
    return sfn.create_state_machine(name="target", definition=json.dumps(MACHINE), roleArn=arn)["stateMachineArn"]


@pytest.fixture(scope="module")
def queue(lab):
    sqs = lab.boto("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def schedule(lab, name, target_arn, role_arn, expression="cron(0 3 * * ? *)", **more):
    target = {"Arn": target_arn, "RoleArn": role_arn, **more.pop("target", {})}
    return lab.boto("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **more
    )["ScheduleArn"]


def inputs(lab, machine, name_key="schedule", value=None):
    """Inputs of the machine's executions, oldest first, those of one schedule."""
    sfn = lab.boto("stepfunctions")
    listed = sfn.list_executions(stateMachineArn=machine)["executions"]
    found = [json.loads(sfn.describe_execution(executionArn=e["executionArn"])["input"]) for e in listed]
    return [i for i in reversed(found) if value is None or i.get(name_key) == value]


def deliveries(lab, name):
    return lab.log(kind="delivery", name=name)


def test_context_attributes_role_and_duplicates(lab, machine):
    arn = role(lab, "starter", allow("states:StartExecution", machine), service="scheduler.amazonaws.com")
    text = json.dumps(
        {
            "schedule": "nightly",
            "occurrence": "<aws.scheduler.scheduled-time>",
            "id": "<aws.scheduler.execution-id>",
            "attempt": "<aws.scheduler.attempt-number>",
            "arn": "<aws.scheduler.schedule-arn>",
        }
    )
    made = schedule(lab, "nightly", machine, arn, target={"Input": text})
    lab.control("fire_schedule", name="nightly", twice=True, scheduled_time="2026-03-04T03:00:00Z")
    first, second = inputs(lab, machine, value="nightly")
    assert first["occurrence"] == second["occurrence"] == "2026-03-04T03:00:00Z"
    assert first["id"] != second["id"] and first["attempt"] == "1" and first["arn"] == made
    caller = lab.log(kind="api", call="states:StartExecution")[-1]["caller"]
    assert ":assumed-role/starter/" in caller


def test_a_lost_reply_is_delivered_again(lab, machine):
    arn = role(lab, "starter2", allow("states:StartExecution", machine), service="scheduler.amazonaws.com")
    text = '{"schedule": "again", "o": "<aws.scheduler.scheduled-time>", "a": "<aws.scheduler.attempt-number>"}'
    schedule(lab, "again", machine, arn, target={"Input": text})
    lab.fault(call="states:StartExecution", effect="lose_reply")
    lab.control("fire_schedule", name="again")
    got = inputs(lab, machine, value="again")
    assert [g["a"] for g in got] == ["1", "2"] and got[0]["o"] == got[1]["o"]


@pytest.mark.parametrize(
    "name, service, actions, error",
    [
        ("wrong-trust", "states.amazonaws.com", ["states:StartExecution", "sqs:SendMessage"], "AccessDeniedException"),
        ("wrong-policy", "scheduler.amazonaws.com", ["states:DescribeExecution", "sqs:SendMessage"], "AccessDenied"),
    ],
)
def test_a_role_that_does_not_allow_it_delivers_nothing(lab, machine, queue, name, service, actions, error):
    arn = role(lab, name, allow(actions), service=service)
    schedule(
        lab,
        name,
        machine,
        arn,
        target={"Input": json.dumps({"schedule": name}), "DeadLetterConfig": {"Arn": queue[1]}},
    )
    lab.control("fire_schedule", name=name)
    assert inputs(lab, machine, value=name) == []
    failed, dropped = deliveries(lab, name)
    assert failed["outcome"] == "failed" and failed["error"].startswith(error) and failed["attempt"] == 1
    assert dropped["outcome"] == "dropped"
    received = lab.boto("sqs").receive_message(QueueUrl=queue[0], MessageAttributeNames=["All"]).get("Messages", [])
    if name == "wrong-trust":
        assert not received and "dead_letter_error" in dropped, "without the role there is nobody to send to the DLQ"
    else:
        assert json.loads(received[0]["Body"]) == {"schedule": name}
        assert received[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"].startswith("AccessDenied")


def test_expressions_fire_in_lab_time_and_zone(fresh_lab):
    lab = fresh_lab(scale=60)
    sqs = lab.boto("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = role(lab, "sender", allow("sqs:SendMessage", arn), service="scheduler.amazonaws.com")
    epoch = lab.control("time")["epoch"]
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    once = datetime.datetime.fromtimestamp(int(epoch) + 200, tz=tokyo)
    minute = datetime.datetime.fromtimestamp(int(epoch) + 360, tz=tokyo)
    text = {"Input": '"<aws.scheduler.scheduled-time>"'}
    zone = {"ScheduleExpressionTimezone": "Asia/Tokyo"}
    schedule(lab, "once", arn, sender, f"at({once:%Y-%m-%dT%H:%M:%S})", target=text, **zone)
    schedule(lab, "gone", arn, sender, f"at({once:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE", **zone)
    schedule(lab, "cron", arn, sender, f"cron({minute.minute} {minute.hour} * * ? *)", target=text, **zone)
    schedule(lab, "rate", arn, sender, "rate(1 minutes)", target=text)
    schedule(lab, "off", arn, sender, "rate(1 minutes)", State="DISABLED")
    lab.wait_for(lambda: deliveries(lab, "cron") and deliveries(lab, "gone"), 900, "the cron schedule")
    utc = "%Y-%m-%dT%H:%M:%SZ"
    assert deliveries(lab, "once")[0]["occurrence"] == once.astimezone(datetime.UTC).strftime(utc)
    expected = minute.replace(second=0).astimezone(datetime.UTC).strftime(utc)
    assert deliveries(lab, "cron")[0]["occurrence"] == expected
    assert len(deliveries(lab, "once")) == 1 and len(deliveries(lab, "rate")) >= 3 and not deliveries(lab, "off")
    gaps = [d["t"] for d in deliveries(lab, "rate")]
    assert all(50 <= b - a <= 75 for a, b in itertools.pairwise(gaps))
    names = [s["Name"] for s in lab.boto("scheduler").list_schedules()["Schedules"]]
    assert "gone" not in names and "once" in names


def test_expressions_that_aws_refuses(lab, machine):
    arn = role(lab, "starter3", service="scheduler.amazonaws.com")
    for expression in ("every day", "cron(0 3 * *)", "at(tomorrow)", "rate(1)"):
        assert refused(schedule, lab, "bad", machine, arn, expression) == "ValidationException"
    zone = {"ScheduleExpressionTimezone": "Asia/Atlantis"}
    assert refused(schedule, lab, "bad", machine, arn, **zone) == "ValidationException"


def rule(lab, name, target_arn, role_arn=None):
    events = lab.boto("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [f"test.{name}"]}))["RuleArn"]
    target = {"Id": "1", "Arn": target_arn, "Input": json.dumps({"schedule": name})}
    events.put_targets(Rule=name, Targets=[{**target, "RoleArn": role_arn} if role_arn else target])
    return arn


def put(lab, name):
    lab.boto("events").put_events(Entries=[{"Source": f"test.{name}", "DetailType": "t", "Detail": "{}"}])
    lab.wait_for(lambda: deliveries(lab, name), 30, "a delivery")
    return deliveries(lab, name)[0]


def failed_invocations(lab, name):
    dimensions = [{"Name": "RuleName", "Value": name}]
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return lab.boto("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events",
        MetricName="FailedInvocations",
        Dimensions=dimensions,
        StartTime=end - datetime.timedelta(days=2),
        EndTime=end,
        Period=86400 * 2,
        Statistics=["Sum"],
    )["Datapoints"]


def test_a_rule_starts_a_state_machine_through_its_role_only(lab, machine):
    good = role(lab, "ev-good", allow("states:StartExecution", machine), service="events.amazonaws.com")
    trust = role(lab, "ev-trust", allow("states:StartExecution", machine), service="scheduler.amazonaws.com")
    poor = role(lab, "ev-poor", allow("states:ListExecutions"), service="events.amazonaws.com")
    for name, arn, outcome in (("good", good, "delivered"), ("trust", trust, "failed"), ("poor", poor, "failed")):
        rule(lab, name, machine, arn)
        assert put(lab, name)["outcome"] == outcome, name
        assert len(inputs(lab, machine, value=name)) == (outcome == "delivered")
    lab.wait_for(lambda: failed_invocations(lab, "poor"), 30, "FailedInvocations")
    assert not failed_invocations(lab, "good")


def test_a_rule_calls_a_function_that_lets_it(lab):
    arn = function(lab, "woken")
    source = rule(lab, "wake", arn)
    assert put(lab, "wake")["outcome"] == "failed" and not lab.log(kind="lambda", function="woken")
    other = rule(lab, "wake2", arn)
    lab.boto("lambda").add_permission(
        FunctionName="woken",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=other,
    )
    assert source != other and put(lab, "wake2")["outcome"] == "delivered"
    lab.wait_for(lambda: lab.log(kind="lambda", function="woken"), 30, "the call")


def test_the_functions_own_invocations_through_a_state_machine_need_the_role(lab):
    arn = function(lab, "task")
    sfn = lab.boto("stepfunctions")
    definition = {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": arn, "Payload": {}},
                "End": True,
            }
        },
    }
    for name, statements, status in (
        ("may", [allow("lambda:InvokeFunction", arn)], "SUCCEEDED"),
        ("may-not", [allow("lambda:InvokeFunction", arn + "x")], "FAILED"),
    ):
        execution_role = role(lab, f"{name}-role", *statements, service="states.amazonaws.com")
        made = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=execution_role)
        execution = sfn.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
        lab.wait_for(lambda e=execution: sfn.describe_execution(executionArn=e)["status"] != "RUNNING", 60)
        assert sfn.describe_execution(executionArn=execution)["status"] == status, name
    assert len(lab.log(kind="lambda", function="task")) == 1
