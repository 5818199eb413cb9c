"""The keys of the nodes' volumes, the root volumes' too, are asked of KMS before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.functions import allow
from function_driver import FunctionError, Functions

from lab.client import Lab

ARN = "arn:aws:kms:ap-northeast-1:000000000000:key/00000000-1111-4333-8444-55555555555"
ROOT_KEY, KEY = ARN + "5", ARN + "6"
NODE = {"root": {"kms_key_id": ROOT_KEY}, "volumes": [{"device": "/dev/sdb", "size_gib": 20, "kms_key_id": KEY}]}
ACCOUNT = {"AWS": "arn:aws:iam::000000000000:root"}
# The statement of the AWS KMS Developer Guide, "Allows key users to use a KMS key with AWS services".
GRANT = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
USES = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    path = Path(tmp_path_factory.mktemp("lab")) / "world.json"
    path.write_text(json.dumps({"nodes": {"server1": NODE, "server2": NODE}}))
    with Lab(scale=10, options=["--world", str(path)]) as lab:
        lab.wait_for(lambda: not lab.control("oracles")["residue"], 240, "a cluster without residue")
        functions = Functions(lab)
        functions.put_lock()
        yield functions


def policy(functions: Functions, key: str, *statements: dict[str, Any]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    functions.lab.boto("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=text)


def words(functions: Functions) -> list[str]:
    """What a dry run says of the keys."""
    plan = functions.call("assess", mode="inspect", cluster="orders", now=functions.now())["plan"]
    return [line for line in plan["words"] if "KMS key" in line]


def refused(functions: Functions, **claim: Any) -> str:
    """The refusal of a dry run; with `lock` that of a backup."""
    with pytest.raises(FunctionError) as caught:
        functions.call("assess", mode="inspect", cluster="orders", now=functions.now(), **claim)
    assert caught.value.name == "KeyNotUsable", caught.value
    return str(caught.value)


def named(principal: dict[str, str], *grants: str) -> list[dict[str, Any]]:
    use = allow(USES) | {"Principal": principal}
    arns = [f"arn:aws:iam::000000000000:role/{name}-role" for name in grants]
    return [use, allow("kms:CreateGrant", **GRANT) | {"Principal": {"AWS": arns}}]


def test_keys_that_can_be_used_are_named_with_their_volumes(functions: Functions) -> None:
    policy(functions, KEY, allow("kms:*") | {"Principal": ACCOUNT})
    said = words(functions)
    assert [key in line for key, line in zip((ROOT_KEY, KEY), said, strict=True)] == [True, True]
    assert all("vol-" in line and "lets the roles of set-power" in line for line in said)


@pytest.mark.parametrize("key", [ROOT_KEY, KEY])
def test_a_key_that_is_disabled_or_about_to_be_deleted_refuses(functions: Functions, key: str) -> None:
    kms, since = functions.lab.boto("kms"), len(functions.lab.log())
    kms.disable_key(KeyId=key)
    assert f"{key} (vol-" in refused(functions)
    assert "is Disabled" in refused(functions, lock=functions.lock)
    kms.schedule_key_deletion(KeyId=key)
    assert "is PendingDeletion" in refused(functions)
    assert not [e for e in functions.lab.log()[since:] if e["kind"] == "power"]
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    words(functions)


def test_a_policy_that_leaves_one_role_out_refuses_and_names_it(functions: Functions) -> None:
    allowed = [allow(["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy"]) | {"Principal": ACCOUNT}]
    policy(functions, KEY, *allowed, *named(ACCOUNT, "create-volumes", "swap-volumes"))
    assert "roles of: set-power kms:CreateGrant." in refused(functions)
    policy(functions, KEY, *allowed, *named(ACCOUNT, "set-power", "create-volumes", "swap-volumes"))
    assert len(words(functions)) == 2
    policy(functions, KEY, allow("kms:PutKeyPolicy") | {"Principal": ACCOUNT})
    assert "KMS does not show the key" in refused(functions)
    policy(functions, KEY, allow("kms:*") | {"Principal": ACCOUNT})
