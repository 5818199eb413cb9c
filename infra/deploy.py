"""Create the stack, or update it while none of its clusters has an operation (`make deploy`).

    deploy.py [--stack mirrorsnap] [--bucket BUCKET] [--region REGION] [--tag Name=value …] [--yes] [Parameter=value …]

Deploys what `make build` wrote, for the processor that it was built for. Credentials are those of the AWS CLI. What is
not known is asked on a terminal the first time, and remembered (deploy_settings.py). The changes are shown before they
are made. The stack is then protected: it cannot be deleted by mistake, and no update may replace its table or a state
machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import change_set
import deploy_settings
from bootstrap_elf import Unusable, for_lambda
from botocore.exceptions import BotoCoreError, ClientError
from change_set import Refused
from deploy_settings import Missing, Settings, Wrong
from update_guard import OperationRunning, clusters, no_operation, refuse_if_running

TEMPLATE = Path(__file__).resolve().parent.parent / "target" / "deploy" / "template.json"
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


Confirm = Callable[[str], bool]


def prepared(session: Any, stack: str) -> bool:
    """Whether there is a stack to update. What a failed first creation left is removed before."""
    found = change_set.status(session, stack)
    if found == "ROLLBACK_COMPLETE":  # CloudFormation takes nothing but its deletion
        print(f"deploy: the first creation of {stack} had failed; its remains are deleted", flush=True)
        cloudformation = session.client("cloudformation")
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        found = ""
    return found not in ("", change_set.REVIEWED)


def with_bucket(session: Any, bucket: str, region: str, confirm: Confirm | None) -> None:
    """The bucket exists afterwards; Refused if it does not and nobody may be asked whether to make it."""
    s3 = session.client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        if confirm is None or not confirm(f"There is no bucket {bucket}. Make it?"):
            raise Refused(f"there is no S3 bucket {bucket}. Next: aws s3 mb s3://{bucket} --region {region}") from None
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)


def tags(session: Any, stack: str, settings: Settings) -> dict[str, str]:
    """Those that the stack has already stay: CloudFormation removes what a change set does not name."""
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Tags", [])
    return {**{each["Key"]: each["Value"] for each in found}, **settings.tags}


def put(session: Any, stack: str, settings: Settings, confirm: Confirm | None) -> bool:
    """Deploy; False where the person did not want the changes."""
    architecture = for_lambda().architecture
    updates = prepared(session, stack)
    if updates:
        refuse_if_running(session, stack)  # before a minute of uploads and a question; the guard below is what counts
    named = tags(session, stack, settings) if updates else settings.tags
    parameters = {**settings.parameters, "Architecture": architecture}
    at, region = TEMPLATE.parent, settings.region
    with tempfile.TemporaryDirectory() as directory:
        packed = str(Path(directory) / "packed.json")
        to_bucket = ("--s3-bucket", settings.bucket)
        package = ("package", "--template-file", TEMPLATE.name, *to_bucket, "--use-json")
        change_set.cli(at, region, *package, "--output-template-file", packed)
        # The CLI indents it, and CloudFormation takes no template of more than 1 MB.
        text = Path(packed).read_text(encoding="utf-8")
        Path(packed).write_text(json.dumps(json.loads(text), separators=(",", ":")), encoding="utf-8")
        overrides = [f"{name}={value}" for name, value in sorted(parameters.items())]
        tagged = ("--tags", *(f"{name}={value}" for name, value in sorted(named.items()))) if named else ()
        found = change_set.made(
            *(at, region, stack, not updates, "--template-file", packed, *to_bucket),
            *("--parameter-overrides", *overrides, *tagged),
        )
    if found is not None:
        print(f"deploy: {'changes of' if updates else 'what is made for'} stack {stack} in {region}")
        print(change_set.shown(list(found.of(session))), flush=True)
        try:
            if confirm is not None and not confirm("Deploy this?"):
                change_set.dropped(session, found)
                return False
            with no_operation(session, stack) if updates else contextlib.nullcontext():
                change_set.executed(session, found)
        except OperationRunning:
            change_set.dropped(session, found)
            raise
    cloudformation = session.client("cloudformation")
    cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
    cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=json.dumps(POLICY))
    return True


def next_command(session: Any, stack: str, settings: Settings) -> str:
    """What to do now, by the command line (docs/cli.md), with this stack in it."""
    flags = f" --region {settings.region}" + (f" --stack {stack}" if stack != "mirrorsnap" else "")
    known = sorted(clusters(session, stack))
    if known:
        return f"Next: how every cluster is\n  mirrorsnap status{flags}"
    return f"Next: describe the first cluster (`make cli` builds target/mirrorsnap)\n  mirrorsnap cluster add{flags}"


def asked_yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def known(wanted: argparse.Namespace, ask: deploy_settings.Ask | None) -> tuple[Any, Settings]:
    """A session and all that a deployment needs; the person is asked for the rest."""
    said = Settings(
        wanted.bucket,
        wanted.region,
        deploy_settings.pairs(wanted.parameters, "a parameter"),
        deploy_settings.pairs(wanted.tag, "a tag"),
    )
    settings = said.over(deploy_settings.remembered(wanted.stack))
    # boto3 does not read AWS_REGION, the AWS CLI's newer name.
    usual = os.environ.get("AWS_REGION") or boto3.Session().region_name or ""
    settings = deploy_settings.region(settings, usual, ask)
    session = boto3.Session(region_name=settings.region)
    account = session.client("sts").get_caller_identity()["Account"] if ask and not settings.bucket else ""
    settings = deploy_settings.bucket(settings, f"{wanted.stack.lower()}-artifacts-{account}-{settings.region}", ask)
    # Whoever updates a stack has decided before; an empty answer would end that subscription.
    settings = deploy_settings.alarm_mail(settings, None if change_set.status(session, wanted.stack) else ask)
    deploy_settings.check(settings)
    return session, settings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", default="", help="an S3 bucket for the functions' code and the template")
    parser.add_argument("--region", default="", help="where the stack is; else the AWS CLI's region")
    parser.add_argument("--stack", default="mirrorsnap", help="the stack's name, which all names in it begin with")
    parser.add_argument("--tag", action="append", default=[], metavar="Name=value", help="a tag of every resource")
    parser.add_argument("--yes", action="store_true", help="do not ask whether to make the changes")
    parser.add_argument("parameters", nargs="*", metavar="Parameter=value", help="parameters of the template")
    wanted = parser.parse_args(arguments)
    if not deploy_settings.STACK.fullmatch(wanted.stack):
        parser.error("a stack's name has letters, digits and hyphens, at most 47: functions' names begin with it")
    if not TEMPLATE.is_file():
        parser.error("there is no target/deploy/template.json: run `make build` first")
    person = deploy_settings.may_ask()
    try:
        session, settings = known(wanted, input if person else None)
        with_bucket(session, settings.bucket, settings.region, asked_yes if person else None)
        deploy_settings.remember(wanted.stack, settings)
        if not put(session, wanted.stack, settings, asked_yes if person and not wanted.yes else None):
            print("deploy: nothing was changed")
            return 1
        print(f"deploy: stack {wanted.stack} is {change_set.status(session, wanted.stack)}")
        if settings.parameters.get("AlarmEmail"):
            print(f"deploy: alarms reach {settings.parameters['AlarmEmail']} once AWS's mail to it was answered")
        print(next_command(session, wanted.stack, settings))
    except (Missing, Wrong) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    except (Refused, OperationRunning, Unusable, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\ndeploy: stopped; the stack is as CloudFormation shows it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
