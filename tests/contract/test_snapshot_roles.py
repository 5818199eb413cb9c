"""What the template's roles could do to a snapshot that is to be kept, whatever EC2 shows them of its tags."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from test_volume_roles import REGION, ROLES, allowed

from lab.iam_resources import _keys_of, _request_tags, ec2_arn

SNAPSHOT = ec2_arn("snapshot", "snap-0123456789abcdef0")
OURS = ("mirrorsnap:cluster", "mirrorsnap:backup-id", "mirrorsnap:valid")
KEPT = "mirrorsnap:kept"


def keys_of(*tags: str) -> dict[str, Any]:
    found = SimpleNamespace(id="snap-0123456789abcdef0", tags=dict.fromkeys(tags, "value"), encrypted=False)
    return _keys_of(found, REGION)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_delete_a_snapshot_that_is_kept_or_end_that(role: str) -> None:
    assert not allowed(ROLES[role], "ec2:DeleteSnapshot", SNAPSHOT, keys_of(*OURS, KEPT))
    for removed in ((), (KEPT,), (KEPT, *OURS)):
        request = keys_of(*OURS, KEPT) | _request_tags({"Key": key} for key in removed)
        assert not allowed(ROLES[role], "ec2:DeleteTags", SNAPSHOT, request), removed


def test_the_retention_deletes_what_is_ours_and_not_kept() -> None:
    may = [role for role in ROLES if allowed(ROLES[role], "ec2:DeleteSnapshot", SNAPSHOT, keys_of(*OURS))]
    assert may == ["ExpireBackupsFunction"]
    assert not allowed(ROLES[may[0]], "ec2:DeleteSnapshot", SNAPSHOT, keys_of("Name"))
