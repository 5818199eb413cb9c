"""Tags of instances, volumes and snapshots: CreateTags, DeleteTags, DescribeTags, and tags given at creation.

Resources that the lab does not model keep ministack's tags; a call that names both kinds reaches both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import context
from ..wire import AwsError
from . import snapshots
from .api import action, check_id, dry_run, matches, not_found, page, required
from .model import Resource, here, store

LIMIT = 50  # tags of one resource, AWS's own not counted
# resource type -> where the lab keeps it, prefix of its ids, states in which EC2 no longer knows it
OURS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "instance": (lambda: store.instances if here() == context.REGION else {}, "i"),
    "volume": (lambda: store.volumes if here() == context.REGION else {}, "vol"),
    "snapshot": (lambda: snapshots.of_region(), "snap"),
}
GONE = frozenset({"deleted", "terminated"})


def check_tags(tags: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The tags of a request as a dict; raises AWS's errors for keys and values that it refuses."""
    out: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key"), tag.get("Value") or ""
        if not key:
            raise AwsError("InvalidParameterValue", "Tag key cannot be null or empty")
        if len(key) > 128:
            raise AwsError(
                "InvalidParameterValue", f"Tag key exceeds the maximum length of 128 characters: {key[:128]}"
            )
        if len(value) > 256:
            raise AwsError("InvalidParameterValue", f"Tag value exceeds the maximum length of 256 characters: {key}")
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        if key in out:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        out[key] = value
    check_limit(out)
    return out


def check_limit(tags: dict[str, str]) -> None:
    if sum(not key.startswith("aws:") for key in tags) > LIMIT:
        raise AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


def from_specifications(request: dict[str, Any], *kinds: str) -> dict[str, dict[str, str]]:
    """Tags by resource type from TagSpecifications; only `kinds` may be named, each once."""
    out: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    seen = set()
    for specification in request.get("TagSpecifications") or []:
        kind = specification.get("ResourceType")
        if kind is None:
            raise AwsError("MissingParameter", "The request must contain the parameter ResourceType")
        if kind not in out:
            message = f"'{kind}' is not a valid taggable resource type for this operation."
            raise AwsError("InvalidParameterValue", message)
        if kind in seen:
            message = f"The same resource type may not be specified more than once in tag specifications: {kind}"
            raise AwsError("InvalidParameterValue", message)
        if not specification.get("Tags"):
            raise AwsError("InvalidParameterValue", "Tag specification must have at least one tag")
        seen.add(kind)
        out[kind] = check_tags(specification["Tags"])
    return out


def _too_young(resource: Resource) -> bool:
    """Whether EC2, which is eventually consistent, does not know the id of what it has just made."""
    first = resource.first_seen()
    return first is not None and context.lab.clock.monotonic() - first < context.lab.timing.tag_lag


def _split(ids: list[str]) -> tuple[list[Resource], list[str]]:
    """The lab's resources among `ids`, and the ids of others; raises for those that do not exist."""
    ours: list[Resource] = []
    others = []
    for each in dict.fromkeys(ids):
        for resources, prefix in OURS.values():
            if each.startswith(f"{prefix}-"):
                resource = resources().get(check_id(each, prefix))
                if resource is None or (prefix != "i" and (resource.state_name() in GONE or _too_young(resource))):
                    raise not_found(each, prefix)
                ours.append(resource)
                break
        else:
            # vpc-…, subnet-…: a short word, a hyphen, hexadecimal digits
            word, _, rest = each.partition("-")
            if not word.isalpha() or not rest:
                raise AwsError("InvalidID", f"The ID '{each}' is not valid")
            others.append(each)
    return ours, others


def _theirs(name: str, ids: list[str], tags: list[dict[str, Any]]) -> None:
    """The same call on ministack's own resources."""
    import ministack.services.ec2 as ec2

    if not ids:
        return
    params = {f"ResourceId.{n}": [each] for n, each in enumerate(ids, 1)}
    for n, tag in enumerate(tags, 1):
        params |= {f"Tag.{n}.{part}": [str(tag.get(part) or "")] for part in ("Key", "Value")}
    status, _, body = getattr(ec2, name)(params)
    if status != 200:
        raise AwsError("InvalidID", f"ministack refused to tag {', '.join(ids)}: {body!r}")


@action("CreateTags")
def create_tags(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "Resources", "Tags")
    new = check_tags(request["Tags"])
    ours, others = _split(request["Resources"])
    for resource in ours:
        check_limit({**resource.tags, **new})
    dry_run(request)
    for resource in ours:
        resource.tags.update(new)
        resource.touch()
    _theirs("_create_tags", others, request["Tags"])
    return {}


@action("DeleteTags")
def delete_tags(request: dict[str, Any]) -> dict[str, Any]:
    """A tag without a value goes whatever its value; with one (an empty one too) only if it has that value."""
    required(request, "Resources")
    ours, others = _split(request["Resources"])
    tags = request.get("Tags")
    for tag in tags or []:
        if not tag.get("Key"):
            raise AwsError("InvalidParameterValue", "Tag key cannot be null or empty")
        if tag["Key"].lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    dry_run(request)
    for resource in ours:
        if tags is None:  # no tags at all: every user-defined one
            wanted: list[dict[str, Any]] = [{"Key": key} for key in resource.tags if not key.startswith("aws:")]
        else:
            wanted = tags
        for tag in wanted:
            value = tag.get("Value")
            if tag["Key"] in resource.tags and (value is None or resource.tags[tag["Key"]] == value):
                del resource.tags[tag["Key"]]
        resource.touch()
    _theirs("_delete_tags", others, tags or [])
    return {}


def _all_tags() -> list[dict[str, str]]:
    import ministack.services.ec2 as ec2

    out = []
    for kind, (resources, _) in OURS.items():
        for resource in list(resources().values()):
            seen = resource.seen()
            if seen is None or resource.state_name() in GONE:
                continue
            for tag in seen.get("Tags", []):
                out.append({"ResourceId": resource.id, "ResourceType": kind, **tag})
    for resource_id, tags in ec2._tags.items():
        kind = ec2._guess_resource_type(resource_id)
        out += [{"ResourceId": resource_id, "ResourceType": kind, "Key": t["Key"], "Value": t["Value"]} for t in tags]
    return out


@action("DescribeTags")
def describe_tags(request: dict[str, Any]) -> dict[str, Any]:
    def fields(tag: dict[str, str], name: str) -> list[str] | None:
        known = {"key": "Key", "value": "Value", "resource-id": "ResourceId", "resource-type": "ResourceType"}
        if name in known:
            return [tag[known[name]]]
        if name.startswith("tag:"):
            return [tag["Value"]] if tag["Key"] == name[4:] else []
        return None

    found = [tag for tag in _all_tags() if matches(request.get("Filters"), lambda n, tag=tag: fields(tag, n))]
    dry_run(request)
    return page(found, request, "Tags")
