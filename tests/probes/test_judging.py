"""Without a lab: each belief of AWS has a probe or a reason; the plan, the judgements, the look at an account."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from probes import plan
from probes.__main__ import main
from probes.account import signs
from probes.ask import events_raw, ssm_not_yet
from probes.ask.delivered import Delivered
from probes.asking import asked, of_refusal
from probes.scratch import NeverCame
from probes.unasked import REASONS
from probes.verdict import Probe, confirmed

ROOT = Path(__file__).resolve().parents[2]


def test_each_belief_of_aws_has_a_probe_or_a_reason():
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    tables = page.split("# What we believe of AWS", 1)[1]
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \|.*\| ([^|]*) \|$", tables, re.M))
    ours = {belief for belief in rows if belief.split("-")[0] in FAMILIES}
    probed = [probe.belief for probe in plan.chosen([])]
    assert len(probed) == len(set(probed)) and not set(probed) & set(REASONS)
    assert set(probed) | set(REASONS) == ours
    assert {belief for belief in ours if rows[belief].startswith("not asked")} == set(REASONS)


FAMILIES = {"ebs", "ec2", "fsr", "iam", "ssm", "lambda", "sfn", "events", "scheduler", "ddb"}


def test_all_of_it_takes_less_than_is_allowed():
    minutes, dollars = plan.estimate(plan.chosen([]))
    assert 10 < minutes <= plan.MOST_MINUTES and 0 < dollars <= plan.MOST_DOLLARS


def test_the_plan_is_printed_and_nothing_asked(capsys: pytest.CaptureFixture[str]):
    assert main(["--dry-run", "--only", "iam-null"]) == 0
    assert "iam-null" in capsys.readouterr().out
    assert main(["--dry-run", "--only", "nonsense"]) == 2


def test_an_account_that_looks_like_production_is_told_by_its_alias_or_its_tags():
    assert signs(["acme-prod"], []) == ("its alias is acme-prod",)
    assert signs([], [{"Key": "Environment", "Value": "production"}])
    assert not signs(["acme-products"], [{"Key": "Name", "Value": "prod"}, {"Key": "env", "Value": "dev"}])


def test_a_probe_that_goes_wrong_is_judged_by_how():
    def raising(error: Exception) -> Probe:
        def ask(_: object) -> None:
            raise error

        return Probe("x", ask, lambda _: confirmed(""), 0)

    assert asked(raising(KeyError("VolumeId")), None).result == "refuted"
    assert asked(raising(NeverCame("nothing")), None).result == "not asked"
    assert of_refusal(_refusal("ThrottlingException")).result == "not asked"
    assert of_refusal(_refusal("IncorrectState")).result == "refuted"


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "AttachVolume")


def test_commands_that_are_known_at_once_prove_nothing():
    assert ssm_not_yet.judge(["", ""]).result == "not asked"
    assert ssm_not_yet.judge(["", "InvocationDoesNotExist"]).result == "confirmed"
    assert ssm_not_yet.judge(["InvalidCommandId"]).result == "refuted"


@pytest.mark.parametrize(
    ("text", "words"), [('{"input": "a "b""}', "as they are"), ("", "nothing"), ('{"input": "a"}', "changes")]
)
def test_both_readings_of_a_transformer_are_told(text: str, words: str):
    assert words in events_raw.transformed(text)
    whole = "{" + ", ".join(f'"{each}": ""' for each in sorted(events_raw.MEMBERS)) + "}"
    assert events_raw.judge(Delivered(whole, text)).result == "confirmed"
    assert events_raw.judge(Delivered("{}", text)).result == "refuted"
