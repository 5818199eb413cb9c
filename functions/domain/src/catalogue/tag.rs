//! Our tags.

/// The cluster; on instances and volumes too, where it allows us to act.
pub const CLUSTER: &str = "mirrorsnap:cluster";
/// The backup's id; the intent tag by which a snapshot is found again before a retry.
pub const BACKUP_ID: &str = "mirrorsnap:backup-id";
/// The moment at which the groups were stopped.
pub const CONSISTENT_AT: &str = "mirrorsnap:consistent-at";
/// How the active was quiet then: `stopped` or `frozen`. A snapshot without it is of a stopped service.
pub const CONSISTENCY: &str = "mirrorsnap:consistency";
/// The mirror disks on the volume, separated by spaces.
pub const MIRROR_DISKS: &str = "mirrorsnap:mirror-disks";
/// The node whose volume it is.
pub const SOURCE_NODE: &str = "mirrorsnap:source-node";
/// How many snapshots the set has.
pub const SET_SIZE: &str = "mirrorsnap:set-size";
/// `true` once the backup is proved; written last.
pub const VALID: &str = "mirrorsnap:valid";
/// The restore that a volume was made for, or that replaced it.
pub const RESTORE_ID: &str = "mirrorsnap:restore-id";
/// Written on a volume before it is first attached. A volume with it is never deleted (rule 19).
pub const ATTACHED: &str = "mirrorsnap:attached";
/// On a volume that a restore replaced. It is kept until the operator releases it.
pub const REPLACED: &str = "mirrorsnap:replaced";
/// What its own bytes say of the image: `clean`, `not-judged`, or the reason why it is not clean.
pub const PROVED: &str = "mirrorsnap:proved";
/// When that was judged.
pub const PROVED_AT: &str = "mirrorsnap:proved-at";
/// What the proof took: [`crate::proof::Effort`].
pub const PROOF_TOOK: &str = "mirrorsnap:proof-took";
/// Before a mirror disk's name: its fingerprint at the quiet moment, and the places of its cluster and data partition.
pub const DISK: &str = "mirrorsnap:disk:";
/// On a snapshot of a volume of which another snapshot counts.
pub const DUPLICATE: &str = "mirrorsnap:duplicate";
/// On the snapshots of a backup that the retention must not delete: since when, and why. Whatever its value, it counts.
pub const KEPT: &str = "mirrorsnap:kept";
/// On a copy: the backup that it is a copy of. A copy has no `backup-id`.
pub const COPY_OF: &str = "mirrorsnap:copy-of";
/// On a copy: the snapshot that it was made from; the intent tag by which a copy is found again before another one is made.
pub const COPIED_SNAPSHOT: &str = "mirrorsnap:copied-snapshot";
/// On a copy: the region of that snapshot.
pub const COPIED_FROM: &str = "mirrorsnap:copied-from";
