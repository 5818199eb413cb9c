"""Which KMS key a volume gets, and whether that key can be used: by EBS, and by the caller of a call that needs it.

EC2 makes a grant on the key of each encrypted volume in the caller's name (AWS KMS Developer Guide, "How Amazon EBS
uses AWS KMS"). The managed key aws/ebs needs no permission of the caller. A caller who may not use a key is not told
so by the call: the instance falls back to `stopped`, the attachment is undone, the volume is dropped.
"""

from __future__ import annotations

from typing import Any

from .. import context
from ..gateway import Call, current_call
from ..patches.pins import replace
from ..wire import AwsError
from .model import OWNER, here, store

MANAGED = "00000000-0000-4000-8000-0000000000eb"  # alias/aws/ebs has this id in each region of the lab
DEFAULT_KEY = f"arn:aws:kms:{context.REGION}:{OWNER}:key/{MANAGED}"


def key_for(request: dict[str, Any], source_encrypted: bool, source_key: str | None) -> str | None:
    """The ARN of the key of a volume made by this request from an (un)encrypted source; None: not encrypted.

    A key is not looked up here: EBS checks it while the volume is being created (see `usable`).
    """
    encrypted, key = request.get("Encrypted"), request.get("KmsKeyId")
    if key and not encrypted:
        raise AwsError(
            "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
        )
    if source_encrypted and encrypted is False:
        raise AwsError("InvalidParameterValue", "A volume made from an encrypted source cannot be unencrypted.")
    if not encrypted and not source_encrypted:
        return None
    return _arn(key) if key else source_key or DEFAULT_KEY


def _record(key: str) -> dict[str, Any] | None:
    from ministack.services import kms

    return kms._resolve_key(key)


def _arn(key: str) -> str:
    record = _record(key)
    if record:
        return record["Arn"]
    return key if key.startswith("arn:") else f"arn:aws:kms:{here()}:{OWNER}:key/{key}"


def is_managed(key: str | None) -> bool:
    """No key, or the managed one of a region, which needs nobody's permission."""
    return key is None or key.endswith(f":key/{MANAGED}")


def key_of_copy(request: dict[str, Any], source_region: str, encrypted: bool, source_key: str | None) -> str | None:
    """The key of a copy, as `key_for`: without a key named, a copy into another region gets that region's own."""
    elsewhere = source_region != here()
    managed = f"arn:aws:kms:{here()}:{OWNER}:key/{MANAGED}"
    key = key_for(request, encrypted, managed if elsewhere else source_key)
    return managed if key == DEFAULT_KEY and elsewhere else key


def usable(key: str | None) -> str:
    """Why EBS cannot use this key, in the words of its events; "" if it can."""
    if is_managed(key):
        return ""
    record = _record(key)
    if record is None:
        return f"{key} does not exist"
    return "" if record.get("KeyState") == "Enabled" else f"{key} is {str(record.get('KeyState')).lower()}"


def know(key: str | None) -> None:
    """Let KMS have a key that the initial world's volumes have, with the policy that KMS gives by default."""
    from ministack.services import kms

    if key is None or _record(key):
        return
    before = set(kms._keys)
    kms._create_key({})
    made = (set(kms._keys) - before).pop()
    record = kms._keys.pop(made)
    record |= {"KeyId": key.rsplit("/", 1)[-1], "Arn": key}
    kms._keys[record["KeyId"]] = record


def install() -> None:
    """aws/ebs is there, and AWS's own; its policy lets the account see it (KMS Developer Guide, "AWS managed keys")."""
    from ministack.services import kms

    true = kms._key_metadata

    def metadata(record: dict[str, Any]) -> dict[str, Any]:
        return true(record) | ({"KeyManager": "AWS"} if record["Arn"] == DEFAULT_KEY else {})

    replace(kms, "_key_metadata", metadata)
    know(DEFAULT_KEY)


# What EC2 needs of the caller for each customer key. EBS User Guide, "Requirements for Amazon EBS encryption".
_USES = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
NEEDED = {
    "StartInstances": ("kms:CreateGrant",),
    "AttachVolume": ("kms:CreateGrant", "kms:Decrypt"),
    "CreateVolume": ("kms:CreateGrant", *_USES),
    "CopySnapshot": ("kms:CreateGrant", *_USES),
}


def needed(call: Call, request: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Customer keys that the call needs -> the actions that the caller must be allowed on each."""
    keys: set[str | None] = set()
    if call.action == "StartInstances":
        found = [store.instances.get(each) for each in request.get("InstanceIds") or []]
        keys |= {store.volumes[a.volume_id].kms_key_id for i in found if i for a in i.attachments.values()}
    elif call.action == "AttachVolume" and (volume := store.volumes.get(request.get("VolumeId") or "")):
        keys.add(volume.kms_key_id)
    elif call.action == "CreateVolume":
        snapshot = store.snapshots.get(request.get("SnapshotId") or "")
        source = (snapshot.encrypted, snapshot.kms_key_id) if snapshot else (False, None)
        keys |= {key_for(request, *source), source[1]}
    elif call.action == "CopySnapshot" and (source := store.snapshots.get(request.get("SourceSnapshotId") or "")):
        target = key_of_copy(request, source.region, source.encrypted, source.kms_key_id)
        keys |= {target, source.kms_key_id}
    return {key: NEEDED[call.action] for key in keys if key is not None and not is_managed(key)}


def denied(key: str | None) -> bool:
    """Whether the caller of the call being served may not use this key for it, or nobody can."""
    call = current_call()
    return bool(usable(key)) or (call is not None and key in call.denied_keys)


def denied_copy(key: str | None, source_key: str | None) -> bool:
    """Whether a copy may not be encrypted with this key, or its source may not be decrypted with that one."""
    call = current_call()
    return denied(key) or (call is not None and source_key in call.denied_keys)


def denied_volume(instance: Any) -> bool:
    return any(denied(store.volumes[a.volume_id].kms_key_id) for a in instance.attachments.values())
