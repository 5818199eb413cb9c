"""A stack's change set: made by the AWS CLI, shown, and executed or thrown away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
ARN = re.compile(r"arn:\S+:changeSet/\S+")
# Of a stack that has a change set and nothing else.
REVIEWED = "REVIEW_IN_PROGRESS"
BEGINS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
EVERY = {"Delay": 5, "MaxAttempts": 720}


class Refused(Exception):
    """The stack was not deployed; the text says why and what to do."""


@dataclass(frozen=True)
class ChangeSet:
    stack: str
    arn: str
    creates: bool  # the stack itself

    def of(self, session: Any) -> Iterator[dict[str, Any]]:
        """Each changed resource, as CloudFormation describes it."""
        client = session.client("cloudformation")
        pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=self.arn)
        for page in pages:
            for each in page["Changes"]:
                yield each["ResourceChange"]


def cli(directory: Path, region: str, *arguments: str) -> str:
    """The AWS CLI: what it prints, its errors and progress on the terminal."""
    command = [sys.executable, "-m", "awscli", "cloudformation", *arguments]
    environment = {**os.environ, "AWS_PAGER": "", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    done = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stdout, end="", flush=True)
        raise Refused(f"`aws cloudformation {arguments[0]}` failed, see above; it can be repeated")
    return done.stdout


def made(directory: Path, region: str, stack: str, creates: bool, *arguments: str) -> ChangeSet | None:
    """A change set, not executed, or None where nothing would change."""
    said = cli(
        directory,
        region,
        *("deploy", "--stack-name", stack, "--no-execute-changeset", "--no-fail-on-empty-changeset"),
        *("--capabilities", *CAPABILITIES, *arguments),
    )
    found = ARN.search(said)
    return ChangeSet(stack, found[0], creates) if found else None


def shown(changes: list[dict[str, Any]]) -> str:
    """The changes for a person: what is replaced or removed by its name, the rest as counts by type."""
    loud = [
        each for each in changes if each["Action"] == "Remove" or each.get("Replacement") in ("True", "Conditional")
    ]
    counts: dict[tuple[str, str], int] = {}
    for each in changes:
        if each not in loud:
            key = (each["Action"], each["ResourceType"])
            counts[key] = counts.get(key, 0) + 1
    lines = [f"  {action.lower():8} {count:3} {kind}" for (action, kind), count in sorted(counts.items())]
    for each in sorted(loud, key=lambda each: each["LogicalResourceId"]):
        does = {"True": "REPLACE", "Conditional": "replace?"}.get(each.get("Replacement", ""), "REMOVE")
        lines.append(f"  {does:8}     {each['ResourceType']} {each['LogicalResourceId']}")
    return "\n".join(lines)


def dropped(session: Any, found: ChangeSet) -> None:
    """Throw it away, and the stack too where it has nothing else."""
    client = session.client("cloudformation")
    client.delete_change_set(ChangeSetName=found.arn)
    if found.creates:
        client.delete_stack(StackName=found.stack)


def executed(session: Any, found: ChangeSet) -> None:
    client = session.client("cloudformation")
    client.execute_change_set(ChangeSetName=found.arn)
    waiter = client.get_waiter("stack_create_complete" if found.creates else "stack_update_complete")
    try:
        waiter.wait(StackName=found.stack, WaiterConfig=EVERY)
    except WaiterError:
        raise Refused(
            f"stack {found.stack} is {status(session, found.stack)}: {_why(client, found.stack)}. "
            "Next: mend what it says, and deploy again"
        ) from None


def _why(client: Any, stack: str) -> str:
    """The first failure of this attempt; those after it are mostly its consequences."""
    found = "its events in CloudFormation say why"
    for each in client.describe_stack_events(StackName=stack)["StackEvents"]:
        if each["ResourceStatus"].endswith("_FAILED"):
            found = f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason given')}"
        elif each["LogicalResourceId"] == stack and each["ResourceStatus"] in BEGINS:
            break
    return found


def status(session: Any, stack: str) -> str:
    """The stack's status, or an empty text if there is none."""
    try:
        return session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return ""
        raise
