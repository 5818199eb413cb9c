//! What the functions need of AWS, and no more: small traits in the domain's types. aws/ implements them on the SDK, functions/sim in
//! memory. What EC2 shows may be late, and may go back in time. Every caller of a describe must allow for that (safety.md, rule 6).

#![allow(async_fn_in_trait)] // A function runs on one thread, in Lambda as in the simulator: no future has to be Send.

use mirrorsnap_domain::catalogue::Snapshot;
use mirrorsnap_domain::changes::Page;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::copies::{self, KeyArn, Region, Seen};
use mirrorsnap_domain::description::{Description, Facts};
use mirrorsnap_domain::ec2::{AttachmentState, InstanceId, SnapshotId, Tagged, VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Result};
use mirrorsnap_domain::evidence::Taken;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect::Key;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::observation::Instance;
use mirrorsnap_domain::patrol::Item;
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::restore::fast_snapshot_restore::FastRestore;
use mirrorsnap_domain::restore::volumes::{NewVolume, OldVolume};
use mirrorsnap_domain::schedule::{Enabled, Entry, Found};
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The end of a call that changes something. Every caller says what each of the five means to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "each of the five ends means something else to the caller"]
pub enum Outcome<T = ()> {
    /// Carried out, or being carried out.
    Accepted(T),
    /// Nothing was left to do.
    AlreadySo,
    /// Not carried out; the same call may be accepted later. Why.
    NotYet(String),
    /// No answer, or one that does not tell whether the call, or an earlier one like it, was carried out: describe.
    Unknown(Error),
    /// Not carried out, and a retry would be refused too.
    Refused(Error),
}

impl<T> Outcome<T> {
    /// Why it is not known to be done, in words, for those who name what is left and go on; `None`: nothing is left to do.
    pub fn undone(self) -> Option<String> {
        match self {
            Self::Accepted(_) | Self::AlreadySo => None,
            Self::NotYet(why) => Some(why),
            Self::Unknown(error) | Self::Refused(error) => Some(error.to_string()),
        }
    }
}

/// The clusters' configurations.
pub trait Configs {
    /// Errors: `ClusterNotFound`, `ConfigInvalid`, `InputInvalid`.
    async fn config(&self, cluster: &str) -> Result<Config>;
}

/// The lock table, read consistently. The state machines write it.
pub trait Ledger {
    /// The lock of a cluster; one that was never taken is free, at epoch 0.
    async fn lock(&self, cluster: &str) -> Result<Lock>;

    /// The record of a restore, until it is released. Error: `RestoreNotFound`.
    async fn record(&self, restore: &Id) -> Result<Record>;
}

/// The table of the backups' descriptions. The backup's state machine writes it.
pub trait Descriptions {
    /// The description of a backup; `None`: it has none. Error `OutputUnreadable`: it cannot be read.
    async fn description(&self, backup: &Id) -> Result<Option<Description>>;

    /// The backups of a cluster that have one.
    async fn described(&self, cluster: &str) -> Result<Vec<Id>>;

    /// Deletes that of a backup.
    async fn forget_description(&self, backup: &Id) -> Outcome;
}

/// What the lock table holds.
#[derive(Debug, Clone, Default)]
pub struct Items {
    /// By cluster.
    pub locks: BTreeMap<String, Item>,
    /// The restores' records by their ids; the error: it cannot be read.
    pub records: BTreeMap<String, Result<Record>>,
}

/// What there is of all clusters. Only the patrol asks for it.
pub trait Fleet {
    /// The configurations by cluster; the error: it cannot be read.
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>>;

    /// The whole lock table, read consistently.
    async fn items(&self) -> Result<Items>;

    /// Our snapshots that carry the tag `mirrorsnap:cluster`, whatever its value.
    async fn all_snapshots(&self) -> Result<Vec<Snapshot>>;

    /// The volumes that carry the tag `mirrorsnap:restore-id`, whatever its value.
    async fn all_volumes_of_restores(&self) -> Result<BTreeMap<VolumeId, Volume>>;
}

/// EC2's instances.
pub trait Instances {
    /// By id. One that EC2 does not show is absent; `shutdown_behavior` is `None` in each.
    async fn instances(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>>;

    /// What a rebuild needs of them, by the name of the fact. One that EC2 does not show is absent.
    async fn facts(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Facts>>;

    /// What the instance's own shutdown does: `stop` or `terminate`.
    async fn shutdown_behavior(&self, instance: &InstanceId) -> Result<Option<String>>;

    /// Starts it.
    async fn start(&self, instance: &InstanceId) -> Outcome;

    /// Stops it, never by force.
    async fn stop(&self, instance: &InstanceId) -> Outcome;

    /// Sets DeleteOnTermination of the volume that is attached at `device`.
    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str) -> Outcome;
}

/// A volume as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its shape and tags.
    pub shape: OldVolume,
    /// Its state.
    pub state: VolumeState,
    /// The snapshot that it was made from, if there is one.
    pub snapshot: Option<SnapshotId>,
    /// Made with a credit of fast snapshot restore.
    pub fast: bool,
    /// Where it is attached, if it is.
    pub attached: Option<Attached>,
}

/// Where a volume is attached, attaching or detaching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The instance's id.
    pub instance: InstanceId,
    /// The attachment's device name.
    pub device: String,
    /// How far it is.
    pub state: AttachmentState,
}

/// EC2's volumes.
pub trait Volumes {
    /// By id. One that EC2 does not show is absent.
    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>>;

    /// By the tag `mirrorsnap:restore-id`.
    async fn volumes_of(&self, restore: &str) -> Result<BTreeMap<VolumeId, Volume>>;

    /// Makes a volume; a repeat with the same token answers with the same id.
    async fn create_volume(&self, volume: &NewVolume) -> Outcome<VolumeId>;

    /// Deletes a volume. `AlreadySo`: EC2 does not know it.
    async fn delete_volume(&self, volume: &VolumeId) -> Outcome;

    /// Attaches a volume to a stopped instance. Never repeated by the SDK.
    async fn attach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome;

    /// Detaches a volume, never by force. `AlreadySo`: it is attached to nothing. Never repeated by the SDK.
    async fn detach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome;
}

/// What snapshots are asked for: of these volumes of one instance, in one crash-consistent set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSet {
    /// The instance's id.
    pub instance: InstanceId,
    /// The volumes of which snapshots are taken.
    pub volumes: BTreeSet<VolumeId>,
    /// The instance's other data volumes, of which none is taken. Needed only with several `volumes`.
    pub excluded: Vec<VolumeId>,
    /// Each snapshot's description.
    pub description: String,
    /// Each snapshot's tags, written by the same call.
    pub tags: BTreeMap<String, String>,
}

/// EC2's snapshots, our own only.
pub trait Snapshots {
    /// By the tag `mirrorsnap:cluster`.
    async fn snapshots_of_cluster(&self, cluster: &str) -> Result<Vec<Snapshot>>;

    /// By the tag `mirrorsnap:backup-id`.
    async fn snapshots_of_backup(&self, backup: &Id) -> Result<Vec<Snapshot>>;

    /// One call for the whole set. It has no idempotency token, so it is never repeated by the SDK.
    async fn create_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>>;

    /// Deletes a snapshot. `AlreadySo`: EC2 does not know it.
    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Outcome;
}

/// A part of the list of the blocks that a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The volume's size.
    pub gib: u64,
    /// The size of a block.
    pub block_bytes: usize,
    /// The tokens by which blocks are read, by their numbers. Between the number that was asked for and the last one here, a block that
    /// is not named was never written: it reads as zeros.
    pub tokens: BTreeMap<u64, String>,
    /// There are blocks behind the last one. Else none of those is held either.
    pub more: bool,
}

/// What asking for a block's bytes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Its bytes, whose checksum is right.
    Bytes(Vec<u8>),
    /// The token has expired. A new list has another one.
    TokenNotValid,
}

/// What a completed snapshot holds, read without a volume (EBS direct APIs).
pub trait Images {
    /// A part of the list, from that block on.
    async fn blocks(&self, snapshot: &SnapshotId, from: u64) -> Result<Listed>;

    /// One block. `AwsUnavailable`: also one that arrived damaged.
    async fn block(&self, snapshot: &SnapshotId, number: u64, token: &str) -> Result<Fetched>;
}

/// Where a list of changed blocks goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At this block.
    Block(u64),
    /// Behind the page that named this token.
    Token(String),
}

/// What asking for a page of changed blocks came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The page.
    Page(Page),
    /// The page's token has expired. A list that begins at a block has another one.
    TokenNotValid,
}

/// What differs between two completed snapshots of one volume (EBS direct APIs).
pub trait Changes {
    /// A page of the blocks that differ. `NotComparable`: the snapshots are not of one volume.
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told>;
}

/// A copy that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCopy {
    /// The snapshot.
    pub source: SnapshotId,
    /// The snapshot's region.
    pub from: Region,
    /// Whether the snapshot is encrypted.
    pub encrypted: bool,
    /// The key that the copy is encrypted with. Absent: what is encrypted gets the region's key for EBS.
    pub kms_key: Option<KeyArn>,
    /// The copy's description.
    pub description: String,
    /// The copy's tags, written by the same call.
    pub tags: BTreeMap<String, String>,
}

/// Copies of snapshots in a region, our own only.
pub trait Copies {
    /// The region of the clusters and their snapshots.
    fn region(&self) -> Result<Region>;

    /// By the tag `mirrorsnap:cluster`, those with the tag `mirrorsnap:copy-of`.
    async fn copies_of_cluster(&self, region: &Region, cluster: &str) -> Result<Vec<Seen>>;

    /// Copies a snapshot into a region. It has no idempotency token, so it is never repeated by the SDK.
    async fn copy_snapshot(&self, region: &Region, new: &NewCopy) -> Outcome<SnapshotId>;

    /// Writes tags. A repeat is harmless.
    async fn tag_copies(&self, region: &Region, copies: &[SnapshotId], tags: &BTreeMap<String, String>) -> Outcome;

    /// Deletes a copy. `AlreadySo`: EC2 does not know it.
    async fn delete_copy(&self, region: &Region, copy: &SnapshotId) -> Outcome;

    /// Locks a copy against deletion. A repeat makes the lock begin anew.
    async fn lock_copy(&self, region: &Region, copy: &SnapshotId, lock: &copies::Lock) -> Outcome;

    /// All locked snapshots of the account in the region, and until when they are.
    async fn locked_copies(&self, region: &Region) -> Result<BTreeMap<SnapshotId, String>>;
}

/// Tags of volumes and snapshots. A repeat of either call is harmless.
pub trait Tags {
    /// Writes tags. `NotYet`: EC2 does not know the id yet, which happens for a second or so after it was made.
    async fn tag<I: Tagged>(&self, resources: &[I], tags: &BTreeMap<String, String>) -> Outcome;

    /// Removes tags by their keys, whatever their values.
    async fn untag<I: Tagged>(&self, resources: &[I], keys: &[&str]) -> Outcome;
}

/// Fast snapshot restore.
pub trait FastRestores {
    /// Of these snapshots, in every zone, whatever the state.
    async fn fast_restores(&self, snapshots: &[SnapshotId]) -> Result<Vec<FastRestore>>;

    /// All of the account in the region that are not disabled.
    async fn all_fast_restores(&self) -> Result<Vec<FastRestore>>;

    /// Enables it for a snapshot in a zone.
    async fn enable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome;

    /// Disables it. `AlreadySo`: it is disabled.
    async fn disable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome;
}

/// The account's quotas, and what is used of them.
pub trait Quotas {
    /// The account's quotas of EBS by their codes.
    async fn ebs_quotas(&self) -> Result<BTreeMap<String, f64>>;

    /// GiB of all volumes of these types in the region.
    async fn provisioned_gib(&self, kinds: &BTreeSet<String>) -> Result<BTreeMap<String, i64>>;
}

/// KMS's keys.
pub trait Keys {
    /// A key with its policy. `AwsRefused`: there is none, or the caller may not see it.
    async fn key(&self, key: &str) -> Result<Key>;

    /// Who uses the keys of volumes: function to its role's ARN.
    fn key_roles(&self) -> BTreeMap<String, String>;
}

/// EventBridge Scheduler's schedules in one group.
pub trait Schedules {
    /// All of the group, by their names.
    async fn schedules(&self, group: &str) -> Result<BTreeMap<String, Found>>;

    /// Makes one, enabled. `AlreadySo`: there is one of that name.
    async fn create_schedule(&self, group: &str, name: &str, entry: &Entry) -> Outcome;

    /// Replaces one.
    async fn update_schedule(&self, group: &str, name: &str, entry: &Entry, enabled: Enabled) -> Outcome;

    /// Deletes one. `AlreadySo`: there is none.
    async fn delete_schedule(&self, group: &str, name: &str) -> Outcome;
}

/// What SSM says of an instance's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// SSM does not manage the instance.
    Unmanaged,
    /// Its ping status is not `Online`, but this.
    Away(String),
    /// It is `Online`, which SSM still says for minutes after a stop. When it last pinged.
    Online(Option<Moment>),
}

/// A command document that was sent to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// SSM's id of it.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
}

/// Where a command is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Not over, or not shown yet.
    Running,
    /// Over; what the node answered.
    Replied(Box<Reply>),
}

/// The nodes, through SSM Run Command and our own documents.
pub trait Nodes {
    /// The agent of an instance.
    async fn agent(&self, instance: &InstanceId) -> Result<Agent>;

    /// Sends a document. It has no idempotency token, so it is never repeated by the SDK. `Refused` with
    /// `NodeUnreachable`: SSM does not reach the instance.
    async fn send(&self, instance: &InstanceId, step: &Step) -> Outcome<Command>;

    /// The newest command of this document, instance and parameters that was sent before. The list lags behind.
    async fn find(&self, instance: &InstanceId, step: &Step) -> Result<Option<Command>>;

    /// Looks at a command once. Errors: `StepUnknown`, `StepUndelivered`, `StepTimedOut`: it ended, and what it did is not
    /// known.
    async fn progress(&self, step: &Step, command: &Command) -> Result<Progress>;

    /// Our commands of this operation on an instance that are not over. The list lags behind.
    async fn under_way(&self, instance: &InstanceId, run: &str) -> Result<Vec<Command>>;

    /// Cancels a command that nobody waits for any more, as far as AWS can: it may run all the same.
    async fn cancel(&self, command: &Command);
}

/// Time. Every wait and deadline goes through here.
pub trait Clock {
    /// Now, in UTC.
    fn now(&self) -> Moment;

    /// Time since a fixed moment; never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, time: Duration);
}

/// The function's log, which CloudWatch reads metrics from.
pub trait Metrics {
    /// Writes a line of the embedded metric format, which has to stand alone on it.
    fn write(&self, line: &serde_json::Value);
}

/// All of EC2 that the functions need.
pub trait Ec2: Instances + Volumes + Snapshots + Tags + FastRestores {}
impl<T: Instances + Volumes + Snapshots + Tags + FastRestores> Ec2 for T {}

/// Everything; each function names the few that it needs.
pub trait Ports:
    Configs
    + Ledger
    + Descriptions
    + Fleet
    + Ec2
    + Images
    + Changes
    + Copies
    + Quotas
    + Keys
    + Schedules
    + Nodes
    + Clock
    + Metrics
{
}
impl<
    T: Configs
        + Ledger
        + Descriptions
        + Fleet
        + Ec2
        + Images
        + Changes
        + Copies
        + Quotas
        + Keys
        + Schedules
        + Nodes
        + Clock
        + Metrics,
> Ports for T
{
}
