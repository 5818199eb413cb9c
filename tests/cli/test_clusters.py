"""`cluster add`, `check`, `list`, `remove`, and `doctor`: what they leave in Parameter Store, in tags and in Scheduler.

One lab for all: each test leaves the cluster described and tagged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import DONE, REFUSED, USAGE, Run, described, runs, said, user

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, configuration, wait_until_up

TAG = "mirrorsnap:cluster"
SURE = ("--yes", "--confirm", "orders")
NIGHTLY = {"expression": "cron(0 3 * * ? *)", "time_zone": "Asia/Tokyo"}
GROUP = "failover-of-the-billing-data"  # longer than what clpstat shows of a name unless it is told to


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    cluster, file = {"failover_groups": [GROUP]}, tmp_path_factory.mktemp("lab") / "cluster.json"
    file.write_text(json.dumps(cluster))
    # A third instance that is nobody's.
    world = {"nodes": {"other": {"az": "ap-northeast-1a"}}}
    world_file = file.with_name("world.json")
    world_file.write_text(json.dumps(world))
    with Lab(scale=10, options=["--cluster", str(file), "--world", str(world_file)]) as lab:
        made = Product(lab, parse(cluster))
        made.deploy()
        wait_until_up(lab)
        made.patrolled()
        yield made


@pytest.fixture
def run(product: Product) -> Run:
    return runs(user(product.lab))


def tagged(product: Product) -> dict[str, str]:
    """Every instance that has our tag, by its name, with the tag's value."""
    pages = product.ec2.describe_instances()["Reservations"]
    tags = [{t["Key"]: t["Value"] for t in i.get("Tags", [])} for r in pages for i in r["Instances"]]
    return {each["Name"]: each[TAG] for each in tags if TAG in each}


def schedules(product: Product) -> list[str]:
    """The schedules of the stack's group, after a patrol."""
    arn = product.sfn.start_execution(stateMachineArn=product.machines["mirrorsnap-patrol"], input="{}")["executionArn"]
    product.ended(arn, 300)
    found = product.lab.boto("scheduler").list_schedules(GroupName="mirrorsnap")["Schedules"]
    return [each["Name"] for each in found]


def config(product: Product, **changed: Any) -> dict[str, Any]:
    return configuration(product.spec, product.instances, changed)


def instance(product: Product, name: str) -> str:
    mine = [{"Name": "tag:Name", "Values": [name]}]
    return product.ec2.describe_instances(Filters=mine)["Reservations"][0]["Instances"][0]["InstanceId"]


BOTH = {"server1": "orders", "server2": "orders"}


def test_a_cluster_is_removed_and_added_again(product: Product, run: Run, tmp_path: Path) -> None:
    before = described(product)
    said(run("cluster", "remove", "orders"), USAGE)
    ended = run("cluster", "remove", "orders", "--yes", "--confirm", "order")
    assert said(ended, REFUSED) == "" and "ConfirmationMismatch" in ended.stderr
    assert (described(product), tagged(product)) == (before, BOTH), "nothing was changed"

    assert "orders is removed" in said(run("cluster", "remove", "orders", *SURE), DONE)
    assert (described(product), tagged(product), schedules(product)) == (None, {}, [])
    assert "no cluster is described" in said(run("cluster", "list"), DONE)
    for command in (("cluster", "remove", "orders", *SURE), ("cluster", "check", "orders"), ("doctor", "orders")):
        ended = run(*command)
        said(ended, REFUSED)
        assert "ClusterNotFound" in ended.stdout + ended.stderr

    file = tmp_path / "orders.json"
    wanted = config(product, schedule=NIGHTLY)
    file.write_text(json.dumps(wanted))
    added = run("cluster", "add", "--from", str(file), *SURE)
    assert "mirrorsnap cluster check orders" in said(added, DONE)
    assert (described(product), tagged(product), schedules(product)) == (wanted, BOTH, ["orders"])
    listed = json.loads(said(run("cluster", "list", "--output", "json"), DONE))["clusters"]
    assert [(each["cluster"], each["config"]["schedule"]["time_zone"]) for each in listed] == [("orders", "Asia/Tokyo")]

    # The same from standard input, once more: refused, and then in its place.
    text = json.dumps(config(product))
    ended = run("cluster", "add", "--from", "-", *SURE, typed=text)
    said(ended, REFUSED)
    assert "--replace" in ended.stderr and described(product) == wanted
    said(run("cluster", "add", "--from", "-", "--replace", *SURE, typed=text), DONE)
    assert (described(product), tagged(product), schedules(product)) == (config(product), BOTH, [])


def test_an_instance_that_a_description_no_longer_names_loses_its_tag(
    product: Product, run: Run, tmp_path: Path
) -> None:
    file, other = tmp_path / "orders.json", instance(product, "other")
    moved = config(product)
    moved["nodes"][1]["instance_id"] = other
    file.write_text(json.dumps(moved))
    said(run("cluster", "add", "--from", str(file), "--replace", *SURE), DONE)
    assert tagged(product) == {"server1": "orders", "other": "orders"}
    # Its tag is what its roles stop: it is found also where the description cannot be read.
    product.ssm.put_parameter(Name="/mirrorsnap/clusters/orders", Value="{", Type="String", Overwrite=True)
    assert "ConfigInvalid" in said(run("cluster", "list"), DONE)
    said(run("cluster", "remove", "orders", *SURE), DONE)
    assert (described(product), tagged(product)) == (None, {})
    file.write_text(json.dumps(config(product)))
    said(run("cluster", "add", "--from", str(file), *SURE), DONE)
    assert tagged(product) == BOTH


def test_what_is_not_a_description_or_names_what_is_not_there_changes_nothing(
    product: Product, run: Run, tmp_path: Path
) -> None:
    file, before = tmp_path / "orders.json", described(product)
    nowhere = config(product)
    nowhere["nodes"][1]["instance_id"] = "i-0123456789abcdef0"
    twice = config(product)
    twice["nodes"][1] = twice["nodes"][0]
    accounts = config(product) | {"name": "accounts"}
    for text, code, word in [
        ("{", REFUSED, "ConfigInvalid"),
        (json.dumps([]), REFUSED, "ConfigInvalid"),
        (json.dumps(config(product) | {"max_outage": 60}), REFUSED, "max_outage"),
        (json.dumps(config(product) | {"schedule": {"expression": "whenever"}}), REFUSED, "ConfigInvalid"),
        (json.dumps(nowhere), REFUSED, "there is no instance i-0123456789abcdef0"),
        (json.dumps(twice), REFUSED, "named twice"),
        (json.dumps(accounts), REFUSED, "is tagged for the cluster orders"),
    ]:
        file.write_text(text)
        ended = run("cluster", "add", "--from", str(file), "--replace", *SURE)
        said(ended, code)
        assert word in ended.stderr, ended.stderr
    ended = run("cluster", "add", "--from", str(tmp_path / "none.json"), *SURE)
    assert said(ended, USAGE) == "" and "cannot be read" in ended.stderr
    file.write_text(json.dumps(config(product)))
    ended = run("cluster", "add", "--from", str(file), "--replace")
    assert said(ended, USAGE) == "" and "--yes --confirm" in ended.stderr
    said(run("cluster", "add", "--from", str(file), "--replace", "--yes"), USAGE)
    assert (described(product), tagged(product)) == (before, BOTH)


def test_check_and_doctor_say_what_a_backup_would_meet(product: Product, run: Run, tmp_path: Path) -> None:
    before = described(product)
    found = said(run("cluster", "check", "orders"), DONE)
    assert found.startswith("A backup is possible:\n") and "beliefs are confirmed, 0 refuted" in found
    file = tmp_path / "recording.json"
    ended = run("doctor", "orders", "--save", str(file), "--output", "json")
    document = json.loads(said(ended, DONE))
    assert document["exit"] == DONE and {each["node"] for each in document["doctor"]["findings"]} == set(BOTH)
    assert str(file) in ended.stderr, "it says where the recording is"
    recording = json.loads(file.read_text())
    assert recording["recording"] == 1 and len(recording["nodes"]) == 2
    assert GROUP not in file.read_text(), "its names are pseudonyms"

    executions = len(product.lab.control("executions"))
    ended = run("doctor", "orders", "--save", str(tmp_path / "none" / "recording.json"))
    said(ended, USAGE)
    assert len(product.lab.control("executions")) == executions, "nothing was started for what cannot be saved"

    product.lab.control("cluster_set", switches={"long_names": True})
    try:
        refuted = said(run("doctor", "orders"), REFUSED)
        assert "2 refuted" in refuted, "of each node"
        assert "clp-long-names is refuted" in refuted
    finally:
        product.lab.control("cluster_set", switches={"long_names": False})
    assert described(product) == before, "nothing was changed"


def test_check_says_what_refuses_a_backup(product: Product, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    wrong = config(product)
    wrong["mirror_disks"][0]["monitor"] = "mdw9"
    file.write_text(json.dumps(wrong))
    said(run("cluster", "add", "--from", str(file), "--replace", *SURE), DONE)
    checked = run("cluster", "check", "orders")
    assert "mdw9" in said(checked, REFUSED)
    file.write_text(json.dumps(config(product)))
    said(run("cluster", "add", "--from", str(file), "--replace", *SURE), DONE)
    said(run("cluster", "check", "orders"), DONE)


def test_a_cluster_on_which_an_operation_runs_is_neither_removed_nor_replaced(
    product: Product, run: Run, tmp_path: Path
) -> None:
    file, before = tmp_path / "orders.json", described(product)
    file.write_text(json.dumps(config(product, max_outage_seconds=90)))
    started = json.loads(said(run("backup", "orders", "--detach", "--output", "json"), DONE))

    def is_held() -> bool:
        key = {"id": {"S": "lock#orders"}}
        return "holder" in table.get_item(TableName="mirrorsnap", Key=key, ConsistentRead=True).get("Item", {})

    table = product.lab.boto("dynamodb")
    product.lab.wait_for(is_held, 300, "the operation's lock")
    for command in (("remove", "orders"), ("add", "--from", str(file), "--replace")):
        ended = run("cluster", *command, *SURE)
        said(ended, REFUSED)
        assert "OperationInProgress" in ended.stderr and "mirrorsnap watch orders" in ended.stderr
    assert (described(product), tagged(product)) == (before, BOTH)
    assert run("watch", "--execution", started["execution"]).returncode in (DONE, REFUSED), (
        "it ends, and the cluster is back"
    )
