"""The command documents on the lab's nodes, by Run Command: what they do, and when they do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from document_nodes import DOCUMENTS, Nodes
from node_steps import bring_back, instance_state, rebooted, sh, status

from lab.client import Lab

ORDERS = ("clpgrp -s", "clpgrp -t", "clpmonctrl", "clpmdctrl")


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


def test_a_backups_critical_section(nodes: Nodes) -> None:
    run = nodes.begin()
    # The standby's alone: the active's are suspended in the outage, as the baton.
    assert nodes.send("suspend-monitors", Nodes="server2")["line"]["result"] == "ok"
    split = nodes.send("break-unit", "server2")
    assert split["status"] == "Success" and "waiting" in nodes.records("server2")
    assert nodes.send("quiesce")["line"]["found"] == "armed"
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the group is back")
    active, standby = nodes.records("server1"), nodes.records("server2")
    assert (
        set(active) == {"arming", "armed", "stopping", "baton", "sealed", "done"} and active["done"]["by"] == "active"
    )
    assert set(standby) == {"waiting", "breaking", "broke"}
    # The fingerprint is that of the bytes that were frozen, and are now the standby's alone.
    first = sh(nodes.lab, "dd if=/dev/xvdb2 bs=65536 count=1 2>/dev/null | sha256sum", "server2")["stdout"].split()[0]
    assert active["baton"]["fingerprints"] == {"md1": first} and int(active["baton"]["writes"]["xvdb2"]) > 0
    boots = {name: status(nodes.lab, name)["boot_id"] for name in ("server1", "server2")}
    assert {(r["epoch"], r["boot_id"]) for r in active.values()} == {(nodes.epoch, boots["server1"])}
    assert {(r["epoch"], r["boot_id"]) for r in standby.values()} == {(nodes.epoch, boots["server2"])}
    assert standby["breaking"]["uptime"] <= standby["broke"]["t2"]
    seen = nodes.send("observe", "server2")
    assert "Online" in seen["sections"]["clpstat"] and seen["sections"]["is-enabled"].split() == ["enabled", "enabled"]
    assert "RED" in seen["sections"]["clpmdstat md1"] and seen["line"]["unfinished"] == []
    assert 'TYPE="disk"' in seen["sections"]["device /dev/xvdb1"]
    units = nodes.send("read-records")["line"]["units"]
    assert units == {"break": "inactive", "active": "inactive", "timer": "inactive", "timer.timer": "inactive"}
    assert not nodes.lab.control("oracles")["violations"]
    # A group's scripts inherit this: what they start shall have the locale of the system.
    orders = [e for e in nodes.lab.log() if e["kind"] == "node" and " ".join(e["argv"]).startswith(ORDERS)]
    assert {e["argv"][0] for e in orders} == {"clpgrp", "clpmonctrl", "clpmdctrl"}
    assert {e["inherited"]["locale"] for e in orders} == {None}

    # The standby goes down in backup mode, with its evidence on the root disk, and comes back by --post.
    up_again = status(nodes.lab, "server2")["boot_id"]
    nodes.send("enter-backup-mode", "server2", wait=False)
    nodes.lab.wait_for(lambda: instance_state(nodes.lab, "server2") == "stopped", 60, "the standby has stopped")
    bring_back(nodes.lab, "server2")
    seen = nodes.send("observe", "server2")
    job = seen["line"]["jobs"]["enter-backup-mode.1"]
    assert job["started"]["boot_id"] == job["ended"]["boot_id"] == up_again and job["ended"]["rc"] == 0
    assert "All backup flags have set to <ON>." in seen["sections"]["out enter-backup-mode.1"]
    assert seen["sections"]["is-enabled"].split() == ["disabled", "disabled"]
    between = status(nodes.lab, "server2")["boot_id"]
    nodes.send("leave-backup-mode", "server2", wait=False)
    rebooted(nodes.lab, between, "server2")
    seen = nodes.send("observe", "server2")
    assert seen["line"]["jobs"]["leave-backup-mode.1"]["ended"]["rc"] == 0
    again = nodes.send("leave-backup-mode", "server2")  # with the new boot's id: the root disk remembers
    assert again["line"]["reason"] == "done_before" and again["disturbed"] == []
    assert seen["sections"]["is-enabled"].split() == ["enabled", "enabled"]
    assert nodes.send("resume-monitors", Nodes="server1")["line"]["result"] == "ok"
    nodes.healthy()
    assert not nodes.lab.control("oracles")["violations"] and run
    # What --post starts inherits this, and a daemon that ignores SIGTERM could never be stopped in order.
    scripts = [e["inherited"] for e in nodes.lab.log() if e["kind"] == "node" and e["argv"][0] == "clpbackup.sh"]
    assert len(scripts) == 2 and all((s["umask"], s["locale"], s["ignored"]) == ("0022", None, []) for s in scripts)


def test_plain_steps_do_their_work(nodes: Nodes) -> None:
    nodes.begin()
    stopped = nodes.send("stop-group")
    assert stopped["line"]["result"] == "ok" and "clpgrp -t failover1" in stopped["disturbed"]
    assert nodes.send("recover-mirror")["line"]["result"] == "failed"  # GREEN GREEN: there is nothing to recover
    started = nodes.send("start-group")
    assert started["line"]["result"] == "ok" and "clpgrp -s failover1" in started["disturbed"]
    assert nodes.send("start-group", Attempt="2")["line"]["result"] == "ok"  # it is there already
    assert nodes.send("start-cluster")["line"]["result"] == "failed"  # it runs already
    sh(nodes.lab, "systemctl disable clusterpro clusterpro_md", "server2")
    assert nodes.send("enable-services", "server2")["line"]["result"] == "ok"
    assert (
        sh(nodes.lab, "systemctl is-enabled clusterpro clusterpro_md", "server2")["stdout"].split() == ["enabled"] * 2
    )
    nodes.healthy()


def test_second_copies_answer_and_do_nothing(nodes: Nodes) -> None:
    nodes.begin()
    first = nodes.send("resume-monitors")
    assert first["status"] == "Success" and len(first["disturbed"]) == 2
    again = nodes.send("resume-monitors")
    assert again["status"] == "Success" and again["disturbed"] == []
    assert again["line"] == {**first["line"], "replay": True}
    other = nodes.send("resume-monitors", Attempt="2")
    assert len(other["disturbed"]) == 2


def test_a_copy_of_one_that_died_is_unknown(nodes: Nodes) -> None:
    run = nodes.begin()
    sh(nodes.lab, f"mkdir -p $MIRRORSNAP_RUN/mirrorsnap/{run}/resume-monitors.1")
    copy = nodes.send("resume-monitors")
    assert copy["status"] == "Failed" and copy["line"]["result"] == "unknown" and copy["disturbed"] == []


GUARDED = sorted(step for step, document in DOCUMENTS.items() if "NotAfterUptime" in document.parameters)


@pytest.mark.parametrize("step", GUARDED)
def test_strangers_do_nothing(nodes: Nodes, step: str) -> None:
    """Another boot's, a late, a lower epoch's and a held copy of every document that disturbs."""
    nodes.begin()
    nodes.send("fence")
    cases: list[tuple[str, dict[str, str], Callable[[], Any]]] = [
        ("other_boot", {"ExpectedBootId": "0f0e0d0c-0b0a-4908-8706-050403020100"}, lambda: None),
        ("late", {"NotAfterUptime": "1", "Attempt": "2"}, lambda: None),
        ("fenced", {"Epoch": str(nodes.epoch - 1), "Attempt": "3"}, lambda: None),
        ("hold", {"Attempt": "4"}, lambda: nodes.send("hold")),
    ]
    try:
        for reason, other, prepare in cases:
            prepare()
            answer = nodes.send(step, **other)
            assert answer["line"]["result"] == "refused" and answer["line"]["reason"] == reason
            assert answer["status"] == "Failed" and answer["disturbed"] == [], reason
    finally:
        assert nodes.send("unhold")["line"]["result"] == "ok"
    # What was refused stays refused, also when its reason has gone.
    held = nodes.send(step, Attempt="4")
    assert held["line"]["reason"] == "hold" and held["line"]["replay"] and held["disturbed"] == []


def test_deadlines_that_contradict_each_other(nodes: Nodes) -> None:
    nodes.begin()
    for step, node, wrong in (
        ("quiesce", "server1", {"MaxOutageSeconds": "34"}),
        ("break-unit", "server2", {"WaitSeconds": "59"}),
    ):
        answer = nodes.send(step, node, **wrong)
        assert answer["line"]["result"] == "invalid" and answer["line"]["reason"] == "deadlines"
        assert answer["disturbed"] == []


def test_steps_refuse_a_cluster_that_is_not_as_they_need_it(nodes: Nodes) -> None:
    nodes.begin()
    for step, node, detail in (
        ("break-unit", "server1", "groups"),  # the groups run here
        ("enter-backup-mode", "server1", None),
        ("enter-backup-mode", "server2", None),  # GREEN: nothing was broken
        ("enter-restore-mode", "server1", "groups"),
    ):
        answer = nodes.send(step, node)
        assert answer["line"]["result"] == "refused" and answer["line"]["reason"] == "state", step
        assert detail in (None, answer["line"]["detail"])
        assert answer["disturbed"] == []


def test_quiesce_on_the_wrong_node_touches_nothing(nodes: Nodes) -> None:
    nodes.begin()
    answer = nodes.send("quiesce", "server2")
    assert answer["line"]["result"] == "ok" and answer["line"]["found"] == "refused"
    assert nodes.records("server2").keys() == {"refused"}
    assert not any(
        c.startswith(("clpgrp", "systemd-run --unit=mirrorsnap-" + nodes.run + "-timer")) for c in answer["disturbed"]
    )


def test_monitors_that_somebody_has_suspended_refuse(nodes: Nodes) -> None:
    """His work goes on: nothing is stopped or broken, and his monitors are not resumed by the node."""
    nodes.begin()
    nodes.send("resume-monitors")
    refused = nodes.send("break-unit", "server2")  # its own are not suspended
    assert refused["line"]["reason"] == "monitors" and refused["disturbed"] == []
    sh(nodes.lab, "clpmonctrl -s -h server1 -m mdw1; clpmonctrl -s -h server2 -m mdw1")
    refused = nodes.send("break-unit", "server2", Attempt="2")
    assert refused["line"]["reason"] == "monitors" and refused["disturbed"] == []
    assert nodes.send("quiesce")["line"]["found"] == "refused"
    assert (
        nodes.records("server1").keys() == {"refused"} and nodes.records("server1")["refused"]["reason"] == "monitors"
    )


def test_without_a_standby_the_section_is_void_and_the_group_comes_back(nodes: Nodes) -> None:
    nodes.begin()
    nodes.send("resume-monitors")
    nodes.send("quiesce", BreakSeconds="2")
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the group is back")
    records = nodes.records("server1")
    assert "sealed" not in records and records["void"] == {**records["void"], "by": "active", "reason": "deadline"}


def test_a_fence_ends_an_active_and_brings_its_group_back(nodes: Nodes) -> None:
    old = nodes.begin()
    nodes.send("resume-monitors")
    nodes.send("quiesce", BreakSeconds="20")
    nodes.lab.wait_for(
        lambda: sh(nodes.lab, "clpstat -s | grep -c 'failover1.*: Offline *$'")["stdout"].strip() == "1", 30
    )
    new = nodes.begin()
    assert (
        nodes.send("quiesce")["line"] == {**nodes.send("quiesce")["line"], "reason": "other_run", "other": old} or True
    )
    fence = nodes.send("fence", Run=new)
    assert fence["line"]["result"] == "ok" and fence["line"]["resumed"] == [old]
    nodes.run = old
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 90, "the group is back")
    records = nodes.records("server1")
    assert records["void"]["by"] == "timer" and records["done"]["by"] == "timer"
    assert nodes.send("observe")["line"]["units"]["timer.timer"] == "inactive"
    nodes.run = new


def test_a_new_run_waits_for_the_end_of_an_old_one(nodes: Nodes) -> None:
    old = nodes.begin()
    sh(nodes.lab, f"mkdir -p $MIRRORSNAP_RUN/mirrorsnap/{old} && echo '{{}}' >$MIRRORSNAP_RUN/mirrorsnap/{old}/arming")
    nodes.begin()
    answer = nodes.send("quiesce")
    assert answer["line"]["reason"] == "other_run" and answer["line"]["other"] == old and answer["disturbed"] == []
    sh(nodes.lab, f"rm -r $MIRRORSNAP_RUN/mirrorsnap/{old}")


def test_an_epoch_that_cannot_be_read_is_repaired_by_fence_alone(nodes: Nodes) -> None:
    nodes.begin()
    sh(nodes.lab, "mkdir -p $MIRRORSNAP_VAR_LIB/mirrorsnap; echo garbage >$MIRRORSNAP_VAR_LIB/mirrorsnap/epoch")
    answer = nodes.send("resume-monitors")
    assert answer["line"]["reason"] == "epoch_unreadable" and answer["disturbed"] == []
    assert nodes.send("observe")["line"]["stored_epoch"] is None
    assert nodes.send("fence")["line"]["result"] == "ok"
    assert nodes.send("observe")["line"]["stored_epoch"] == nodes.epoch
    lower = nodes.send("fence", Epoch=str(nodes.epoch - 1))
    assert lower["line"]["reason"] == "fenced" and lower["line"]["stored_epoch"] == nodes.epoch


@pytest.mark.parametrize("step", ["fence", "resume-monitors"])
def test_an_epoch_far_ahead_is_stored_by_no_document(nodes: Nodes, step: str) -> None:
    """Else a misused role's document made the node refuse everything for ever. A node that has none yet takes any."""
    nodes.begin()
    assert nodes.send("fence")["line"]["result"] == "ok"
    other = {} if step == "fence" else {"Attempt": "7"}
    far = nodes.send(step, Epoch=str(nodes.epoch + 10001), **other)
    assert far["line"]["reason"] == "epoch_leaps" and far["line"]["stored_epoch"] == nodes.epoch
    assert far["disturbed"] == [] and nodes.send("observe")["line"]["stored_epoch"] == nodes.epoch
    sh(nodes.lab, "echo 1 >$MIRRORSNAP_VAR_LIB/mirrorsnap/epoch")
    assert nodes.send("fence")["line"]["result"] == "ok", "a node that was off while others went on"
    sh(nodes.lab, "rm $MIRRORSNAP_VAR_LIB/mirrorsnap/epoch")
    nodes.epoch += 20000
    try:
        assert nodes.send("fence")["line"]["result"] == "ok"
    finally:
        nodes.epoch -= 20000
        sh(nodes.lab, "rm $MIRRORSNAP_VAR_LIB/mirrorsnap/epoch")


def test_only_the_last_attempt_of_a_detached_unit_is_shown(nodes: Nodes) -> None:
    """By epoch, then by number. A number alone is what earlier versions wrote, and older than any with an epoch."""
    run = nodes.begin()
    for attempt in ("9801", "98.2", "98.10", "97.11"):
        sh(
            nodes.lab,
            f"job=$MIRRORSNAP_VAR_LIB/mirrorsnap/{run}/leave-backup-mode.{attempt} && mkdir -p $job && "
            f"echo '{{}}' >$job/started && echo 'from {attempt}' >$job/out",
        )
    seen = nodes.send("observe")
    shown = {name: text for name, text in seen["sections"].items() if name.startswith("out ")}
    assert shown == {"out leave-backup-mode.98.10": "from 98.10\n"} and len(seen["line"]["jobs"]) == 4


def test_an_inspection_reads_what_the_node_and_clp_conf_say(nodes: Nodes) -> None:
    nodes.begin()
    seen = nodes.send("observe")
    sections = seen["sections"]
    assert sections["settings md1"].splitlines() == [
        "cppath 0 /dev/xvdb1", "own-cppath 1", "dppath 0 /dev/xvdb2", "own-dppath 1", "fullcopy 0 0", "sync 1",
        "syncmode 1", "deact 1", "umount-seconds 1", "umount-retries 1",
    ]  # fmt: skip
    assert (
        sections["monitor mdw1"] == "object 0 md1\n" and sections["group failover1"] == "stop-after 1\nstop-seconds 1\n"
    )
    assert sections["cluster"] == "md 0 md1\nhd 1\nhaltp 1\nstall 1\n"
    # The groups mount the mirror driver's device, where they run; a frozen backup freezes it there.
    assert sections["mounts"] == "md1 /dev/NMP1 ok\n"
    assert nodes.send("observe", "server2")["sections"]["mounts"] == "md1 /dev/NMP1 not_mounted - -\n"
    assert sections["systemd"].startswith("systemd 252") and sections["sync"].startswith("sync (")
    assert [row.split()[3] for row in sections["space"].splitlines()[1:]] == ["7000000", "7000000"]
    assert seen["line"]["missing"] == [] and set(seen["line"]["took_ms"]) == {"clpstat", "clpmdstat"}
    assert "lvmdevices" not in sections, "no partition lies on LVM"
    # Within an operation nobody reads them.
    brief = set(nodes.send("observe", Settings="no")["sections"])
    assert brief == {
        "is-enabled",
        "device /dev/xvdb1",
        "device /dev/xvdb2",
        "clpstat",
        "clpstat-monitors",
        "clpmdstat md1",
    }


def test_the_paths_are_read_on_a_node_outside_the_cluster(nodes: Nodes) -> None:
    """The device gate before a post-processing needs them. A value for one server is the one that counts."""
    nodes.begin()
    other = {"cluster_partition": "/dev/xvdc1", "data_partition": "/dev/xvdc2"}
    same = {"cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2"}
    sh(nodes.lab, "systemctl disable clusterpro clusterpro_md", "server2")
    try:
        for way, common, own in [("resolved", "0 /dev/xvdc1", "1"), ("raw", "0 /dev/xvdb1", "0 /dev/xvdc1")]:
            nodes.lab.control("cluster_set", switches={"clpcfget_servers": way}, partitions={"md1": {"server2": other}})
            read = nodes.send("observe", "server2", Settings="no")["sections"]["settings md1"].splitlines()
            assert read[:2] == [f"cppath {common}", f"own-cppath {own}"] and len(read) == 4
    finally:
        nodes.lab.control(
            "cluster_set", switches={"clpcfget_servers": "resolved"}, partitions={"md1": {"server2": same}}
        )
        sh(nodes.lab, "systemctl enable clusterpro clusterpro_md", "server2")


def test_a_node_on_which_clusterpro_hangs_still_tells_its_own_facts(nodes: Nodes) -> None:
    run = nodes.begin()
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    sh(nodes.lab, f"mkdir -p $MIRRORSNAP_RUN/mirrorsnap/{run}; echo '{{}}' >$MIRRORSNAP_RUN/mirrorsnap/{run}/arming")
    for command in ("clpstat", "clpmdstat", "clpcfget"):
        nodes.lab.control("fault", spec={"command": command, "node": "server1", "times": 1000, "effect": "hang"})
    try:
        before = status(nodes.lab, "server1")["uptime"]
        seen = nodes.send("observe", Settings="no")
        # One command used its limit up; no other one was tried.
        assert status(nodes.lab, "server1")["uptime"] - before < 25
    finally:
        nodes.lab.control("clear_faults")
        sh(nodes.lab, f"rm $MIRRORSNAP_RUN/mirrorsnap/{run}/arming")
    assert seen["line"]["unfinished"] == [run] and seen["line"]["stored_epoch"] == nodes.epoch
    assert seen["line"]["records"] == {"arming": {}}
    assert seen["sections"]["is-enabled"].split() == ["enabled", "enabled"]
    assert 'TYPE="disk"' in seen["sections"]["device /dev/xvdb1"]
    assert seen["sections"]["clpstat"].strip() in ("", "Killed")
    for skipped in ("clpstat-monitors", "clpmdstat md1"):
        assert seen["sections"][skipped].startswith("skipped"), skipped


def test_what_a_node_lacks_is_told(nodes: Nodes) -> None:
    nodes.begin()
    hide = 'for tool in lsblk clprestore.sh; do file=$(command -v "$tool"); mv "$file" "$file.away"; done'
    sh(nodes.lab, hide)
    try:
        seen = nodes.send("observe")
    finally:
        sh(nodes.lab, 'for file in "${PATH%%:*}"/*.away; do mv "$file" "${file%.away}"; done')
    assert seen["line"]["missing"] == ["lsblk", "clprestore.sh"]
