"""What starts recover, and what happens if that is lost, delivered twice or refused; the patrol of a healthy fleet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.deployment import STACK
from scenario.product import Product, wait_until_up

STATUS = "Step Functions Execution Status Change"
READS = ("Describe", "Get", "List", "Scan")


@pytest.fixture
def untouched() -> Iterator[Product]:
    """A product of which nothing was asked yet."""
    with Lab(scale=8) as lab:
        made = Product(lab, parse({}), {"objective_hours": 26})
        made.deploy()
        wait_until_up(lab)
        yield made


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=8) as lab:
        made = Product(lab, parse({}), {"objective_hours": 26})
        made.deploy()
        wait_until_up(lab)
        yield made


def over(product: Product, arn: str, seconds: float = 900) -> list[dict[str, Any]]:
    """An execution and all that it caused, once they have ended and no event is on its way."""

    def ended() -> list[dict[str, Any]] | None:
        if product.lab.control("undelivered_events"):
            return None
        found = product.family(arn)
        return found.members if found.over else None

    product.lab.wait_for(ended, seconds, "the end of the operation and all that it caused")
    return product.lab.wait_for(ended, seconds, "the end of the operation and all that it caused")


def aborted(product: Product, **fault: Any) -> list[dict[str, Any]]:
    """A backup that is aborted in its outage's aftermath; what came of it."""
    ids = [product.lab.fault(execution="abort", at="EnterBackupMode")]
    if fault:
        ids.append(product.lab.fault(**fault))
    members = over(product, product.start("backup", {}))
    for each in ids:
        product.lab.control("clear_faults", id=each)
    assert members[0]["status"] == "ABORTED"
    return members


def recovers(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in members if each["machine"] == "mirrorsnap-recover"]


def alarms(product: Product) -> set[str]:
    found = product.lab.boto("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(f"{STACK}-") for alarm in found}


def normal(product: Product) -> None:
    product.lab.wait_for(lambda: not product.lab.control("oracles")["residue"], 300, "a normal cluster")


def patrol(product: Product) -> dict[str, Any]:
    arn = product.sfn.start_execution(stateMachineArn=product.machines[f"{STACK}-patrol"], input="{}")["executionArn"]
    main = over(product, arn)[0]
    assert main["status"] == "SUCCEEDED", main["cause"]
    return json.loads(main["output"])


def test_a_healthy_fleet_is_read_and_nothing_more(product: Product) -> None:
    before = len(product.lab.log(kind="api"))
    said = patrol(product)
    assert said["counts"] == {"clusters": 1, "stranded": 0, "overdue": 1, "findings": 0}, said
    assert said["overdue"] == [{"cluster": "orders", "seconds": None, "overdue": True}]
    calls = {each["call"] for each in product.lab.log(kind="api")[before:] if "patrol" in each["caller"].lower()}
    assert {"dynamodb:Scan", "ssm:GetParametersByPath", "ec2:DescribeSnapshots"} <= calls
    # The cluster has no backup yet, which an event says.
    written = {call for call in calls if not call.split(":")[1].startswith((*READS, "InvokeFunction", "Invoke"))}
    assert written == {"events:PutEvents"}


def test_two_deliveries_of_one_event_are_no_alarm(product: Product) -> None:
    members = aborted(product, event=STATUS, nth=2, times=3, effect="twice")
    found = recovers(members)
    assert len(found) == 2 and {each["status"] for each in found} == {"SUCCEEDED"}
    assert "cluster-not-back" not in alarms(product)
    normal(product)


def test_a_node_on_which_clusterpro_hangs_is_fenced(product: Product) -> None:
    """From the abort on clpstat hangs on the active. Recover still knows its boot and its epoch, and fences it; it goes
    on once clpstat answers."""
    product.lab.fault(execution="abort", at="EnterBackupMode")
    product.lab.fault(command="clpstat", node="server1", times=10_000, effect="hang", at="EnterBackupMode")
    instance, ssm = product.instances["server1"], product.lab.boto("ssm")
    before = {each["CommandId"] for each in ssm.list_commands()["Commands"]}

    def fenced() -> bool:
        return any(
            each["DocumentName"].split(".")[1] == "fence" and each["Status"] == "Success"
            for each in ssm.list_commands(InstanceId=instance)["Commands"]
            if each["CommandId"] not in before
        )

    arn = product.start("backup", {})
    product.lab.wait_for(fenced, 600, "a fence of the node on which clpstat hangs")
    (clpstat,) = [each for each in product.lab.control("faults") if each["spec"].get("command") == "clpstat"]
    assert clpstat["fired"] > 0, "it did not hang"
    product.lab.control("clear_faults")
    assert {each["status"] for each in recovers(over(product, arn))} == {"SUCCEEDED"}
    normal(product)


def test_recover_cancels_what_the_dead_holder_left_running(untouched: Product) -> None:
    """The backup is stopped while one of its documents hangs on a node. By itself it would end as Failed."""
    product = untouched
    fault = product.lab.fault(command="clpmonctrl", times=10_000, effect="hang", at="Quiesce")
    ssm = product.lab.boto("ssm")
    before = {each["CommandId"] for each in ssm.list_commands()["Commands"]}

    def hanging() -> dict[str, Any] | None:
        found = [each for each in ssm.list_commands()["Commands"] if each["CommandId"] not in before]
        of = [each for each in found if each["DocumentName"].split(".")[1] == "suspend-monitors"]
        hangs = any(each["fired"] for each in product.lab.control("faults") if each["id"] == fault)
        return next((each for each in of if each["Status"] == "InProgress" and hangs), None)

    arn = product.start("backup", {})
    sent = product.lab.wait_for(hanging, 600, "a document that hangs")
    product.sfn.stop_execution(executionArn=arn)

    def status() -> str:
        (now,) = ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
        return now["Status"]

    product.lab.wait_for(lambda: status() not in ("InProgress", "Cancelling"), 600, "the end of the document")
    product.lab.control("clear_faults", id=fault)
    assert status() == "Cancelled"
    assert {each["status"] for each in recovers(over(product, arn))} == {"SUCCEEDED"}
    normal(product)


def test_a_recover_by_hand_that_is_aborted_is_started_again(product: Product) -> None:
    """No event tells of the end of the backup, so the operator starts recover. Its own event starts the next one."""
    faults = [product.lab.fault(execution="abort", at="StopStandby")]
    faults.append(product.lab.fault(event=STATUS, times=100, effect="lost"))
    assert not recovers(over(product, product.start("backup", {})))
    for each in faults:
        product.lab.control("clear_faults", id=each)
    fault = product.lab.fault(execution="abort", at="LeaveBackupMode")
    members = over(product, product.start("recover", {}))
    product.lab.control("clear_faults", id=fault)
    by_hand, *later = recovers(members)
    assert by_hand["status"] == "ABORTED", by_hand["cause"]
    assert [each["status"] for each in later] == ["SUCCEEDED"]
    assert json.loads(later[0]["output"])["recovered"], later[0]["output"]
    normal(product)


def test_what_a_rule_cannot_deliver_is_kept_and_the_patrol_goes_on(product: Product) -> None:
    """The rule's role may not start recover any more: the event is in the queue, and an alarm says so."""
    iam, sqs = product.lab.boto("iam"), product.lab.boto("sqs")
    role = next(r["RoleName"] for r in iam.list_roles()["Roles"] if "RuleRole" in r["RoleName"])
    iam.delete_role_policy(RoleName=role, PolicyName="start-recover")
    members = aborted(product)
    assert not recovers(members)
    url = sqs.get_queue_url(QueueName=f"{STACK}-undelivered-events")["QueueUrl"]
    (message,) = product.lab.wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), 60)
    assert json.loads(message["Body"])["detail"]["executionArn"] == members[0]["arn"]
    assert "recover-not-started" in alarms(product)
    said = patrol(product)
    assert [each["cluster"] for each in said["unfinished"] if "started" in each] == ["orders"]
    normal(product)
    assert patrol(product)["counts"]["stranded"] == 0
