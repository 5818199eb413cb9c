"""Bad input gets a clear error before anything is touched, on the deployed product.

`touched()` is what the lab's log says was changed: calls that mutate, commands that are not read-only. It is what every
test here asserts to be empty, together with a free lock and an undisturbed cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.deployment import by_cli
from scenario.product import Product, configuration, wait_until_up

READ_ONLY = ("Describe", "Get", "List", "AssumeRole")
OBSERVING = {"observe", "read-records", "doctor"}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy(deploy=by_cli)  # as a user does it; everywhere else by_api
        wait_until_up(lab)
        yield made


def end(product: Product, machine: str, text: str) -> dict[str, Any]:
    """Start a machine with this input and wait for its end."""
    arn = product.sfn.start_execution(stateMachineArn=product.machines[f"mirrorsnap-{machine}"], input=text)[
        "executionArn"
    ]
    return product.ended(arn, 60 * product.lab.scale).main


def mark(product: Product) -> int:
    log = product.lab.log()
    return log[-1]["seq"] if log else 0


def touched(product: Product, since: int) -> list[str]:
    """Mutating calls by the product since a point of the log; its own lock and events are no part of the cluster."""
    found = []
    for entry in product.lab.log(since, kind="api"):
        service, action = entry["call"].split(":")
        if "assumed-role" not in entry["caller"] or action.startswith(READ_ONLY):
            continue
        if service in ("states", "dynamodb", "lambda", "events"):
            continue
        if action == "SendCommand" and entry["params"]["DocumentName"].split(".")[1] in OBSERVING:
            continue
        found.append(f"{entry['call']} {entry['params']}")
    return found


def lock(product: Product) -> dict[str, Any]:
    item = product.lab.boto("dynamodb").get_item(TableName="mirrorsnap", Key={"id": {"S": f"lock#{product.cluster}"}})
    return item.get("Item", {})


def assert_untouched(product: Product, since: int) -> None:
    assert touched(product, since) == []
    assert not {"holder", "intent"} & set(lock(product)), lock(product)
    assert product.lab.control("oracles")["residue"] == []


BAD_BACKUPS = [
    "{}",
    "[]",
    '"orders"',
    '{"cluster": null}',
    '{"cluster": 7}',
    '{"cluster": ""}',
    '{"cluster": ["orders"]}',
    '{"cluster": "orders", "clusters": "orders"}',
    '{"cluster": "orders", "dry_run": "yes"}',
    '{"cluster": "orders", "occurrence": 5}',
    json.dumps({"cluster": "orders", "occurrence": "x" * 65}),
    '{"cluster": "orders; reboot"}',
    '{"cluster": "$(reboot)"}',
    '{"cluster": "../orders"}',
    '{"cluster": "orders\\n"}',
    '{"cluster": "ORDERS"}',
    json.dumps({"cluster": "o" * 41}),
    json.dumps({"cluster": "o" * 100_000}),
]


@pytest.mark.parametrize("text", BAD_BACKUPS, ids=lambda text: text[:40])
def test_a_bad_input_of_backup_ends_before_anything_is_read(product: Product, text: str) -> None:
    since = mark(product)
    ended = end(product, "backup", text)
    assert (ended["status"], ended["error"]) == ("FAILED", "InputInvalid"), ended
    assert '{"cluster": "<name>"}' in ended["cause"]
    assert_untouched(product, since)
    # Recover, which each failure starts, asks the patrol's function which cluster the event is about.
    asked = [each["function"] for each in product.lab.log(since, kind="lambda")]
    assert set(asked) <= {"mirrorsnap-patrol", "mirrorsnap-keep-schedules"}, "a function was asked about it"


@pytest.mark.parametrize(
    ("machine", "text"),
    [
        ("recover", "{}"),
        ("recover", '{"cluster": "orders", "force": true}'),
        ("recover", '{"cluster": "a b"}'),
        ("hold", "{}"),
        ("hold", '{"cluster": "orders"}'),
        ("hold", '{"cluster": "orders", "hold": ""}'),
        ("hold", '{"cluster": "orders", "hold": "x", "unhold": true}'),
        ("hold", '{"cluster": "orders", "unhold": false}'),
        ("hold", json.dumps({"cluster": "orders", "hold": "x" * 201})),
        ("copy", '{"cluster": "orders"}'),
        ("copy", '{"cluster": "orders", "backup": 7}'),
        ("copy", '{"cluster": "orders", "backup": "latest", "region": "ap-northeast-3"}'),
    ],
)
def test_a_bad_input_of_the_others_likewise(product: Product, machine: str, text: str) -> None:
    since = mark(product)
    ended = end(product, machine, text)
    assert (ended["status"], ended["error"]) == ("FAILED", "InputInvalid"), ended
    assert_untouched(product, since)


def test_a_cluster_that_is_not_configured(product: Product) -> None:
    since = mark(product)
    ended = end(product, "backup", '{"cluster": "nobody"}')
    assert ended["error"] == "ClusterNotFound"
    assert "/mirrorsnap/clusters/nobody" in ended["cause"]
    assert_untouched(product, since)


def config_with(product: Product, **changes: Any) -> dict[str, Any]:
    return {**configuration(product.spec, product.instances, {}), **changes}


def disk(**changes: Any) -> list[dict[str, Any]]:
    first = {"name": "md1", "monitor": "mdw1", "device": "/dev/sdb"}
    return [{**first, "cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2", **changes}]


def nodes(product: Product, **changes: str) -> list[dict[str, str]]:
    one, two = ({"name": name, "instance_id": product.instances[name]} for name in product.spec.nodes)
    return [one, {**two, **changes}]


# What is wrong -> the error that says so. Each value makes the configuration out of the product.
BAD_CONFIGS = {
    "an unknown key": ("ConfigInvalid", lambda p: config_with(p, max_outage_secs=60)),
    "an unknown key of a disk": ("ConfigInvalid", lambda p: config_with(p, mirror_disks=disk(devices="/dev/sdb"))),
    "another cluster's name": ("ConfigInvalid", lambda p: config_with(p, name="others")),
    "one node": ("ConfigInvalid", lambda p: config_with(p, nodes=nodes(p)[:1])),
    "one instance twice": ("ConfigInvalid", lambda p: config_with(p, nodes=[nodes(p)[0], nodes(p, name="server2")[0]])),
    "no instance id": ("ConfigInvalid", lambda p: config_with(p, nodes=nodes(p, instance_id="server2"))),
    "a shell in an instance id": (
        "ConfigInvalid",
        lambda p: config_with(p, nodes=nodes(p, instance_id="i-0$(reboot)")),
    ),
    "a shell in a node's name": ("ConfigInvalid", lambda p: config_with(p, nodes=nodes(p, name="server2;reboot"))),
    "a shell in a group's name": ("ConfigInvalid", lambda p: config_with(p, failover_groups=["failover1'`reboot`"])),
    "a blank in a group's name": ("ConfigInvalid", lambda p: config_with(p, failover_groups=["failover1 failover2"])),
    "an option for a disk's name": ("ConfigInvalid", lambda p: config_with(p, mirror_disks=disk(name="--all"))),
    "a path with dots": (
        "ConfigInvalid",
        lambda p: config_with(p, mirror_disks=disk(data_partition="/dev/../etc/passwd")),
    ),
    "a negative bound": ("ConfigInvalid", lambda p: config_with(p, max_outage_seconds=-1)),
    "an endless bound": ("ConfigInvalid", lambda p: config_with(p, max_outage_seconds=10**9)),
    "no retention": ("ConfigInvalid", lambda p: {k: v for k, v in config_with(p).items() if k != "retention"}),
    "an instance that is not there": (
        "InstanceNotManaged",
        lambda p: config_with(p, nodes=nodes(p, instance_id="i-0123456789abcdef0")),
    ),
    "a device with no volume": ("VolumeNotFound", lambda p: config_with(p, mirror_disks=disk(device="/dev/sdz"))),
    "the root volume": ("", lambda p: config_with(p, mirror_disks=disk(device="/dev/sda1"))),
    "partitions of another disk": (
        "DeviceMismatch",
        lambda p: config_with(p, mirror_disks=disk(cluster_partition="/dev/xvda1", data_partition="/dev/xvda2")),
    ),
    "a monitor that is not there": ("ConfigIncomplete", lambda p: config_with(p, mirror_disks=disk(monitor="mdw9"))),
    "a group that is not there": ("", lambda p: config_with(p, failover_groups=["failover1", "failover9"])),
    "another group than there is": ("", lambda p: config_with(p, failover_groups=["failover9"])),
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_bad_configuration_is_refused_with_what_was_found(product: Product, what: str) -> None:
    error, make = BAD_CONFIGS[what]
    name = f"/mirrorsnap/clusters/{product.cluster}"
    product.ssm.put_parameter(Name=name, Value=json.dumps(make(product)), Type="String", Overwrite=True)
    try:
        since = mark(product)
        ended = end(product, "backup", '{"cluster": "orders"}')
    finally:
        product.configure({})
    assert ended["status"] == "FAILED", ended
    assert ended["error"] == error or (not error and ended["error"] not in ("States.Runtime", "Lambda.Unknown")), ended
    assert "Next:" in ended["cause"]
    assert_untouched(product, since)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": "orders"}'], ids=repr)
def test_a_configuration_that_is_no_configuration(product: Product, text: str) -> None:
    name = f"/mirrorsnap/clusters/{product.cluster}"
    product.ssm.put_parameter(Name=name, Value=text or " ", Type="String", Overwrite=True)
    try:
        since = mark(product)
        ended = end(product, "backup", '{"cluster": "orders"}')
    finally:
        product.configure({})
    assert ended["error"] == "ConfigInvalid", ended
    assert_untouched(product, since)


def test_a_dry_run_says_the_plan_in_words_and_touches_nothing(product: Product) -> None:
    since = mark(product)
    ended = end(product, "backup", '{"cluster": "orders", "dry_run": true}')
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["dry_run"] is True
    words = " ".join(output["plan"])
    for each in ("server2", "failover1", next(iter(output["volumes"].values()))):
        assert each in words
    # What CLUSTERPRO itself does by default is told, and refuses nothing.
    for each in ("may take 1200 s to unmount md1", "haltp/action: RESET, the default"):
        assert each in words
    assert_untouched(product, since)


def test_a_second_delivery_of_one_occurrence_touches_nothing(product: Product) -> None:
    text = '{"cluster": "nobody", "occurrence": "2026-01-01T03:00:00Z"}'
    assert end(product, "backup", text)["error"] == "ClusterNotFound"
    since = mark(product)
    again = end(product, "backup", text)
    assert again["status"] == "SUCCEEDED"
    assert json.loads(again["output"])["duplicate"] is True
    assert_untouched(product, since)


def test_hold_refuses_and_unhold_allows(product: Product) -> None:
    held = end(product, "hold", '{"cluster": "orders", "hold": "disk replacement"}')
    assert held["status"] == "SUCCEEDED", held
    assert {n["status"] for n in json.loads(held["output"])["nodes"]} == {"Success"}
    since = mark(product)
    refused = end(product, "backup", '{"cluster": "orders"}')
    assert refused["error"] == "OperatorHold"
    assert "disk replacement" in refused["cause"]
    assert_untouched(product, since)
    ended = end(product, "hold", '{"cluster": "orders", "unhold": true}')
    assert ended["status"] == "SUCCEEDED" and json.loads(ended["output"])["recover"] is None, "nothing is unfinished"
    dry = end(product, "backup", '{"cluster": "orders", "dry_run": true}')
    assert dry["status"] == "SUCCEEDED", dry
