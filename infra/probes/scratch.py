"""The scratch account while it is asked: its clients, what is made in it, and how long to wait for it.

Whatever is made has a name that begins with `name`, or the tag `mirrorsnap:probe` = the run, or both; by these
`removal` finds it again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

TAG = "mirrorsnap:probe"
LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
CommandDocument = dict[str, Any]


def name_of(run: str) -> str:
    """With which the name of everything begins that a run makes."""
    return f"mirrorsnap-probe-{run}"


class NeverCame(Exception):
    """What was waited for did not come in its time."""


class Waiting:
    """Time, which passes faster in the lab."""

    def __init__(self, pace: float = 1.0, poll: float = 2.0) -> None:
        self.pace, self.poll = pace, poll
        self.end = float("inf")  # of all waiting, by time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.pace)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 300.0) -> Any:
        """What `condition()` returns once that is true; NeverCame after so many seconds.

        A real minute is the least, since a machine that runs a lab may be busy.
        """
        end = min(self.end, time.monotonic() + max(seconds / self.pace, 60.0))
        while not (value := condition()):
            if time.monotonic() > end:
                raise NeverCame(f"{what} did not come within {seconds:.0f} s")
            time.sleep(self.poll)
        return value


def code_of(call: Callable[[], Any]) -> str:
    """The code that AWS refuses a call with; "" if it does not."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@dataclass
class Scratch:
    client: Callable[..., Any]  # client(service, credentials=…): boto3's, of the account and region that are asked
    run: str
    account: str
    region: str
    partition: str
    waiting: Waiting = field(default_factory=Waiting)
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return name_of(self.run)

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": TAG, "Value": self.run}, {"Key": "Name", "Value": self.name}]

    def tagged(self, kind: str, **more: str) -> list[dict[str, Any]]:
        """TagSpecifications of a creating call."""
        return [{"ResourceType": kind, "Tags": self.tags + [{"Key": k, "Value": v} for k, v in more.items()]}]

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """What several probes share; made by the first of them. A failure is shared as well."""
        if what not in self._kept:
            try:
                self._kept[what] = make()
            except Exception as error:
                self._kept[what] = error
        if isinstance(self._kept[what], Exception):
            raise self._kept[what]
        return self._kept[what]

    def of(self, service: str) -> Any:
        return self.once(f"client {service}", lambda: self.client(service))

    # ── roles ──

    def role(self, purpose: str, trusted: dict[str, Any], actions: list[str]) -> str:
        """The ARN of a role of this run."""

        def make() -> str:
            trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
            policy = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            name, iam = f"{self.name}-{purpose}", self.of("iam")
            made = iam.create_role(
                RoleName=name, AssumeRolePolicyDocument=_document([trust]), Tags=self.tags, MaxSessionDuration=3600
            )
            iam.put_role_policy(RoleName=name, PolicyName="probe", PolicyDocument=_document([policy]))
            return str(made["Role"]["Arn"])

        return self.once(f"role {purpose}", make)

    def service_role(self) -> str:
        """What Step Functions and Scheduler act through."""
        trusted = {"Service": ["states.amazonaws.com", "scheduler.amazonaws.com"]}
        return self.role("service", trusted, ["sqs:SendMessage"])

    def as_caller(self, service: str, *statements: dict[str, Any]) -> Any:
        """A client that may do what the statements allow, and nothing else."""
        trusted = {"AWS": f"arn:{self.partition}:iam::{self.account}:root"}
        role = self.role("caller", trusted, ["ec2:*", "ssm:*", "kms:*"])

        def assume() -> Any:
            try:
                return self.of("sts").assume_role(
                    RoleArn=role, RoleSessionName="probe", Policy=_document(list(statements))
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise
                return None  # IAM is eventually consistent

        session = self.waiting.until(assume, "the role", 60)
        return self.client(service, credentials=session["Credentials"])

    # ── EC2 ──

    def instance(self) -> dict[str, str]:
        """{id, zone, root}: a t3.micro whose agent is there."""
        return self.once("instance", self._launch)

    def _launch(self) -> dict[str, str]:
        iam, ec2, ssm = self.of("iam"), self.of("ec2"), self.of("ssm")
        allowed = ["ssm:UpdateInstanceInformation", "ssmmessages:*", "ec2messages:*"]
        self.role("agent", {"Service": "ec2.amazonaws.com"}, allowed)
        iam.create_instance_profile(InstanceProfileName=f"{self.name}-agent", Tags=self.tags)
        iam.add_role_to_instance_profile(InstanceProfileName=f"{self.name}-agent", RoleName=f"{self.name}-agent")
        image = ssm.get_parameter(Name=LINUX)["Parameter"]["Value"]

        def launch() -> Any:
            try:
                return ec2.run_instances(
                    ImageId=image,
                    InstanceType="t3.micro",
                    MinCount=1,
                    MaxCount=1,
                    IamInstanceProfile={"Name": f"{self.name}-agent"},
                    TagSpecifications=self.tagged("instance") + self.tagged("volume"),
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidParameterValue":
                    raise
                return None  # the profile is not known everywhere yet

        made = self.waiting.until(launch, "the instance profile", 60)["Instances"][0]
        instance = {"id": made["InstanceId"], "zone": made["Placement"]["AvailabilityZone"]}
        self.waiting.until(lambda: self.online(instance["id"]), "the agent of the instance", 420)
        return {**instance, "root": self.describe_instance(instance["id"])["RootDeviceName"]}

    def describe_instance(self, instance: str) -> dict[str, Any]:
        return self.of("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def state(self, instance: str, wanted: str, seconds: float = 300) -> dict[str, Any]:
        """The instance once it is in that state."""

        def there() -> Any:
            found = self.describe_instance(instance)
            return found if found["State"]["Name"] == wanted else None

        return self.waiting.until(there, f"the state {wanted}", seconds)

    def information(self, instance: str) -> dict[str, Any]:
        """What SSM knows of the node; {} if it does not know it."""
        wanted = [{"Key": "InstanceIds", "Values": [instance]}]
        found = self.of("ssm").describe_instance_information(Filters=wanted)["InstanceInformationList"]
        return found[0] if found else {}

    def online(self, instance: str) -> bool:
        return bool(self.information(instance).get("LastPingDateTime"))

    def zone(self) -> str:
        """The instance's zone where there is one, so that volumes can be attached."""
        if "instance" in self._kept:
            return self.instance()["zone"]
        zones = self.of("ec2").describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])
        return zones["AvailabilityZones"][0]["ZoneName"]

    def describe_volume(self, volume: str) -> dict[str, Any]:
        return self.of("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]

    def volume(self, tags: dict[str, str] | None = None, **wanted: Any) -> str:
        """A volume of 1 GiB, available, in the instance's zone."""
        given = {"AvailabilityZone": self.zone(), **({} if "SnapshotId" in wanted else {"Size": 1}), **wanted}
        made = self.of("ec2").create_volume(**given, TagSpecifications=self.tagged("volume", **(tags or {})))
        self.waiting.until(lambda: self.describe_volume(made["VolumeId"])["State"] == "available", "the volume")
        return str(made["VolumeId"])

    def attach(self, volume: str, device: str) -> dict[str, Any]:
        """Attach it to the instance; the attachment as it is described."""
        self.of("ec2").attach_volume(VolumeId=volume, InstanceId=self.instance()["id"], Device=device)

        def there() -> Any:
            found = self.describe_volume(volume)["Attachments"]
            return found[0] if found and found[0]["State"] == "attached" else None

        return self.waiting.until(there, "the attachment")

    def data(self) -> dict[str, str]:
        """Two volumes that are attached to the instance, by device."""

        def make() -> dict[str, str]:
            self.instance()
            found = {device: self.volume(VolumeType="gp3") for device in ("/dev/sdf", "/dev/sdg")}
            for device, volume in found.items():
                self.attach(volume, device)
            return found

        return self.once("data", make)

    def snapshots(self, **tags: str) -> list[str]:
        """A CreateSnapshots, and of its set those of the two data volumes. EC2 takes one a volume in 15 s."""
        data = self.data().values()

        def make() -> Any:
            try:
                return self.of("ec2").create_snapshots(
                    InstanceSpecification={"InstanceId": self.instance()["id"], "ExcludeBootVolume": True},
                    TagSpecifications=self.tagged("snapshot", **tags),
                )["Snapshots"]
            except ClientError as error:
                if "RateExceeded" not in str(error):
                    raise
                return None

        made = self.waiting.until(make, "the next snapshot", 120)
        return [each["SnapshotId"] for each in made if each["VolumeId"] in data]

    def completed(self, snapshots: list[str]) -> None:
        def done() -> bool:
            found = self.of("ec2").describe_snapshots(SnapshotIds=snapshots)["Snapshots"]
            return all(each["State"] == "completed" for each in found)

        self.waiting.until(done, "the snapshot's completion", 600)

    def snapshot(self) -> str:
        """A completed one, with a tag `colour`, of a gp3 volume of 4,000 IOPS."""

        def make() -> str:
            source = self.volume(VolumeType="gp3", Size=8, Iops=4000, Throughput=200)
            tags = self.tagged("snapshot", colour="old")
            made = self.of("ec2").create_snapshot(VolumeId=source, TagSpecifications=tags)
            self.completed([made["SnapshotId"]])
            return str(made["SnapshotId"])

        return self.once("snapshot", make)

    # ── Run Command ──

    def document(self, purpose: str, content: CommandDocument) -> str:
        def make() -> str:
            name = f"{self.name}.{purpose}"
            self.of("ssm").create_document(
                Name=name, Content=json.dumps(content), DocumentType="Command", Tags=self.tags
            )
            active = lambda: self.of("ssm").describe_document(Name=name)["Document"]["Status"] == "Active"  # noqa: E731
            self.waiting.until(active, "the document", 60)
            return name

        return self.once(f"document {purpose}", make)

    def shell(self) -> str:
        return self.document(
            "shell",
            {
                "schemaVersion": "2.2",
                "parameters": {"script": {"type": "String"}},
                "mainSteps": [script_step("shell", "{{ script }}")],
            },
        )

    def send(self, script: str) -> str:
        """The id of a command that runs this on the instance."""
        node = [self.instance()["id"]]
        sent = self.of("ssm").send_command(DocumentName=self.shell(), InstanceIds=node, Parameters={"script": [script]})
        return str(sent["Command"]["CommandId"])

    def invocation(self, command: str, **more: Any) -> dict[str, Any] | None:
        ssm = self.of("ssm")
        try:
            return ssm.get_command_invocation(CommandId=command, InstanceId=self.instance()["id"], **more)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvocationDoesNotExist":
                raise
            return None

    def shell_output(self, script: str) -> str:
        """What a script prints that must succeed."""
        command = self.send(script)

        def done() -> Any:
            found = self.invocation(command)
            return found if found and found["Status"] not in ("Pending", "InProgress", "Delayed") else None

        found = self.waiting.until(done, "the command's end", 120)
        if found["Status"] != "Success":
            raise NeverCame(f"a command ended {found['Status']}: {found['StandardErrorContent'][:200]}")
        return str(found["StandardOutputContent"])

    # ── Step Functions and queues ──

    def machine(self, purpose: str, states: dict[str, Any]) -> str:
        """The ARN of a machine that begins with its first state; JSONata."""

        def make() -> str:
            definition = {"StartAt": next(iter(states)), "QueryLanguage": "JSONata", "States": states}

            def create() -> Any:
                try:
                    return self.of("stepfunctions").create_state_machine(
                        name=f"{self.name}-{purpose}",
                        definition=json.dumps(definition),
                        roleArn=self.service_role(),
                        tags=[{"key": TAG, "value": self.run}],
                    )
                except ClientError as error:
                    if error.response["Error"]["Code"] != "AccessDeniedException":
                        raise
                    return None  # the role is not known everywhere yet

            return str(self.waiting.until(create, "the role of a state machine", 60)["stateMachineArn"])

        return self.once(f"machine {purpose}", make)

    def ended(self, execution: str) -> dict[str, Any]:
        def there() -> Any:
            found = self.of("stepfunctions").describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return self.waiting.until(there, "the end of the execution", 60)

    def executed(self, machine: str, text: str = "{}") -> dict[str, Any]:
        """The execution's end, as it is described."""
        started = self.of("stepfunctions").start_execution(stateMachineArn=machine, input=text)
        return self.ended(started["executionArn"])

    def queue(self, purpose: str, sender: str = "") -> dict[str, str]:
        """{url, arn}; `sender`: a service that may send to it."""

        def make() -> dict[str, str]:
            sqs, name = self.of("sqs"), f"{self.name}-{purpose}"
            arn = f"arn:{self.partition}:sqs:{self.region}:{self.account}:{name}"
            allowed = {
                "Effect": "Allow",
                "Principal": {"Service": sender},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
            policy = {"Policy": _document([allowed])} if sender else {}
            made = sqs.create_queue(QueueName=name, Attributes=policy, tags={TAG: self.run})
            return {"url": made["QueueUrl"], "arn": arn}

        return self.once(f"queue {purpose}", make)

    def message(self, queue: dict[str, str], seconds: float = 180) -> str:
        def there() -> Any:
            return self.of("sqs").receive_message(QueueUrl=queue["url"], MaxNumberOfMessages=1).get("Messages")

        return str(self.waiting.until(there, "a message", seconds)[0]["Body"])


def script_step(name: str, script: str) -> dict[str, Any]:
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [script], "timeoutSeconds": "120"}}


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
