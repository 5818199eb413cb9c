"""Calls mirrorsnap's functions in a lab one by one, as the state machines do, under roles with just what they need."""

from __future__ import annotations

import datetime
import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

from fixtures.functions import allow, role

from lab.client import Lab

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build_documents  # noqa: E402
from build import pack  # noqa: E402

HOLDER = "arn:aws:states:ap-northeast-1:000000000000:execution:backup:test"
CONFIG = {
    "name": "orders",
    "nodes": [{"name": "server1"}, {"name": "server2"}],
    "failover_groups": ["failover1"],
    "mirror_disks": [
        {
            "name": "md1",
            "monitor": "mdw1",
            "device": "/dev/sdb",
            "cluster_partition": "/dev/xvdb1",
            "data_partition": "/dev/xvdb2",
        }
    ],
    "retention": {"keep_last": 2},
}

TAGGED = {"StringEquals": {"ssm:resourceTag/mirrorsnap:cluster": "orders"}}
LOCK = allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/mirrorsnap")
PARAMETER = allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/mirrorsnap/clusters/*")


def send(*documents: str) -> list[dict[str, Any]]:
    """SendCommand takes two statements: our documents without a condition, the instances by their tag."""
    return [
        allow("ssm:SendCommand", [f"arn:aws:ssm:*:*:document/mirrorsnap-{name}" for name in documents]),
        allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*", **TAGGED),
        allow(["ssm:GetCommandInvocation", "ssm:ListCommands", "ssm:CancelCommand"]),
    ]


STEPS = ("suspend-monitors", "resume-monitors", "break-unit", "quiesce", "fence", "start-group", "start-cluster",
         "recover-mirror", "enter-backup-mode", "leave-backup-mode")  # fmt: skip
OURS = {"StringEquals": {"aws:ResourceTag/mirrorsnap:cluster": "orders"}}
DESCRIBE = allow(["ec2:DescribeInstances", "ssm:DescribeInstanceInformation"])
ATTRIBUTE = allow("ec2:DescribeInstanceAttribute", "arn:aws:ec2:*:*:instance/*", **OURS)
THROUGH_EC2 = {"StringEquals": {"kms:ViaService": "ec2.ap-northeast-1.amazonaws.com"}}
GRANT = allow("kms:CreateGrant", "*", **THROUGH_EC2, Bool={"kms:GrantIsForAWSResource": "true"})
USE = allow(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"], **THROUGH_EC2)
LOOK_AT_KEYS = allow(["kms:DescribeKey", "kms:GetKeyPolicy"])
# What docs/functions.md lists for each function.
ROLES: dict[str, list[dict[str, Any]]] = {
    "assess": [
        LOCK,
        PARAMETER,
        DESCRIBE,
        ATTRIBUTE,
        allow("ec2:DescribeVolumes"),
        LOOK_AT_KEYS,
        *send("observe", "read-records", "doctor"),
    ],
    "run-node-step": [LOCK, PARAMETER, *send(*STEPS)],
    "set-power": [
        LOCK,
        PARAMETER,
        allow(["ec2:StartInstances", "ec2:StopInstances"], "arn:aws:ec2:*:*:instance/*", **OURS),
        GRANT,
    ],
    "create-snapshots": [
        LOCK,
        PARAMETER,
        allow(["ec2:DescribeInstances", "ec2:DescribeVolumes", "ec2:DescribeSnapshots"]),
        allow(
            ["ec2:CreateSnapshot", "ec2:CreateSnapshots"], ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:volume/*"]
        ),
        allow(
            ["ec2:CreateSnapshot", "ec2:CreateSnapshots"],
            "arn:aws:ec2:*::snapshot/*",
            StringEquals={"aws:RequestTag/mirrorsnap:cluster": "orders"},
        ),
        allow(
            "ec2:CreateTags",
            "arn:aws:ec2:*::snapshot/*",
            StringEquals={"ec2:CreateAction": ["CreateSnapshot", "CreateSnapshots"]},
        ),
        allow("ec2:CreateTags", "arn:aws:ec2:*::snapshot/*", **OURS),
    ],
    "check-snapshots": [
        LOCK,
        PARAMETER,
        allow("ec2:DescribeSnapshots"),
        allow("ec2:CreateTags", "arn:aws:ec2:*::snapshot/*", **OURS),
    ],
    "expire-backups": [
        LOCK,
        PARAMETER,
        allow("ec2:DescribeSnapshots"),
        allow("ec2:DeleteSnapshot", "arn:aws:ec2:*::snapshot/*", **OURS),
        allow(["dynamodb:Query", "dynamodb:DeleteItem"], "arn:aws:dynamodb:*:*:table/mirrorsnap-descriptions"),
    ],
    "plan-restore": [
        LOCK,
        PARAMETER,
        DESCRIBE,
        ATTRIBUTE,
        *send("observe"),
        allow(["ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeFastSnapshotRestores"]),
        LOOK_AT_KEYS,
        allow("servicequotas:ListServiceQuotas"),
    ],
    "create-volumes": [
        LOCK,
        PARAMETER,
        allow("ec2:DescribeVolumes"),
        allow("ec2:CreateVolume", "arn:aws:ec2:*:*:volume/*", StringLike={"aws:RequestTag/mirrorsnap:restore-id": "*"}),
        allow("ec2:CreateVolume", "arn:aws:ec2:*::snapshot/*", **OURS),
        allow("ec2:CreateTags", "arn:aws:ec2:*:*:volume/*", StringEquals={"ec2:CreateAction": "CreateVolume"}),
        allow(
            "ec2:DeleteVolume",
            "arn:aws:ec2:*:*:volume/*",
            StringLike={"aws:ResourceTag/mirrorsnap:restore-id": "*", "aws:ResourceTag/mirrorsnap:cluster": "*"},
            Null={"aws:ResourceTag/mirrorsnap:attached": "true", "aws:ResourceTag/mirrorsnap:replaced": "true"},
        ),
        GRANT,
        USE,
    ],
    "release-volumes": [
        LOCK,
        allow("ec2:DescribeVolumes"),
        allow(
            "ec2:DeleteTags",
            "arn:aws:ec2:*:*:volume/*",
            StringLike={"aws:ResourceTag/mirrorsnap:restore-id": "*"},
            **{"ForAnyValue:StringEquals": {"aws:TagKeys": "mirrorsnap:restore-id"}},
            **{
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["mirrorsnap:replaced", "mirrorsnap:restore-id", "mirrorsnap:cluster"]
                }
            },
        ),
        allow(
            "ec2:DeleteTags",
            "arn:aws:ec2:*:*:volume/*",
            Null={
                "aws:TagKeys": "false",
                "aws:ResourceTag/mirrorsnap:restore-id": "true",
                "aws:ResourceTag/mirrorsnap:cluster": "true",
            },
            **{"ForAllValues:StringEquals": {"aws:TagKeys": "mirrorsnap:attached"}},
        ),
    ],
    "fast-restore": [
        LOCK,
        PARAMETER,
        allow("ec2:DescribeFastSnapshotRestores"),
        allow(
            ["ec2:EnableFastSnapshotRestores", "ec2:DisableFastSnapshotRestores"],
            "arn:aws:ec2:*::snapshot/*",
            **OURS,
        ),
    ],
    "report": [],
}


KEY_USERS = ("set-power", "create-volumes", "swap-volumes")
BUCKET = "functions"


@functools.cache
def bootstrap() -> bytes:
    """The bootstrap of `make build` as Lambda takes it; MIRRORSNAP_BOOTSTRAP names another binary."""
    path = Path(os.environ.get("MIRRORSNAP_BOOTSTRAP") or ROOT / "target/lambda/bootstrap/bootstrap")
    assert path.is_file(), f"{path} is not there: run `make build` first"
    return pack(path)


class FunctionError(Exception):
    """A function's failure; `name` is its errorType."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Functions:
    """All functions in a lab, with the table, the parameter and the documents that they need."""

    def __init__(self, lab: Lab, config: dict[str, Any] | None = None) -> None:
        self.lab = lab
        self.ec2, self.dynamodb = lab.boto("ec2"), lab.boto("dynamodb")
        self.instances = {}
        for reservation in self.ec2.describe_instances()["Reservations"]:
            for instance in reservation["Instances"]:
                name = next(tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name")
                self.instances[name] = instance["InstanceId"]
        self.ec2.create_tags(
            Resources=list(self.instances.values()), Tags=[{"Key": "mirrorsnap:cluster", "Value": "orders"}]
        )
        self.configure(config or {})
        self.dynamodb.create_table(
            TableName="mirrorsnap",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        names = {"cluster": "HASH", "backup": "RANGE"}
        self.dynamodb.create_table(
            TableName="mirrorsnap-descriptions",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        )
        ssm = lab.boto("ssm")
        for document in build_documents.documents().values():
            content = json.dumps(document.content())
            ssm.create_document(Name=document.name, Content=content, DocumentType="Command", DocumentFormat="JSON")
        s3, functions = lab.boto("s3"), lab.boto("lambda")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": lab.region})
        s3.put_object(Bucket=BUCKET, Key="bootstrap.zip", Body=bootstrap())
        roles = {name: role(lab, f"{name}-role", *statements) for name, statements in ROLES.items()}
        variables = {
            "MIRRORSNAP_SECOND_MILLISECONDS": str(int(1000 / lab.scale)),
            "MIRRORSNAP_KEY_ROLES": json.dumps(
                {name: f"arn:aws:iam::000000000000:role/{name}-role" for name in KEY_USERS}
            ),
        }
        for name, arn in roles.items():
            functions.create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Handler=name,
                Timeout=300,
                MemorySize=256,
                Role=arn,
                Code={"S3Bucket": BUCKET, "S3Key": "bootstrap.zip"},
                Environment={"Variables": variables},
            )
        self.epoch = 0
        self.intent: dict[str, Any] = {}

    def variables(self, name: str, values: dict[str, str]) -> None:
        """A function's environment variables; its next call is a cold one."""
        self.lab.boto("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": values})

    def configure(self, other: dict[str, Any]) -> None:
        """Store the cluster's configuration, with some keys replaced."""
        nodes = [{**node, "instance_id": self.instances[node["name"]]} for node in CONFIG["nodes"]]
        value = json.dumps({**CONFIG, "nodes": nodes, **other})
        self.lab.boto("ssm").put_parameter(
            Name="/mirrorsnap/clusters/orders", Value=value, Type="String", Overwrite=True
        )

    @property
    def lock(self) -> dict[str, Any]:
        return {"holder": HOLDER, "epoch": self.epoch}

    def put_lock(self, epoch: int | None = None, **attributes: str) -> None:
        """Take the lock under the next epoch (or the given one), with an intent or a hold."""
        self.epoch = self.epoch + 1 if epoch is None else epoch
        item = {
            "id": {"S": "lock#orders"},
            "holder": {"S": HOLDER},
            "epoch": {"N": str(self.epoch)},
            "since": {"S": self.now()},
        }
        self.dynamodb.put_item(TableName="mirrorsnap", Item=item | {k: {"S": v} for k, v in attributes.items()})

    def now(self) -> str:
        at = datetime.datetime.fromtimestamp(self.lab.control("time")["epoch"], tz=datetime.UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def call(self, name: str, **event: Any) -> dict[str, Any]:
        answer = self.lab.boto("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.load(answer["Payload"])
        if answer.get("FunctionError"):
            raise FunctionError(payload["errorType"], payload["errorMessage"])
        return payload

    def on_orders(self, name: str, **event: Any) -> dict[str, Any]:
        return self.call(name, cluster="orders", lock=self.lock, **event)

    def assess(self, mode: str, **event: Any) -> dict[str, Any]:
        return self.on_orders("assess", mode=mode, now=self.now(), **event)

    def inspect(self) -> dict[str, Any]:
        """Take the lock, inspect, and write the intent."""
        self.put_lock()
        found = self.assess("inspect")
        self.put_lock(self.epoch, intent=found["intent_json"])
        return found

    def step(self, plan: dict[str, Any], name: str, **event: Any) -> dict[str, Any]:
        return self.on_orders("run-node-step", step=plan["steps"][name], **event)

    def until_over(self, mode: str) -> dict[str, Any]:
        for _ in range(30):
            found = self.on_orders("assess", mode=mode, patience_seconds=30, **self.times(mode))
            if found["over"]:
                return found
        raise AssertionError(f"{mode} is never over: {found}")

    def times(self, mode: str) -> dict[str, str]:
        return {} if mode == "stopped" else {"now": self.now()}

    def converge(self, rounds: int = 60) -> dict[str, Any]:
        """Assess and act until it is healthy or stuck; the last answer."""
        memory: dict[str, Any] = {}
        for _ in range(rounds):
            found = self.assess("converge", patience_seconds=30, memory=memory)
            memory = found["memory"]
            if found["verdict"] == "act":
                function = "run-node-step" if found["action"] == "step" else "set-power"
                try:
                    self.call(function, **found["input"])
                except FunctionError as error:
                    print("converge goes on after", error)
            elif found["verdict"] != "wait":
                return found
        raise AssertionError(f"converge never ends: {found}")
