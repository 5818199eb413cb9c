"""The vendor's procedure by hand, from a healthy cluster to a restored one: AWS CLI, Run Command, the printed outputs.

This is the lab's acceptance test. Outputs are the vendor's to the letter (its lsblk in another width); after each step
of the backup the state is that of the table of states of the two-node simulator.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from seed.outputs import BACKUP_POST, BACKUP_PRE, RESTORE_POST, RESTORE_PRE
from seed.steps import SCALE, Operator, bytes_of, power, printed, row, settled, text

from lab.client import Lab

NORMAL = f"""Mirror Status: Normal
md1 server1 server2
{"-" * 60}
Mirror Color GREEN GREEN
"""
SUCCEEDED = "Command succeeded.\n"
LSBLK = [
    "NAME MAJ:MIN RM SIZE RO TYPE MOUNTPOINT",
    "xvda 202:0 0 10G 0 disk",
    "├─xvda1 202:1 0 1M 0 part",
    "└─xvda2 202:2 0 10G 0 part /",
    "xvdb 202:16 0 20G 0 disk",
    "├─xvdb1 202:17 0 1G 0 part",
    "└─xvdb2 202:18 0 19G 0 part",
]
DAMAGE = "precious"  # the file that an operator deletes by mistake


def check_the_mirror(operator: Operator) -> None:
    assert operator.do("check_mirror") == [("server1", "clpmdstat --mirror md1", NORMAL)]


def suspend(operator: Operator) -> None:
    said = operator.do("suspend_monitors")
    assert said == [("server1", f"clpmonctrl -s -h {n} -m mdw1", SUCCEEDED) for n in ("server1", "server2")]


def stop_the_group(operator: Operator) -> None:
    assert operator.do("stop_group") == [("server1", "clpgrp -t failover1", SUCCEEDED)]


def split(operator: Operator) -> None:
    assert operator.do("break_mirror") == [
        ("server2", "clpmdctrl --break md1", "md1: Isolated completed successfully\n")
    ]
    bitmap = operator.lab.control("cluster")["mirrors"]["md1"]["bitmap"]
    assert row(operator.lab) == ("running", "auto", "OFF", "G/R", "susp/susp", "offline") and not any(bitmap.values())


def start_the_group(operator: Operator) -> None:
    assert operator.do("start_group") == [("server1", "clpgrp -s failover1", SUCCEEDED)]
    assert row(operator.lab) == ("running", "auto", "OFF", "G/R", "susp/susp", "server1")


def freeze(operator: Operator) -> str:
    """`--pre`, the standby stopped, its snapshot, which must hold exactly the quiesce point."""
    lab = operator.lab
    quiesced = lab.control("cluster")["mirrors"]["md1"]["quiesce"]
    said = operator.do("enter_backup_mode")
    assert said == [("server2", "clpbackup.sh --pre", "")]
    assert row(lab) == ("stopped", "manual", "ON", "G/GRAY", "susp/off", "server1")
    assert len(lab.log(kind="power", node="server2", event="shutdown")) == 1
    operator.do("create_snapshot")
    (snapshot,) = operator.noted("SNAPSHOTS")
    verdict = lab.control("oracles")["snapshots"][snapshot]
    assert verdict["frozen"] and verdict["lineage"] == {"md1": quiesced["lineage"]}, verdict
    return snapshot


def take_backup(operator: Operator) -> str:
    """Chapter 2 in the printed order; returns the snapshot."""
    lab = operator.lab
    assert row(lab) == ("running", "auto", "OFF", "G/G", "on/on", "server1")
    check_the_mirror(operator)
    stop_the_group(operator)
    assert row(lab) == ("running", "auto", "OFF", "G/G", "on/on", "offline")
    suspend(operator)
    assert row(lab) == ("running", "auto", "OFF", "G/G", "susp/susp", "offline")
    split(operator)
    start_the_group(operator)
    lab.control("cluster_write", file="later", text="written after the group was back")
    assert lab.control("cluster")["mirrors"]["md1"]["bitmap"]["server1"] > 0
    snapshot = freeze(operator)
    lab.control("cluster_write", file="later still", text="while the standby is down")
    operator.do("start_standby")
    assert row(lab) == ("running", "manual", "ON", "G/GRAY", "susp/off", "server1")
    assert printed(lab, "server2", "clpbackup.sh --pre") == BACKUP_PRE
    assert operator.do("leave_backup_mode") == [("server2", "clpbackup.sh --post", "")]
    lab.wait_for(lambda: row(lab)[4] == "susp/on", 60, "the rebooted node's monitor resumed by itself")
    after = row(lab)
    assert after[:3] == ("running", "auto", "OFF") and after[5] == "server1"
    assert after[3] in ("G/R", "Y/Y", "G/G")  # its own monitor may have begun, or even ended, the copy already
    assert printed(lab, "server2", "clpbackup.sh --post") == BACKUP_POST
    assert operator.do("resume_monitor") == [("server1", "clpmonctrl -r -h server1 -m mdw1", SUCCEEDED)]
    assert row(lab)[4] == "on/on"
    said = operator.do("await_normal")
    assert said == [("server1", "clpmdstat --mirror md1", NORMAL)]
    assert row(lab) == ("running", "auto", "OFF", "G/G", "on/on", "server1")
    copies = [e for e in lab.log(kind="cluster") if e.get("action") == "recovery"]
    assert [(e["source"], e["mode"]) for e in copies] == [("server1", "FAST")], copies
    operator.do("await_snapshot")
    states = {s["SnapshotId"]: s["State"] for s in lab.control("ec2")["snapshots"]}
    assert states == {snapshot: "completed"}
    return snapshot


def restore(operator: Operator, snapshot: str) -> None:
    """Chapter 3 in the printed order."""
    lab = operator.lab
    operator.do("enable_fast_restore")
    assert {f["State"] for f in lab.control("ec2")["fsr"]} == {"enabled"}
    operator.do("create_volumes")
    new = {node: operator.noted(f"NEW_{node}") for node in ("server1", "server2")}
    made = {v["VolumeId"]: v for v in lab.control("ec2")["volumes"]}
    assert [made[v]["AvailabilityZone"][-1] for (v,) in new.values()] == ["a", "c"]
    assert {made[v]["SnapshotId"] for (v,) in new.values()} == {snapshot}
    operator.do("disable_fast_restore")
    stop_the_group(operator)
    assert [c for _, c, _ in operator.do("enter_restore_mode")] == ["clprestore.sh --pre"] * 2
    assert [power(lab, n) for n in new] == ["stopped", "stopped"]
    assert {lab.control("cluster")["nodes"][n]["services"] for n in new} == {"manual"}
    operator.do("swap_volumes")
    assert [bytes_of(lab, n)["VolumeId"] for n in new] == [v for (v,) in new.values()]
    operator.do("start_both")
    assert [printed(lab, n, "clprestore.sh --pre") for n in new] == [RESTORE_PRE] * 2
    assert {lab.control("cluster")["nodes"][n]["daemon"] for n in new} == {"stopped"}
    shown = operator.do("check_devices")
    assert [(n, c) for n, c, _ in shown] == [("server1", "lsblk"), ("server2", "lsblk")]
    assert [[" ".join(line.split()) for line in said.splitlines()] for _, _, said in shown] == [LSBLK] * 2
    seen = lab.control("log")[-1]["seq"]
    operator.do("post_process")
    said = operator.do("await_normal")
    assert said[-1] == ("server1", "clpmdstat --mirror md1", NORMAL)
    assert [printed(lab, n, "clprestore.sh --post --skip-copy") for n in new] == [RESTORE_POST] * 2
    settled(lab)
    assert not [e for e in lab.log(since=seen, kind="cluster") if e.get("action") == "recovery"], "no copy is needed"


@pytest.mark.timeout(1200)  # about a hundred runs of the AWS CLI: a minute and a half, more on a busy machine
def test_backup_and_restore(fresh_lab, tmp_path: Path):
    lab: Lab = fresh_lab(scale=SCALE)
    settled(lab)
    operator = Operator(lab, tmp_path / "notes")
    lab.control("cluster_write", file="orders", text="1 2 3")
    lab.control("cluster_write", file=DAMAGE, text="precious")
    snapshot = take_backup(operator)
    settled(lab)
    assert text(lab, "later", "server2") == "written after the group was back"
    lab.control("cluster_delete", file=DAMAGE)
    assert [text(lab, DAMAGE, n) for n in ("server1", "server2")] == [None, None]
    restore(operator, snapshot)
    for node in ("server1", "server2"):
        assert text(lab, DAMAGE, node) == "precious" and text(lab, "orders", node) == "1 2 3"
        assert text(lab, "later", node) is None and text(lab, "later still", node) is None
    sides = lab.control("cluster")["mirrors"]["md1"]
    assert sides["lineage"]["server1"] == sides["lineage"]["server2"] and sides["status"] == "Normal"
    lab.control("cluster_write", file="new", text="and it goes on")
    assert [text(lab, "new", n) for n in ("server1", "server2")] == ["and it goes on"] * 2
    assert {f["State"] for f in lab.control("ec2")["fsr"]} <= {"disabled"}
    assert lab.control("oracles")["violations"] == []


def test_monitors_suspended_before_the_stop_end_in_the_same_state(fresh_lab, tmp_path: Path):
    lab: Lab = fresh_lab(scale=SCALE)
    settled(lab)
    operator = Operator(lab, tmp_path / "notes")
    lab.control("cluster_write", file="orders", text="1 2 3")
    suspend(operator)
    assert row(lab) == ("running", "auto", "OFF", "G/G", "susp/susp", "server1")
    stop_the_group(operator)
    assert row(lab) == ("running", "auto", "OFF", "G/G", "susp/susp", "offline")
    split(operator)
    start_the_group(operator)
    freeze(operator)
    assert lab.control("oracles")["violations"] == []


def test_a_step_that_fails_ends_the_procedure(fresh_lab, tmp_path: Path):
    lab: Lab = fresh_lab(scale=SCALE)
    settled(lab)
    operator = Operator(lab, tmp_path / "notes")
    lab.fault(command="clpgrp -t", node="server1", effect={"exit": 1})
    done = operator.run("stop_group", "break_mirror")
    assert done.returncode == 1 and "Failed" in done.stderr and "break" not in done.stdout
    assert row(lab) == ("running", "auto", "OFF", "G/G", "on/on", "server1")
    unknown = operator.run("stop_grup")
    assert unknown.returncode == 2 and "no step is called 'stop_grup'" in unknown.stderr
