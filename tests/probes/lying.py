"""The probes against a lab of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from probes import plan
from probes.asking import ask_all
from probes.removal import Removal
from probes.scratch import Scratch, Waiting
from probes.verdict import Verdict

from lab.client import TESTS, Lab

LIES: list[dict[str, Any]] = yaml.safe_load((TESTS / "lies" / "lies.yaml").read_text(encoding="utf-8"))
SMOKE = ("token-ignored", "null-always-met")  # the lies that make test looks for
SCALE = 20
# A snapshot is pending, and a command unknown, for long enough to be seen so.
TIMING, SSM = {"snapshot": 40.0, "snapshot_interval": 2.0}, {"invocation_delay": 4.0}


def asked(options: Sequence[str] = (), only: Sequence[str] = ()) -> tuple[dict[str, Verdict], list[str]]:
    """The verdicts in a lab of these options, and what was left in it."""
    with Lab(scale=SCALE, options=list(options)) as lab:
        lab.control("timing", values=TIMING)
        lab.control("ssm", values=SSM)
        account = lab.boto("sts").get_caller_identity()["Account"]
        scratch = Scratch(lab.boto, "r1", account, lab.region, "aws", Waiting(SCALE, poll=0.05))
        verdicts: dict[str, Verdict] = {}
        ask_all(scratch, plan.chosen(only), verdicts, in_the_lab=True, say=lambda _: None)
        return verdicts, Removal(lab.boto, "r1", scratch.waiting).all()


def found(lie: dict[str, Any]) -> tuple[Verdict, list[str]]:
    """The verdict on the belief that a lie breaks, in a lab that tells it, and what was left there."""
    verdicts, left = asked(["--lie", lie["id"]], [lie["belief"]])
    return verdicts[lie["belief"]], left
