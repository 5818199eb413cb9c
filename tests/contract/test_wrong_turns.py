"""Wrong turns in the backup and the restore, through Run Command and EC2: they go wrong as in a machine room.

What the cluster alone makes of them is in test_clusterpro_procedure.py; here the agents, the units, the boots and the
volumes are in it. Those around replayed commands are in test_wrong_turns_replay.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from machine_room import NODES, Room, room


@pytest.fixture
def make(fresh_lab, tmp_path) -> Callable[..., Room]:
    return lambda **cluster: room(fresh_lab, tmp_path, **cluster)


# ── the backup ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_monitor_not_suspended_and_the_image_is_not_the_quiesce_point(make):
    r = make()
    r.write("a", "quiesced")
    r.isolate(suspend=("server1",))
    r.write("a", "later")
    r.until(lambda: r.colours() == "GREEN/GREEN", "server2's monitor had the frozen side overwritten")
    r.freeze()
    made = r.snapshot()
    r.ec2.create_tags(Resources=[made], Tags=[{"Key": "mirrorsnap:valid", "Value": "true"}])
    assert not r.verdict(made)["frozen"]
    assert r.verdict(made)["lineage"] != r.verdict(made)["quiesce_lineage"]
    assert len(r.oracle(1)) == 1 and "data id is not that of the quiesce point" in r.oracle(1)[0]
    assert r.read("a", "server2") == "later"


@pytest.mark.parametrize("power", ["running", "stopped"])
def test_pre_skipped(make, power):
    r = make()
    r.isolate()
    if power == "stopped":
        r.stop("server2")
        assert r.instance("server2")["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    reasons = r.verdict(r.snapshot())["reasons"]
    assert "md1: the backup flag was not ON" in reasons
    assert ("server2 was up" in reasons) == (power == "running")
    if power == "stopped":  # the services are still on auto: it comes back into the cluster and is overwritten
        r.start("server2")
        r.until(lambda: r.colours() == "GREEN/GREEN", "a copy of its own")
        assert "9: " in r.refused("server2", "clpbackup.sh --post")


def test_power_cut_instead_of_a_shutdown(make):
    r = make()
    r.isolate()
    r.lab.control("power_off", instance="server2")
    r.until_stopped("server2")
    assert r.instance("server2")["StateReason"]["Code"].startswith("Server.")
    made = r.snapshot()
    r.ec2.create_tags(Resources=[made], Tags=[{"Key": "mirrorsnap:valid", "Value": "true"}])
    assert "server2 had not shut down in good order" in r.oracle(1)[0]
    r.start("server2")
    assert (
        r.ok("server2", "systemctl is-enabled clusterpro; systemctl is-active clusterpro || :") == "enabled\ninactive\n"
    )
    assert any((e["module"], e["id"]) == ("cl", 18) for e in r.cluster()["nodes"]["server2"]["events"])
    assert r.cluster()["mirrors"]["md1"]["colours"]["server2"] != "GREEN"


def test_power_cut_in_the_middle_of_pre(make):
    r = make(timing={"backup_mode": 60})
    r.isolate()
    sent = r.detached("server2", "clpbackup.sh --pre")
    r.until(lambda: r.cluster()["mirrors"]["md1"]["flags"]["server2"] == "ON", "half of it")
    r.lab.control("power_off", instance="server2")
    r.until_stopped("server2")
    assert r.runners["server2"].get(sent)["Status"] == "Success"  # of the unit's start; it proves nothing
    verdict = r.verdict(r.snapshot())
    assert verdict["reasons"] == ["server2 had not shut down in good order"]
    assert r.cluster()["nodes"]["server2"]["services"] == "auto"


# ── the restore ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_skip_copy_with_volumes_of_two_snapshots_is_a_silent_green(make):
    r = make()
    r.write("a", "one")
    first = r.backup()
    r.write("a", "two")
    second = r.backup()
    assert r.lab.control("oracles")["violations"] == []
    r.restore_mode()
    r.swap("server1", first)
    r.swap("server2", second)
    r.start(*NODES)
    for node in NODES:
        r.detached(node, "clprestore.sh --post --skip-copy")
    r.until(lambda: r.cluster()["mirrors"]["md1"]["status"] == "Normal", "the cluster believes it")
    r.until(lambda: r.group() == "server1", "and starts the group")
    assert "Mirror Color GREEN GREEN\n" in r.ok("server1", "clpmdstat --mirror md1 || :")  # its rc is a coded state
    assert (r.read("a", "server1"), r.read("a", "server2")) == ("one", "two")
    assert any("different bytes" in t for t in r.oracle(3))
    assert len(r.oracle(4)) >= 1 and "not of one snapshot" in r.oracle(4)[0]


def test_initial_mirror_construction_on(make):
    r = make(fullcopy=True)
    made = r.backup()
    r.restore_mode()
    for node in NODES:
        r.swap(node, made)
    r.start(*NODES)
    before = {n: r.node(n)["boot_id"] for n in NODES}
    for node in NODES:
        assert r.refused(node, "clprestore.sh --post --skip-copy").startswith("7: ")
    assert {n: r.node(n)["boot_id"] for n in NODES} == before
    assert {s["services"] for s in r.cluster()["nodes"].values()} == {"manual"}
    assert r.oracle(4), "asking for it is the product's mistake already"
    r.lab.control("cluster_set", fullcopy=False)
    for node in NODES:
        r.detached(node, "clprestore.sh --post --skip-copy")
    r.settle()


def test_post_processing_out_of_order(make):
    r = make()
    lines = ("clpbackup.sh --post", "clprestore.sh --post", "clprestore.sh --post --skip-copy")
    for line in lines:
        assert r.refused("server2", line).startswith("9: ")  # the cluster runs
    assert r.shutdowns("server2") == 0 and r.colours() == "GREEN/GREEN"
    r.isolate()
    r.freeze()
    r.start("server2")
    r.detached("server2", "clprestore.sh --post --skip-copy")  # the restore's end in place of the backup's
    r.until(lambda: r.node("server2")["boots"] == 3, "it reboots without a complaint")
    r.ok("server1", "clpmonctrl -r -h server1 -m mdw1")
    assert any("not of one snapshot" in t for t in r.oracle(4))


def test_post_processing_on_renamed_devices_destroys_the_other_disk(make):
    disks = [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc", "size_gib": 8}]
    r = make(platform="nitro", mirror_disks=disks)
    r.restore_mode()
    r.fault("server1", "rename_devices")
    r.start(*NODES)
    serials = dict(line.split() for line in r.ok("server1", "lsblk -dn -o NAME,SERIAL").splitlines())
    assert serials["nvme1n1"] == r.volume("server1", "/dev/sdc").replace("-", "")  # md1's name, md2's volume
    r.detached("server1", "clprestore.sh --post --skip-copy")
    r.until(lambda: r.oracle(5), "the data of both disks is gone")
    assert {v for t in r.oracle(5) for v in (r.volume("server1"), r.volume("server1", "/dev/sdc")) if v in t} == {
        r.volume("server1"),
        r.volume("server1", "/dev/sdc"),
    }
    assert all(r.lab.control("cluster_read", file="a", node="server2", disk=d) is None for d in ("md1", "md2"))


@pytest.mark.parametrize("guard", [True, False])
def test_the_group_started_on_the_stale_side(make, guard):
    r = make(timing={"peer_wait": 4}, switches={"stale_guard": guard})
    r.write("a", "old")
    r.stop("server2")
    r.write("a", "new")
    r.lab.control("power_off", instance="server1")
    r.until_stopped("server1")
    r.start("server2")  # alone, with the older data
    if guard:
        r.until(lambda: r.cluster()["nodes"]["server2"]["daemon"] == "online", "it stops waiting for its peer")
        assert r.refused("server2", "clpgrp -s failover1").startswith("11: ")
        assert r.group() == "offline" and r.oracle(6) == []
    else:
        r.until(lambda: r.group() == "server2", "it starts the group by itself")
        assert r.read("a", "server2") == "old"
        assert len(r.oracle(6)) == 1 and "newer data on the peer" in r.oracle(6)[0]


def test_the_group_started_on_the_broken_side_is_refused(make):
    r = make()
    r.ok("server1", "clpmonctrl -s -h server1 -m mdw1", "clpmonctrl -s -h server2 -m mdw1", "clpgrp -t failover1")
    r.ok("server2", "clpmdctrl --break md1")
    assert r.refused("server2", "clpgrp -s failover1").startswith("11: ")
    assert r.group() == "offline" and r.oracle(6) == []


def test_a_command_that_takes_its_node_down_prints_its_lines_first(make):
    r = make(timing={"shutdown": 0.2})
    r.isolate()
    said = "$MIRRORSNAP_VAR_LIB/said"
    count = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done"  # a few ms, which a unit has left after the command
    r.detached("server2", f"sh -c 'clpbackup.sh --pre >{said}; {count}; echo rc=$? >>{said}'")
    r.until_stopped("server2")
    r.start("server2")
    lines = r.ok("server2", f"cat {said}").splitlines()
    assert len(lines) == 7 and lines[-2:] == ["clpbackup.sh : Command succeeded.", "rc=0"], lines


# ── what Run Command makes of a command that misbehaves ─────────────────────────────────────────────────────────────


def test_a_command_that_hangs_is_ended_by_its_execution_timeout(make):
    r = make()
    r.lab.fault(command="clpgrp -t", node="server1", effect="hang")
    done = r.run("server1", "clpgrp -t failover1", Parameters={"executionTimeout": ["5"]})
    assert (done["Status"], done["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert r.group() == "server1"
    assert r.ok("server1", "clpgrp -t failover1") == "Command succeeded.\n"  # the fault fired once


def test_a_command_that_fails_has_done_nothing_or_everything(make):
    r = make()
    r.lab.fault(command="clpmdctrl --break", node="server2", effect={"exit": 3})
    assert r.refused("server2", "clpmdctrl --break md1").startswith("3: ")
    assert r.colours() == "GREEN/GREEN"
    r.lab.fault(command="clpgrp -t", node="server1", effect={"done_but_exit": 4})
    assert r.refused("server1", "clpgrp -t failover1").startswith("4: ")
    assert r.group() == "offline"
    r.ok("server1", "clpgrp -s failover1")
    r.isolate()
    r.lab.fault(command="clpbackup.sh --pre", node="server2", effect={"done_but_exit": 1})
    r.freeze()
    assert r.verdict(r.snapshot())["frozen"]  # it says that it failed, and the image is good
