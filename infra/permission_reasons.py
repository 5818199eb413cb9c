"""Why a pattern stands in a role where no tag and no name of the stack limits it (docs/permissions.md).

Resources and conditions are as the page writes them. A pattern without a reason, and a reason that explains nothing
any more, end the making of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

_SNAPSHOT_OF = (
    "This only reads the volume. The instance must have our tag, and the new snapshot must be given it in the same "
    "call."
)
_SWAPPED = (
    "The volumes of a cluster have no tag of ours before their first restore. The instance must have it in the same "
    "call."
)
_MARKS = (
    "Only the tags that the condition names. None of them makes a volume deletable: `mirrorsnap:replaced` keeps it."
)
_KEYS = (
    "The volumes' keys are known only when the volumes are read. The call must come through EC2, and the key's own "
    "policy decides who may use it."
)


@dataclass(frozen=True)
class Reason:
    """Of a statement that grants no other actions, on this resource, with this among its conditions."""

    actions: tuple[str, ...]
    resource: str
    condition: str  # a part of the conditions as the page writes them; "" for any
    why: str

    def explains(self, actions: tuple[str, ...], resource: str, conditions: str) -> bool:
        return resource == self.resource and self.condition in conditions and set(actions) <= set(self.actions)


REASONS = (
    Reason(("ec2:CreateSnapshot", "ec2:CreateSnapshots"), "ec2 volume/*", "", _SNAPSHOT_OF),
    Reason(
        ("ec2:CreateTags",),
        "ec2 snapshot/*",
        "ec2:CreateAction",
        "Only within the call that makes the snapshot, which must be given our tag.",
    ),
    Reason(
        ("ec2:CreateTags",),
        "ec2 volume/*",
        "ec2:CreateAction",
        "Only within the call that makes the volume, which must be given our tag.",
    ),
    Reason(
        ("ec2:CopySnapshot",),
        "ec2 snapshot/snap-*",
        "ec2:Owner",
        "The source of a copy: AWS offers none of its tags as a condition. It is only read, and the copy must be given "
        "our tags in the same call.",
    ),
    Reason(("ec2:CreateTags", "ec2:DeleteTags"), "ec2 volume/*", "mirrorsnap:replaced", _MARKS),
    Reason(
        ("ec2:DeleteTags",),
        "ec2 volume/*",
        "mirrorsnap:attached",
        "Only that tag, and only from a volume without the two tags that would make it deletable.",
    ),
    Reason(("ec2:AttachVolume", "ec2:DetachVolume"), "ec2 volume/*", "", _SWAPPED),
    Reason(
        ("ec2:StartInstances",),
        "license-manager license-configuration:*",
        "",
        "EC2 asks for it where License Manager looks after the instance. It has no condition keys; the instance must "
        "have our tag.",
    ),
    Reason(
        ("kms:DescribeKey", "kms:GetKeyPolicy"),
        "*",
        "",
        "The volumes' keys are known only when the volumes are read. Both change nothing and decrypt nothing, and the "
        "key's own policy decides who may look.",
    ),
    Reason(("kms:CreateGrant",), "*", "kms:ViaService", f"{_KEYS} Nobody but AWS's own services is granted anything."),
    Reason(
        ("kms:Decrypt",),
        "*",
        "kms:ViaService",
        "The snapshots' keys are known only when the snapshots are read. The call must come through EBS, and the key's "
        "own policy decides who may use it.",
    ),
    Reason(
        ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"),
        "*",
        "kms:ViaService",
        _KEYS,
    ),
)
