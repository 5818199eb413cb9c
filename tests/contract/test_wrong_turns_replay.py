"""An agent runs a document again after a boot: what that does to commands without a guard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from machine_room import NODES, Room, room


@pytest.fixture
def make(fresh_lab, tmp_path) -> Callable[..., Room]:
    return lambda **cluster: room(fresh_lab, tmp_path, **cluster)


def orders(r: Room, node: str) -> list[str]:
    return [e["why"] for e in r.lab.log(kind="cluster", what="ordered", node=node)]


def test_a_restore_pre_in_progress_runs_again_and_shuts_the_node_down_again(make):
    r = make()
    r.ok("server1", "clpgrp -t failover1")
    sent = r.send("server2", "clprestore.sh --pre")  # not detached: still in progress as the node goes down
    r.until_stopped("server2")
    assert r.runners["server2"].get(sent)["Status"] == "InProgress"
    r.ec2.start_instances(InstanceIds=[r.runners["server2"].instance])
    r.until(lambda: r.oracle(8), "the document ran again")
    r.until_stopped("server2")
    assert orders(r, "server2") == ["clprestore.sh --pre"] * 2
    assert len(r.oracle(8)) == 1 and "clprestore.sh --pre ran again on server2" in r.oracle(8)[0]
    assert r.node("server2")["boots"] == 2


def test_a_restore_pre_in_a_unit_does_not_run_again(make):
    r = make()
    r.restore_mode()
    r.start(*NODES)
    r.ok("server2", "true")
    r.lab.sleep(20)
    assert [orders(r, n) for n in NODES] == [["clprestore.sh --pre"]] * 2
    assert r.oracle(8) == [] and r.node("server2")["state"] == "up"


def test_a_unit_is_no_guard_against_the_replay_of_a_finished_document(make):
    r = make()
    r.ok("server1", "clpgrp -t failover1")
    sent = r.detached("server2", "clprestore.sh --pre")
    r.until_stopped("server2")
    r.fault("server2", "replay_command")
    r.ec2.start_instances(InstanceIds=[r.runners["server2"].instance])
    r.until(lambda: r.oracle(8), "the agent ran the finished document again")
    assert r.runners["server2"].get(sent)["Status"] == "Success"  # SSM's record does not move


def test_a_marker_of_the_run_on_the_disk_is_a_guard(make):
    r = make()
    r.ok("server1", "clpgrp -t failover1")
    r.send("server2", "mkdir $MIRRORSNAP_VAR_LIB/run-1 && clprestore.sh --pre")
    r.until_stopped("server2")
    r.start("server2")
    r.ok("server2", "true")
    r.lab.sleep(20)
    assert orders(r, "server2") == ["clprestore.sh --pre"] and r.node("server2")["state"] == "up"
    assert r.oracle(8) == []


def test_a_backup_pre_in_progress_is_refused_after_the_boot_by_the_cluster_alone(make):
    r = make()
    r.isolate()
    sent = r.send("server2", "clpbackup.sh --pre")
    r.until_stopped("server2")
    r.start("server2")
    done = r.runners["server2"].until(sent, seconds=600)
    assert (done["Status"], done["ResponseCode"]) == ("Failed", 10)  # of a `--pre` that worked
    assert orders(r, "server2") == ["clpbackup.sh --pre"] and r.oracle(8) == []
    assert r.cluster()["mirrors"]["md1"]["flags"]["server2"] == "ON"


def test_a_backup_pre_replayed_once_the_node_is_back_in_the_cluster(make):
    r = make()
    r.isolate()
    r.detached("server2", "until clpbackup.sh --pre; do sleep 1; done".join(["sh -c '", "'"]))  # naive: it insists
    r.until_stopped("server2")
    made = r.snapshot()
    r.start("server2")
    r.fault("server2", "replay_command")  # at the next boot, the document that ended last: the one with --pre
    r.lab.control("node_run", name="server2", script="clpbackup.sh --post")  # at the console
    r.until(lambda: r.oracle(8), "it is taken into backup mode once more")
    assert orders(r, "server2").count("clpbackup.sh --pre") == 2
    assert r.verdict(made)["frozen"]


def test_a_break_replayed_after_a_boot_breaks_the_healed_mirror(make):
    r = make()
    r.ok("server1", "clpgrp -t failover1")
    r.ok("server2", "until clpmdctrl --break md1; do sleep 1; done")
    r.ok("server1", "clpgrp -s failover1")
    r.until(lambda: r.colours() == "GREEN/GREEN", "healed")
    r.fault("server2", "replay_command")
    r.ec2.reboot_instances(InstanceIds=[r.runners["server2"].instance])

    def breaks() -> int:
        done = r.lab.log(kind="node", node="server2")
        return sum(e["argv"] == ["clpmdctrl", "--break", "md1"] and e["rc"] == 0 for e in done)

    r.until(lambda: breaks() == 2, "broken again, unasked")
    assert r.node("server2")["boots"] == 2 and r.group() == "server1"  # while the group is online: no quiesce point


def test_a_group_stop_replayed_after_a_boot_is_a_second_outage(make):
    r = make(switches={"stopped_group_starts_on_rejoin": True})
    r.ok("server1", "until clpgrp -t failover1; do sleep 0.2; done")
    r.fault("server1", "replay_command")
    r.ec2.reboot_instances(InstanceIds=[r.runners["server1"].instance])
    r.until(lambda: r.node("server1")["boots"] == 2, "rebooted")

    def stops() -> list[int]:
        return [e["rc"] for e in r.lab.log(kind="node", node="server1") if e["argv"] == ["clpgrp", "-t", "failover1"]]

    r.until(lambda: stops().count(0) == 2, "the group had started and was stopped again")
    assert r.group() == "offline"
