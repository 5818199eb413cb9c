"""Three clusters from the deployment to the release, by the command line alone.

All are added, and all have a schedule: one backup is made, one is missed, and one is aborted and recovered. Then one
cluster is restored, rolled back and released. Mails, metrics and alarms are those of just that.
"""

from __future__ import annotations

import json
from typing import Any

from command_line import DONE, NEEDS_YOU, Run, normal, runs, said, user

from lab.client import Lab
from scenario.deployment import by_api
from scenario.mailbox import Mailbox
from scenario.product import Family, family, wait_until_up

CLUSTERS = {"orders": ["server1", "server2"], "accounts": ["acc-1", "acc-2"], "bills": ["bill-1", "bill-2"]}
SPEC = {"further": [{"name": name, "nodes": nodes} for name, nodes in CLUSTERS.items() if name != "orders"]}
DECIDED = ("--keep", "7", "--max-outage", "120", "--schedule", "cron(0 3 * * ? *)", "--time-zone", "Asia/Tokyo")


OTHERS = {"backup-failed", "backup-timed-out", "cluster-not-back", "recover-aborted", "stuck", "event-undelivered"}


class Fleet:
    def __init__(self, lab: Lab) -> None:
        by_api(lab, lambda text: None)
        wait_until_up(lab)
        self.lab, self.run = lab, runs(user(lab))
        self.sfn = lab.boto("stepfunctions")
        self.machines = {m["name"]: m["stateMachineArn"] for m in self.sfn.list_state_machines()["stateMachines"]}
        self.mailbox = Mailbox(lab, "mirrorsnap-alarms")

    def nodes(self, cluster: str) -> list[str]:
        """The flags that name its instances."""
        wanted = [{"Name": "tag:Name", "Values": CLUSTERS[cluster]}]
        pages = self.lab.boto("ec2").describe_instances(Filters=wanted)["Reservations"]
        return [word for page in pages for each in page["Instances"] for word in ("--node", each["InstanceId"])]

    def patrol(self) -> dict[str, Any]:
        arn = self.sfn.start_execution(stateMachineArn=self.machines["mirrorsnap-patrol"], input="{}")["executionArn"]
        self.ended(arn)
        return json.loads(self.sfn.describe_execution(executionArn=arn)["output"])

    def family(self, arn: str) -> Family:
        return family(self.lab.control("executions"), arn)

    def ended(self, arn: str) -> Family:
        self.lab.wait_for(lambda: self.family(arn).over, 1800, f"the end of {arn}")
        return self.family(arn)

    def backup(self, cluster: str) -> str:
        """The scheduled backup of a cluster, by its ARN."""
        self.lab.control("fire_schedule", name=cluster, group="mirrorsnap")
        all_of = [each for each in self.lab.control("executions") if each["machine"] == "mirrorsnap-backup"]
        return [each["arn"] for each in all_of if json.loads(each["input"])["cluster"] == cluster][-1]

    def missed(self, cluster: str) -> None:
        """Its role may not start it at that moment."""
        iam = self.lab.boto("iam")
        schedule = self.lab.boto("scheduler").get_schedule(Name=cluster, GroupName="mirrorsnap")
        role = schedule["Target"]["RoleArn"].rpartition("/")[2]
        deny = {"Effect": "Deny", "Action": "states:StartExecution", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        iam.put_role_policy(RoleName=role, PolicyName="by-mistake", PolicyDocument=policy)
        self.lab.control("fire_schedule", name=cluster, group="mirrorsnap")
        iam.delete_role_policy(RoleName=role, PolicyName="by-mistake")

    def missed_backups(self) -> list[dict[str, Any]]:
        """The inputs of the backups that could not be started, taken from their queue."""
        sqs = self.mailbox.sqs
        url = sqs.get_queue_url(QueueName="mirrorsnap-missed-backups")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in found]

    def abort(self, arn: str) -> Family:
        """Stopped from outside while the standby is on its way down; the end of recover too."""

        def is_at_work() -> bool:
            history = self.sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            return any(each.get("stateEnteredEventDetails", {}).get("name") == "EnterBackupMode" for each in history)

        self.lab.wait_for(is_at_work, 900, "the phase EnterBackupMode")
        self.sfn.stop_execution(executionArn=arn)
        self.lab.wait_for(lambda: len(self.family(arn).members) > 1, 300, "recover")
        return self.ended(arn)

    def raised(self) -> set[str]:
        """The alarms that went off, also those that are over."""
        pages = (
            self.lab.boto("cloudwatch").get_paginator("describe_alarm_history").paginate(HistoryItemType="StateUpdate")
        )
        items = [each for page in pages for each in page["AlarmHistoryItems"] if "to ALARM" in each["HistorySummary"]]
        return {each["AlarmName"].removeprefix("mirrorsnap-") for each in items}

    def mails(self) -> dict[str, str]:
        """The description of each alarm of which a mail has come, in both languages, by its name."""
        found: dict[str, str] = {}
        sqs, url = self.mailbox.sqs, self.mailbox.url
        while mails := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for mail in mails:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=mail["ReceiptHandle"])
                text = json.loads(mail["Body"])["Message"]
                message = json.loads(text) if text.startswith("{") else {}  # else a mail of a state machine's own
                if message.get("NewStateValue") == "ALARM":
                    found[message["AlarmName"].removeprefix("mirrorsnap-")] = message["AlarmDescription"]
        return found

    def outages(self, cluster: str) -> list[float]:
        found = self.lab.log(kind="embedded_metrics")
        assert not [each for each in found if "invalid" in each]
        mine = [each for each in found if each.get("name") == "OutageSeconds"]
        return [each["value"] for each in mine if each["dimensions"].get("Cluster") == cluster]

    def status(self, code: int) -> dict[str, list[str]]:
        """What `status` says is wrong, by cluster."""
        found = json.loads(said(self.run("status", "--output", "json"), code))
        assert found["exit"] == code
        return {each["cluster"]: [wrong["what"] for wrong in each["wrong"]] for each in found["clusters"]}


def scheduled(fleet: Fleet) -> None:
    """One backup is made, one aborted, one missed, and each is seen where it belongs."""
    made, aborted = fleet.backup("orders"), fleet.backup("accounts")
    fleet.missed("bills")
    members = fleet.abort(aborted).members
    assert [each["status"] for each in members if each["arn"] == aborted] == ["ABORTED"]
    recovers = [each for each in members if each["machine"] == "mirrorsnap-recover"]
    assert recovers and {each["status"] for each in recovers} == {"SUCCEEDED"}
    assert fleet.ended(made).main["status"] == "SUCCEEDED"
    normal(fleet.lab)
    (body,) = fleet.missed_backups()
    assert body["cluster"] == "bills", "the alarm backup-missed watches this queue"
    assert len(fleet.outages("orders")) == 1 and fleet.outages("bills") == []
    assert fleet.status(NEEDS_YOU) == {"accounts": ["no-backup"], "bills": ["no-backup"], "orders": []}
    text = said(fleet.run("status"), NEEDS_YOU)
    assert "bills: it has no valid backup\n  mirrorsnap backup bills" in text


def told(fleet: Fleet) -> None:
    """The mails of the backups that were aborted and missed, and of nothing that did not happen."""
    wanted = {"backup-aborted", "backup-missed"}
    fleet.lab.wait_for(lambda: fleet.raised() >= wanted, 3600, "the alarms")
    mails: dict[str, str] = {}
    fleet.lab.wait_for(lambda: mails.update(fleet.mails()) or wanted <= set(mails), 300, "their mails")
    assert not set(mails) & OTHERS
    assert "`mirrorsnap backup CLUSTER`" in mails["backup-missed"] and "次に行うこと" in mails["backup-missed"]
    assert "`mirrorsnap status`" in mails["backup-aborted"] and "次に行うこと" in mails["backup-aborted"]


def restored(fleet: Fleet, run: Run) -> None:
    """What the status named is done; then the cluster whose file was lost goes back, forth and is kept."""
    for cluster in ("accounts", "bills"):
        said(run("backup", cluster), DONE)
    assert fleet.status(DONE) == {"accounts": [], "bills": [], "orders": []}
    fleet.lab.control("cluster_delete", file="a")
    before = {each["id"] for each in json.loads(said(run("backups", "bills", "--output", "json"), DONE))["backups"]}
    ended = run("restore", "orders", "--yes", "--confirm", "orders", "--output", "json")
    restore = json.loads(said(ended, DONE))["output"]["id"]
    assert fleet.lab.control("cluster_read", file="a")["text"] == "hello"
    said(run("rollback", "orders", restore, "--yes", "--confirm", "orders"), DONE)
    assert fleet.lab.control("cluster_read", file="a") is None, "as it was before the restore"
    said(run("release", "orders", restore, "--yes", "--confirm", "orders"), DONE)
    after = {each["id"] for each in json.loads(said(run("backups", "bills", "--output", "json"), DONE))["backups"]}
    assert before == after, "of another cluster nothing changes"


def test_three_clusters_from_the_deployment_to_the_release(tmp_path) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(SPEC))
    with Lab(scale=10, options=["--cluster", str(file)]) as lab:
        lab.control("timing", values={"peer_wait": 60})
        fleet = Fleet(lab)
        assert "no cluster is described" in said(fleet.run("status"), DONE)
        for name in CLUSTERS:
            more = ("--objective", "26", "--yes", "--confirm", name)
            said(fleet.run("cluster", "add", name, *fleet.nodes(name), *DECIDED, *more), DONE)
        fleet.patrol()
        schedules = lab.boto("scheduler").list_schedules(GroupName="mirrorsnap")["Schedules"]
        assert {each["Name"] for each in schedules} == set(CLUSTERS)
        lab.control("cluster_write", file="a", text="hello")
        scheduled(fleet)
        restored(fleet, fleet.run)
        told(fleet)
        normal(lab)
        assert lab.control("oracles")["violations"] == []
