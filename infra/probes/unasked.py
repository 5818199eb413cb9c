"""Beliefs that no probe asks, each with its reason."""

REASONS = {
    "ec2-late": "A describe that shows a write at once proves nothing about the next one.",
    "ec2-fresh-id": "A CreateTags that succeeds at once proves nothing about the next one.",
    "fsr-states": "Fast restore takes 60 minutes for each TiB, and an hour of it is billed for each zone.",
    "fsr-credit": "Fast restore takes 60 minutes for each TiB, and an hour of it is billed for each zone.",
    "sfn-late": "A DescribeExecution that shows the end at once proves nothing about the next one.",
}
