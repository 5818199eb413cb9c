"""Ten clusters are due at the same minute, and one of them cannot be backed up: the nine others have a valid backup."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from command_line import NEEDS_YOU, normal, runs, said, user

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.deployment import by_api
from scenario.product import configuration, wait_until_up

NAMES = ["orders", *(f"c{number}" for number in range(1, 10))]
BAD = "c5"
SCHEDULE = {"expression": "cron(0 3 * * ? *)", "time_zone": "Asia/Tokyo"}


def nodes(name: str) -> list[str]:
    return ["server1", "server2"] if name == "orders" else [f"{name}-a", f"{name}-b"]


def described(lab: Lab) -> None:
    """All ten, one of them with a group that it does not have."""
    ec2, ssm = lab.boto("ec2"), lab.boto("ssm")
    pages = ec2.describe_instances()["Reservations"]
    named = {
        t["Value"]: i["InstanceId"] for p in pages for i in p["Instances"] for t in i["Tags"] if t["Key"] == "Name"
    }
    for name in NAMES:
        ids = {node: named[node] for node in nodes(name)}
        ec2.create_tags(Resources=list(ids.values()), Tags=[{"Key": "mirrorsnap:cluster", "Value": name}])
        config = configuration(parse({"name": name, "nodes": nodes(name)}), ids, {"schedule": SCHEDULE})
        if name == BAD:
            config["failover_groups"].append("failover9")
        ssm.put_parameter(Name=f"/mirrorsnap/clusters/{name}", Value=json.dumps(config), Type="String")


def backups(lab: Lab) -> dict[str, dict[str, Any]]:
    all_of = [each for each in lab.control("executions") if each["machine"] == "mirrorsnap-backup"]
    return {json.loads(each["input"])["cluster"]: each for each in all_of}


def test_ten_clusters_due_at_once_and_one_that_fails(tmp_path) -> None:
    file = tmp_path / "cluster.json"
    others = [{"name": name, "nodes": nodes(name)} for name in NAMES if name != "orders"]
    file.write_text(json.dumps({"further": others}))
    with Lab(scale=3, options=["--cluster", str(file)]) as lab:
        by_api(lab, lambda text: None)
        wait_until_up(lab)
        described(lab)
        sfn = lab.boto("stepfunctions")
        machines = {m["name"]: m["stateMachineArn"] for m in sfn.list_state_machines()["stateMachines"]}
        sfn.start_execution(stateMachineArn=machines["mirrorsnap-patrol"], input="{}")
        scheduler = lab.boto("scheduler")

        def kept() -> bool:
            found = scheduler.list_schedules(GroupName="mirrorsnap")["Schedules"]
            return {each["Name"] for each in found} == set(NAMES)

        lab.wait_for(kept, 600, "ten schedules")
        due = "2026-01-02T03:00:00Z"
        with ThreadPoolExecutor(len(NAMES)) as pool:
            fired = pool.map(
                lambda name: lab.control("fire_schedule", name=name, group="mirrorsnap", scheduled_time=due), NAMES
            )
            assert list(fired) == [None] * len(NAMES)
        lab.wait_for(lambda: all(each["over"] for each in backups(lab).values()), 1800, "the end of ten backups")
        ended = backups(lab)
        assert {name: each["status"] for name, each in ended.items()} == {
            name: "FAILED" if name == BAD else "SUCCEEDED" for name in NAMES
        }, {name: each["cause"] for name, each in ended.items() if each["status"] == "FAILED"}
        assert ended[BAD]["error"] == "GroupNotOnline"
        normal(lab)
        assert lab.control("oracles")["violations"] == []
        status = json.loads(said(runs(user(lab))("status", "--output", "json"), NEEDS_YOU))["clusters"]
        assert {each["cluster"] for each in status if each["wrong"]} == {BAD}
