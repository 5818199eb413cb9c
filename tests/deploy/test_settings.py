"""What `make deploy` knows: said, remembered, asked; on a pipe nobody is asked."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import deploy_settings  # noqa: E402
from deploy_settings import Missing, Settings, Wrong  # noqa: E402


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "mirrorsnap" / "deploy.json"


def answers(*texts: str) -> tuple[deploy_settings.Ask, list[str]]:
    """A person with these answers, and what it was asked."""
    left, asked = iter(texts), []

    def ask(question: str) -> str:
        asked.append(question)
        return next(left)

    return ask, asked


def test_what_was_said_is_remembered_by_stack_and_for_its_owner_only(home: Path) -> None:
    first = Settings("one-artifacts", "eu-west-1", {"AlarmEmail": "a@example.com"}, {"team": "ops"})
    deploy_settings.remember("mirrorsnap", first)
    deploy_settings.remember("other", Settings("two-artifacts", "ap-northeast-1"))
    assert deploy_settings.remembered("mirrorsnap") == first
    assert deploy_settings.remembered("other").region == "ap-northeast-1"
    assert deploy_settings.remembered("third") == Settings()
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert list(home.parent.iterdir()) == [home]


def test_what_is_said_now_wins_over_what_is_remembered() -> None:
    older = Settings("old-artifacts", "eu-west-1", {"LogRetentionDays": "30", "AlarmEmail": ""}, {"team": "ops"})
    now = Settings("", "", {"LogRetentionDays": "90"}, {"cost": "7"})
    assert now.over(older) == Settings(
        "old-artifacts", "eu-west-1", {"LogRetentionDays": "90", "AlarmEmail": ""}, {"team": "ops", "cost": "7"}
    )


@pytest.mark.parametrize("text", ["{", '{"mirrorsnap": {"buckets": "x"}}'])
def test_a_file_that_cannot_be_read_is_named(home: Path, text: str) -> None:
    home.parent.mkdir(parents=True)
    home.write_text(text)
    with pytest.raises(Wrong, match=r"deploy\.json"):
        deploy_settings.remembered("mirrorsnap")


def test_on_a_terminal_what_is_missing_is_asked_until_it_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    ask, asked = answers("Tokyo", "ap-northeast-1", "", "nobody", "ops@example.com")
    found = deploy_settings.region(Settings(), "", ask)
    found = deploy_settings.bucket(found, "mirrorsnap-artifacts-1-ap-northeast-1", ask)
    found = deploy_settings.alarm_mail(found, ask)
    assert found == Settings(
        "mirrorsnap-artifacts-1-ap-northeast-1", "ap-northeast-1", {"AlarmEmail": "ops@example.com"}
    )
    assert len(asked) == 5 and "[mirrorsnap-artifacts-1-ap-northeast-1]" in asked[2]
    assert capsys.readouterr().out.count("will not do") == 2


def test_what_is_known_is_not_asked() -> None:
    ask, asked = answers()
    known = Settings("artifacts", "", {"AlarmEmail": ""})
    found = deploy_settings.bucket(deploy_settings.region(known, "eu-west-1", ask), "other", ask)
    assert deploy_settings.alarm_mail(found, ask) == Settings("artifacts", "eu-west-1", {"AlarmEmail": ""})
    assert asked == []


def test_on_a_pipe_nobody_is_asked_and_what_is_missing_is_named() -> None:
    with pytest.raises(Missing, match="REGION="):
        deploy_settings.region(Settings(), "", None)
    with pytest.raises(Missing, match="BUCKET="):
        deploy_settings.bucket(Settings(), "proposal", None)
    assert deploy_settings.alarm_mail(Settings(), None) == Settings()


def test_a_pipe_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, answered, may in ((True, True, True), (True, False, False), (False, True, False)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda said=said: said)
        monkeypatch.setattr(sys.stdin, "isatty", lambda answered=answered: answered)
        assert deploy_settings.may_ask() is may


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (Settings(bucket="My_Bucket"), "S3 bucket"),
        (Settings(region="Tokyo"), "region"),
        (Settings(parameters={"AlarmEmail": "ops"}), "mail"),
        (Settings(parameters={"SubnetIds": "subnet-0a"}), "SecurityGroupIds"),
        (Settings(parameters={"SecurityGroupIds": "sg-0a"}), "SubnetIds"),
    ],
)
def test_what_cannot_be_is_named_before_anything_is_done(settings: Settings, wrong: str) -> None:
    with pytest.raises(Wrong, match=wrong):
        deploy_settings.check(settings)


def test_settings_that_can_be_pass() -> None:
    deploy_settings.check(Settings())
    vpc = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0a", "AlarmEmail": "ops@example.com"}
    deploy_settings.check(Settings("mirrorsnap-artifacts", "us-gov-west-1", vpc))


def test_a_value_may_have_an_equals_sign_and_a_name_must_have_one() -> None:
    assert deploy_settings.pairs(["BackupSchedule=cron(0 3 * * ? *)", "a=b=c"], "a parameter") == {
        "BackupSchedule": "cron(0 3 * * ? *)",
        "a": "b=c",
    }
    for text in ("AlarmEmail", "=x"):
        with pytest.raises(Wrong, match="Name=value"):
            deploy_settings.pairs([text], "a parameter")


def test_the_file_is_json_that_a_person_can_read(home: Path) -> None:
    deploy_settings.remember("mirrorsnap", Settings("artifacts", "eu-west-1"))
    assert json.loads(home.read_text())["mirrorsnap"]["bucket"] == "artifacts"
