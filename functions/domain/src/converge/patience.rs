//! How long converge waits for each thing before it acts or is stuck, in seconds.

/// An instance from `pending`, or a guest from power-on, to its first answer: cloud-init and fsck included.
pub const BOOT: i64 = 900;
/// A guest's shutdown: its umount retries take many minutes. It is not forced before.
pub const SHUTDOWN: i64 = 900;
/// An API stop, which EC2 forces after some minutes. After this a person must look.
pub const STOPPING: i64 = 3600;
/// The reboot at the end of a post-processing, from its exit to the first answer.
pub const REBOOT: i64 = 900;
/// A post-processing script. Its node kills it after 900 s (rule 23).
pub const POST: i64 = 960;
/// A daemon after a boot: it waits five minutes for its peer by default.
pub const DAEMON: i64 = 420;
/// From a node's first answer until converge starts the cluster service. A service that starts by itself does so within this
/// time, and a second start does no harm. Any longer would be time without redundancy.
pub const DAEMON_START: i64 = 90;
/// A group that starts or stops.
pub const GROUP: i64 = 600;
/// The node's own timer, until its groups are online.
pub const TIMER: i64 = 600;
/// Automatic mirror recovery, from both sides being up to the copy's begin.
pub const AUTO_RECOVERY: i64 = 60;
/// A mirror side that shows no state yet.
pub const MIRROR: i64 = 420;
/// A copy that makes progress. A full copy of 16 TiB at 200 MiB/s takes a day.
pub const RESYNC: i64 = 172_800;
/// A describe of EC2 that is older than a call.
pub const SETTLE: i64 = 35;
/// How long StartInstances is repeated while EC2 refuses it. A branch that was given up may do so for as long.
pub const START_REPEATED: u32 = 30;
/// From when nobody orders a start any more, apart from one that is repeated, until no describe is from before it.
pub const LAST_START: i64 = SETTLE + START_REPEATED as i64;
/// What a killed sender had sent before it was killed, until it takes effect.
pub const LATE: i64 = 5;
/// A monitor that shows no state yet.
pub const MONITOR: i64 = 300;
