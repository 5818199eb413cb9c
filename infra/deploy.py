"""Create the stack, or update it while none of its clusters has an operation (`make deploy`).

    deploy.py --bucket BUCKET [--stack mirrorsnap] [Parameter=value …]

Deploys what `make build` wrote, for the processor that it was built for. Credentials and region are those of the AWS
CLI (AWS_PROFILE, AWS_REGION, …). The stack is then protected: it cannot be deleted by mistake, and no update may
replace its table or a state machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from bootstrap_elf import Unusable, for_lambda
from botocore.exceptions import BotoCoreError, ClientError
from update_guard import OperationRunning, no_operation

TEMPLATE = Path(__file__).resolve().parent.parent / "target" / "deploy" / "template.json"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
# A replaced table forgets who holds a cluster, and a deleted state machine ends its executions where they are.
POLICY = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            "Principal": "*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"ResourceType": ["AWS::DynamoDB::Table", "AWS::StepFunctions::StateMachine"]}
            },
        },
    ]
}


class Refused(Exception):
    """The stack was not deployed; the text says why and what to do."""


def status(session: Any, stack: str) -> str:
    """The stack's status, or an empty text if there is none."""
    try:
        return session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return ""
        raise


def cli(*arguments: str) -> None:
    """The AWS CLI, its output on the terminal."""
    command = [sys.executable, "-m", "awscli", "cloudformation", *arguments]
    environment = {**os.environ, "AWS_PAGER": ""}
    if subprocess.run(command, cwd=TEMPLATE.parent, env=environment, check=False).returncode:
        raise Refused(f"`aws cloudformation {arguments[0]}` failed, see above; it can be repeated")


def put(session: Any, wanted: argparse.Namespace) -> None:
    architecture = for_lambda().architecture
    found = status(session, wanted.stack)
    if found == "ROLLBACK_COMPLETE":  # a first creation that failed; CloudFormation takes nothing but its deletion
        print(f"deploy: the first creation of {wanted.stack} had failed; its remains are deleted", flush=True)
        cloudformation = session.client("cloudformation")
        cloudformation.delete_stack(StackName=wanted.stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=wanted.stack)
        found = ""
    guard = no_operation(session, wanted.stack) if found else contextlib.nullcontext()
    with tempfile.TemporaryDirectory() as directory:
        packed = str(Path(directory) / "packed.json")
        to_bucket = ("--s3-bucket", wanted.bucket)
        cli("package", "--template-file", TEMPLATE.name, *to_bucket, "--use-json", "--output-template-file", packed)
        with guard:
            cli(
                *("deploy", "--template-file", packed, "--stack-name", wanted.stack, *to_bucket),
                *("--no-fail-on-empty-changeset", "--capabilities", *CAPABILITIES),
                *("--parameter-overrides", f"Architecture={architecture}", *wanted.parameters),
            )
    cloudformation = session.client("cloudformation")
    cloudformation.update_termination_protection(StackName=wanted.stack, EnableTerminationProtection=True)
    cloudformation.set_stack_policy(StackName=wanted.stack, StackPolicyBody=json.dumps(POLICY))
    print(f"deploy: stack {wanted.stack} is {status(session, wanted.stack)}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", required=True, help="an S3 bucket for the functions' code and the template")
    parser.add_argument("--stack", default="mirrorsnap", help="the stack's name, which all names in it begin with")
    parser.add_argument("parameters", nargs="*", metavar="Parameter=value", help="parameters of the template")
    wanted = parser.parse_args(arguments)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,46}", wanted.stack):
        parser.error("a stack's name has letters, digits and hyphens, at most 47: functions' names begin with it")
    if not TEMPLATE.is_file():
        parser.error("there is no target/deploy/template.json: run `make build` first")
    try:
        put(boto3.Session(), wanted)
    except (Refused, OperationRunning, Unusable, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
