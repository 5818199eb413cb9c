"""What changed between two backups: the command line's `diff`, and what a restore's plan says is set back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from command_line import DONE, REFUSED, Run, normal, runs, said, user

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

LIST = "ebs:ListChangedBlocks"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """With two valid backups, between which the application wrote."""
    with Lab(scale=12) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        for text in ("first", "second"):
            lab.control("cluster_write", file=text, text=text * 1000)
            said(runs(user(lab))("backup", "orders"), DONE)
            normal(lab)
        yield made


@pytest.fixture
def run(product: Product) -> Iterator[Run]:
    yield runs(user(product.lab))
    product.lab.control("clear_faults")
    product.lab.control("block_tokens", seconds=7 * 86400)


def ids(product: Product) -> list[str]:
    return sorted(product.valid_backups())


def diff(run: Run, *backups: str) -> dict[str, Any]:
    return json.loads(said(run("diff", "orders", *backups, "--output", "json"), DONE))


def test_what_changed_is_a_number_and_a_map(product: Product, run: Run) -> None:
    older, newer = ids(product)[:2]
    found = diff(run, older, "latest")
    assert (found["from"]["id"], found["to"]["id"]) == (older, newer) and diff(run, newer, older) == found
    (volume,) = found["volumes"]
    assert (volume["mirror_disks"], volume["gib"], volume["block_bytes"]) == (["md1"], 20, 512 * 1024)
    assert 0 < volume["changed_bytes"] == volume["changed_blocks"] * 512 * 1024 == found["changed_bytes"] < 2**30
    assert len(volume["map"]) == 64 and max(volume["map"]) > 0 and 0 < volume["share"] < 0.05
    # The lab's own bytes: those of both snapshots, block by block.
    blocks = product.lab.boto("ebs").list_changed_blocks(FirstSnapshotId=volume["from"], SecondSnapshotId=volume["to"])
    assert len(blocks["ChangedBlocks"]) == volume["changed_blocks"]
    text = said(run("diff", "orders", older, newer), DONE)
    assert f"orders, from {older} (" in text and "md1: at most" in text and "\n  [" in text
    assert "md1: 20 GiB のうち最大" in said(run("diff", "orders", older, newer, LANG="ja_JP.UTF-8"), DONE)


def test_a_plan_says_what_is_set_back_and_needs_no_answer(product: Product, run: Run) -> None:
    older, newer = ids(product)[:2]
    plan = said(run("restore", "orders", "--backup", older, "--dry-run"), DONE)
    assert f"of the 20 GiB of md1 (less than 0.1%) changed from this backup to {newer}" in plan, plan
    assert "set back" not in said(run("restore", "orders", "--dry-run"), DONE)
    product.lab.fault(call=LIST, nth=1, times=50, effect={"error": "AccessDeniedException"})
    plan = said(run("restore", "orders", "--backup", older, "--dry-run"), DONE)
    assert f"how much is set back is not known (md1, compared with {newer})" in plan and "AccessDenied" in plan


def test_what_is_throttled_is_asked_for_again_and_what_is_refused_is_told(product: Product, run: Run) -> None:
    older, newer = ids(product)[:2]
    found = diff(run, older, newer)
    product.lab.fault(call=LIST, nth=1, times=4, effect={"error": "RequestThrottledException"})
    product.lab.fault(call=LIST, nth=5, effect={"error": "InternalServerException"})
    assert diff(run, older, newer) == found
    for first, second, name in (
        (older, older, "NotComparable"),
        (older, "orders-20200101T000000Z", "BackupNotFound"),
        (older, "billing-20200101T000000Z", "BackupNotFound"),
    ):
        ended = run("diff", "orders", first, second)
        assert said(ended, REFUSED) == "" and name in ended.stderr, ended.stderr


def test_backups_of_both_nodes_are_not_compared(product: Product, run: Run) -> None:
    """After a failover the other node is the standby, and it is its volume that is snapshotted."""
    older = ids(product)[0]
    moved = product.lab.control("node_run", name="server1", script="clpgrp -m failover1", timeout=60)
    assert moved["rc"] == 0, moved
    normal(product.lab)
    said(run("backup", "orders"), DONE)
    ended = run("diff", "orders", older, "latest")
    assert said(ended, REFUSED) == "" and "NotComparable" in ended.stderr
    assert "of server2" in ended.stderr and "of server1" in ended.stderr, ended.stderr
    plan = said(run("restore", "orders", "--backup", older, "--dry-run"), DONE)
    assert "EBS compares snapshots of one volume only" in plan, plan
