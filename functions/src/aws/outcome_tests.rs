use super::*;

fn end(call: &str, answer: &Answer) -> &'static str {
    match outcome::<()>(call, answer) {
        Outcome::Accepted(()) => "accepted",
        Outcome::AlreadySo => "already so",
        Outcome::NotYet(_) => "not yet",
        Outcome::Unknown(error) => {
            assert_eq!(error.kind(), Kind::AwsUnavailable);
            "unknown"
        }
        Outcome::Refused(error) => error.name(),
    }
}

/// Call, code, message in the words that AWS uses, end.
const ANSWERS: &[(&str, &str, &str, &str)] = &[
    (
        "ec2:AttachVolume",
        "VolumeInUse",
        "vol-001 is already attached to an instance",
        "unknown",
    ),
    (
        "ec2:AttachVolume",
        "InvalidParameterValue",
        "Invalid value '/dev/sdb' for unixDevice. Attachment point /dev/sdb is already in use",
        "not yet",
    ),
    (
        "ec2:AttachVolume",
        "InvalidParameterValue",
        "Value (/dev/sda99) is invalid",
        "AwsRefused",
    ),
    (
        "ec2:AttachVolume",
        "IncorrectState",
        "vol-001 is not 'available'.",
        "not yet",
    ),
    (
        "ec2:AttachVolume",
        "IncorrectInstanceState",
        "The instance is stopping",
        "not yet",
    ),
    (
        "ec2:AttachVolume",
        "UnauthorizedOperation",
        "You are not authorized",
        "AwsRefused",
    ),
    (
        "ec2:DetachVolume",
        "IncorrectState",
        "Volume 'vol-001' is in the 'available' state.",
        "already so",
    ),
    ("ec2:DetachVolume", "InvalidAttachment.NotFound", "", "already so"),
    ("ec2:DetachVolume", "IncorrectInstanceState", "", "not yet"),
    (
        "ec2:CreateSnapshot",
        "SnapshotCreationPerVolumeRateExceeded",
        "",
        "not yet",
    ),
    ("ec2:CreateSnapshot", "ConcurrentSnapshotLimitExceeded", "", "not yet"),
    ("ec2:CreateSnapshot", "PendingSnapshotLimitExceeded", "", "not yet"),
    ("ec2:CreateSnapshot", "IncorrectState", "", "not yet"),
    ("ec2:CreateSnapshot", "SnapshotLimitExceeded", "", "AwsRefused"),
    (
        "ec2:CreateSnapshots",
        "SnapshotCreationPerVolumeRateExceeded",
        "",
        "not yet",
    ),
    ("ec2:CreateSnapshots", "ConcurrentSnapshotLimitExceeded", "", "not yet"),
    ("ec2:CreateSnapshots", "PendingSnapshotLimitExceeded", "", "not yet"),
    ("ec2:CreateSnapshots", "IncorrectState", "", "not yet"),
    ("ec2:DeleteSnapshot", "InvalidSnapshot.NotFound", "", "already so"),
    ("ec2:CopySnapshot", "ResourceLimitExceeded", "", "not yet"),
    ("ec2:CopySnapshot", "IncorrectState", "", "not yet"),
    ("ec2:CopySnapshot", "InvalidSnapshot.NotFound", "", "AwsRefused"),
    ("ec2:CopySnapshot", "InternalError", "", "unknown"),
    ("ec2:LockSnapshot", "IncorrectState", "", "not yet"),
    ("ec2:DeleteSnapshot", "InvalidSnapshot.InUse", "", "AwsRefused"),
    ("ec2:CreateVolume", "IncorrectState", "", "not yet"),
    ("ec2:CreateVolume", "VolumeLimitExceeded", "", "AwsRefused"),
    ("ec2:DeleteVolume", "InvalidVolume.NotFound", "", "already so"),
    ("ec2:DeleteVolume", "VolumeInUse", "", "not yet"),
    ("ec2:DeleteVolume", "IncorrectState", "", "not yet"),
    ("ec2:CreateTags", "InvalidSnapshot.NotFound", "", "not yet"),
    ("ec2:CreateTags", "InvalidVolume.NotFound", "", "not yet"),
    ("ec2:CreateTags", "InvalidID", "", "not yet"),
    ("ec2:CreateTags", "TagLimitExceeded", "", "AwsRefused"),
    ("ec2:DeleteTags", "InvalidSnapshot.NotFound", "", "not yet"),
    ("ec2:DeleteTags", "InvalidVolume.NotFound", "", "not yet"),
    ("ec2:DeleteTags", "InvalidID", "", "not yet"),
    ("ec2:DeleteTags", "ConcurrentTagAccess", "", "not yet"),
    (
        "ec2:ModifyInstanceAttribute",
        "InvalidInstanceAttributeValue",
        "No device is currently mapped at /dev/sdb",
        "not yet",
    ),
    (
        "ec2:ModifyInstanceAttribute",
        "InvalidInstanceAttributeValue",
        "no such attribute",
        "AwsRefused",
    ),
    ("ec2:ModifyInstanceAttribute", "IncorrectInstanceState", "", "not yet"),
    ("ec2:StartInstances", "IncorrectInstanceState", "", "not yet"),
    ("ec2:StopInstances", "IncorrectInstanceState", "", "not yet"),
    (
        "ec2:StartInstances",
        "InsufficientInstanceCapacity",
        "",
        "CapacityLacking",
    ),
    ("ec2:StartInstances", "InsufficientHostCapacity", "", "CapacityLacking"),
    ("ec2:StartInstances", "InsufficientCapacity", "", "CapacityLacking"),
    (
        "ec2:StartInstances",
        "InsufficientCapacityOnHost",
        "",
        "CapacityLacking",
    ),
    (
        "ec2:StartInstances",
        "InsufficientReservedInstanceCapacity",
        "",
        "CapacityLacking",
    ),
    (
        "ec2:StartInstances",
        "ReservationCapacityExceeded",
        "",
        "CapacityLacking",
    ),
    ("ec2:StartInstances", "VcpuLimitExceeded", "", "CapacityLacking"),
    ("ec2:StartInstances", "InstanceLimitExceeded", "", "CapacityLacking"),
    ("ec2:StartInstances", "VolumeLimitExceeded", "", "CapacityLacking"),
    ("ec2:StartInstances", "RequestLimitExceeded", "", "not yet"),
    ("ec2:StartInstances", "UnauthorizedOperation", "", "AwsRefused"),
    ("ec2:StopInstances", "InstanceLimitExceeded", "", "AwsRefused"),
    ("ssm:SendCommand", "InvalidInstanceId", "", "NodeUnreachable"),
    ("ec2:DescribeInstances", "InvalidInstanceID.NotFound", "", "already so"),
    ("ec2:DescribeVolumes", "InvalidVolume.NotFound", "", "already so"),
    ("ssm:GetCommandInvocation", "InvocationDoesNotExist", "", "already so"),
    ("ssm:GetParameter", "ParameterNotFound", "", "ClusterNotFound"),
    ("scheduler:CreateSchedule", "ConflictException", "", "already so"),
    ("scheduler:UpdateSchedule", "ConflictException", "", "not yet"),
    ("scheduler:UpdateSchedule", "ResourceNotFoundException", "", "not yet"),
    ("scheduler:DeleteSchedule", "ConflictException", "", "not yet"),
    (
        "scheduler:DeleteSchedule",
        "ResourceNotFoundException",
        "",
        "already so",
    ),
    ("scheduler:GetSchedule", "ResourceNotFoundException", "", "already so"),
    ("scheduler:CreateSchedule", "ValidationException", "", "AwsRefused"),
    ("ec2:CreateSnapshots", "RequestLimitExceeded", "", "not yet"),
    ("ec2:CreateSnapshots", "Throttling", "", "not yet"),
    ("ssm:SendCommand", "ThrottlingException", "", "not yet"),
    ("ssm:SendCommand", "ThrottledException", "", "not yet"),
    ("ebs:ListSnapshotBlocks", "RequestThrottledException", "", "not yet"),
    ("ebs:ListSnapshotBlocks", "InternalServerException", "", "unknown"),
    (
        "ebs:GetSnapshotBlock",
        "ValidationException",
        "INVALID_BLOCK_TOKEN: it has expired",
        "already so",
    ),
    (
        "ebs:GetSnapshotBlock",
        "ValidationException",
        "INVALID_SNAPSHOT_ID: no",
        "AwsRefused",
    ),
    (
        "ebs:ListChangedBlocks",
        "ValidationException",
        "INVALID_PAGE_TOKEN: it has expired",
        "already so",
    ),
    (
        "ebs:ListChangedBlocks",
        "ValidationException",
        "UNRELATED_SNAPSHOTS: of two volumes",
        "NotComparable",
    ),
    (
        "ebs:ListChangedBlocks",
        "ValidationException",
        "INVALID_SNAPSHOT_ID: no",
        "AwsRefused",
    ),
    ("kms:DescribeKey", "NotFoundException", "", "already so"),
    ("kms:DescribeKey", "AccessDeniedException", "", "AwsRefused"),
    ("ec2:CreateTags", "EC2ThrottledException", "", "not yet"),
    (
        "servicequotas:ListServiceQuotas",
        "TooManyRequestsException",
        "",
        "not yet",
    ),
    (
        "dynamodb:GetItem",
        "ProvisionedThroughputExceededException",
        "",
        "not yet",
    ),
    ("ec2:CreateVolume", "SlowDown", "", "not yet"),
    ("ec2:CreateVolume", "RequestExpired", "", "not yet"),
    ("ec2:CreateSnapshots", "InternalError", "", "unknown"),
    ("ec2:CreateSnapshots", "InternalFailure", "", "unknown"),
    ("ssm:SendCommand", "InternalServerError", "", "unknown"),
    ("ssm:SendCommand", "InternalServerErrorException", "", "unknown"),
    ("ssm:SendCommand", "InternalException", "", "unknown"),
    ("ec2:AttachVolume", "ServerInternal", "", "unknown"),
    ("ec2:AttachVolume", "ServiceUnavailable", "", "unknown"),
    ("ec2:AttachVolume", "ServiceUnavailableException", "", "unknown"),
    ("ec2:AttachVolume", "Unavailable", "", "unknown"),
    ("ec2:AttachVolume", "RequestTimeout", "", "unknown"),
    ("ec2:AttachVolume", "RequestTimeoutException", "", "unknown"),
    ("ec2:AttachVolume", "RequestCanceled", "", "unknown"),
];

#[test]
fn each_answer_has_its_meaning() {
    for (call, code, message, wanted) in ANSWERS {
        assert_eq!(end(call, &Answer::error(code, message)), *wanted, "{call} {code}");
    }
    // No row of the table is without a line above.
    for (call, code, text, _) in TABLE.iter().copied() {
        let shown = ANSWERS.iter().any(|(of, shown, message, _)| {
            (call == "*" || of.ends_with(&format!(":{call}"))) && fits(code, shown) && message.contains(text)
        });
        assert!(shown, "{call} {code} is not tested");
    }
}

#[test]
fn a_failure_of_aws_itself_is_not_known_whatever_its_code() {
    for code in [None, Some("SomethingNew".to_owned())] {
        let answer = |status| Answer::Error {
            code: code.clone(),
            message: String::new(),
            status,
        };
        assert_eq!(end("ec2:CreateSnapshots", &answer(503)), "unknown");
        assert_eq!(end("ec2:CreateSnapshots", &answer(400)), "AwsRefused");
    }
    assert_eq!(end("ec2:CreateSnapshots", &Answer::None("timeout".into())), "unknown");
}

#[test]
fn what_is_not_shown_is_told_from_a_refusal_to_show_it() {
    let absent = |call, code| is_absent(call, &Answer::error(code, ""));
    assert!(absent("ec2:DescribeInstances", "InvalidInstanceID.NotFound"));
    assert!(absent("ssm:GetCommandInvocation", "InvocationDoesNotExist"));
    assert!(!absent("ssm:GetCommandInvocation", "ThrottlingException"));
    assert!(!is_absent("ec2:DescribeVolumes", &Answer::None("timeout".into())));
}

/// What the functions do without the reply of a call that only reads: the state machines retry `AwsUnavailable`.
#[test]
fn what_passes_by_itself_is_unavailable_to_a_reader() {
    let kind = |code| error("ec2:DescribeVolumes", &Answer::error(code, "")).kind();
    assert_eq!(kind("RequestLimitExceeded"), Kind::AwsUnavailable);
    assert_eq!(kind("InternalError"), Kind::AwsUnavailable);
    assert_eq!(kind("UnauthorizedOperation"), Kind::AwsRefused);
    let text = error("ec2:DescribeVolumes", &Answer::error("Blocked", "no")).to_string();
    assert!(
        text.starts_with("ec2:DescribeVolumes answered Blocked: no. Next: read"),
        "{text}"
    );
}
