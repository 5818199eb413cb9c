"""The command line's own binary against the lab: what it starts, what it shows, and the codes that it exits with.

One lab for all: each test leaves the cluster normal, without a hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from command_line import AWS, BINARY, DONE, NEEDS_YOU, NOT_BACK, REFUSED, STOPPED, USAGE, Run, normal, runs, said, user
from terminal import ESCAPES, Terminal

from lab.client import Lab
from lab.nodes.clusterpro.configuration import SECRETS
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}), {"objective_hours": 26})
        made.deploy()
        wait_until_up(lab)
        yield made


@pytest.fixture
def environment(product: Product) -> dict[str, str]:
    return user(product.lab)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    return runs(environment)


def test_a_backup_is_followed_and_everything_shows_it(product: Product, run: Run) -> None:
    assert "orders: it has no valid backup\n  mirrorsnap backup orders" in said(run("status"), NEEDS_YOU)
    ended = run("backup", "orders")
    (backup,) = product.valid_backups()
    assert f"done: backup {backup}, valid" in said(ended, DONE) and "outage" in ended.stdout
    phases = [line.split("  ")[-1] for line in ended.stderr.splitlines()]
    wanted = ["Inspect", "Quiesce", "Split", "Resume", "EnterBackupMode", "StopStandby", "Snapshot", "StartStandby"]
    assert [each for each in phases if each in wanted] == wanted, ended.stderr
    assert "LeaveBackupMode" in phases, "what its child does is shown too"
    down, back = (ended.stderr.index(text) for text in ("the service may be down", "the service is back, after"))
    assert down < back
    assert not ESCAPES.search(ended.stderr + ended.stdout), "no colours and no bars on a pipe"

    status = json.loads(said(run("status", "--output", "json"), DONE))
    (row,) = status["clusters"]
    assert (row["cluster"], row["active"], row["newest"]["id"]) == ("orders", "server1", backup)
    assert row["wrong"] == [] and row["runs"] is None
    assert "nothing is wrong" in said(run("status"), DONE)
    assert backup in said(run("backups", "orders"), DONE)
    shown = json.loads(said(run("backups", "orders", "--show", backup, "--output", "json"), DONE))
    assert shown["valid"] is True and len(shown["snapshots"]) == 1
    said(run("backups", "orders", "--show", "orders-20200101T000000Z"), REFUSED)
    assert "server1" in said(run("cluster", "list"), DONE)


def test_a_restore_its_rollback_and_its_release(product: Product, run: Run) -> None:
    if not product.valid_backups():
        said(run("backup", "orders"), DONE)
    plan = said(run("restore", "orders", "--dry-run"), DONE)
    assert len(plan.splitlines()) > 3, plan
    japanese = said(run("restore", "orders", "--dry-run", LANG="ja_JP.UTF-8"), DONE)
    assert len(japanese.splitlines()) == len(plan.splitlines())
    assert [line for line in japanese.splitlines() if line and not re.search("[ぁ-んァ-ヶ一-龥]", line)] == []
    before = len(product.lab.control("executions"))
    assert "--yes --confirm" in run("restore", "orders").stderr
    said(run("restore", "orders"), USAGE)
    said(run("restore", "orders", "--yes"), USAGE)
    assert "ConfirmationMismatch" in run("restore", "orders", "--yes", "--confirm", "order").stderr
    assert len(product.lab.control("executions")) == before, "nothing was started"

    ended = run("restore", "orders", "--yes", "--confirm", "orders", "--output", "json")
    document = json.loads(said(ended, DONE))
    restore = document["output"]["id"]
    assert document["exit"] == 0 and re.fullmatch(r"orders-r-\d{8}T\d{6}Z", restore)
    assert ended.stderr.index("the service may be down") < ended.stderr.index("the service is back, after")
    said(run("rollback", "orders", restore, "--yes", "--confirm", "orders"), DONE)
    said(run("release", "orders", restore, "--yes", "--confirm", "orders"), DONE)
    said(run("rollback", "orders", restore, "--yes", "--confirm", "orders"), REFUSED)
    normal(product.lab)


def test_a_hold_during_a_backup_leaves_the_cluster_unfinished_until_its_end(product: Product, run: Run) -> None:
    started = json.loads(said(run("backup", "orders", "--detach", "--output", "json"), DONE))

    def has_begun() -> bool:
        history = product.sfn.get_execution_history(executionArn=started["execution"], maxResults=1000)["events"]
        return any(each.get("stateEnteredEventDetails", {}).get("name") == "EnterBackupMode" for each in history)

    product.lab.wait_for(has_begun, 300, "the phase EnterBackupMode")
    assert "backup" in run("status").stdout, "what runs is shown"
    said(run("hold", "orders", "disks, Tanaka"), DONE)
    ended = run("watch", "--execution", started["execution"])
    assert "THE CLUSTER IS NOT BACK" in said(ended, NOT_BACK)
    status = said(run("status"), NEEDS_YOU)
    assert "orders: it is on hold (disks, Tanaka)" in status and "mirrorsnap unhold orders" in status
    assert "OperatorHold" in said(run("backup", "orders"), REFUSED)
    # A standby that heard of the hold and was off at its end needs a second end (operations.md).
    for _ in range(2):
        unheld = json.loads(said(run("unhold", "orders", "--output", "json"), DONE))["output"]
        ended = run("watch", "--execution", unheld["recover"])
        if ended.returncode != NOT_BACK:
            break
    said(ended, DONE)
    normal(product.lab)
    assert "nothing to do" in said(run("recover", "orders"), DONE)
    assert "nothing runs on orders" in said(run("watch", "orders"), DONE)


def test_the_live_screen_and_ctrl_c(product: Product, environment: dict[str, str], run: Run) -> None:
    terminal = Terminal([str(BINARY), "backup", "orders"], environment)
    terminal.wait_for("EnterBackupMode")
    assert "\x1b[" in terminal.shown, "a terminal's last line is drawn anew"
    terminal.type("\x03")
    code = terminal.end()
    assert code == STOPPED, terminal.text()
    again = re.search(r"mirrorsnap (watch --execution \S+)", terminal.text())
    assert again, terminal.text()
    # The operation goes on, and is taken up again.
    assert "done: backup" in said(run(*again[1].split()), DONE)


def test_the_typed_name_is_asked_for_below_the_plan(product: Product, environment: dict[str, str]) -> None:
    before = len(product.lab.control("executions"))
    terminal = Terminal([str(BINARY), "restore", "orders"], environment)
    terminal.wait_for("Type the cluster's name, orders, to go on:")
    terminal.type("order\n")
    assert terminal.end() == REFUSED, terminal.text()
    assert "ConfirmationMismatch" in terminal.text()
    assert len(product.lab.control("executions")) == before + 1, "only the dry run"


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "text"),
    [
        (("backup", "nothing"), {}, REFUSED, "ClusterNotFound"),
        (("backup", "Or;ders"), {}, REFUSED, "InputInvalid"),
        (("backup",), {}, USAGE, "<CLUSTER>"),
        (("status",), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, AWS, "got no answer"),
        (("backup", "orders", "--stack", "other"), {}, AWS, "no state machine other-backup"),
        (
            ("watch", "--execution", "arn:aws:states:ap-northeast-1:123456789012:execution:x:y"),
            {},
            REFUSED,
            "no execution",
        ),
    ],
)
def test_exit_codes(run: Run, arguments: tuple[str, ...], changed: dict[str, str], code: int, text: str) -> None:
    ended = run(*arguments, **changed)
    said(ended, code)
    assert text in ended.stderr + ended.stdout


def test_by_the_locale_errors_are_told_in_japanese(product: Product, run: Run) -> None:
    japanese = {"LANG": "ja_JP.UTF-8"}
    ended = run("backups", "orders", "--show", "orders-20200101T000000Z", **japanese)
    said(ended, REFUSED)
    assert "BackupNotFound: 条件に合う有効なバックアップがありません。" in ended.stderr
    assert "次に行うこと: " in ended.stderr and "Next: " in ended.stderr, "the cause stays below it"
    found = said(run("backup", "nothing", **japanese), REFUSED)
    assert "ClusterNotFound: その名前のパラメータがありません。" in found
    assert "次に行うこと: " not in said(run("backup", "nothing", **japanese, LC_ALL="C"), REFUSED)
    lived = run("backup", "orders", "--dry-run", **japanese)
    plan = said(lived, DONE)
    assert re.search("すべてのグループが server[12] で稼働しています", plan) and "no redundancy" not in plan, plan
    # Which states are seen depends on when the command looks.
    assert "orders の backup: arn:" in lived.stderr and re.search(r" s  [A-Z][A-Za-z ]+（[\w ]+）$", lived.stderr, re.M)
    assert "orders では何も実行していません" in said(run("watch", "orders", **japanese), DONE)
    assert "ミラーディスク" in said(run("cluster", "list", **japanese), DONE)
    plain = run("backup", "nothing", "--output", "json", **japanese).stdout
    assert "次に行うこと" not in plain and json.loads(plain)["error"] == "ClusterNotFound"


def test_one_backup_is_kept_shown_in_full_and_left_again(product: Product, run: Run) -> None:
    (one, *_) = json.loads(said(run("backups", "orders", "--output", "json"), DONE))["backups"]
    assert one["kept"] is None
    kept = said(run("backups", "orders", "--keep", one["id"], "audit, Tanaka"), DONE)
    assert f"mirrorsnap backups orders --unkeep {one['id']}" in kept
    assert "audit, Tanaka" in said(run("backups", "orders"), DONE)
    japanese = said(run("backups", "orders", LANG="ja_JP.UTF-8"), DONE)
    assert "バックアップ" in japanese and "保持" in japanese and "BACKUP" not in japanese
    ours = [{"Name": "tag-key", "Values": ["mirrorsnap:kept"]}]
    tagged = [each["SnapshotId"] for each in product.ec2.describe_snapshots(Filters=ours)["Snapshots"]]
    assert sorted(tagged) == sorted(each["id"] for each in one["snapshots"])
    shown = json.loads(said(run("backups", "orders", "--show", one["id"], "--output", "json"), DONE))
    assert shown["kept"]["why"] == "audit, Tanaka"
    nodes = shown["description"]["nodes"]
    assert set(nodes) == {"server1", "server2"} and nodes["server1"]["instance"]["type"]
    assert '<md name="md1">' in nodes["server1"]["pieces"]["clp.conf"]
    assert "/root/webmgr/security/operationpwd" in nodes["server1"]["left_out"]
    text = said(run("backups", "orders", "--show", one["id"]), DONE)
    assert "server1: clp.conf" in text and "left out of clp.conf" in text
    assert not [secret for secret in SECRETS if secret in text + json.dumps(shown)]
    said(run("backups", "orders", "--unkeep", one["id"]), DONE)
    assert product.ec2.describe_snapshots(Filters=ours)["Snapshots"] == []


def test_completion(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "unhold" in said(run("completion", shell), DONE)


def test_json_is_one_document_also_when_it_is_refused(run: Run) -> None:
    found: dict[str, Any] = json.loads(run("backups", "orders", "--show", "x", "--output", "json").stdout)
    assert (found["exit"], found["error"]) == (REFUSED, "InputInvalid")
