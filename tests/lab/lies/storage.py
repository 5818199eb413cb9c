"""Lies about volumes and snapshots."""

from __future__ import annotations

import json
from typing import Any

from .. import context
from ..ec2 import snapshots, volume_rules
from ..ec2.api import idempotency
from ..ec2.model import store
from ..wire import AwsError, Handler
from . import around, lie

LATE = 4.0  # s after which the tags of a snapshot show


@lie("snapshot-at-completion")
def _snapshot_at_completion() -> None:
    true = snapshots.Snapshot._end

    def end(self: snapshots.Snapshot, fails: str, done: Any) -> None:
        with context.lab.lock:
            source = store.volumes.get(self.volume_id)
            if self.state == "pending" and source:
                self.blocks = source.blocks.copy()
        true(self, fails, done)

    snapshots.Snapshot._end = end  # type: ignore[method-assign]


@lie("snapshots-remembered")
def _snapshots_remembered() -> None:
    made: dict[str, dict[str, Any]] = {}

    def create(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        key = json.dumps(request, sort_keys=True, default=str)
        if key not in made:
            made[key] = inner(request) or {}
        return made[key]

    around("CreateSnapshots", create)


@lie("snapshot-tags-late")
def _snapshot_tags_late() -> None:
    true = snapshots.Snapshot.render

    def render(self: snapshots.Snapshot) -> dict[str, Any]:
        young = context.lab.clock.monotonic() - self.began < LATE
        return true(self) | ({"Tags": []} if young else {})

    snapshots.Snapshot.render = render  # type: ignore[method-assign]


@lie("snapshot-tags-first-member")
def _snapshot_tags_first_member() -> None:
    def create(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        answer = inner(request) or {}
        for each in answer["Snapshots"][1:]:
            store.snapshots[each["SnapshotId"]].tags = {}
        return answer

    around("CreateSnapshots", create)


@lie("volume-default-gp3")
def _volume_default_gp3() -> None:
    around("CreateVolume", lambda inner, request: inner({"VolumeType": "gp3", **request}))


@lie("volume-inherits-tags")
def _volume_inherits_tags() -> None:
    def create(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        answer = inner(request) or {}
        if source := store.snapshots.get(request.get("SnapshotId") or ""):
            store.volumes[answer["VolumeId"]].tags |= source.tags
        return answer

    around("CreateVolume", create)


@lie("token-ignored")
def _token_ignored() -> None:
    def create(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        return inner({key: value for key, value in request.items() if key != "ClientToken"})

    around("CreateVolume", create)


@lie("token-takes-other")
def _token_takes_other() -> None:
    from ..ec2.volume_calls import _rendered

    def create(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return inner(request)
        except AwsError as error:
            if error.code != "IdempotentParameterMismatch":
                raise
            return _rendered(idempotency._seen[("CreateVolume", request["ClientToken"])][1])

    around("CreateVolume", create)


def _attach_refused_as(wanted: str, words: str, code: str) -> None:
    """AttachVolume's error `wanted` whose message has `words` comes with another code."""

    def attach(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return inner(request)
        except AwsError as error:
            if error.code == wanted and words in error.message:
                raise AwsError(code, error.message) from None
            raise

    around("AttachVolume", attach)


@lie("attach-twice-incorrect-state")
def _attach_twice_incorrect_state() -> None:
    _attach_refused_as("VolumeInUse", "", "IncorrectState")


@lie("attach-device-in-use")
def _attach_device_in_use() -> None:
    _attach_refused_as("InvalidParameterValue", "already in use", "VolumeInUse")


@lie("attach-deletes")
def _attach_deletes() -> None:
    def attach(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        answer = inner(request) or {}
        store.volumes[request["VolumeId"]].attachments[0].delete_on_termination = True
        return answer | {"DeleteOnTermination": True}

    around("AttachVolume", attach)


@lie("rate-below-taken")
def _rate_below_taken() -> None:
    volume_rules.INITIALIZATION = (1, volume_rules.INITIALIZATION[1])
