"""Documents and the critical section with several groups: one waits for another, or is refused beside another."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from document_nodes import Nodes
from node_steps import sh

from lab.client import Lab

SECTION = Path(__file__).resolve().parents[2] / "infra" / "documents" / "section"
# The cluster's JSON names them in the worst order for both.
GROUPS = "failover1 app1 web1"
WAITING = {
    "failover_groups": [
        {"name": "failover1", "disks": ["md1"], "start_after": ["app1"], "stop_after": ["app1"]},
        {"name": "app1", "disks": [], "start_after": ["web1"], "stop_after": ["web1"]},
        {"name": "web1", "disks": []},
    ],
    "switches": {"group_stop_waits": True},
}
APART = {
    "failover_groups": [
        {"name": "failover1", "disks": ["md1"]},
        {"name": "app1", "disks": []},
        {"name": "web1", "disks": []},
    ],
    "switches": {"orders_beside": False},
}
# In seconds. Ordered one after the other, a group would wait until its order is killed (10 s here, 960 s in a restore).
SOON = 30.0


@pytest.fixture(scope="module", params=[WAITING, APART], ids=["waiting", "apart"])
def nodes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    spec: Path = tmp_path_factory.mktemp("waits") / "cluster.json"
    spec.write_text(json.dumps(request.param))
    with Lab(scale=10, options=["--cluster", str(spec)]) as lab:
        made = Nodes(lab)
        lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
        yield made


def uptime(nodes: Nodes) -> float:
    return float(sh(nodes.lab, "cut -d' ' -f1 $MIRRORSNAP_PROC/uptime")["stdout"])


def statuses(nodes: Nodes) -> set[str]:
    return {each["status"]["server1"] for each in nodes.lab.control("cluster")["groups"].values()}


def test_all_groups_stop_and_start_at_once(nodes: Nodes) -> None:
    nodes.begin()
    for document, wanted in (("stop-group", {"offline"}), ("start-group", {"online"})):
        begun = uptime(nodes)
        answer = nodes.send(document, Groups=GROUPS)
        assert answer["line"]["result"] == "ok", answer
        assert statuses(nodes) == wanted
        assert uptime(nodes) - begun < SOON
        orders = [each for each in answer["sections"] if each.startswith("clpgrp ") and "once more" not in each]
        assert orders == [f"clpgrp {each}" for each in GROUPS.split()], "the answer has them in the JSON's order"


def test_a_backup_of_all_groups_is_sealed(nodes: Nodes) -> None:
    nodes.begin()
    assert nodes.send("suspend-monitors", Nodes="server2")["line"]["result"] == "ok"
    nodes.send("break-unit", "server2", Groups=GROUPS)
    assert nodes.send("quiesce", Groups=GROUPS)["line"]["found"] == "armed"
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the groups are back")
    active = nodes.records("server1")
    assert "sealed" in active and active["done"]["by"] == "active", active
    assert statuses(nodes) == {"online"}
    assert active["done"]["uptime"] - active["stopping"]["uptime"] < SOON
    nodes.healthy()


# A clpgrp whose group `a` starts once `b` is there. STATE/refused: groups that do not start.
CLPGRP = """#!/bin/sh
case $1 in
-n) [ ! -e "$STATE/$2" ] || echo server1 ;;
-s)
    [ ! -e "$STATE/refused.$2" ] || exit 8
    until [ "$2" = b ] || [ -e "$STATE/b" ]; do sleep 0.05; done
    touch "$STATE/$2" ;;
esac
"""


def fallback(shell: str, groups: str) -> str:
    """What the timer's command line does without the run's directory."""
    script = f'START=20; FAILOVER_GROUPS="{groups}"; . {SECTION / "stop.sh"}; otherwise; printf %s "$otherwise; exit 1"'
    return subprocess.run([shell, "-ufc", script], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("groups", ["b", "a b", "b a", "c a b"])
def test_the_timer_s_command_line_starts_groups_in_any_order(tmp_path: Path, shell: str, groups: str) -> None:
    (tmp_path / "clpgrp").write_text(CLPGRP)
    (tmp_path / "clpgrp").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STATE": str(tmp_path)}
    command = [shell, "-c", fallback(shell, groups)]
    assert "$" not in command[-1], "systemd would expand it"
    refused = tmp_path / f"refused.{groups.split()[0]}"
    refused.touch()
    if groups.startswith(("b", "c")) and groups != "b a":  # whoever waits for `b` would wait for ever
        assert subprocess.run(command, env=environment, timeout=10).returncode == 1, "the unit is started again"
    refused.unlink()
    assert subprocess.run(command, env=environment, timeout=10).returncode == 0
    assert all((tmp_path / each).exists() for each in groups.split())


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("groups", "did"), [("a", "1/ "), ("b", "0/ b "), ("b c", "0/ b c "), ("b a c", "1/ b c "), ("a ab", "1/ ")]
)
def test_a_group_counts_as_stopped_by_us_only_if_its_own_order_answered_0(shell: str, groups: str, did: str) -> None:
    script = f"""
        run_order() {{ case $4 in a*) return 9 ;; esac; }}
        . {SECTION / "stop.sh"}
        IFS=' '
        order_groups 10 -t {groups} 3>&1 && rc=0 || rc=1
        printf %s "$rc/$DID"
    """
    assert subprocess.run([shell, "-uc", script], capture_output=True, text=True, check=True).stdout == did
