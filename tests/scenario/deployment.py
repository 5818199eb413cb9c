"""target/deploy/template.json (made by `make build`) into a lab: with the AWS CLI, as a user does it, or without.

Both package with the AWS CLI's own packager, so what arrives is the same. `by_cli` starts two processes, which takes
seconds; `make demo` and tests/product/test_inputs.py deploy with it, everything else with `by_api`.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awscli.customizations.cloudformation.artifact_exporter import Template
from awscli.customizations.s3uploader import S3Uploader
from botocore.exceptions import ClientError

from lab.client import Lab

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "target" / "deploy" / "template.json"
STACK = "mirrorsnap"
BUCKET = "mirrorsnap-artifacts"
# Functions run as processes of this very machine, so they are built for it.
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
CAPABILITIES = ("CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
SECONDS = 600  # real, to end what hangs; the CLI polls a stack every few seconds

Say = Callable[[str], None]
Deploy = Callable[[Lab, Say], None]


class ProductError(Exception):
    """The product cannot be deployed or lacks what a step needs; the text says what to do."""


def prepare(lab: Lab, say: Say) -> None:
    if not TEMPLATE.is_file():
        raise ProductError(f"{TEMPLATE.relative_to(ROOT)} is missing: run `make build` first")
    say("packaging the template and the functions")
    lab.boto("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": lab.region})


def _aws(lab: Lab, *arguments: str) -> None:
    """The AWS CLI against the lab; ProductError with its own words if it fails."""
    env = {**os.environ, **lab.environment, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}
    env.pop("AWS_PROFILE", None)
    command = [sys.executable, "-m", "awscli", *arguments]
    try:
        done = subprocess.run(command, cwd=TEMPLATE.parent, env=env, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ProductError(f"`aws {' '.join(arguments[:2])}` did not end within {SECONDS} s") from None
    if done.returncode:
        raise ProductError(f"`aws {' '.join(arguments[:2])}` failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def by_cli(lab: Lab, say: Say) -> None:
    """`aws cloudformation package`, then `aws cloudformation deploy`."""
    prepare(lab, say)
    with tempfile.TemporaryDirectory(prefix="mirrorsnap-deploy-") as directory:
        packed = str(Path(directory) / "packed.json")
        _aws(
            lab,
            *("cloudformation", "package", "--template-file", TEMPLATE.name, "--s3-bucket", BUCKET),
            *("--use-json", "--output-template-file", packed),
        )
        say("deploying the stack")
        _aws(
            lab,
            *("cloudformation", "deploy", "--template-file", packed, "--stack-name", STACK, "--s3-bucket", BUCKET),
            *("--capabilities", *CAPABILITIES, "--parameter-overrides", f"Architecture={ARCHITECTURE}"),
        )


class _Uploader(S3Uploader):
    """The CLI's own, without its progress on the terminal, and with one look at a file that many functions share."""

    def __init__(self, s3: Any, bucket: str) -> None:
        super().__init__(s3, bucket)
        self._checksums: dict[str, str] = {}

    def file_checksum(self, file_name: str) -> str:
        if file_name not in self._checksums:
            self._checksums[file_name] = super().file_checksum(file_name)
        return self._checksums[file_name]

    def upload(self, file_name: str, remote_path: str) -> str:
        self.s3.upload_file(file_name, self.bucket_name, remote_path)
        return self.make_url(remote_path)


def packed(lab: Lab) -> dict[str, Any]:
    """The template as the CLI's packager leaves it, its artifacts in the bucket."""
    return Template(TEMPLATE.name, str(TEMPLATE.parent), _Uploader(lab.boto("s3"), BUCKET)).export()


def by_api(lab: Lab, say: Say) -> None:
    """The CLI's packager and CreateStack, in this process."""
    prepare(lab, say)
    say("deploying the stack")
    if (status := put(lab, packed(lab))) != "CREATE_COMPLETE":
        raise ProductError(f"the stack is {status}: {_reasons(lab, STACK)}")


def put(lab: Lab, template: dict[str, Any], stack: str = STACK, update: bool = False, **parameters: str) -> str:
    """CreateStack or UpdateStack with a packed template; the status that the stack ends with."""
    # Without the morning's message, which would come in whichever test its hour falls.
    parameters = {"Architecture": ARCHITECTURE, "MorningHour": "", **parameters}
    cloudformation = lab.boto("cloudformation")
    lab.boto("s3").put_object(Bucket=BUCKET, Key="packed.json", Body=json.dumps(template))
    try:
        (cloudformation.update_stack if update else cloudformation.create_stack)(
            StackName=stack,
            TemplateURL=f"{lab.endpoint}/{BUCKET}/packed.json",
            Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
    except ClientError as error:
        raise ProductError(f"the stack was refused: {error}") from error
    deadline = time.monotonic() + SECONDS
    while (status := _status(cloudformation, stack)).endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise ProductError(f"the stack is still {status}: {_reasons(lab, stack)}")
        time.sleep(0.05)
    return status


def _status(cloudformation: Any, stack: str) -> str:
    return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


def _reasons(lab: Lab, stack: str) -> str:
    events = lab.boto("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    found = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in events]
    return "; ".join(text for e, text in zip(events, found, strict=True) if e["ResourceStatus"].endswith("_FAILED"))
