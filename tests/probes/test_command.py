"""`make probe-aws` as it is called, against a lab: what it says and writes, and what it removes when it is stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.client import Lab, eventually

ROOT = Path(__file__).resolve().parents[2]
TAGGED = [{"Name": "tag-key", "Values": ["mirrorsnap:probe"]}]


def start(lab: Lab, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **lab.environment, "PYTHONPATH": str(ROOT / "infra"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "probes", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if found := re.match(r"The run is (\S+);", line):
            return found[1]
    raise AssertionError("it named no run")


def there(lab: Lab) -> dict[str, int]:
    """What of a run is in the lab, by kind."""
    ec2, iam = lab.boto("ec2"), lab.boto("iam")
    instances = [i for r in ec2.describe_instances(Filters=TAGGED)["Reservations"] for i in r["Instances"]]
    return {
        "instances": sum(each["State"]["Name"] != "terminated" for each in instances),
        "volumes": len(ec2.describe_volumes(Filters=TAGGED)["Volumes"]),
        "roles": sum(role["RoleName"].startswith("mirrorsnap-probe") for role in iam.list_roles()["Roles"]),
        "queues": len(lab.boto("sqs").list_queues(QueueNamePrefix="mirrorsnap-probe").get("QueueUrls", [])),
        "tables": len(lab.boto("dynamodb").list_tables()["TableNames"]),
    }


def nothing(lab: Lab) -> bool:
    return not any(there(lab).values())


def test_a_run_writes_its_result_and_leaves_nothing(lab: Lab, tmp_path: Path):
    out = tmp_path / "result.json"
    process = start(lab, "--yes", "--only", "ddb-condition", "--out", str(out))
    said, _ = process.communicate(timeout=300)
    result: dict[str, Any] = json.loads(out.read_text())
    assert process.returncode == 0, said
    assert "account 000000000000" in said and "1 confirmed, 0 refuted, 0 not asked" in said
    assert result["assumptions"]["ddb-condition"]["result"] == "confirmed"
    assert result["assumptions"]["ec2-late"]["result"] == "not asked"
    assert result["left"] == [] and nothing(lab)


def test_nothing_begins_unless_somebody_says_yes(lab: Lab):
    process = start(lab, "--only", "ddb-condition")
    said, _ = process.communicate(timeout=300, input=None)
    assert process.returncode == 2 and "--yes" in said and nothing(lab)


def test_it_removes_what_it_made_when_it_is_stopped(lab: Lab, tmp_path: Path):
    out = tmp_path / "result.json"
    process = start(lab, "--yes", "--only", "events-raw", "--out", str(out))
    run_of(process)
    eventually(lambda: there(lab)["queues"] == 2, "the queues")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=300)
    assert "Stopped" in said
    assert json.loads(out.read_text())["assumptions"]["events-raw"]["result"] == "not asked"
    assert nothing(lab)


def test_what_a_killed_run_left_is_found_by_its_tag(lab: Lab):
    process = start(lab, "--yes", "--only", "ec2-attach-keeps")
    run = run_of(process)
    eventually(lambda: there(lab)["volumes"] > 1, "the volumes")
    process.kill()
    process.communicate(timeout=60)
    assert there(lab)["instances"] == 1
    other = start(lab, "--yes", "--clean-up", "another-run")
    assert other.communicate(timeout=300) and there(lab)["instances"] == 1
    cleaning = start(lab, "--yes", "--clean-up", run)
    said, _ = cleaning.communicate(timeout=300)
    assert cleaning.returncode == 0, said
    assert nothing(lab)
