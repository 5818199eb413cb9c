"""Mutants for references/uses.py: a permission more, one that nobody used, an exception that is none any more."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import context, iam
from lab import witness as witness_module
from lab.gateway import Call, _current
from lab.witness import Witness
from references import uses

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402

ROLE = "arn:aws:sts::000000000000:assumed-role/mirrorsnap-AssessFunctionRole-1A2B/session"
HELD = {"AssessFunctionRole": {"dynamodb:GetItem", "ssm:CancelCommand"}}


@pytest.fixture
def template() -> dict[str, Any]:
    return json.loads(json.dumps(build.build()))


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's witness, and a call of the role's that is being served."""
    monkeypatch.setattr(witness_module, "witness", Witness(tmp_path))
    monkeypatch.setattr(context, "lab", SimpleNamespace(lock=SimpleNamespace()), raising=False)
    token = _current.set(Call("dynamodb", "GetItem", {}, ROLE, "id"))
    yield tmp_path
    _current.reset(token)


def test_what_a_role_is_allowed_is_left_once_and_what_it_is_denied_is_not(
    left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None, "denied"])
    monkeypatch.setattr(iam, "_stock_enforce", lambda *_: next(answers))
    for action in ("dynamodb:GetItem", "dynamodb:GetItem", "dynamodb:Scan"):
        iam.enforce("ASIA", action, "dynamodb", "eu-west-1")
    assert uses.gathered(left) == {"AssessFunctionRole": {"dynamodb:GetItem"}}
    (file,) = left.glob("allowed-*.jsonl")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1


def test_what_users_do_is_no_role_s(left: Path) -> None:
    assert witness_module.witness
    witness_module.witness.allowed("arn:aws:iam::000000000000:user/tanaka", "ec2:StopInstances")
    witness_module.witness.allowed("arn:aws:sts::000000000000:assumed-role/nodes/i-0a", "ssm:UpdateInstanceInformation")
    assert uses.gathered(left) == {}


def test_every_role_of_the_template_is_judged(template: dict[str, Any]) -> None:
    held = uses.granted(template)
    assert len(held) == 27  # 16 functions, 8 state machines, two of schedules, the rules'
    assert held["SetPowerFunctionRole"] >= {"ec2:StartInstances", "ec2:StopInstances", "kms:CreateGrant"}
    assert held["SwapVolumesFunctionRole"] >= {"kms:ReEncryptFrom", "kms:ReEncryptTo"}
    assert held["RuleRole"] == {"states:StartExecution"}


def test_an_action_that_nobody_used_is_named() -> None:
    found = list(uses.problems(HELD, {"AssessFunctionRole": {"dynamodb:GetItem"}}, []))
    assert found == ["AssessFunctionRole holds ssm:CancelCommand, and nothing used it"]
    # Another role's use is none.
    found = list(uses.problems(HELD, {"ReportFunctionRole": HELD["AssessFunctionRole"]}, []))
    assert len(found) == 2


def test_an_exception_is_for_its_roles_only_and_ends_with_the_permission() -> None:
    used = {"AssessFunctionRole": {"dynamodb:GetItem"}}
    assert list(uses.problems(HELD, used, [uses.Exempt("Assess*", ("ssm:CancelCommand",), "why")])) == []
    found = list(uses.problems(HELD, used, [uses.Exempt("Report*", ("ssm:CancelCommand",), "why")]))
    assert found == [
        "AssessFunctionRole holds ssm:CancelCommand, and nothing used it",
        "unused.yaml: no role like Report* holds ssm:CancelCommand any more",
    ]


def test_each_exception_is_of_a_permission_that_is_held_and_has_a_reason(template: dict[str, Any]) -> None:
    held = uses.granted(template)
    assert list(uses.problems(held, held, uses.exceptions())) == []
    assert all(len(each.why) > 40 for each in uses.exceptions())


def test_the_command_fails_where_something_is_unused(tmp_path: Path, template: dict[str, Any], capsys) -> None:
    (tmp_path / "template.json").write_text(json.dumps(template))
    held = {role: sorted(actions) for role, actions in uses.granted(template).items()}
    (tmp_path / "all.json").write_text(json.dumps(held))
    arguments = ["check", str(tmp_path / "template.json"), str(tmp_path / "all.json")]
    assert uses.main(arguments) == 0
    held["ExpireBackupsFunctionRole"].remove("ec2:DeleteSnapshot")
    (tmp_path / "all.json").write_text(json.dumps(held))
    assert uses.main(arguments) == 1
    assert "ExpireBackupsFunctionRole holds ec2:DeleteSnapshot" in capsys.readouterr().err
