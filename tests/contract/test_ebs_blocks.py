"""The EBS direct APIs: a snapshot's blocks, their tokens and checksums, what changed, and who may read them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from fixtures.functions import allow, assume
from snapshot_helpers import NOBODY, code_of, ended, new_volume

from lab.client import Lab

BLOCK = 512 * 1024


@pytest.fixture
def ebs(lab: Lab) -> Iterator[Any]:
    yield lab.boto("ebs")
    lab.control("block_tokens", seconds=7 * 86400)


def written(lab: Lab, volume: str, *places: tuple[int, bytes]) -> None:
    for offset, data in places:
        lab.control("write_volume", volume=volume, offset=offset, hex=data.hex())


def snapshot(lab: Lab, volume: str, **more: Any) -> str:
    made = lab.boto("ec2").create_snapshot(VolumeId=volume, **more)["SnapshotId"]
    ended(lab, made)
    return made


def refused(call: Any, **arguments: Any) -> tuple[str, str, int]:
    """The error's code, its reason and the status."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer = error.value.response
    return answer["Error"]["Code"], answer.get("Reason", ""), answer["ResponseMetadata"]["HTTPStatusCode"]


def indexes(answer: dict[str, Any], name: str = "Blocks") -> list[int]:
    return [each["BlockIndex"] for each in answer[name]]


def test_a_listing_has_what_was_written_and_a_block_its_bytes_and_checksum(lab: Lab, ebs: Any) -> None:
    """Stock ministack has no EBS direct APIs."""
    volume = new_volume(lab, 2)
    written(lab, volume, (5, b"first"), (BLOCK * 7 - 3, b"across"), (2 * 1024**3 - 1, b"z"))
    made = snapshot(lab, volume)
    found = ebs.list_snapshot_blocks(SnapshotId=made)
    assert indexes(found) == [0, 6, 7, 4095]
    assert (found["VolumeSize"], found["BlockSize"], "NextToken" in found) == (2, BLOCK, False)
    block = ebs.get_snapshot_block(SnapshotId=made, BlockIndex=6, BlockToken=found["Blocks"][1]["BlockToken"])
    data = block["BlockData"].read()
    assert data == bytes(BLOCK - 3) + b"acr" and block["DataLength"] == BLOCK
    assert block["ChecksumAlgorithm"] == "SHA256"
    assert base64.b64decode(block["Checksum"]) == hashlib.sha256(data).digest()


def test_a_block_that_arrives_damaged_keeps_its_checksum(lab: Lab, ebs: Any) -> None:
    volume = new_volume(lab)
    written(lab, volume, (0, b"x"))
    made = snapshot(lab, volume)
    token = ebs.list_snapshot_blocks(SnapshotId=made)["Blocks"][0]["BlockToken"]

    def whole() -> bool:
        block = ebs.get_snapshot_block(SnapshotId=made, BlockIndex=0, BlockToken=token)
        return hashlib.sha256(block["BlockData"].read()).digest() == base64.b64decode(block["Checksum"])

    lab.control("damage_block", snapshot=made, index=0)
    assert not whole()
    lab.control("damage_block", snapshot=made, index=0, damaged=False)
    assert whole()


def test_pages_and_where_they_begin(lab: Lab, ebs: Any) -> None:
    volume = new_volume(lab)
    written(lab, volume, *((number * BLOCK, b"x") for number in range(0, 250, 2)))
    made = snapshot(lab, volume)
    first = ebs.list_snapshot_blocks(SnapshotId=made, MaxResults=100)
    second = ebs.list_snapshot_blocks(SnapshotId=made, MaxResults=100, NextToken=first["NextToken"])
    assert indexes(first) + indexes(second) == list(range(0, 250, 2)) and "NextToken" not in second
    assert indexes(ebs.list_snapshot_blocks(SnapshotId=made, StartingBlockIndex=243)) == [244, 246, 248]
    other = snapshot(lab, volume)
    wrong = refused(ebs.list_snapshot_blocks, SnapshotId=other, NextToken=first["NextToken"])
    assert wrong == ("ValidationException", "INVALID_PAGE_TOKEN", 400)


def test_what_cannot_be_read(lab: Lab, ebs: Any) -> None:
    unknown = ("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", 404)
    assert refused(ebs.list_snapshot_blocks, SnapshotId=NOBODY) == unknown
    volume = new_volume(lab)
    written(lab, volume, (0, b"x"))
    made = lab.boto("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    pending = ("ValidationException", "INVALID_SNAPSHOT_ID", 400)
    assert refused(ebs.list_snapshot_blocks, SnapshotId=made) == pending
    ended(lab, made)
    token = ebs.list_snapshot_blocks(SnapshotId=made)["Blocks"][0]["BlockToken"]
    bad_token = ("ValidationException", "INVALID_BLOCK_TOKEN", 400)
    assert refused(ebs.get_snapshot_block, SnapshotId=made, BlockIndex=1, BlockToken=token) == bad_token
    assert refused(ebs.get_snapshot_block, SnapshotId=made, BlockIndex=0, BlockToken="bm9uZQ==") == bad_token
    lab.control("block_tokens", seconds=0)
    expired = ebs.list_snapshot_blocks(SnapshotId=made)["Blocks"][0]["BlockToken"]
    assert refused(ebs.get_snapshot_block, SnapshotId=made, BlockIndex=0, BlockToken=expired) == bad_token
    # One of before is good for as long as it was given.
    ebs.get_snapshot_block(SnapshotId=made, BlockIndex=0, BlockToken=token)
    lab.boto("ec2").delete_snapshot(SnapshotId=made)
    assert refused(ebs.get_snapshot_block, SnapshotId=made, BlockIndex=0, BlockToken=token) == unknown


def test_a_throttled_call_is_carried_out_the_next_time(lab: Lab, ebs: Any) -> None:
    volume = new_volume(lab)
    written(lab, volume, (0, b"x"))
    made = snapshot(lab, volume)
    lab.fault(call="ebs:ListSnapshotBlocks", effect={"error": "RequestThrottledException"})
    assert code_of(ebs.list_snapshot_blocks, SnapshotId=made) == "RequestThrottledException"
    assert indexes(ebs.list_snapshot_blocks(SnapshotId=made)) == [0]


def test_what_changed_between_two_snapshots(lab: Lab, ebs: Any) -> None:
    volume = new_volume(lab)
    written(lab, volume, (0, b"same"), (BLOCK, b"old"), (3 * BLOCK, b"gone"))
    before = snapshot(lab, volume)
    written(lab, volume, (BLOCK, b"new"), (2 * BLOCK, b"added"), (3 * BLOCK, bytes(4)))
    after = snapshot(lab, volume)
    found = ebs.list_changed_blocks(FirstSnapshotId=before, SecondSnapshotId=after)
    tokens = {b["BlockIndex"]: ("FirstBlockToken" in b, "SecondBlockToken" in b) for b in found["ChangedBlocks"]}
    assert tokens == {1: (True, True), 2: (False, True), 3: (True, False)}
    changed = next(each for each in found["ChangedBlocks"] if each["BlockIndex"] == 1)
    for made, token, text in ((before, "FirstBlockToken", b"old"), (after, "SecondBlockToken", b"new")):
        block = ebs.get_snapshot_block(SnapshotId=made, BlockIndex=1, BlockToken=changed[token])
        assert block["BlockData"].read(3) == text
    assert indexes(ebs.list_changed_blocks(SecondSnapshotId=after), "ChangedBlocks") == [0, 1, 2]
    other = snapshot(lab, new_volume(lab))
    unrelated = refused(ebs.list_changed_blocks, FirstSnapshotId=other, SecondSnapshotId=after)
    assert unrelated == ("ValidationException", "UNRELATED_SNAPSHOTS", 400)


def test_a_page_of_a_comparison_may_be_empty_and_its_token_expires(lab: Lab, ebs: Any) -> None:
    """As the guide has it: one change behind the first hundred blocks is in the second page."""
    volume = new_volume(lab)
    written(lab, volume, *((number * BLOCK, b"x") for number in range(150)))
    before = snapshot(lab, volume)
    written(lab, volume, (149 * BLOCK, b"y"))
    after = snapshot(lab, volume)
    asked = {"FirstSnapshotId": before, "SecondSnapshotId": after, "MaxResults": 100}
    first = ebs.list_changed_blocks(**asked)
    assert (indexes(first, "ChangedBlocks"), first["VolumeSize"], first["BlockSize"]) == ([], 1, BLOCK)
    second = ebs.list_changed_blocks(**asked, NextToken=first["NextToken"])
    assert indexes(second, "ChangedBlocks") == [149] and "NextToken" not in second
    assert indexes(ebs.list_changed_blocks(**asked, StartingBlockIndex=149), "ChangedBlocks") == [149]
    lab.control("block_tokens", seconds=0)
    expired = ebs.list_changed_blocks(**asked)["NextToken"]
    wrong = ("ValidationException", "INVALID_PAGE_TOKEN", 400)
    assert refused(ebs.list_changed_blocks, **asked, NextToken=expired) == wrong
    # The other way round it is another request.
    turned = {"FirstSnapshotId": after, "SecondSnapshotId": before, "NextToken": first["NextToken"]}
    assert refused(ebs.list_changed_blocks, **turned) == wrong


def test_who_may_read_which_snapshot(lab: Lab, ebs: Any) -> None:
    volume = new_volume(lab)
    written(lab, volume, (0, b"x"))
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "mirrorsnap:cluster", "Value": "orders"}]}]
    ours, other = snapshot(lab, volume, TagSpecifications=tags), snapshot(lab, volume)
    statement = allow(["ebs:ListSnapshotBlocks", "ebs:ListChangedBlocks"]) | {
        "Resource": "arn:aws:ec2:*::snapshot/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/mirrorsnap:cluster": "orders"}},
    }
    keys = assume(lab, "prover", statement)
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="ap-northeast-1")
    prover = session.client("ebs", endpoint_url=lab.endpoint)
    token = prover.list_snapshot_blocks(SnapshotId=ours)["Blocks"][0]["BlockToken"]
    assert code_of(prover.list_snapshot_blocks, SnapshotId=other) == "AccessDeniedException"
    denied = code_of(prover.get_snapshot_block, SnapshotId=ours, BlockIndex=0, BlockToken=token)
    assert denied == "AccessDeniedException"
    # A comparison reads both.
    assert indexes(prover.list_changed_blocks(FirstSnapshotId=ours, SecondSnapshotId=ours), "ChangedBlocks") == []
    for first, second in ((ours, other), (other, ours)):
        asked = {"FirstSnapshotId": first, "SecondSnapshotId": second}
        assert code_of(prover.list_changed_blocks, **asked) == "AccessDeniedException"


def test_a_block_of_an_encrypted_snapshot_asks_for_its_key_and_the_lists_do_not(lab: Lab) -> None:
    key = lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    volume = new_volume(lab, Encrypted=True, KmsKeyId=key)
    written(lab, volume, (0, b"x"))
    made = snapshot(lab, volume)
    reading = allow(["ebs:ListSnapshotBlocks", "ebs:ListChangedBlocks", "ebs:GetSnapshotBlock"])
    through = {"StringEquals": {"kms:ViaService": "ec2.ap-northeast-1.amazonaws.com"}}
    for name, more, denied in [
        ("keyless", [], True),
        ("other", [allow("kms:DescribeKey", key)], True),
        ("through", [allow("kms:Decrypt", key) | {"Condition": through}], False),
    ]:
        keys = assume(lab, name, reading, *more)
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="ap-northeast-1")
        reader = session.client("ebs", endpoint_url=lab.endpoint)
        token = reader.list_snapshot_blocks(SnapshotId=made)["Blocks"][0]["BlockToken"]
        assert indexes(reader.list_changed_blocks(FirstSnapshotId=made, SecondSnapshotId=made), "ChangedBlocks") == []
        asked = {"SnapshotId": made, "BlockIndex": 0, "BlockToken": token}
        if denied:
            assert code_of(reader.get_snapshot_block, **asked) == "AccessDeniedException", name
        else:
            assert reader.get_snapshot_block(**asked)["BlockData"].read(1) == b"x"
