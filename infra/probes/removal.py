"""Removes what a run made, found by its tag, or by its name where AWS cannot look for a tag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .scratch import TAG, NeverCame, Waiting, name_of

Client = Callable[..., Any]
GONE = ("NotFound", "NoSuchEntity", "NonExistent", "DoesNotExist", "InvalidDocument")
RUNNING = ["pending", "running", "stopping", "stopped", "shutting-down"]


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page.get(key, [])


class Removal:
    """`left`: what could not be removed, in words."""

    def __init__(self, client: Client, run: str, waiting: Waiting) -> None:
        self._client, self._run, self._waiting = client, run, waiting
        self._name = name_of(run)
        self._tag = [{"Name": f"tag:{TAG}", "Values": [run]}]
        self.left: list[str] = []

    def all(self) -> list[str]:
        """Remove everything; what is left."""
        for part in (
            *(self._schedules, self._rules, self._machines, self._functions, self._queues, self._table),
            *(self._documents, self._instances, self._volumes, self._snapshots, self._key, self._roles),
        ):
            try:
                part()
            except (ClientError, BotoCoreError, NeverCame) as error:
                self.left.append(f"{part.__name__.strip('_')}: {error}")
        return self.left

    def _do(self, what: str, call: Callable[[], Any]) -> None:
        """One removal; that it is gone already is as good."""
        try:
            call()
        except ClientError as error:
            if not any(each in str(error.response["Error"]["Code"]) for each in GONE):
                self.left.append(f"{what}: {error}")

    def _mine(self, name: str) -> bool:
        return name == self._name or name.startswith((f"{self._name}-", f"{self._name}."))

    def _schedules(self) -> None:
        scheduler = self._client("scheduler")
        for each in scheduler.list_schedules(NamePrefix=self._name)["Schedules"]:
            self._do(each["Name"], lambda n=each["Name"]: scheduler.delete_schedule(Name=n))

    def _rules(self) -> None:
        events = self._client("events")
        for rule in events.list_rules(NamePrefix=self._name)["Rules"]:
            name = rule["Name"]
            ids = [each["Id"] for each in events.list_targets_by_rule(Rule=name)["Targets"]]
            if ids:
                self._do(name, lambda n=name, ids=ids: events.remove_targets(Rule=n, Ids=ids))
            self._do(name, lambda n=name: events.delete_rule(Name=n))

    def _machines(self) -> None:
        sfn = self._client("stepfunctions")
        for each in _pages(sfn, "list_state_machines", "stateMachines"):
            if self._mine(each["name"]):
                arn = each["stateMachineArn"]
                for running in sfn.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
                    self._do("an execution", lambda a=running["executionArn"]: sfn.stop_execution(executionArn=a))
                self._do(each["name"], lambda a=arn: sfn.delete_state_machine(stateMachineArn=a))

    def _functions(self) -> None:
        functions = self._client("lambda")
        for each in _pages(functions, "list_functions", "Functions"):
            if self._mine(each["FunctionName"]):
                name = each["FunctionName"]
                self._do(name, lambda n=name: functions.delete_function(FunctionName=n))

    def _queues(self) -> None:
        sqs = self._client("sqs")
        for url in sqs.list_queues(QueueNamePrefix=self._name).get("QueueUrls", []):
            self._do(url, lambda u=url: sqs.delete_queue(QueueUrl=u))

    def _table(self) -> None:
        ddb = self._client("dynamodb")
        self._do("the table", lambda: ddb.delete_table(TableName=self._name))

    def _documents(self) -> None:
        ssm = self._client("ssm")
        for each in _pages(
            ssm, "list_documents", "DocumentIdentifiers", Filters=[{"Key": "Owner", "Values": ["Self"]}]
        ):
            if self._mine(each["Name"]):
                self._do(each["Name"], lambda n=each["Name"]: ssm.delete_document(Name=n))

    def _instances(self) -> None:
        ec2 = self._client("ec2")
        wanted = [*self._tag, {"Name": "instance-state-name", "Values": RUNNING}]

        def there() -> list[str]:
            found = _pages(ec2, "describe_instances", "Reservations", Filters=wanted)
            return [each["InstanceId"] for reservation in found for each in reservation["Instances"]]

        if ids := there():
            ec2.terminate_instances(InstanceIds=ids)
            self._waiting.until(lambda: not there(), "the end of the instance", 300)

    def _volumes(self) -> None:
        ec2 = self._client("ec2")

        def there() -> list[Any]:
            found = _pages(ec2, "describe_volumes", "Volumes", Filters=self._tag)
            return [each for each in found if each["State"] != "deleting"]

        self._waiting.until(lambda: all(v["State"] in ("available", "error") for v in there()), "free volumes", 120)
        for each in there():
            self._do(each["VolumeId"], lambda v=each["VolumeId"]: ec2.delete_volume(VolumeId=v))

    def _snapshots(self) -> None:
        ec2 = self._client("ec2")
        for each in _pages(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=self._tag):
            self._do(each["SnapshotId"], lambda s=each["SnapshotId"]: ec2.delete_snapshot(SnapshotId=s))

    def _key(self) -> None:
        kms = self._client("kms")
        for each in _pages(kms, "list_aliases", "Aliases"):
            if each["AliasName"] == f"alias/{self._name}":
                self._do("the key's alias", lambda: kms.delete_alias(AliasName=f"alias/{self._name}"))
                self._do(
                    "the key", lambda k=each["TargetKeyId"]: kms.schedule_key_deletion(KeyId=k, PendingWindowInDays=7)
                )

    def _roles(self) -> None:
        iam, profile = self._client("iam"), f"{self._name}-agent"
        self._do(profile, lambda: iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=profile))
        self._do(profile, lambda: iam.delete_instance_profile(InstanceProfileName=profile))
        for each in _pages(iam, "list_roles", "Roles"):
            if self._mine(each["RoleName"]):
                name = each["RoleName"]
                self._do(name, lambda n=name: iam.delete_role_policy(RoleName=n, PolicyName="probe"))
                self._do(name, lambda n=name: iam.delete_role(RoleName=n))
