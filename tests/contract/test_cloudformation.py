"""A stack of the product's kinds of resources deploys, works, changes, goes; and what must fail rolls back."""

from __future__ import annotations

import json

import pytest
from fixtures.deploy import aws, deploy, sources
from fixtures.functions import refused, role

MINIMAL = {
    "Resources": {
        "First": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "rolled-back"}},
    }
}


@pytest.fixture(scope="module")
def stack(lab, tmp_path_factory):
    directory = sources(tmp_path_factory.mktemp("stack"))
    done = deploy(lab, "contract", directory)
    assert done.returncode == 0, done.stderr + done.stdout
    return directory


def outputs(lab, name="contract"):
    found = lab.boto("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found["StackStatus"], {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}


def run(lab, machine, **text):
    sfn = lab.boto("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=machine, input=json.dumps(text))["executionArn"]
    return finished(lab, execution)


def finished(lab, execution):
    sfn = lab.boto("stepfunctions")
    lab.wait_for(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING", 100, "the end")
    return sfn.describe_execution(executionArn=execution)


def test_everything_exists_as_the_template_says(lab, stack):
    status, _ = outputs(lab)
    assert status == "CREATE_COMPLETE"
    config = lab.boto("lambda").get_function_configuration(FunctionName="contract-worker")
    assert (config["Runtime"], config["MemorySize"], config["Timeout"]) == ("provided.al2023", 256, 60)
    assert config["Environment"]["Variables"]["TABLE"] == "contract-locks"
    group = lab.boto("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/contract-worker")["logGroups"][0]
    assert group["retentionInDays"] == 7
    hourly = lab.boto("scheduler").get_schedule(Name="contract-hourly")
    assert hourly["ScheduleExpressionTimezone"] == "Asia/Tokyo" and hourly["State"] == "DISABLED"
    nightly = lab.boto("scheduler").get_schedule(Name="contract-nightly")
    assert nightly["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert lab.boto("dynamodb").describe_table(TableName="contract-locks")["Table"]["TableStatus"] == "ACTIVE"
    alarm = lab.boto("cloudwatch").describe_alarms(AlarmNames=["contract-failed"])["MetricAlarms"][0]
    assert alarm["TreatMissingData"] == "notBreaching" and alarm["AlarmActions"][0].endswith(":contract-topic")
    assert json.loads(lab.boto("cloudwatch").get_dashboard(DashboardName="contract-board")["DashboardBody"])
    assert lab.boto("ssm").get_parameter(Name="/contract/setting")["Parameter"]["Value"] == "1"
    step = json.loads(lab.boto("ssm").get_document(Name="contract-step")["Content"])
    assert step["parameters"]["Run"]["allowedPattern"] == "^[a-z0-9-]{1,40}$"


def test_the_machine_runs_under_its_role(lab, stack):
    done = run(lab, outputs(lab)[1]["Machine"], a=1)
    assert done["status"] == "SUCCEEDED" and json.loads(done["output"])["answer"]["input"] == {"a": 1}
    assert lab.log(kind="lambda", function="contract-worker")[-1]["outcome"] == "ok"


def test_the_functions_inline_policy_binds_it(lab, stack):
    call = lab.boto("lambda").invoke
    ask = {"do": "call", "service": "dynamodb", "arguments": {"TableName": "contract-locks"}}
    may = {**ask, "method": "get_item", "arguments": {**ask["arguments"], "Key": {"pk": {"S": "x"}}}}
    got = json.load(call(FunctionName="contract-worker", Payload=json.dumps(may))["Payload"])
    assert got["ok"], got
    not_ = json.load(call(FunctionName="contract-worker", Payload=json.dumps({**ask, "method": "scan"}))["Payload"])
    assert not not_["ok"] and not_["code"] == "AccessDeniedException"


def test_its_schedule_and_its_rules_start_it(lab, stack):
    machine = outputs(lab)[1]["Machine"]
    sfn = lab.boto("stepfunctions")
    before = len(sfn.list_executions(stateMachineArn=machine)["executions"])
    lab.control("fire_schedule", name="contract-nightly", scheduled_time="2026-01-02T17:30:00Z")
    executions = sfn.list_executions(stateMachineArn=machine)["executions"]
    assert len(executions) == before + 1
    answers = [json.loads(finished(lab, e["executionArn"])["input"]) for e in executions]
    assert {"occurrence": "2026-01-02T17:30:00Z"} in answers
    lab.boto("events").put_events(Entries=[{"Source": "contract.machine", "DetailType": "t", "Detail": "{}"}])
    lab.wait_for(lambda: len(sfn.list_executions(stateMachineArn=machine)["executions"]) == before + 2, 50, "the rule")
    calls = len(lab.log(kind="lambda", function="contract-worker"))
    lab.boto("events").put_events(Entries=[{"Source": "contract.worker", "DetailType": "t", "Detail": "{}"}])
    lab.wait_for(lambda: len(lab.log(kind="lambda", function="contract-worker")) > calls, 50, "the function's rule")


def test_update_changes_what_changed_and_delete_takes_all(lab, tmp_path):
    directory = sources(tmp_path)
    assert deploy(lab, "second", directory).returncode == 0
    pid = json.load(lab.boto("lambda").invoke(FunctionName="second-worker", Payload='{"do": "pid"}')["Payload"])
    text = (directory / "template.yaml").read_text()
    text = text.replace('Value: "1"', 'Value: "2"').replace("cron(0 * * * ? *)", "cron(5 * * * ? *)")
    text = text.replace("echo hello", "echo changed").replace(
        '{"Type": "Succeed"}', '{"Type": "Pass", "End": true, "Result": "new"}'
    )
    (directory / "template.yaml").write_text(text)
    bootstrap = directory / "code" / "bootstrap"
    bootstrap.write_text(bootstrap.read_text() + "\n# changed\n")
    done = deploy(lab, "second", directory, "Retention=30")
    assert done.returncode == 0, done.stderr
    assert outputs(lab, "second")[0] == "UPDATE_COMPLETE"
    assert lab.boto("ssm").get_parameter(Name="/second/setting")["Parameter"]["Value"] == "2"
    hourly = lab.boto("scheduler").get_schedule(Name="second-hourly")
    assert hourly["ScheduleExpression"] == "cron(5 * * * ? *)" and hourly["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    plain = f"arn:aws:states:{lab.region}:000000000000:stateMachine:second-plain"
    assert json.loads(run(lab, plain)["output"]) == "new"
    assert "echo changed" in lab.boto("ssm").get_document(Name="second-step")["Content"]
    again = json.load(lab.boto("lambda").invoke(FunctionName="second-worker", Payload='{"do": "pid"}')["Payload"])
    assert again != pid, "new code runs in a new process"
    group = lab.boto("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/second-worker")["logGroups"][0]
    assert group["retentionInDays"] == 30
    cfn = lab.boto("cloudformation")
    cfn.delete_stack(StackName="second")
    cfn.get_waiter("stack_delete_complete").wait(StackName="second", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert refused(lab.boto("lambda").get_function, FunctionName="second-worker") == "ResourceNotFoundException"
    assert refused(lab.boto("scheduler").get_schedule, Name="second-hourly") == "ResourceNotFoundException"
    assert refused(lab.boto("scheduler").get_schedule, Name="second-nightly") == "ResourceNotFoundException"
    assert refused(lab.boto("ssm").get_parameter, Name="/second/setting") == "ParameterNotFound"
    assert refused(lab.boto("ssm").get_document, Name="second-step") == "InvalidDocument"
    assert refused(lab.boto("dynamodb").describe_table, TableName="second-locks") == "ResourceNotFoundException"
    assert (
        refused(lab.boto("stepfunctions").describe_state_machine, stateMachineArn=plain) == "StateMachineDoesNotExist"
    )
    assert not lab.boto("cloudwatch").describe_alarms(AlarmNames=["second-failed"])["MetricAlarms"]


def create(lab, name, template):
    """The stack's final status, and the reasons of what failed in it."""
    cfn = lab.boto("cloudformation")
    cfn.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    lab.wait_for(lambda: not outputs(lab, name)[0].endswith("_IN_PROGRESS"), 100, "the end of the stack")
    events = cfn.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"] == "CREATE_FAILED"]
    return outputs(lab, name)[0], " ".join(reasons)


def broken(lab):
    """name -> (a resource that AWS refuses, what the reason must say)"""
    states = role(lab, "cfn-states", service="states.amazonaws.com")
    function = {"Runtime": "provided.al2023", "Handler": "x", "Role": role(lab, "cfn-lambda")}
    target = {"Arn": "arn:aws:sns:ap-northeast-1:000000000000:x", "RoleArn": states}
    schedule = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(1 day)", "Target": target}
    good = role(lab, "cfn-scheduler", service="scheduler.amazonaws.com")
    machine = "AWS::StepFunctions::StateMachine"
    missing = {"S3Bucket": "artifacts", "S3Key": "nothing.zip"}
    no_state = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Nonsense"}}})
    fine = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    table = {
        "TableName": "cfn-is-there",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    lab.boto("dynamodb").create_table(**table)
    return {
        "table-is-there": ("AWS::DynamoDB::Table", table, "cfn-is-there already exists"),
        "no-code": ("AWS::Lambda::Function", {**function, "Code": missing}, "nothing.zip"),
        "bad-role": ("AWS::Lambda::Function", {**function, "Role": states, "Code": missing}, "cannot be assumed"),
        "bad-states": (
            machine,
            {"RoleArn": states, "DefinitionString": no_state},
            "Definition",
        ),
        "machine-role": (
            machine,
            {"RoleArn": function["Role"], "DefinitionString": fine},
            "cannot be assumed",
        ),
        "schedule-role": ("AWS::Scheduler::Schedule", schedule, "cannot be assumed"),
        "schedule-time": (
            "AWS::Scheduler::Schedule",
            {**schedule, "ScheduleExpression": "often", "Target": {**target, "RoleArn": good}},
            "Invalid Schedule Expression",
        ),
    }


def test_a_failing_resource_fails_the_stack_and_takes_the_others_along(lab):
    for name, (kind, properties, reason) in broken(lab).items():
        bad = {"Type": kind, "Properties": properties, "DependsOn": "First"}
        status, why = create(lab, f"fails-{name}", {"Resources": {**MINIMAL["Resources"], "Bad": bad}})
        assert status == "ROLLBACK_COMPLETE", name
        assert reason in why, (name, why)
        topics = [t["TopicArn"] for t in lab.boto("sns").list_topics()["Topics"]]
        assert not [t for t in topics if t.endswith(":rolled-back")], name


def test_an_unknown_type_is_refused_before_anything_is_made(lab, tmp_path):
    template = {"Resources": {**MINIMAL["Resources"], "Odd": {"Type": "AWS::Mirror::Snap"}}}
    create_stack = lab.boto("cloudformation").create_stack
    assert refused(create_stack, StackName="odd", TemplateBody=json.dumps(template)) == "ValidationError"
    assert not [t for t in lab.boto("sns").list_topics()["Topics"] if t["TopicArn"].endswith(":rolled-back")]
    (tmp_path / "template.yaml").write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", **template}))
    arguments = ["--template-file", "template.yaml", "--stack-name", "odd", "--capabilities", "CAPABILITY_AUTO_EXPAND"]
    done = aws(lab, "cloudformation", "deploy", *arguments, cwd=tmp_path)
    assert done.returncode != 0 and "AWS::Mirror::Snap" in done.stderr
