"""The EBS direct APIs: what a completed snapshot holds, block by block, read without a volume.

ministack has no such service: it is added to its router, its handlers and its IAM namespaces. A block is 512 KiB; one
that was never written is not listed. A block is read by a token of a listing, which expires; so does a page's token
[likely: AWS has an error for it, and tells no time]. A page of a comparison looks at so many blocks of either snapshot,
and has those that differ: it may be empty, and another behind it. A block's data ask for the snapshot's key, the
lists do not (iam_resources.py).
Sources: EBS direct APIs reference, and EBS User Guide, "Read Amazon EBS snapshots"; the messages are not documented. A
snapshot that is pending or archived is refused as INVALID_SNAPSHOT_ID [likely: AWS documents no reason for it]; two
that are not of one volume as UNRELATED_SNAPSHOTS ("of the same volume and snapshot lineage"; that a volume made from a
snapshot begins a new lineage is [likely]).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from . import context, gateway
from .control import op
from .ec2.blocks import SIZE, Blocks
from .wire import AwsError, Response

BLOCK = 512 * 1024
EACH = BLOCK // SIZE  # of the lab's own blocks
MOST = 10_000
# How long a listing's tokens are good: AWS says when they expire, and it is seven days.
_lifetime = [7 * 86400.0]
# Blocks that arrive damaged, by snapshot and index: their checksums stay those of the true ones.
_damaged: set[tuple[str, int]] = set()


class EbsError(AwsError):
    """With the reason that these APIs tell beside the code."""

    def __init__(self, code: str, reason: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.reason = reason


@op("block_tokens")
def block_tokens(seconds: float) -> None:
    """How long the tokens of listings are good from now on, in lab seconds."""
    with context.lab.lock:
        _lifetime[0] = float(seconds)


@op("damage_block")
def damage_block(snapshot: str, index: int, damaged: bool = True) -> None:
    """That block of the snapshot arrives damaged until this is called with `damaged=False`."""
    with context.lab.lock:
        (_damaged.add if damaged else _damaged.discard)((snapshot, int(index)))


def _invalid(reason: str, message: str) -> EbsError:
    return EbsError("ValidationException", reason, message)


def members(path: str) -> dict[str, str]:
    """What a request's path says: the snapshot, and the block."""
    found = re.fullmatch(r"/snapshots/([^/]+)/(?:blocks(?:/([^/]+))?|changedblocks)", path)
    if not found:
        return {}
    named = {"snapshotId": unquote(found[1])}
    return named | ({"blockIndex": unquote(found[2])} if found[2] else {})


def _snapshot(name: str) -> Any:
    from .ec2.model import store

    if not re.fullmatch(r"snap-[0-9a-f]{1,59}", name):
        raise _invalid("INVALID_SNAPSHOT_ID", f"The snapshot ID '{name}' is not valid.")
    found = store.snapshots.get(name)
    if found is None or found.state == "deleted":
        message = f"The snapshot '{name}' does not exist."
        raise EbsError("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", message, 404)
    try:
        found.usable_for_volume()
    except AwsError as error:
        raise _invalid("INVALID_SNAPSHOT_ID", error.message) from None
    return found


def _number(params: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = params.get(name, str(default))
    if not text.isdecimal() or not low <= int(text) <= high:
        raise _invalid("INVALID_PARAMETER_VALUE", f"{name} must be between {low} and {high}.")
    return int(text)


def _token(*what: Any) -> str:
    return base64.b64encode(json.dumps(what, separators=(",", ":")).encode()).decode()


def _read(token: str, reason: str) -> list[Any]:
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        assert isinstance(found, list)
    except (ValueError, AssertionError):
        raise _invalid(reason, "The token is not valid.") from None
    return found


def _held(blocks: Blocks) -> set[int]:
    return {number // EACH for number in blocks.used()}


def _listing(
    params: Mapping[str, str],
    about: list[str],
    indexes: set[int],
    render: Callable[[int, float], dict[str, Any]],
    shown: Callable[[int], bool] = lambda _: True,
) -> dict[str, Any]:
    """One page, and when its tokens expire. It looks at so many of the indexes, and has those that are `shown`."""
    most = _number(params, "maxResults", MOST, 100, MOST)
    first = _number(params, "startingBlockIndex", 0, 0, 1 << 31)
    if token := params.get("pageToken"):
        of, first, until = _read(token, "INVALID_PAGE_TOKEN")
        if of != about:
            raise _invalid("INVALID_PAGE_TOKEN", "The page token belongs to another request.")
        if until <= context.lab.clock.now().timestamp():
            raise _invalid("INVALID_PAGE_TOKEN", "The page token has expired.")
    expiry = context.lab.clock.now().timestamp() + _lifetime[0]
    left = sorted(index for index in indexes if index >= first)
    page = [render(index, expiry) for index in left[:most] if shown(index)]
    more = {"NextToken": _token(about, left[most], expiry)} if len(left) > most else {}
    return {"Page": page, "ExpiryTime": round(expiry, 3), "BlockSize": BLOCK, **more}


def list_snapshot_blocks(params: Mapping[str, str]) -> dict[str, Any]:
    found = _snapshot(params["snapshotId"])

    def render(index: int, expiry: float) -> dict[str, Any]:
        return {"BlockIndex": index, "BlockToken": _token(found.id, index, expiry)}

    answer = _listing(params, [found.id], _held(found.blocks), render)
    return {"Blocks": answer.pop("Page"), "VolumeSize": found.gib, **answer}


def list_changed_blocks(params: Mapping[str, str]) -> dict[str, Any]:
    second = _snapshot(params["snapshotId"])
    first = _snapshot(params["firstSnapshotId"]) if "firstSnapshotId" in params else None
    if first and first.volume_id != second.volume_id:
        raise _invalid("UNRELATED_SNAPSHOTS", "The snapshots are not of the same volume.")
    before, after = _held(first.blocks) if first else set(), _held(second.blocks)

    def data(blocks: Blocks, index: int) -> bytes:
        return blocks.read(index * BLOCK, BLOCK)

    def differs(index: int) -> bool:
        one_only = (index in before) != (index in after)
        return first is None or one_only or data(first.blocks, index) != data(second.blocks, index)

    def render(index: int, expiry: float) -> dict[str, Any]:
        tokens = {}
        if first and index in before:
            tokens["FirstBlockToken"] = _token(first.id, index, expiry)
        if index in after:
            tokens["SecondBlockToken"] = _token(second.id, index, expiry)
        return {"BlockIndex": index, **tokens}

    answer = _listing(params, [first.id if first else "", second.id], before | after, render, differs)
    return {"ChangedBlocks": answer.pop("Page"), "VolumeSize": second.gib, **answer}


def get_snapshot_block(params: Mapping[str, str]) -> Response:
    found = _snapshot(params["snapshotId"])
    index = _number(params, "blockIndex", 0, 0, (1 << 31) - 1)
    token = _read(params.get("blockToken", ""), "INVALID_BLOCK_TOKEN")
    if token[:2] != [found.id, index] or len(token) != 3:
        raise _invalid("INVALID_BLOCK_TOKEN", "The block token does not belong to this block.")
    if token[2] <= context.lab.clock.now().timestamp():
        raise _invalid("INVALID_BLOCK_TOKEN", "The block token has expired.")
    if index not in _held(found.blocks):
        raise _invalid("INVALID_BLOCK", f"The snapshot has no block {index}.")
    data = found.blocks.read(index * BLOCK, BLOCK)
    headers = {
        "Content-Type": "application/octet-stream",
        "x-amz-Data-Length": str(len(data)),
        "x-amz-Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode(),
        "x-amz-Checksum-Algorithm": "SHA256",
    }
    if (found.id, index) in _damaged:
        data = bytes([data[0] ^ 1]) + data[1:]
    return 200, headers, data


def _answer(method: str, path: str, query: Mapping[str, Any]) -> Response:
    named = members(path)
    flat = {name: value[0] if isinstance(value, list) else value for name, value in query.items()}
    params = {**flat, **named}
    if method != "GET" or not named:
        raise EbsError("UnknownOperationException", "", "The lab only reads snapshots.", 404)
    if "blockIndex" in named:
        return get_snapshot_block(params)
    listing = list_changed_blocks if path.endswith("/changedblocks") else list_snapshot_blocks
    return 200, {"Content-Type": "application/json"}, json.dumps(listing(params)).encode()


async def _handle(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Response:
    try:
        with context.lab.lock:
            return _answer(method, path, query_params)
    except EbsError as error:
        text = json.dumps({"__type": error.code, "Message": error.message, "Reason": error.reason})
        return error.status, {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}, text.encode()


def install() -> None:
    import ministack.app as app
    import ministack.core.iam_actions as iam_actions
    import ministack.core.router as router

    from .patches.pins import PinError

    gateway.PATHS["ebs"] = members
    for where, new in (
        (router.SERVICE_PATTERNS, {"host_patterns": [r"^ebs\."]}),
        (app.SERVICE_HANDLERS, _handle),
        (iam_actions.SERVICE_TO_IAM_NAMESPACE, "ebs"),
        (iam_actions._BOTOCORE_SERVICE_MAP, ["ebs"]),
    ):
        if "ebs" in where:
            raise PinError("ministack has EBS direct APIs of its own by now: these hide them")
        where["ebs"] = new
