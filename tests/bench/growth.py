"""Backups of many clusters at once: what each takes, and how fast all of them together call AWS.

The lab's time is slowed down until this machine keeps up, and the functions' with it (functions/src/aws/clock.rs), so
that a cluster polls as often in a lab second as it does alone. `host_busy` says whether the machine kept up: a run in
which it is above 70 % means nothing. So does one in which the lab's own process was: all its threads share one
processor. Rates are in lab seconds, as AWS would count them.
"""

from __future__ import annotations

import collections
import json
import os
import time
from pathlib import Path
from typing import Any

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario.deployment import by_api
from scenario.product import Product, family, wait_until_up
from scenario.timeline import Entry

from . import lanes
from .approaches import Failed

# Clusters at once, and lab seconds per real second. A backup takes the lab's process 5 s of a processor's time and its
# lab time 40 s, so that 50 of them at 0.08 keep it busy for half of its time.
SIZES = {"1": 1.0, "10": 0.4, "50": 0.08}
SECONDS = 900.0  # lab time that a backup may take
LONGEST = 900.0  # real seconds that all of them may take
TICKS = os.sysconf("SC_CLK_TCK")


def mapping(clusters: int) -> dict[str, Any]:
    """A scenario's `cluster:` with so many clusters; the first one is the seed's."""
    names = [f"c{number:02}" for number in range(2, clusters + 1)]
    return {"further": [{"name": name, "nodes": [f"{name}-a", f"{name}-b"]} for name in names]}


def rates(entries: list[Entry], start: float, end: float) -> tuple[dict[str, int], dict[str, int]]:
    """(all calls by action, the most calls in one second by action) between two moments."""
    calls = [each for each in entries if each["kind"] == "api" and start <= each["t"] <= end]
    counted = collections.Counter((each["call"], int(each["t"])) for each in calls)
    peaks: dict[str, int] = {}
    for (call, _), count in counted.items():
        peaks[call] = max(peaks.get(call, 0), count)
    return dict(collections.Counter(each["call"] for each in calls)), peaks


def worked(pid: int) -> float:
    """Seconds of processor time that a process has used, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(lab: Lab, clusters: int) -> dict[str, Any]:
    first = parse_cluster({})
    specs = [first, *(parse_cluster(each) for each in mapping(clusters)["further"])]
    by_api(lab, lambda text: None)
    products = [Product(lab, spec) for spec in specs]
    for product in products:
        tags = [{"Key": "mirrorsnap:cluster", "Value": product.cluster}]
        product.ec2.create_tags(Resources=list(product.instances.values()), Tags=tags)
        product.configure({})
    wait_until_up(lab, pause=1.0)
    products[0].patrolled()
    machines = {m["name"]: m["stateMachineArn"] for m in products[0].sfn.list_state_machines()["stateMachines"]}
    start, real, cpu, before = lab.now(), time.monotonic(), worked(lab.process.pid), lanes.busy()
    begun = [
        product.sfn.start_execution(
            stateMachineArn=machines["mirrorsnap-backup"], input=json.dumps({"cluster": product.cluster})
        )["executionArn"]
        for product in products
    ]
    deadline = lab.deadline(SECONDS)
    while not all(family(all_of := lab.control("executions"), arn).over for arn in begun):
        if deadline.passed():
            raise Failed(f"not all of {clusters} backups have ended after {SECONDS:g} s")
        if (took := time.monotonic() - real) > LONGEST:
            raise Failed(f"not all of {clusters} backups have ended after {took:.0f} real seconds: the machine is slow")
        lab.sleep(1)
    end = lab.now()
    took = time.monotonic() - real
    lab_busy = (worked(lab.process.pid) - cpu) / took
    host_busy = lanes.share(before, lanes.busy())
    families = [family(all_of, arn) for arn in begun]
    if bad := [each.main["error"] for each in families if each.main["status"] != "SUCCEEDED"]:
        raise Failed(f"{len(bad)} of {clusters} backups have failed: {sorted(set(map(str, bad)))}")
    if objections := lab.control("oracles")["violations"]:
        raise Failed(f"the lab's oracles object: {objections[:3]}")
    calls, peaks = rates(lab.log(), start, end)
    transitions = sum(member["transitions"] for each in families for member in each.members)
    return {
        "clusters": clusters,
        "transitions_per_cluster": transitions / clusters,
        "calls_per_cluster": sum(calls.values()) / clusters,
        "calls_by_action": {call: count / clusters for call, count in sorted(calls.items())},
        "peak_calls_per_second": max(peaks.values()),
        "peaks": dict(sorted(peaks.items(), key=lambda each: -each[1])[:8]),
        "total_seconds": round(end - start, 1),
        "real_seconds": round(took, 1),
        "lab_busy": round(lab_busy, 2),
        "host_busy": host_busy,  # without the deployment
    }
