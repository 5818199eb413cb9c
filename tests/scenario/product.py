"""The product deployed into a running lab, as a user deploys it, and its executions.

`deploy()` deploys target/deploy/template.json (deployment.py), tags the instances, and writes the cluster's
configuration to Parameter Store. The lab was started with the same `cluster:` mapping.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from lab.client import Lab
from lab.nodes.clusterpro.spec import ClusterSpec

from .deployment import Deploy, ProductError, Say, by_api

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
WAIT = 0.5  # real seconds for which the lab is asked to answer only once an execution has ended
# What a cluster's configuration needs beyond what the scenario's cluster says.
DEFAULTS: dict[str, Any] = {"retention": {"keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12}}


@dataclass
class Family:
    """An execution with all that it caused, children and event-started ones, in the order of their starts."""

    members: list[dict[str, Any]]
    ended: int  # how many executions of the lab were over, of whatever family

    @property
    def main(self) -> dict[str, Any]:
        return self.members[0]

    @property
    def over(self) -> bool:
        return all(each["over"] for each in self.members)


def family(executions: list[dict[str, Any]], arn: str) -> Family:
    """Of the lab's list of executions, the one with this ARN and everything that it caused."""
    known = {arn}
    for each in executions:  # in the order of starts, so that causes come first
        if each["parent"] in known or each["caused_by"] in known:
            known.add(each["arn"])
    return Family([each for each in executions if each["arn"] in known], sum(each["over"] for each in executions))


def configuration(spec: ClusterSpec, instances: dict[str, str], extra: dict[str, Any]) -> dict[str, Any]:
    """The cluster's JSON. `instances`: node name -> id; `extra` replaces top-level keys, and removes those of None."""

    def same(values: dict[str, str]) -> Any:
        return next(iter(values.values())) if len(set(values.values())) == 1 else values

    config: dict[str, Any] = {
        "name": spec.name,
        "nodes": [{"name": name, "instance_id": instances[name]} for name in spec.nodes],
        "failover_groups": [group.name for group in spec.groups],
        "mirror_disks": [
            {
                "name": disk.name,
                "monitor": disk.monitor,
                "device": disk.device,
                "cluster_partition": same(disk.cluster_partition),
                "data_partition": same(disk.data_partition),
            }
            for disk in spec.disks
        ],
        **DEFAULTS,
    }
    return {key: value for key, value in {**config, **extra}.items() if value is not None}


class Product:
    """The deployed service: what a user may do with it through AWS."""

    def __init__(self, lab: Lab, spec: ClusterSpec, config: dict[str, Any] | None = None) -> None:
        self.lab, self.spec = lab, spec
        self.extra = dict(config or {})
        self.sfn, self.ssm, self.ec2 = lab.boto("stepfunctions"), lab.boto("ssm"), lab.boto("ec2", retries=3)
        pages = self.ec2.describe_instances()["Reservations"]
        named = {
            t["Value"]: i["InstanceId"] for r in pages for i in r["Instances"] for t in i["Tags"] if t["Key"] == "Name"
        }
        self.instances = {name: named[name] for name in spec.nodes}
        self.machines: dict[str, str] = {}
        self.foreign: set[str] = set()  # volumes that the scenario's operator made

    @property
    def cluster(self) -> str:
        return self.spec.name

    def deploy(self, say: Say = lambda text: None, deploy: Deploy = by_api) -> None:
        """Deploy the stack, tag both instances, write the cluster's configuration."""
        deploy(self.lab, say)
        say("registering the cluster")
        tags = [{"Key": "mirrorsnap:cluster", "Value": self.cluster}]
        self.ec2.create_tags(Resources=list(self.instances.values()), Tags=tags)
        self.configure({})
        self.machines = {m["name"]: m["stateMachineArn"] for m in self.sfn.list_state_machines()["stateMachines"]}

    def configure(self, extra: dict[str, Any]) -> None:
        """Write the cluster's configuration, with these top-level keys changed."""
        self.extra |= extra
        value = json.dumps(configuration(self.spec, self.instances, self.extra))
        name = f"/mirrorsnap/clusters/{self.cluster}"
        tier = "Advanced" if len(value) > 4096 else "Standard"
        self.ssm.put_parameter(Name=name, Value=value, Type="String", Tier=tier, Overwrite=True)

    def start(self, kind: str, value: dict[str, Any]) -> str:
        """Start the state machine of `kind` on this cluster; the execution's ARN."""
        name = f"mirrorsnap-{kind}"
        if name not in self.machines:
            there = ", ".join(sorted(self.machines)) or "none"
            raise ProductError(
                f"the deployed product has no {kind}: there is no state machine {name}; there are {there}"
            )
        text = json.dumps({"cluster": self.cluster, **value})
        return self.sfn.start_execution(stateMachineArn=self.machines[name], input=text)["executionArn"]

    def family(self, arn: str, before: Family | None = None, wait: float = 0.0) -> Family:
        """With `before`, as soon as another execution has ended since then, or after `wait` real seconds."""
        known = {"ended": before.ended, "wait": wait} if before else {}
        return family(self.lab.control("executions", **known), arn)

    def ended(self, arn: str, seconds: float) -> Family:
        """Its end and that of all that it caused, at most `seconds` of lab time from now; AssertionError."""
        deadline, found = self.lab.deadline(seconds), self.family(arn)
        while not found.over:
            if deadline.passed():
                raise AssertionError(f"{arn} has not ended within {seconds:g} s of lab time: {found.members}")
            found = self.family(arn, found, WAIT)
        return found

    def patrolled(self, seconds: float = 120.0) -> None:
        """Wait for the end of the first patrol, which begins with the stack: faults that count calls must miss it."""
        deadline, all_of = self.lab.deadline(seconds, least=30.0), self.lab.control("executions")
        while not any(each["over"] and each["machine"] == "mirrorsnap-patrol" for each in all_of):
            if deadline.passed():
                raise ProductError(f"the first patrol has not ended within {seconds:g} s: {all_of or 'none'}")
            all_of = self.lab.control("executions", ended=sum(each["over"] for each in all_of), wait=WAIT)

    def volumes(self) -> list[dict[str, Any]]:
        """Every volume that there is or was, as EC2 describes it, with `EverAttached` and `OfWorld` beside that."""
        return self.lab.control("ec2")["volumes"]

    def snapshots(self) -> list[dict[str, Any]]:
        """Our snapshots, as EC2 describes them, with their tags as a dict under `tags`."""
        mine = [{"Name": "tag:mirrorsnap:cluster", "Values": [self.cluster]}]
        found = self.ec2.describe_snapshots(OwnerIds=["self"], Filters=mine)["Snapshots"]
        return [{**s, "tags": {t["Key"]: t["Value"] for t in s.get("Tags", [])}} for s in found]

    def valid_backups(self) -> list[str]:
        """Ids of the backups whose whole set is completed and tagged valid."""
        sets: dict[str, list[dict[str, Any]]] = {}
        for snapshot in self.snapshots():
            if "mirrorsnap:duplicate" not in snapshot["tags"]:
                sets.setdefault(snapshot["tags"].get("mirrorsnap:backup-id", ""), []).append(snapshot)
        return sorted(
            name
            for name, all_of in sets.items()
            if name
            and all(s["tags"].get("mirrorsnap:valid") == "true" and s["State"] == "completed" for s in all_of)
            and len(all_of) == int(all_of[0]["tags"].get("mirrorsnap:set-size", "1"))
        )


def wait_until_up(lab: Lab, seconds: float = 60.0, pause: float = 0.02) -> None:
    """Wait for a fresh lab's clusters to be normal; `seconds` of lab time, and at least 30 real ones. `pause`: real
    seconds between two looks, which cost more the more clusters there are.
    """
    deadline = lab.deadline(seconds, least=30.0)
    while residue := [each["text"] for each in lab.control("oracles")["residue"]]:
        if deadline.passed():
            raise ProductError(f"the lab's cluster did not come up: {'; '.join(residue)}")
        time.sleep(pause)
