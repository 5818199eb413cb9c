"""Beliefs that no probe asks, each with its reason."""

REASONS = {
    "ec2-late": "A describe that shows a write at once proves nothing about the next one.",
    "ec2-fresh-id": "A CreateTags that succeeds at once proves nothing about the next one.",
    "fsr-states": "Fast restore takes 60 minutes for each TiB, and an hour of it is billed for each zone.",
    "fsr-credit": "Fast restore takes 60 minutes for each TiB, and an hour of it is billed for each zone.",
    **dict.fromkeys(
        (
            "ebs-copy-no-token",
            "ebs-copy-tags",
            "ebs-copy-quota",
            "ebs-copy-key",
            "ebs-copy-presigned",
            "ebs-copy-volume",
        ),
        "A probe stays in one region: a second one may be closed to it, and what it leaves there is hard to find.",
    ),
    "ebs-lock": "A lock lasts a day at least, and a probe may not leave a snapshot that nobody can delete.",
    "ebs-list-without-key": "Each plan of a restore asks it, and says what was refused.",
    "sfn-late": "A DescribeExecution that shows the end at once proves nothing about the next one.",
}
