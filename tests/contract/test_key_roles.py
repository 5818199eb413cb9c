"""The roles allow what a dry run asks a key's policy to allow: AWS wants both (inspect/keys.rs of the domain)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_volume_roles import ACCOUNT, REGION, ROLES, allowed

KEYS = Path(__file__).resolve().parents[2] / "functions/domain/src/inspect/keys.rs"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
THROUGH_EC2 = {"kms:ViaService": f"ec2.{REGION}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}


def needs() -> list[tuple[str, str]]:
    """(function, action) as the inspection asks them of a key's policy."""
    text = KEYS.read_text(encoding="utf-8")
    every = re.findall(r'"(kms:\w+)"', text.split("const ALL")[1].split("];")[0])
    table = text.split("const NEEDS")[1].split("];")[0]
    found = re.findall(r'\("([a-z-]+)", (ALL|&\["kms:\w+"\])\)', table)
    return [(name, action) for name, some in found for action in (every if some == "ALL" else [some[3:-2]])]


def statements(function: str) -> list[dict[str, Any]]:
    return ROLES["".join(word.capitalize() for word in function.split("-")) + "Function"]


def test_all_are_read() -> None:
    assert len(needs()) == 13 and {name for name, _ in needs()} == {"set-power", "create-volumes", "swap-volumes"}


@pytest.mark.parametrize(("function", "action"), needs())
def test_the_role_allows_it_through_ec2_and_no_other_way(function: str, action: str) -> None:
    assert allowed(statements(function), action, KEY, THROUGH_EC2)
    assert not allowed(statements(function), action, KEY, {**THROUGH_EC2, "kms:ViaService": "s3.amazonaws.com"})
    if action == "kms:CreateGrant":
        assert not allowed(statements(function), action, KEY, {**THROUGH_EC2, "kms:GrantIsForAWSResource": "false"})


def test_a_role_that_lacks_it_is_seen() -> None:
    poorer = [each for each in statements("set-power") if each["Action"] != "kms:CreateGrant"]
    assert not allowed(poorer, "kms:CreateGrant", KEY, THROUGH_EC2)
