"""Whether a policy lets a call of EC2 pass, by DryRun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..scratch import Scratch, code_of

ANSWERS = {"DryRunOperation": "allowed", "UnauthorizedOperation": "denied"}


def allow(actions: str | list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    """A statement; `condition`: operator -> {key: value}, the operator's colon as two underscores."""
    conditions = {operator.replace("__", ":"): keys for operator, keys in condition.items()}
    return {
        "Effect": "Allow",
        "Action": actions,
        "Resource": resource,
        **({"Condition": conditions} if conditions else {}),
    }


def outcome(scratch: Scratch, call: Callable[[Any], Any], *statements: dict[str, Any]) -> str:
    """allowed, denied, or the code of another answer. `call(ec2)` makes the call, with DryRun."""
    code = code_of(lambda: call(scratch.as_caller("ec2", *statements)))
    return ANSWERS.get(code, code or "carried out")


def wrong(seen: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return [f"{case}: {seen[case]}, not {wanted[case]}." for case in wanted if seen[case] != wanted[case]]
