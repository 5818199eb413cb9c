"""What a reference would have otherwise, and why it is as it is."""

_KEYS = (
    "The volumes' keys are known only when they are read. `kms:ViaService` limits the use to EC2, and each key's own "
    "policy says who may use it at all."
)
# Roles, against the Service Authorization Reference. One that explains nothing any more is a finding itself.
REASONS: dict[str, str] = {
    **{
        f"kms:{action}: granted on every resource": _KEYS
        for action in (
            *("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"),
            "ReEncryptTo",
        )
    },
    "kms:GetKeyPolicy: granted on every resource": (
        "The volumes' keys are known only when they are read. Nothing is changed or decrypted."
    ),
    "states:DescribeExecution: not granted on any express, which it requires": (
        "An execution is of a standard or of an express machine. All of ours are standard ones."
    ),
}

_EXAMPLE = (
    "AWS answers so: `aws ssm {} help` has this very text in its example. The shape's limits are those of what is sent."
)
# API calls, against botocore's shapes: a pattern of what is found -> why.
OF_CALLS: dict[str, str] = {
    "ssm:* answered *.CloudWatchLogGroupName: the length 0 is below 1": _EXAMPLE.format("get-command-invocation"),
    "ssm:GetParameters answered .InvalidParameters: the number of items 0 is below 1": _EXAMPLE.format(
        "get-parameters"
    ),
    "ssm:* answered *.OutputS3BucketName: the length 0 is below 3": _EXAMPLE.format("send-command"),
    "ssm:* answered *.NotificationConfig.NotificationType: '' is none of *": _EXAMPLE.format("send-command"),
    "ssm:GetCommandInvocation answered .ExecutionElapsedTime: 'PT*S' does not match *": (
        _EXAMPLE.format("get-command-invocation")
    ),
    "ssm:GetCommandInvocation answered .Execution*DateTime: '????-??-??T??:??:??.???Z' does not match *": (
        _EXAMPLE.format("get-command-invocation")
    ),
    "ssm:GetCommandInvocation answered .Execution*Time: '' does not match *": (
        "The API reference: if the plugin has not begun to run, the string is empty; so is the time that it took."
    ),
    "cloudformation:DescribeStackEvents answered .StackEvents*.ResourceStatus: '*_CLEANUP_IN_PROGRESS' is none of *": (
        "The event of the stack itself has the stack's own status, which the shape of a resource's status lacks."
    ),
}
