"""Both runbooks, command by command, as an operator would type them: each does what the page says of it.

A command that is new in a page has to be put into COMMANDS. The Japanese pages have the same ones. What is not tried
here says why.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import BINARY, DONE, ROOT, SECONDS, normal, runs, said, user

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

PAGES = ("operations", "on-the-node")
# What an operator types: our command line, AWS's, and what a node has.
TYPED = re.compile(r"(mirrorsnap|aws|clp\w+(\.sh)?|systemctl|journalctl|tail|ls|rm|mkdir)( |$)|(arn|ids|snapshot)=")


@dataclass(frozen=True)
class Command:
    """`says`: a part of what it prints. `where`: shell (an operator's) | node | not, and then `why` not."""

    says: str
    where: str = "shell"
    code: int = 0
    why: str = ""


SERVICE = "it would stop the service"
SCRIPT = "the vendor's script: a part of every backup and restore"
GET_RESTORE = """aws dynamodb get-item --table-name mirrorsnap --key '{"id": {"S": "restore#<restore-id>"}}'"""
RECORDS = "tail -n +1 /run/mirrorsnap/*/{waiting,breaking,broke,armed,stopping,sealed,void,done}"
COMMANDS = {
    # ── operations.md, in an order in which they can be typed one after another ──
    "mirrorsnap backup orders": Command("done: backup"),
    "mirrorsnap backup CLUSTER": Command("done: backup"),
    "mirrorsnap backup orders --consistency frozen": Command("done: backup"),
    "mirrorsnap status": Command("nothing is wrong"),
    "aws stepfunctions list-executions --state-machine-arn … --max-results 5": Command("SUCCEEDED"),
    "arn=$": Command(""),
    "ids=$": Command(""),
    "snapshot=snap-0123456789abcdef0": Command("snap-"),
    "mirrorsnap backup orders --dry-run": Command("no redundancy from the break"),
    "mirrorsnap backups": Command("", "not", why="the text says of which cluster"),
    "mirrorsnap backups orders": Command("frozen"),
    "mirrorsnap backups CLUSTER": Command("clean"),
    "mirrorsnap backups orders --show ID": Command("clp.conf"),
    'mirrorsnap backups orders --keep ID "who, why"': Command("is kept"),
    "mirrorsnap backups orders --unkeep ID": Command("left to the retention"),
    "mirrorsnap diff orders BACKUP latest": Command("%"),
    "mirrorsnap doctor orders --save recording.json": Command("recording.json"),
    'mirrorsnap hold orders "who, why"': Command("orders"),
    "mirrorsnap unhold orders": Command("orders"),
    "mirrorsnap unhold CLUSTER": Command("orders"),
    "mirrorsnap recover orders": Command("nothing is unfinished"),
    "mirrorsnap restore orders --dry-run": Command("restore"),
    "aws stepfunctions start-execution": Command("", "not", why="within a block that is"),
    "aws ec2 unlock-snapshot": Command("", "not", why="a locked copy: tests/product/test_copies.py"),
    # ── both ──
    "clpstat": Command("Online", "node"),
    "clpmdstat -m <disk>": Command("GREEN GREEN", "node", 17),
    "clpmdstat -m md1": Command("GREEN GREEN", "node", 17),
    "clpgrp -s <group>": Command("already been started", "node", 9),
    "clpgrp -s GROUP": Command("already been started", "node", 9),
    "clpgrp -t GROUP": Command("", "not", why=SERVICE),
    "systemctl is-enabled clusterpro": Command("enabled", "node"),
    "systemctl is-enabled clusterpro clusterpro_md": Command("enabled", "node"),
    "systemctl list-timers 'mirrorsnap-*'": Command("0 timers", "node"),
    "systemctl list-units 'mirrorsnap-*'": Command("UNIT", "node"),
    "clpbackup.sh": Command("", "not", why=SCRIPT),
    "clpbackup.sh --pre": Command("", "not", why=SCRIPT),
    "clpbackup.sh --post": Command("", "not", why=SCRIPT),
    "clprestore.sh": Command("", "not", why=SCRIPT),
    "clprestore.sh --post": Command("", "not", why=SCRIPT),
    "clpsvcctrl.sh --enable -a": Command("", "node"),
    # ── on-the-node.md ──
    "clpcl -s": Command("already running", "node", 9),
    "clplogcmd": Command("", "not", why="the name alone"),
    "clpmdctrl --recovery md1": Command("invalid", "node", 1),
    "clpmonctrl -r -h NODE -m MONITOR": Command("succeeded", "node"),
    "clpstat -m": Command("mdw1", "node"),
    "journalctl -t mirrorsnap": Command("", "not", why="the lab has no journal; tests/product asserts the lines"),
    "mkdir -p /var/lib/mirrorsnap && touch /var/lib/mirrorsnap/hold": Command("", "node"),
    "ls /var/lib/mirrorsnap/hold": Command("hold", "node"),
    "rm /var/lib/mirrorsnap/hold": Command("", "node"),
    "rm -f /var/lib/mirrorsnap/epoch /run/mirrorsnap/epoch": Command("", "node"),
    RECORDS: Command("sealed", "node", 1),
    # ── of a restore, which ends with a boot of both nodes ──
    GET_RESTORE: Command("attachments"),
    "tail -n +1 /var/lib/mirrorsnap/*/*/out": Command("", "node"),
}


def commands(page: str) -> dict[str, str]:
    """Of a page: the blocks of commands, and what stands in the text between backquotes and is typed, by their keys."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    fenced = re.findall(r"```(\w*)\n(.+?)\n```", text, re.DOTALL)
    blocks = [block for language, block in fenced if language in ("", "sh")]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.+?```", "", text, flags=re.DOTALL))
    return {key(each): each for each in (*blocks, *inline) if TYPED.match(each)}


def key(command: str) -> str:
    """A block's is its first line, up to the first bracket."""
    first, newline, _ = command.partition("\n")
    return first.partition("(")[0] if newline else command


class Operator:
    """Types what the pages say, with the names of what there is."""

    def __init__(self, product: Product, home: Path) -> None:
        self.product, self.lab, self.home = product, product.lab, home
        (home / "mirrorsnap").symlink_to(BINARY)
        path = f"{home}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = user(product.lab) | {"PATH": path, "AWS_DEFAULT_REGION": "ap-northeast-1"}
        self.restore = ""

    def types(self, command: str, where: str) -> tuple[int, str]:
        if where == "node":
            return self._on_a_node(command)
        done = subprocess.run(
            ["bash", "-euc", self._filled(command)],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return done.returncode, done.stdout + done.stderr

    def _filled(self, command: str) -> str:
        backups = self.product.valid_backups()
        if "…" in command:
            machine = self.product.machines["mirrorsnap-backup"]
            executions = self.product.sfn.list_executions(stateMachineArn=machine)["executions"]
            command = command.replace("…", machine, 1).replace("…", executions[0]["executionArn"], 1)
        names = {"<restore-id>": self.restore, "CLUSTER": "orders"}
        if backups:
            names |= {"ID": sorted(backups)[-1], "BACKUP": sorted(backups)[0]}
        if command.startswith("snapshot="):
            names["snap-0123456789abcdef0"] = self._copied()
        pattern = "|".join(rf"(?<![\w-]){re.escape(each)}(?!\w)" for each in names)
        return re.sub(pattern, lambda found: names[found.group()], command)

    def _copied(self) -> str:
        """A snapshot of ours in the other region."""
        there = self.lab.boto("ec2", region="ap-northeast-3")
        source = self.product.snapshots()[0]["SnapshotId"]
        made = there.copy_snapshot(SourceRegion="ap-northeast-1", SourceSnapshotId=source)["SnapshotId"]
        there.create_tags(Resources=[made], Tags=[{"Key": "mirrorsnap:cluster", "Value": "orders"}])
        self.lab.wait_for(
            lambda: there.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"] == "completed", 600
        )
        return made

    def _on_a_node(self, command: str) -> tuple[int, str]:
        names = {"<group>": "failover1", "GROUP": "failover1", "<disk>": "md1", "NODE": "server1", "MONITOR": "mdw1"}
        names |= {"/run/": "$MIRRORSNAP_RUN/", "/var/lib/": "$MIRRORSNAP_VAR_LIB/"}
        for name, value in names.items():
            command = command.replace(name, value)
        # Root's own shell.
        done = self.lab.control(
            "node_run", name="server1", script=f"exec bash -c {shlex.quote(command)} 2>&1", timeout=60
        )
        return done["rc"], done["stdout"]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}), {"objective_hours": 26})
        made.deploy()
        wait_until_up(lab)
        yield Operator(made, tmp_path_factory.mktemp("operator"))


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_runbook_is_tried_here(page: str) -> None:
    assert set(commands(page)) - set(COMMANDS) == set(), "new commands: say what they print"
    assert commands(page) == commands(f"{page}.ja")
    assert all(each.why for each in COMMANDS.values() if each.where == "not")


def test_no_command_is_tried_that_no_runbook_has() -> None:
    assert set(COMMANDS) == {each for page in PAGES for each in commands(page)}


def test_each_command_does_what_its_page_says(operator: Operator) -> None:
    texts = {name: text for page in PAGES for name, text in commands(page).items()}
    wrong = []
    for name, command in COMMANDS.items():
        if command.where == "not":
            continue
        if "<restore-id>" in name:
            ended = runs(operator.environment)("restore", "orders", "--yes", "--confirm", "orders", "--output", "json")
            operator.restore = json.loads(said(ended, DONE))["output"]["id"]
        if name not in texts:
            continue  # the test before this one says so
        code, printed = operator.types(texts[name], command.where)
        if code != command.code or command.says not in printed:
            wrong.append(f"{name}: {code}, not {command.code}, and {command.says!r}:\n{printed}")
        if name.startswith(("mirrorsnap unhold", "mirrorsnap recover")):
            normal(operator.lab)
    assert not wrong, "\n\n".join(wrong)
    assert json.loads((operator.home / "recording.json").read_text(encoding="utf-8"))["nodes"]
