"""Which KMS key a volume gets, and whether that key can be used."""

from __future__ import annotations

from typing import Any

from .. import context
from ..wire import AwsError
from .model import OWNER, store

DEFAULT_KEY = f"arn:aws:kms:{context.REGION}:{OWNER}:key/00000000-0000-4000-8000-0000000000eb"  # alias/aws/ebs


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
    return key if key.startswith("arn:") else f"arn:aws:kms:{context.REGION}:{OWNER}:key/{key}"


def usable(key: str | None) -> str:
    """Why EBS cannot use this key, in the words of its events; "" if it can."""
    if key in (None, DEFAULT_KEY):
        return ""
    record = _record(key)
    if record is None:
        # a key that the initial world's volumes have exists, although no KMS of the lab made it
        known = any(v.kms_key_id == key and v.of_world for v in store.volumes.values())
        return "" if known else f"{key} does not exist"
    return "" if record.get("KeyState") == "Enabled" else f"{key} is {str(record.get('KeyState')).lower()}"
