"""iam-tag-keys: DeleteTags with and without tags, under ForAllValues alone and with Null."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, outcome, wrong

ALL = {"aws:TagKeys": ["mark"]}
WANTED = {
    "ForAllValues, no tags": "allowed",
    "ForAllValues and Null, no tags": "denied",
    "ForAllValues and Null, its tag": "allowed",
    "ForAllValues, another tag": "denied",
}


def ask(scratch: Scratch) -> dict[str, str]:
    volume = scratch.volume({"mark": "yes"})
    alone = allow("ec2:DeleteTags", ForAllValues__StringEquals=ALL)
    both = allow("ec2:DeleteTags", ForAllValues__StringEquals=ALL, Null={"aws:TagKeys": "false"})

    def delete(statement: dict[str, Any], **tags: Any) -> str:
        return outcome(scratch, lambda ec2: ec2.delete_tags(Resources=[volume], DryRun=True, **tags), statement)

    mark, other = {"Tags": [{"Key": "mark"}]}, {"Tags": [{"Key": "other"}]}
    return dict(zip(WANTED, (delete(alone), delete(both), delete(both, **mark), delete(alone, **other)), strict=True))


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-tag-keys", ask, judge, minutes=0.2)
