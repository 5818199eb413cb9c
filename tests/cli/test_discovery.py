"""`cluster add` finds a cluster out by itself: what it writes is what a person would have written.

Two labs: one of a cluster whose disks are the usual ones, one of a cluster of which all is otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import BINARY, DONE, REFUSED, ROOT, USAGE, Run, described, runs, said, user
from terminal import Terminal

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, configuration, wait_until_up

TAG = "mirrorsnap:cluster"
DECIDED = ("--keep", "7,14,8,12", "--max-outage", "120", "--schedule", "none", "--objective", "none")
SURE = ("--yes", "--confirm", "orders")
MANY: dict[str, Any] = {
    "nodes": ["db-a", "db-b"],
    "active": "db-b",
    "platform": "nitro",
    "layout": "lvm",
    "failover_groups": [
        {"name": "failover1", "disks": ["md1", "md3"]},
        {"name": "failover-of-the-billing-data", "disks": ["md2"]},
    ],
    "mirror_disks": [
        {"name": "md1", "monitor": "watch-of-md1", "device": "/dev/sdf"},
        {"name": "md2", "monitor": "mdw2", "device": "/dev/sdg"},
        {"name": "md3", "monitor": "mdw3", "device": "/dev/sdg"},
    ],
    "other_monitors": 40,
}


def deployed(lab: Lab, cluster: dict[str, Any]) -> Product:
    """The stack, and nothing described."""
    made = Product(lab, parse(cluster))
    made.deploy()
    wait_until_up(lab)
    made.ssm.delete_parameter(Name="/mirrorsnap/clusters/orders")
    made.ec2.delete_tags(Resources=list(made.instances.values()), Tags=[{"Key": TAG}])
    return made


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        yield deployed(lab, {})


@pytest.fixture
def run(product: Product) -> Run:
    return runs(user(product.lab))


def tagged(product: Product) -> set[str]:
    mine = [{"Name": f"tag:{TAG}", "Values": ["orders"]}]
    pages = product.ec2.describe_instances(Filters=mine)["Reservations"]
    return {each["InstanceId"] for page in pages for each in page["Instances"]}


def nodes(product: Product) -> list[str]:
    return [word for each in product.instances.values() for word in ("--node", each)]


def test_without_a_terminal_each_answer_that_is_missing_is_refused_by_its_flag(product: Product, run: Run) -> None:
    whole = ["cluster", "add", "orders", *nodes(product), *DECIDED]
    for flag, left in [
        ("--keep", ("--keep", "7,14,8,12")),
        ("--max-outage", ("--max-outage", "120")),
        ("--schedule", ("--schedule", "none")),
        ("--objective", ("--objective", "none")),
        ("--node", tuple(nodes(product))),
        ("the cluster's name", ("orders",)),
    ]:
        at = whole.index(left[0])
        ended = run(*whole[:at], *whole[at + len(left) :], *SURE)
        assert said(ended, USAGE) == "" and f"there is no terminal to ask on: add {flag}" in ended.stderr
    ended = run(*whole)
    assert said(ended, USAGE) == "" and "--yes --confirm" in ended.stderr
    assert '"mirror_disks"' in ended.stderr, "it shows what it found before it asks"
    ended = run("cluster", "add", "orders", "--tag", "Name=nobody", *DECIDED, *SURE)
    said(ended, REFUSED)
    assert "0 instances have the tag Name=nobody" in ended.stderr
    assert (described(product), tagged(product)) == (None, set()), "nothing was changed"


def test_what_is_found_by_ids_is_what_a_person_would_have_written(product: Product, run: Run) -> None:
    executions = len(product.lab.control("executions"))
    ended = run("cluster", "add", "orders", *reversed_nodes(product), *DECIDED, *SURE)
    assert "mirrorsnap cluster check orders" in said(ended, DONE)
    found = described(product)
    wanted = configuration(product.spec, product.instances, {"max_outage_seconds": 120})
    assert found == {**wanted, "nodes": wanted["nodes"][::-1]}, "in the order in which they were named"
    assert tagged(product) == set(product.instances.values())
    assert len(product.lab.control("executions")) == executions, "it starts none of the stack's machines"
    said(run("cluster", "check", "orders"), DONE)
    # The same with another bound: what changes is shown, and it is refused without --replace.
    again = ("cluster", "add", "orders", *reversed_nodes(product), *DECIDED[:3], "90", *DECIDED[4:])
    ended = run(*again, *SURE)
    said(ended, REFUSED)
    assert "max_outage_seconds: 120 -> 90" in ended.stderr and "--replace" in ended.stderr
    assert described(product) == found
    said(run(*again, "--replace", *SURE), DONE)
    assert described(product) == {**(found or {}), "max_outage_seconds": 90}
    said(run("cluster", "remove", "orders", *SURE), DONE)


def reversed_nodes(product: Product) -> list[str]:
    return [word for each in reversed(product.instances.values()) for word in ("--node", each)]


def test_on_a_terminal_it_asks_what_it_cannot_find_out(product: Product) -> None:
    product.ec2.create_tags(
        Resources=list(product.instances.values()), Tags=[{"Key": "Application", "Value": "orders and bills"}]
    )
    terminal = Terminal([str(BINARY), "cluster", "add"], user(product.lab))
    for question, answer in [
        ("The cluster's name with mirrorsnap:", "orders"),
        ("The ids of its two instances, or a tag KEY=VALUE that only they have:", "Application=orders and bills"),
        ("of days, weeks and months [7,14,8,12]:", "3"),
        ("The bound of a backup's outage in seconds [120]:", ""),
        ("or none [none]:", "cron(0 3 * * ? *)"),
        ("The time zone of that, such as Asia/Tokyo [UTC]:", "Asia/Tokyo"),
        ("raises the alarm, or none [26]:", ""),
        ("Type the cluster's name, orders, to go on:", "orders"),
    ]:
        terminal.wait_for(question)
        terminal.type(f"{answer}\n")
    assert terminal.end() == DONE, terminal.text()
    assert "the patrol makes its schedule" in terminal.text()
    found = described(product) or {}
    assert found["schedule"] == {"expression": "cron(0 3 * * ? *)", "time_zone": "Asia/Tokyo"}
    assert (found["retention"], found["objective_hours"]) == ({"keep_last": 3}, 26)
    arn = product.sfn.start_execution(stateMachineArn=product.machines["mirrorsnap-patrol"], input="{}")["executionArn"]
    product.ended(arn, 300)
    made = product.lab.boto("scheduler").get_schedule(Name="orders", GroupName="mirrorsnap")
    assert made["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    said(runs(user(product.lab))("cluster", "remove", "orders", *SURE), DONE)


def test_the_readme_s_block_of_commands_prints_what_the_readme_shows(product: Product, run: Run) -> None:
    """As a new user would: the first cluster, a backup, and the plan of a restore."""
    blocks = [
        [line for line in block.splitlines() if line.startswith("mirrorsnap ")]
        for page in ("README.md", "README.ja.md")
        for block in (ROOT / page).read_text(encoding="utf-8").split("```")[1::2]
    ]
    first, second = (block for block in blocks if block)
    assert first == second and len(first) >= 5, "the same in both languages"
    found = []
    for line in first:
        words = line.split()[1:]
        more = ["orders", *nodes(product), *DECIDED, *SURE] if words == ["cluster", "add"] else []
        found.append(said(run(*words, *more), DONE))
    text = "\n".join(found)
    for word in (
        "orders is described",
        "A backup is possible",
        "done: backup orders-",
        "nothing is wrong",
        "NEWEST VALID BACKUP",
    ):
        assert word in text, text
    said(run("cluster", "remove", "orders", *SURE), DONE)


def test_a_node_that_is_off_or_runs_no_cluster_shows_nothing(product: Product, run: Run) -> None:
    first = product.instances["server1"]
    product.lab.control("node_run", name="server2", script="systemctl stop clusterpro")
    ended = run("cluster", "add", "orders", *nodes(product), *DECIDED, *SURE)
    said(ended, REFUSED)
    assert "OutputUnreadable" in ended.stderr or "ServerNameMismatch" in ended.stderr, ended.stderr
    product.ec2.stop_instances(InstanceIds=[first])
    product.lab.wait_for(
        lambda: product.lab.control("node_status", name="server1")["state"] == "off", 300, "the node's end"
    )
    ended = run("cluster", "add", "orders", *nodes(product), *DECIDED, *SURE)
    said(ended, REFUSED)
    assert f"instance {first} is stop" in ended.stderr
    assert (described(product), tagged(product)) == (None, set())


def test_many_disks_groups_and_monitors_on_nitro_and_lvm(tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(MANY))
    with Lab(scale=10, options=["--cluster", str(file)]) as lab:
        product = deployed(lab, MANY)
        run = runs(user(lab))
        said(run("cluster", "add", "orders", *nodes(product), *DECIDED, *SURE), DONE)
        wanted = configuration(product.spec, product.instances, {"max_outage_seconds": 120})
        found = described(product) or {}
        assert sorted(found.pop("failover_groups")) == sorted(wanted.pop("failover_groups"))
        assert found == wanted
        said(run("cluster", "check", "orders"), DONE)
