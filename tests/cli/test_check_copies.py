"""`cluster check` of a cluster whose JSON asks for copies: its region, keys and quota, by the caller's permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from command_line import DONE, REFUSED, Run, only, runs, said, user

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

THERE = "ap-northeast-3"
COPIES_AT_ONCE = "L-COPIES00"
JAPANESE = {"LANG": "ja_JP.UTF-8"}
ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
NO_GRANT = {"Effect": "Deny", "Principal": "*", "Action": "kms:CreateGrant", "Resource": "*"}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        yield made


@pytest.fixture
def run(product: Product) -> Run:
    return runs(user(product.lab))


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    made = product.lab.boto("kms", region=THERE).create_key(Policy=policy(ROOT))
    return made["KeyMetadata"]["Arn"]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def copies(run: Run, code: int, **changed: str) -> dict[str, dict[str, Any]]:
    """What `cluster check` found of the copies, by the finding."""
    document = json.loads(said(run("cluster", "check", "orders", "--output", "json", **changed), code))
    assert document["exit"] == code and document["plan"], document
    return {each["finding"]: each for each in document["copies"]["findings"]}


def test_a_cluster_without_copies_hears_nothing_of_them(product: Product, run: Run) -> None:
    product.configure({})
    document = json.loads(said(run("cluster", "check", "orders", "--output", "json"), DONE))
    assert document["copies"] is None
    assert "Copies into" not in said(run("cluster", "check", "orders"), DONE)


def test_copies_that_can_be_made(product: Product, run: Run, key: str) -> None:
    product.configure({"copy": {"region": THERE, "kms_key": key, "keep": {"keep_last": 1}}})
    found = copies(run, DONE)
    assert list(found) == ["region-answers", "key-usable", "room"], found
    assert (found["room"]["running"], found["room"]["most"]) == (0, 20)
    assert {each["verdict"] for each in found.values()} == {"good"}
    assert f"{THERE} へのコピーは可能です" in said(run("cluster", "check", "orders", **JAPANESE), DONE)


def test_a_key_that_cannot_be_used_refuses_with_what_mends_it(product: Product, run: Run, key: str) -> None:
    kms = product.lab.boto("kms", region=THERE)
    product.configure({"copy": {"region": THERE, "kms_key": key, "keep": {"keep_last": 1}}})
    kms.put_key_policy(
        KeyId=key, Policy=policy(ROOT, NO_GRANT), PolicyName="default", BypassPolicyLockoutSafetyCheck=True
    )
    denied = copies(run, REFUSED)["key-denied"]
    assert denied["actions"] == ["copy-snapshots kms:CreateGrant"] and "docs/permissions.md" in denied["next"]
    text = said(run("cluster", "check", "orders"), REFUSED)
    assert f"COPIES INTO {THERE} ARE NOT POSSIBLE" in text and key in text
    assert "A backup is possible" in text, "the backup itself is not refused"
    kms.put_key_policy(KeyId=key, Policy=policy(ROOT), PolicyName="default")
    kms.disable_key(KeyId=key)
    assert copies(run, REFUSED)["key-not-enabled"]["state"] == "Disabled"
    kms.enable_key(KeyId=key)
    assert "key-usable" in copies(run, DONE)
    missing = key.replace(key.rsplit("/", 1)[1], "00000000-1111-2222-3333-444444444444")
    product.configure({"copy": {"region": THERE, "kms_key": missing, "keep": {"keep_last": 1}}})
    assert "copy.kms_key" in copies(run, REFUSED)["key-missing"]["next"]


def test_a_region_that_is_closed_and_a_quota_that_is_used_up(product: Product, run: Run) -> None:
    product.configure({"copy": {"region": "eu-south-2", "keep": {"keep_last": 1}}})
    closed = copies(run, REFUSED)
    assert list(closed) == ["region-closed"] and "AuthFailure" in closed["region-closed"]["why"]
    product.configure({"copy": {"region": THERE, "keep": {"keep_last": 1}}})
    product.lab.control("quota", code=COPIES_AT_ONCE, value=0)
    assert copies(run, DONE)["no-room"]["most"] == 0, "a copy waits for room, and is not refused"
    product.lab.control("quota", code=COPIES_AT_ONCE, value=20)


def test_what_the_caller_may_not_ask_is_told_and_refuses_nothing(product: Product, run: Run, key: str) -> None:
    product.configure({"copy": {"region": THERE, "kms_key": key, "keep": {"keep_last": 1}}})
    here = only(product.lab, "operator", "states:*", "ssm:GetParameter*", "ec2:Describe*")
    found = copies(run, DONE, **here)
    assert list(found) == ["region-answers", "key-not-shown", "quota-not-known"], found
    assert "kms:DescribeKey" in found["key-not-shown"]["why"] + found["key-not-shown"]["next"]
    assert "servicequotas:ListServiceQuotas" in found["quota-not-known"]["next"]
