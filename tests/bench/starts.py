"""A function's cold start, first call and memory: create-volumes' check in Rust, the same step in Python with boto3.

Both are processes behind the Lambda runtime interface of the lab, with the same call: the cluster's configuration is
read from Parameter Store, the volumes are described, their states compared. Python's runtime loop is the shortest there
can be, over urllib, so that only the interpreter and boto3 are measured; Lambda's own client for Python does more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract.fixtures.functions import package

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario.product import Product, wait_until_up

from .approaches import Failed

RUST = "mirrorsnap-create-volumes"
PYTHON = "same-step-in-python"
MEMORY_MB = 256  # as ours (infra/template.yaml)
HANDLER = Path(__file__).with_name("same_step.py")


def _call(lab: Lab, name: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What the lab noted about one call."""
    seen = len(lab.control("log"))
    answer = lab.boto("lambda").invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or said.get("ready") is not True:
        raise Failed(f"{name}: {said}")
    return lab.log(since=seen, kind="lambda", function=name)[0]


def run(lab: Lab) -> dict[str, Any]:
    """`rust` and `python`, each with the milliseconds of its start and of its first call, and its peak memory."""
    product = Product(lab, parse_cluster({}))
    product.deploy()
    wait_until_up(lab)
    product.patrolled()
    found = lab.boto("lambda").get_function(FunctionName=RUST)["Configuration"]
    lab.boto("lambda").create_function(
        FunctionName=PYTHON,
        Runtime=found["Runtime"],
        Handler="bootstrap",
        Role=found["Role"],
        Code={"ZipFile": package(HANDLER)},
        MemorySize=MEMORY_MB,
        Timeout=60,
        Environment=found.get("Environment", {"Variables": {}}),
    )
    at = [{"Name": "attachment.device", "Values": [product.spec.disks[0].device]}]
    volumes, made = [], []
    for shown in product.ec2.describe_volumes(Filters=at)["Volumes"]:
        place = {"node": shown["Attachments"][0]["InstanceId"], "device": shown["Attachments"][0]["Device"]}
        both = {**place, "old": shown["VolumeId"], "snapshot": "snap-0123456789abcdef0", "delete_on_termination": False}
        rest = {"disks": ["md1"], "zone": shown["AvailabilityZone"], "gib": shown["Size"], "kind": "gp3", "tags": {}}
        volumes.append({**both, **rest, "token": "t"})
        made.append({**both, "new": shown["VolumeId"]})
    payload = {"mode": "check", "cluster": product.cluster, "volumes": volumes, "made": made}
    calls = {"rust": _call(lab, RUST, payload), "python": _call(lab, PYTHON, payload)}
    return {
        name: {
            "cold_start_ms": call["init_ms"],
            "first_call_ms": call["duration_ms"],
            "peak_memory_mb": call["peak_mb"],
        }
        for name, call in calls.items()
    }
