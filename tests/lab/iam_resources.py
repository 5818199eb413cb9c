"""Which resources an EC2 or SSM call touches, and the condition keys that AWS gives each of them.

Source: the Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2" and "… for AWS
Systems Manager". Two traps that policies fall into there, kept here: a snapshot's ARN names no account, and a request
tag belongs to the resource that is created (`volume/*`, `snapshot/*`), a resource tag to the one that exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import context
from .gateway import Call
from .wire import AwsError, ec2_request


@dataclass
class Check:
    """One question to the policies: may this caller do `action` on `arn`, given these condition keys?"""

    action: str  # "ec2:CreateTags"
    arn: str
    keys: dict[str, Any] = field(default_factory=dict)


def ec2_arn(kind: str, name: str, region: str = context.REGION) -> str:
    """`kind` is instance, volume or snapshot; `name` an id or `*` for one that the call creates."""
    account = "" if kind in ("snapshot", "image") else context.ACCOUNT
    return f"arn:aws:ec2:{region}:{account}:{kind}/{name}"


def document_arn(name: str, region: str = context.REGION) -> str:
    """An SSM document by its name or ARN; AWS's own documents belong to no account."""
    if name.startswith("arn:"):
        return name
    account = "" if name.startswith(("AWS-", "Amazon-", "AWSEC2-")) else context.ACCOUNT
    return f"arn:aws:ssm:{region}:{account}:document/{name}"


PREFIXES = {"i": "instance", "vol": "volume", "snap": "snapshot"}


def resource(resource_id: str) -> Any:
    """The lab's resource of that id, None if there is none (a call on an unknown id is judged without its tags)."""
    from .ec2.model import store

    kind = PREFIXES.get(resource_id.split("-")[0], "")
    return getattr(store, f"{kind}s", {}).get(resource_id)


def _keys_of(found: Any, region: str) -> dict[str, Any]:
    """Condition keys of an existing EC2 resource: its tags, and the attributes that policies of ours could name."""
    if found is None:
        return {}
    keys: dict[str, Any] = {}
    for key, value in (getattr(found, "tags", None) or {}).items():
        keys[f"aws:ResourceTag/{key}"] = value
        keys[f"ec2:ResourceTag/{key}"] = value
    for name, attribute in (
        ("ec2:AvailabilityZone", "az"),
        ("ec2:InstanceType", "instance_type"),
        ("ec2:VolumeType", "type"),
        ("ec2:VolumeSize", "gib"),
        ("ec2:Encrypted", "encrypted"),
    ):
        value = getattr(found, attribute, None)
        if value is not None:
            keys[name] = str(value).lower() if isinstance(value, bool) else str(value)
    if found.id.startswith("snap-"):
        keys["ec2:Owner"] = context.ACCOUNT
        if volume := getattr(found, "volume_id", None):
            keys["ec2:ParentVolume"] = ec2_arn("volume", volume, region)
    if found.id.startswith("vol-") and (snapshot := getattr(found, "snapshot_id", None)):
        keys["ec2:ParentSnapshot"] = ec2_arn("snapshot", snapshot, region)
    return keys


_TAGS = ("aws:ResourceTag", "ec2:ResourceTag")
_VOLUME = ("ec2:AvailabilityZone", "ec2:ParentSnapshot")
_ATTRIBUTES = ("ec2:AvailabilityZone", "ec2:InstanceType", "ec2:VolumeType", "ec2:VolumeSize", "ec2:Encrypted",
               "ec2:Owner", "ec2:ParentVolume", "ec2:ParentSnapshot")  # fmt: skip
# (action, kind of an existing resource) -> keys that AWS does not put into this request, though the resource has them.
WITHOUT: dict[tuple[str, str], tuple[str, ...]] = {
    ("CreateSnapshot", "volume"): _VOLUME,
    ("CreateSnapshots", "volume"): _VOLUME,
    ("CopySnapshot", "snapshot"): _TAGS,
    ("CopyVolumes", "volume"): _TAGS,
    **{("DeleteTags", kind): _ATTRIBUTES for kind in ("instance", "volume", "snapshot")},
    **{
        (action, "snapshot"): ("ec2:Encrypted",)
        for action in ("DeleteSnapshot", "ModifySnapshotAttribute", "ResetSnapshotAttribute")
    },
    ("SendCommand", "instance"): ("ec2:ResourceTag", *_ATTRIBUTES),
}


def _asked(action: str, kind: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Those of a resource's keys that are in the request."""
    return {key: value for key, value in keys.items() if key.partition("/")[0] not in WITHOUT.get((action, kind), ())}


def _request_tags(tags: Iterable[dict[str, str]]) -> dict[str, Any]:
    tags = list(tags)
    keys: dict[str, Any] = {f"aws:RequestTag/{t.get('Key')}": t.get("Value", "") for t in tags}
    if tags:
        keys["aws:TagKeys"] = [t.get("Key") for t in tags]
    return keys


class _Call:
    """One EC2 call on its way to its checks."""

    def __init__(self, action: str, request: dict[str, Any], region: str) -> None:
        self.action, self.request, self.region = action, request, region

    def on(self, resource_id: str, extra: dict[str, Any] | None = None) -> Check:
        """The check on an existing resource."""
        kind = PREFIXES.get(resource_id.split("-")[0], "*")
        keys = _asked(self.action, kind, _keys_of(resource(resource_id), self.region)) | (extra or {})
        return Check(f"ec2:{self.action}", ec2_arn(kind, resource_id, self.region), keys)

    def new(self, kind: str, extra: dict[str, Any] | None = None) -> list[Check]:
        """The checks on a resource that this call creates: itself, and CreateTags on it if it is tagged."""
        tags = [
            tag
            for spec in self.request.get("TagSpecifications") or []
            if spec.get("ResourceType") == kind
            for tag in spec.get("Tags") or []
        ]
        arn, keys = ec2_arn(kind, "*", self.region), _request_tags(tags)
        checks = [Check(f"ec2:{self.action}", arn, {**keys, **(extra or {})})]
        if tags:
            checks.append(Check("ec2:CreateTags", arn, {**keys, "ec2:CreateAction": self.action}))
        return checks


def _each(member: str) -> Callable[[_Call], list[Check]]:
    """A call that touches the resources of one member, an id or a list of ids."""

    def checks(call: _Call) -> list[Check]:
        value = call.request.get(member) or []
        return [call.on(each) for each in ([value] if isinstance(value, str) else value)]

    return checks


def _start(call: _Call) -> list[Check]:
    """The instances, and the licence configuration of each that has one."""
    instances = _each("InstanceIds")(call)
    found = [resource(each) for each in call.request.get("InstanceIds") or []]
    licences = dict.fromkeys(filter(None, (getattr(each, "license_configuration", None) for each in found)))
    return instances + [Check("ec2:StartInstances", each) for each in licences]


def _create_volume(call: _Call) -> list[Check]:
    request, extra = call.request, {}
    for name, member in (
        ("ec2:AvailabilityZone", "AvailabilityZone"),
        ("ec2:VolumeType", "VolumeType"),
        ("ec2:VolumeSize", "Size"),
        ("ec2:VolumeIops", "Iops"),
        ("ec2:VolumeThroughput", "Throughput"),
    ):
        if request.get(member) is not None:
            extra[name] = str(request[member])
    extra["ec2:Encrypted"] = str(bool(request.get("Encrypted"))).lower()
    snapshot = request.get("SnapshotId")
    if snapshot:
        extra["ec2:ParentSnapshot"] = ec2_arn("snapshot", snapshot, call.region)
    return call.new("volume", extra) + ([call.on(snapshot)] if snapshot else [])


def _create_snapshot(call: _Call) -> list[Check]:
    volume = call.request.get("VolumeId") or ""
    extra = {"ec2:ParentVolume": ec2_arn("volume", volume, call.region)}
    return call.new("snapshot", extra) + ([call.on(volume)] if volume else [])


def _create_snapshots(call: _Call) -> list[Check]:
    """The set, the instance, and each volume that the set will hold."""
    wanted = call.request.get("InstanceSpecification") or {}
    instance = wanted.get("InstanceId") or ""
    attached = getattr(resource(instance), "attachments", None) or {}
    root = getattr(resource(instance), "root_device", "/dev/sda1")
    out = set(wanted.get("ExcludeDataVolumeIds") or [])
    volumes = [
        each.volume_id
        for device, each in attached.items()
        if each.volume_id not in out and not (wanted.get("ExcludeBootVolume") and device == root)
    ]
    checks = call.new("snapshot") + ([call.on(instance)] if instance else [])
    return checks + [call.on(volume) for volume in volumes]


def _volume_and_instance(call: _Call) -> list[Check]:
    """AttachVolume and DetachVolume; a detach that names no instance touches the one that has the volume."""
    volume, instance = call.request.get("VolumeId") or "", call.request.get("InstanceId")
    if not instance:
        from .ec2.model import store

        holders = (i.id for i in store.instances.values() for a in i.attachments.values() if a.volume_id == volume)
        instance = next(holders, None)
    return [call.on(each) for each in (volume, instance) if each]


def _copy(member: str, kind: str) -> Callable[[_Call], list[Check]]:
    def checks(call: _Call) -> list[Check]:
        source = call.request.get(member)
        there = _Call(call.action, call.request, call.request.get("SourceRegion") or call.region)
        return call.new(kind) + ([there.on(source)] if source else [])

    return checks


def _tags(call: _Call) -> list[Check]:
    keys = _request_tags(call.request.get("Tags") or [])
    return [call.on(each, keys) for each in call.request.get("Resources") or []]


# Members of ModifyInstanceAttribute that are no attribute of the instance.
_NOT_ATTRIBUTES = frozenset({"InstanceId", "DryRun", "Attribute", "Value"})


def _modify_instance(call: _Call) -> list[Check]:
    """One check per attribute, with `ec2:Attribute` = its name as the API spells it (BlockDeviceMapping, singular)."""
    request = call.request
    names = [name.removesuffix("s") if name == "BlockDeviceMappings" else name for name in request]
    names = [name for name in names if name not in _NOT_ATTRIBUTES]
    if given := request.get("Attribute"):
        names.append(given[:1].upper() + given[1:])
    checks = []
    for name in names:
        extra: dict[str, Any] = {"ec2:Attribute": name}
        value = request.get("Value") if name not in request else request[name]
        value = value.get("Value") if isinstance(value, dict) else value
        if isinstance(value, (str, bool)):
            extra[f"ec2:Attribute/{name}"] = str(value).lower() if isinstance(value, bool) else value
        checks.append(call.on(request.get("InstanceId") or "", extra))
    return checks


EC2: dict[str, Callable[[_Call], list[Check]]] = {
    "CreateVolume": _create_volume,
    "CreateSnapshot": _create_snapshot,
    "CreateSnapshots": _create_snapshots,
    "CopySnapshot": _copy("SourceSnapshotId", "snapshot"),
    "CopyVolumes": _copy("SourceVolumeId", "volume"),
    "AttachVolume": _volume_and_instance,
    "DetachVolume": _volume_and_instance,
    "RunInstances": lambda call: call.new("instance") + call.new("volume"),
    "CreateTags": _tags,
    "DeleteTags": _tags,
    "ModifyInstanceAttribute": _modify_instance,
    "EnableFastSnapshotRestores": _each("SourceSnapshotIds"),
    "DisableFastSnapshotRestores": _each("SourceSnapshotIds"),
    "StartInstances": _start,
    **dict.fromkeys(("StopInstances", "RebootInstances", "TerminateInstances"), _each("InstanceIds")),
    **dict.fromkeys(("DeleteVolume", "ModifyVolume", "ModifyVolumeAttribute", "EnableVolumeIO"), _each("VolumeId")),
    **dict.fromkeys(
        (
            *("DeleteSnapshot", "LockSnapshot", "UnlockSnapshot", "ModifySnapshotAttribute"),
            *("ModifySnapshotTier", "RestoreSnapshotTier", "ResetSnapshotAttribute", "RestoreSnapshotFromRecycleBin"),
        ),
        _each("SnapshotId"),
    ),
    **dict.fromkeys(("GetConsoleOutput", "ResetInstanceAttribute", "DescribeInstanceAttribute"), _each("InstanceId")),
    **dict.fromkeys(("DescribeVolumeAttribute",), _each("VolumeId")),
    **dict.fromkeys(("DescribeSnapshotAttribute",), _each("SnapshotId")),
}


def _managed_instance(instance_id: str, region: str) -> Check:
    keys = _asked("SendCommand", "instance", _keys_of(resource(instance_id), region))
    for key, value in list(keys.items()):
        if key.startswith("aws:ResourceTag/"):
            keys["ssm:resourceTag/" + key.split("/", 1)[1]] = value
    return Check("ssm:SendCommand", ec2_arn("instance", instance_id, region), keys)


def _targets(params: dict[str, Any]) -> list[str]:
    """The instances that a SendCommand reaches: by id, by `InstanceIds` target, or by tags (all must match)."""
    from .ec2.model import store

    wanted = list(params.get("InstanceIds") or [])
    targets = [t for t in params.get("Targets") or [] if isinstance(t, dict)]
    for target in targets:
        if str(target.get("Key", "")).lower() == "instanceids":
            wanted += target.get("Values") or []
    by_tag = [(t["Key"][4:], t.get("Values") or []) for t in targets if str(t.get("Key", "")).startswith("tag:")]
    by_key = [v for t in targets if t.get("Key") == "tag-key" for v in t.get("Values") or []]
    if by_tag or by_key:
        for each in store.instances.values():
            tags = each.tags
            if all(tags.get(k) in v for k, v in by_tag) and (not by_key or any(k in tags for k in by_key)):
                wanted.append(each.id)
    return list(dict.fromkeys(wanted))


def _send_command(params: dict[str, Any], region: str) -> list[Check]:
    name = str(params.get("DocumentName") or "")
    arn = document_arn(name, region)
    keys = {f"aws:ResourceTag/{k}": v for k, v in _document_tags(arn).items()}
    document = Check("ssm:SendCommand", arn, {**keys, **{k.replace("aws:R", "ssm:r", 1): v for k, v in keys.items()}})
    return [document] + [_managed_instance(each, region) for each in _targets(params)]


def _document_tags(arn: str) -> dict[str, str]:
    """The tags of a document of the account; {} for AWS's own and for unknown ones."""
    from .ssm import documents

    found = documents.store.get(arn.rsplit("/", 1)[-1])
    return found.tags if found is not None and found.arn == arn else {}


DOCUMENT_CALLS = frozenset(
    {
        *("CreateDocument", "UpdateDocument", "DeleteDocument", "GetDocument", "DescribeDocument"),
        *("UpdateDocumentDefaultVersion", "ListDocumentVersions", "DescribeDocumentPermission"),
    }
)


def checks_for(call: Call, region: str) -> list[Check] | None:
    """What AWS would ask the policies about this call; None where ministack's single check is the right one."""
    if call.service == "ssm":
        if call.action == "GetParametersByPath":
            path = str(call.params.get("Path") or "/").rstrip("/")
            arn = f"arn:aws:ssm:{region}:{context.ACCOUNT}:parameter{path}"
            return [Check("ssm:GetParametersByPath", arn, {})]
        if call.action == "SendCommand":
            return _send_command(call.params, region)
        if call.action in DOCUMENT_CALLS:
            arn = document_arn(str(call.params.get("Name") or "*"), region)
            tags = {f"aws:ResourceTag/{k}": v for k, v in _document_tags(arn).items()}
            keys = _request_tags(call.params.get("Tags") or [])
            return [Check(f"ssm:{call.action}", arn, {**tags, **keys})]
        return None
    if call.action not in EC2:
        # Describe* and the like have no resource-level permissions: ministack would take the first id for one.
        return [Check(f"ec2:{call.action}", "*")] if call.action.startswith("Describe") else None
    try:
        request = ec2_request(call.action, call.params)
    except AwsError:
        return [Check(f"ec2:{call.action}", "*")]  # whoever may call it at all learns what is malformed
    return EC2[call.action](_Call(call.action, request, region)) or [Check(f"ec2:{call.action}", "*")]


def schedule_checks(call: Call, arn: str) -> list[Check] | None:
    """A schedule belongs to its group, which ministack takes for `default`; who hands a role on must be allowed to."""
    if ":schedule/default/" not in arn:
        return None
    group = str(call.params.get("GroupName") or call.params.get("groupName") or "default")
    checks = [Check(f"scheduler:{call.action}", arn.replace(":schedule/default/", f":schedule/{group}/"))]
    role = (call.params.get("Target") or {}).get("RoleArn")
    if call.action in ("CreateSchedule", "UpdateSchedule") and role:
        checks.append(Check("iam:PassRole", str(role), {"iam:PassedToService": "scheduler.amazonaws.com"}))
    return checks


def block_checks(call: Call, region: str) -> list[Check]:
    """The snapshots whose blocks are read, with the one key that these actions have: the snapshot's tags."""
    names = [call.params.get("snapshotId"), call.params.get("firstSnapshotId")]

    def keys(name: str) -> dict[str, Any]:
        found = _keys_of(resource(name), region)
        return {key: value for key, value in found.items() if key.startswith("aws:ResourceTag/")}

    asked = [Check(f"ebs:{call.action}", ec2_arn("snapshot", str(n), region), keys(str(n))) for n in names if n]
    return [*asked, *_block_key(call, region)]


def _block_key(call: Call, region: str) -> list[Check]:
    """The key of an encrypted snapshot, of which a block's data are asked for. The lists ask for none (belief:
    ebs-list-without-key)."""
    from .ec2 import encryption
    from .ec2.model import store

    found = store.snapshots.get(str(call.params.get("snapshotId"))) if call.action == "GetSnapshotBlock" else None
    if found is None or found.kms_key_id is None or encryption.is_managed(found.kms_key_id):
        return []
    keys = {"kms:CallerAccount": context.ACCOUNT, "kms:ViaService": _ec2_of(found.kms_key_id, region)}
    return [Check("kms:Decrypt", found.kms_key_id, keys)]


def event_checks(call: Call, arn: str) -> list[Check] | None:
    """PutEvents has the sources of its entries as a condition key of several values."""
    if call.action != "PutEvents":
        return None
    entries = call.params.get("Entries")
    sources = (
        [str(each.get("Source", "")) for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    )
    return [Check("events:PutEvents", arn, {"events:source": sorted(set(sources))} if sources else {})]


def _ec2_of(key: str, region: str) -> str:
    parts = key.split(":")
    return f"ec2.{parts[3] if len(parts) > 3 else region}.amazonaws.com"


def key_checks(call: Call, region: str) -> list[Check]:
    """What KMS would ask the policies when EC2 uses customer keys in the caller's name (ec2/encryption.py)."""
    from .ec2 import encryption

    if call.action not in encryption.NEEDED:
        return []
    try:
        needed = encryption.needed(call, ec2_request(call.action, call.params))
    except AwsError:
        return []  # the call itself will be refused
    # Each key through EC2 of its own region: a copy uses the source's key there.
    keys = {"kms:CallerAccount": context.ACCOUNT}
    grant = {"kms:GrantIsForAWSResource": "true", "kms:GrantOperations": ["Decrypt"]}
    return [
        Check(
            action,
            key,
            keys | {"kms:ViaService": _ec2_of(key, region)} | (grant if action == "kms:CreateGrant" else {}),
        )
        for key, actions in needed.items()
        for action in actions
    ]
