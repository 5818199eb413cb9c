"""The command line's binary as a user runs it, with a lab as AWS."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.client import Lab
from scenario.product import Product

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target" / "mirrorsnap"
SECONDS = 600  # real; they end what hangs
DONE, REFUSED, USAGE, NOT_BACK, AWS, NEEDS_YOU, STOPPED = 0, 1, 2, 3, 4, 5, 130

Run = Callable[..., subprocess.CompletedProcess[str]]


def clock(lab: Lab) -> dict[str, str]:
    """The lab's time for the command line, as functions/src/aws/clock.rs reads it: a user's clock is AWS's."""
    now, home = lab.control("time"), Path(lab.control("node_status", name="active")["root"]).parents[1]
    return {
        "MIRRORSNAP_SECOND_MILLISECONDS": str(1000 / now["scale"]),
        "MIRRORSNAP_CLOCK_START": str(now["epoch"] - now["t"]),
        "MIRRORSNAP_CLOCK_FILE": str(home / "clock"),
    }


def user(lab: Lab) -> dict[str, str]:
    """A user's environment, in English. The lab's cluster is up."""
    assert BINARY.is_file(), "run `make cli` first"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MIRRORSNAP_", "LC_"))}
    none = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LANG": "C.UTF-8",
    }
    return {**kept, **none, **clock(lab), **lab.environment}


def only(lab: Lab, name: str, *actions: str) -> dict[str, str]:
    """The environment of another caller, who may do these actions alone."""
    iam = lab.boto("iam")
    iam.create_user(UserName=name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(allowed))
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}


def runs(environment: Mapping[str, str]) -> Run:
    """Runs the binary with arguments, with `typed` on its standard input, which is no terminal."""

    def call(*arguments: str, typed: str = "", **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BINARY), *arguments],
            env={**environment, **changed},
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    return call


def said(ended: subprocess.CompletedProcess[str], code: int) -> str:
    """What it printed on standard output; it must have ended with this code."""
    assert ended.returncode == code, f"{ended.returncode}, not {code}:\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def normal(lab: Lab) -> None:
    """Waits until the lab's clusters are normal."""
    deadline = lab.deadline(600, least=60)
    while residue := [each["text"] for each in lab.control("oracles")["residue"]]:
        assert not deadline.passed(), residue
        time.sleep(0.1)


def described(product: Product) -> dict[str, Any] | None:
    """The cluster's parameter, parsed; None: there is none."""
    found = product.ssm.get_parameters(Names=["/mirrorsnap/clusters/orders"])["Parameters"]
    return json.loads(found[0]["Value"]) if found else None
