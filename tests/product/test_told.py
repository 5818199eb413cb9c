"""What a person is told in the morning, and what the functions' logs say of an operation."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from restores import ended, output, release, restore, run

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario import deployment
from scenario.mailbox import Mailbox
from scenario.product import Product, wait_until_up

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import step_names  # noqa: E402

# They are about all clusters, so that no line names one or an operation.
OF_ALL = {"patrol", "keep-schedules"}


def with_the_morning(lab: Lab, say: deployment.Say) -> None:
    deployment.prepare(lab, say)
    assert deployment.put(lab, deployment.packed(lab), MorningHour="8") == "CREATE_COMPLETE"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy(deploy=with_the_morning)
        wait_until_up(lab)
        yield made


def mails(mailbox: Mailbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while received := mailbox.sqs.receive_message(QueueUrl=mailbox.url, MaxNumberOfMessages=10).get("Messages", []):
        for mail in received:
            mailbox.sqs.delete_message(QueueUrl=mailbox.url, ReceiptHandle=mail["ReceiptHandle"])
            found.append(json.loads(mail["Body"]))
    return [each for each in found if each["Subject"].startswith("mirrorsnap: ")]


def morning(product: Product, day: int) -> bool:
    done = output(run(product, "patrol", {"morning": f"2026-11-{day}T23:00:00Z"}))
    return done["morning"]


def test_each_morning_one_message_says_who_has_a_new_valid_backup(product: Product) -> None:
    schedule = product.lab.boto("scheduler").get_schedule(Name="mirrorsnap-morning")
    assert schedule["ScheduleExpression"] == "cron(0 8 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert json.loads(schedule["Target"]["Input"]) == {"morning": "<aws.scheduler.scheduled-time>"}
    mailbox = Mailbox(product.lab, "mirrorsnap-alarms")
    output(run(product, "backup", {}))
    assert morning(product, 26)
    (told,) = mails(mailbox)
    assert told["Subject"] == "mirrorsnap: the cluster has a new valid backup"
    assert "New valid backup: 1 (orders)" in told["Message"]
    assert "新しい有効なバックアップがあるクラスター: 1 (orders)" in told["Message"]
    # EventBridge Scheduler delivers twice.
    assert not morning(product, 26) and mails(mailbox) == []
    assert morning(product, 27)
    (told,) = mails(mailbox)
    assert told["Subject"] == "mirrorsnap: THE CLUSTER HAS NO NEW VALID BACKUP"
    assert "- orders: newest valid backup " in told["Message"]


def lines(product: Product, function: str) -> list[dict[str, Any]]:
    """The function's log without Lambda's own lines and the metrics."""
    logs = product.lab.boto("logs").get_paginator("filter_log_events")
    pages = logs.paginate(logGroupName=f"/aws/lambda/mirrorsnap-{function}")
    texts = [each["message"] for page in pages for each in page["events"]]
    found = [json.loads(text) for text in texts if text.startswith("{")]
    return [each for each in found if "_aws" not in each]


@functools.cache
def everything(product: Product) -> dict[str, list[dict[str, Any]]]:
    """Each function's lines, once a backup, a restore and its release have called all of them."""
    if not product.valid_backups():
        output(run(product, "backup", {}))
    done = output(restore(product, initialization="none"))
    release(product, done["id"])
    ended(product, product.start("patrol", {}))
    # The cluster's configuration asks for no copies, so nothing is copied.
    ended(product, product.start("copy", {"backup": min(product.valid_backups())}))
    return {function: lines(product, function) for function in step_names.functions()}


def test_every_line_says_who_called_and_for_which_operation(product: Product) -> None:
    (backup,) = {tag["Value"] for s in product.snapshots() for tag in s["Tags"] if tag["Key"] == "mirrorsnap:backup-id"}
    for function, found in everything(product).items():
        assert found, function
        for line in found:
            assert {"timestamp", "level", "span"} <= line.keys(), line
            assert line["span"]["function"] == function
            assert line["span"]["execution"].startswith("arn:aws:states:") and line["span"]["phase"], line
            assert line["span"].get("cluster") == (None if function in OF_ALL else "orders"), line
        assert any(line["message"] == "answered" and line["ms"] >= 0 for line in found), function
    for function in ("create-snapshots", "check-snapshots", "run-node-step", "set-power", "assess", "report"):
        of_backup = [line for line in everything(product)[function] if line["span"].get("id") == backup]
        assert of_backup, function
    phases = {line["span"]["phase"] for line in everything(product)["run-node-step"]}
    assert {"Quiesce", "Split", "Resume", "EnterBackupMode", "LeaveBackupMode", "StopBoth", "PostProcess"} <= phases


def queries(page: str) -> list[str]:
    return re.findall(r"```insights\n(.+?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_queries_of_the_runbook_name_fields_of_the_lines(product: Product) -> None:
    assert queries("operations.md") == queries("operations.ja.md") and len(queries("operations.md")) == 3
    known = {"@timestamp"}
    for line in (line for found in everything(product).values() for line in found):
        known |= line.keys() | {f"span.{name}" for name in line["span"]}
    words = {"fields", "filter", "sort", "stats", "limit", "by", "and", "or", "desc", "asc", "max", "count", "as"}
    for query in queries("operations.md"):
        names = set(re.findall(r"@?[a-z_]+(?:\.[a-z_]+)?", re.sub(r'"[^"]*"', "", query)))
        used = names - words - {"calls", "slowest"}
        assert used <= known | {"error"}, used - known
        assert any(name.startswith("span.") for name in used)
