//! What each answer of AWS means: the one table from (call, code, text) to one of the five ends of a call. Nothing else in the
//! functions looks at a code or a text of AWS. The first row that fits counts.
//!
//! A code is `Unknown` rather than `Refused` wherever the call, or an earlier one like it, may have been carried out: EC2
//! answers late, loses replies, and shows the past. It is `NotYet` where the same call will be accepted once something has
//! passed by itself.

use crate::ports::Outcome;
use mirrorsnap_domain::error::{Error, Kind};

/// An answer that is not the one that was hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// AWS answered with an error code, which may be missing.
    Error {
        /// Such as `VolumeInUse`.
        code: Option<String>,
        /// The message.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// There was no answer, or none that could be read.
    None(String),
}

impl Answer {
    /// An error code with its message, as EC2 answers a bad request.
    pub fn error(code: &str, message: &str) -> Self {
        Self::Error {
            code: Some(code.to_owned()),
            message: message.to_owned(),
            status: 400,
        }
    }
}

/// What a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    AlreadySo,
    NotYet,
    Unknown,
    Refused(Kind),
}

use Means::{AlreadySo, NotYet, Refused, Unknown};

/// The call without its service (`*`: any), the code (its end after a `*`, its beginning before one), a part of the message (empty: any),
/// what it means.
type Row = (&'static str, &'static str, &'static str, Means);

const TABLE: &[Row] = &[
    // The volume is attached: by an earlier call of ours whose effect EC2 does not show yet, or by somebody else.
    ("AttachVolume", "VolumeInUse", "", Unknown),
    // The device name still belongs to the volume that was detached last.
    ("AttachVolume", "InvalidParameterValue", "already in use", NotYet),
    // The volume is not `available`, or the instance is between two states.
    ("AttachVolume", "IncorrectState", "", NotYet),
    ("AttachVolume", "IncorrectInstanceState", "", NotYet),
    // The volume is attached to nothing.
    ("DetachVolume", "IncorrectState", "", AlreadySo),
    ("DetachVolume", "InvalidAttachment.NotFound", "", AlreadySo),
    ("DetachVolume", "IncorrectInstanceState", "", NotYet),
    // Another snapshot of the volume was taken within 15 s, or too many are pending. Nothing was made.
    ("CreateSnapshot", "SnapshotCreationPerVolumeRateExceeded", "", NotYet),
    ("CreateSnapshot", "ConcurrentSnapshotLimitExceeded", "", NotYet),
    ("CreateSnapshot", "PendingSnapshotLimitExceeded", "", NotYet),
    ("CreateSnapshot", "IncorrectState", "", NotYet),
    ("CreateSnapshots", "SnapshotCreationPerVolumeRateExceeded", "", NotYet),
    ("CreateSnapshots", "ConcurrentSnapshotLimitExceeded", "", NotYet),
    ("CreateSnapshots", "PendingSnapshotLimitExceeded", "", NotYet),
    ("CreateSnapshots", "IncorrectState", "", NotYet),
    ("DeleteSnapshot", "InvalidSnapshot.NotFound", "", AlreadySo),
    // EC2 makes so many copies into a region at once; or it does not show yet that the source is completed. Nothing was made.
    ("CopySnapshot", "ResourceLimitExceeded", "", NotYet),
    ("CopySnapshot", "IncorrectState", "", NotYet),
    ("LockSnapshot", "IncorrectState", "", NotYet),
    // The snapshot is not completed yet, as EC2 sees it.
    ("CreateVolume", "IncorrectState", "", NotYet),
    ("DeleteVolume", "InvalidVolume.NotFound", "", AlreadySo),
    // The volume is attached, or on its way to another state.
    ("DeleteVolume", "VolumeInUse", "", NotYet),
    ("DeleteVolume", "IncorrectState", "", NotYet),
    // EC2 does not know the id of a resource that it has just made.
    ("CreateTags", "InvalidSnapshot.NotFound", "", NotYet),
    ("CreateTags", "InvalidVolume.NotFound", "", NotYet),
    ("CreateTags", "InvalidID", "", NotYet),
    ("DeleteTags", "InvalidSnapshot.NotFound", "", NotYet),
    ("DeleteTags", "InvalidVolume.NotFound", "", NotYet),
    ("DeleteTags", "InvalidID", "", NotYet),
    ("*", "ConcurrentTagAccess", "", NotYet),
    // The mapping of a volume that was attached a second ago is not there yet.
    (
        "ModifyInstanceAttribute",
        "InvalidInstanceAttributeValue",
        "No device is currently mapped",
        NotYet,
    ),
    ("ModifyInstanceAttribute", "IncorrectInstanceState", "", NotYet),
    // The instance is between two states.
    ("StartInstances", "IncorrectInstanceState", "", NotYet),
    ("StopInstances", "IncorrectInstanceState", "", NotYet),
    // SSM does not reach the instance.
    ("SendCommand", "InvalidInstanceId", "", Refused(Kind::NodeUnreachable)),
    // An id of those that were asked for is not shown: the others are asked for by a filter.
    ("DescribeInstances", "InvalidInstanceID.NotFound", "", AlreadySo),
    ("DescribeVolumes", "InvalidVolume.NotFound", "", AlreadySo),
    // Right after SendCommand the invocation may not be there yet.
    ("GetCommandInvocation", "InvocationDoesNotExist", "", AlreadySo),
    // There is no such key.
    ("DescribeKey", "NotFoundException", "", AlreadySo),
    ("GetParameter", "ParameterNotFound", "", Refused(Kind::ClusterNotFound)),
    // The token of a block's list has expired, or belongs to another list.
    (
        "GetSnapshotBlock",
        "ValidationException",
        "INVALID_BLOCK_TOKEN",
        AlreadySo,
    ),
    // The token of a list's page has expired: the list begins anew.
    (
        "ListChangedBlocks",
        "ValidationException",
        "INVALID_PAGE_TOKEN",
        AlreadySo,
    ),
    // Not of one volume.
    (
        "ListChangedBlocks",
        "ValidationException",
        "UNRELATED_SNAPSHOTS",
        Refused(Kind::NotComparable),
    ),
    // Two patrols at once: the other one has made it. Whether it is ours is seen by the next one.
    ("CreateSchedule", "ConflictException", "", AlreadySo),
    ("UpdateSchedule", "ConflictException", "", NotYet),
    ("UpdateSchedule", "ResourceNotFoundException", "", NotYet),
    ("DeleteSchedule", "ConflictException", "", NotYet),
    ("DeleteSchedule", "ResourceNotFoundException", "", AlreadySo),
    // It was deleted between the list and the question.
    ("GetSchedule", "ResourceNotFoundException", "", AlreadySo),
    // The rate of calls is limited: nothing was carried out.
    ("*", "RequestLimitExceeded", "", NotYet),
    ("*", "Throttling", "", NotYet),
    ("*", "ThrottlingException", "", NotYet),
    ("*", "RequestThrottledException", "", NotYet),
    ("*", "ThrottledException", "", NotYet),
    ("*", "EC2ThrottledException", "", NotYet),
    ("*", "TooManyRequestsException", "", NotYet),
    ("*", "ProvisionedThroughputExceededException", "", NotYet),
    ("*", "SlowDown", "", NotYet),
    ("*", "RequestExpired", "", NotYet),
    // EC2 has no capacity for the instance, or a quota of the account is used up, of vCPUs say: it passes. The rate of calls is above.
    ("StartInstances", "Insufficient*", "", Refused(Kind::CapacityLacking)),
    (
        "StartInstances",
        "*CapacityExceeded",
        "",
        Refused(Kind::CapacityLacking),
    ),
    ("StartInstances", "*LimitExceeded", "", Refused(Kind::CapacityLacking)),
    // AWS's own failure: what was carried out before it is not known.
    ("*", "InternalError", "", Unknown),
    ("*", "InternalFailure", "", Unknown),
    ("*", "InternalServerError", "", Unknown),
    ("*", "InternalServerErrorException", "", Unknown),
    ("*", "InternalServerException", "", Unknown),
    ("*", "InternalException", "", Unknown),
    ("*", "ServerInternal", "", Unknown),
    ("*", "ServiceUnavailable", "", Unknown),
    ("*", "ServiceUnavailableException", "", Unknown),
    ("*", "Unavailable", "", Unknown),
    ("*", "RequestTimeout", "", Unknown),
    ("*", "RequestTimeoutException", "", Unknown),
    ("*", "RequestCanceled", "", Unknown),
];

fn fits(pattern: &str, code: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => code.ends_with(end),
        (None, Some(begin)) => code.starts_with(begin),
        (None, None) => code == pattern,
    }
}

fn means(call: &str, answer: &Answer) -> Means {
    let Answer::Error { code, message, status } = answer else {
        return Unknown;
    };
    let call = call.rsplit(':').next().unwrap_or(call);
    let row = TABLE.iter().find(|(of, row_code, text, _)| {
        (*of == "*" || *of == call)
            && code.as_deref().is_some_and(|code| fits(row_code, code))
            && message.contains(text)
    });
    match row {
        Some((.., means)) => *means,
        // Whatever its code, or without one: AWS failed.
        None if *status >= 500 => Unknown,
        None => Refused(Kind::AwsRefused),
    }
}

/// The end of a call that changes something and was not accepted. `call` is written `ec2:AttachVolume`.
pub fn outcome<T>(call: &str, answer: &Answer) -> Outcome<T> {
    match means(call, answer) {
        AlreadySo => Outcome::AlreadySo,
        NotYet => Outcome::NotYet(said(call, answer)),
        Unknown => Outcome::Unknown(error(call, answer)),
        Refused(_) => Outcome::Refused(error(call, answer)),
    }
}

/// Whether a call that changes nothing failed since what was asked for is not there, or not shown yet.
pub fn is_absent(call: &str, answer: &Answer) -> bool {
    means(call, answer) == AlreadySo
}

/// A failed call that changes nothing, under our names. What a repeat may cure is `AwsUnavailable`.
pub fn error(call: &str, answer: &Answer) -> Error {
    let (kind, next) = match (means(call, answer), answer) {
        (AlreadySo | Refused(Kind::AwsRefused), _) => (
            Kind::AwsRefused,
            "read the message; if it is a permission, docs/functions.md lists what the function needs",
        ),
        (Refused(Kind::CapacityLacking), _) => (
            Kind::CapacityLacking,
            "it is repeated; raise the quota if it is one, and a capacity reservation keeps it from happening again",
        ),
        (Refused(Kind::NodeUnreachable), _) => (
            Kind::NodeUnreachable,
            "check the SSM agent and the instance: it is not registered, or not running",
        ),
        (Refused(Kind::ClusterNotFound), _) => (Kind::ClusterNotFound, "check the name, or create the parameter"),
        (Refused(kind), _) => (kind, "read the message"),
        (NotYet | Unknown, Answer::Error { .. }) => (
            Kind::AwsUnavailable,
            "it is repeated; if it lasts, look at the AWS health dashboard",
        ),
        (NotYet | Unknown, Answer::None(_)) => (
            Kind::AwsUnavailable,
            "it is repeated; if it lasts, check the function's network",
        ),
    };
    Error::new(kind, said(call, answer), next)
}

fn said(call: &str, answer: &Answer) -> String {
    match answer {
        Answer::Error { code, message, status } => {
            let code = code
                .as_deref()
                .map_or_else(|| format!("status {status} without a code"), str::to_owned);
            format!("{call} answered {code}: {message}")
        }
        Answer::None(why) => format!("{call} got no answer: {why}"),
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
