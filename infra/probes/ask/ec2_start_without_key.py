"""ec2-start-without-key: StartInstances by a caller who may not use the key of one of the instance's volumes."""

from __future__ import annotations

from ..scratch import TAG, Scratch, code_of
from ..verdict import Probe, Verdict, holds
from .power_cycle import power_cycle

START = {"Effect": "Allow", "Action": ["ec2:StartInstances"], "Resource": "*"}


def ask(scratch: Scratch) -> dict[str, str]:
    kms, instance = scratch.of("kms"), scratch.instance()["id"]
    power_cycle(scratch)
    key = kms.create_key(Description=scratch.name, Tags=[{"TagKey": TAG, "TagValue": scratch.run}])["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{scratch.name}", TargetKeyId=key["KeyId"])
    scratch.attach(scratch.volume(Encrypted=True, KmsKeyId=key["Arn"]), "/dev/sdi")
    caller = scratch.as_caller("ec2", START)
    refused = code_of(lambda: caller.start_instances(InstanceIds=[instance]))
    if refused:
        return {"refused": refused}

    def fell_back() -> str:
        found = scratch.describe_instance(instance)
        reason = found.get("StateReason", {}).get("Code", "")
        return reason if found["State"]["Name"] == "stopped" and reason != "Client.UserInitiatedShutdown" else ""

    return {"reason": scratch.waiting.until(fell_back, "the fall back to stopped", 120)}


def judge(seen: dict[str, str]) -> Verdict:
    if "refused" in seen:
        return holds(seen, [f"StartInstances was refused with {seen['refused']}."])
    return holds(seen, [] if seen["reason"] == "Client.InternalError" else [f"StateReason is {seen['reason']}."])


PROBE = Probe("ec2-start-without-key", ask, judge, minutes=1.5, dollars=0.01, needs=("power cycle",))
