"""`AWS::SSM::Document` in CloudFormation, over the lab's own document store.

Source of the property rules: the resource's page in the CloudFormation reference. Ref is the name. `Name` and
`DocumentType` replace; with `UpdateMethod: NewVersion` new content becomes a new default version in place, with the
default `Replace` it replaces the document, which a custom name forbids.
"""

from __future__ import annotations

import json
from typing import Any

import ministack.services.cloudformation.provisioners as provisioners

from .. import context
from ..wire import AwsError

DOCUMENT = "AWS::SSM::Document"
PROPERTIES = frozenset(
    {
        *("Content", "DocumentType", "DocumentFormat", "Name", "Tags", "VersionName", "UpdateMethod"),
        *("Attachments", "Requires", "TargetType"),
    }
)
REPLACING = ("DocumentType", "Attachments", "Requires", "TargetType")


def _fields(props: dict[str, Any]) -> dict[str, Any]:
    """What the store takes: content as text, format, type, tags, version name."""
    if unknown := set(props) - PROPERTIES:
        raise ValueError(f"{DOCUMENT}: extraneous key [{sorted(unknown)[0]}] is not permitted")
    content = props.get("Content")
    if not content:
        raise ValueError(f"{DOCUMENT}: required key [Content] not found")
    written = "JSON" if not isinstance(content, str) else props.get("DocumentFormat", "JSON")
    return {
        "content": content if isinstance(content, str) else json.dumps(content),
        "format": written,
        "type": props.get("DocumentType", "Command"),
        "tags": {t["Key"]: t["Value"] for t in props.get("Tags") or []},
        "version_name": props.get("VersionName"),
    }


def _store() -> Any:
    from ..ssm import documents  # late: the store wants a lab that runs

    return documents


def create(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    # AWS names it <stack>-<logical id>-<random>, which is within a document name's 128 characters of a-zA-Z0-9_.-
    name = props.get("Name") or provisioners._physical_name(stack, logical_id, max_len=128)
    fields = _fields(props)
    try:
        with context.lab.lock:
            _store().create(name=name, **fields)
    except AwsError as error:
        raise ValueError(f"{DOCUMENT}: {error.message} ({error.code})") from error
    return name, {}


def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str) -> tuple[str, dict]:
    fields = _fields(new)
    renamed = new.get("Name") != old.get("Name")
    changed = any(new.get(k) != old.get(k) for k in ("Content", "DocumentFormat", "VersionName"))
    replaced = renamed or any(new.get(k) != old.get(k) for k in REPLACING)
    if changed and new.get("UpdateMethod", "Replace") != "NewVersion":
        replaced = True
    if replaced:
        if new.get("Name") and not renamed:
            raise ValueError(
                f"CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {new['Name']} and update the stack again."
            )
        if not new.get("Name") and not renamed:
            # ministack's physical names are the same for the same logical id: tell the new one from the old one
            logical_id = f"{logical_id}-{provisioners.new_uuid()[:8]}"
        made = create(logical_id, new, stack)
        delete(physical_id, old)
        return made
    try:
        with context.lab.lock:
            if changed:
                wanted = {name: fields[name] for name in ("content", "format", "version_name")}
                _store().update(name=physical_id, **wanted)
            tags = _store().get(physical_id).tags
            for tag in old.get("Tags") or []:  # tags that were set outside of the stack stay
                tags.pop(tag["Key"], None)
            tags.update(fields["tags"])
    except AwsError as error:
        raise ValueError(f"{DOCUMENT}: {error.message} ({error.code})") from error
    return physical_id, {}


def delete(physical_id: str, props: dict[str, Any]) -> None:
    try:
        with context.lab.lock:
            _store().delete(name=physical_id)
    except AwsError as error:
        if error.code != "InvalidDocument":  # already gone: a delete that is repeated succeeds
            raise ValueError(f"{DOCUMENT}: {error.message} ({error.code})") from error


def install() -> None:
    provisioners._RESOURCE_HANDLERS[DOCUMENT] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }
