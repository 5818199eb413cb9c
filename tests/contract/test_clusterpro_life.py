"""Boot, waiting for the peer, groups, failover, heartbeat: the cluster's life, in order and out of it."""

from __future__ import annotations

import pytest
from cluster_bench import PATIENCE
from test_clusterpro_procedure import isolate

from lab.nodes.clusterpro import part


def daemon(b, node):
    return b.cluster.nodes[node].daemon


def events(b, node):
    return [(e["module"], e["id"]) for e in b.cluster.nodes[node].events]


# --- boot ---


def test_both_boot_and_the_group_starts_on_the_preferred_node(bench):
    b = bench(active="server2")
    assert b.group() == {"server1": "offline", "server2": "online"}
    assert all(m == "online" for n in b.cluster.nodes.values() for m in n.monitors.values())
    assert b.hosts["server1"].running == {"clusterpro", "clusterpro_md"}
    assert b.files("server1").header()["mounted"] == "server2"


def test_first_node_waits_for_its_peer(bench):
    b = bench(up=False, timing={"peer_wait": 300})
    b.boot("server1")
    b.pause(5)
    assert daemon(b, "server1") == "waiting"
    assert b.run("server1", "clpgrp -s failover1").rc == 12
    assert b.run("server1", "clpmonctrl -s -h server1 -m mdw1").rc == 12
    b.boot("server2")
    b.until(lambda: b.group()["server1"] == "online", "formed at once")


def test_first_node_gives_up_waiting(bench):
    b = bench(up=False)
    b.boot("server1")
    b.until(lambda: b.group()["server1"] == "online", "alone")
    assert ("cl", 4) in events(b, "server1")
    assert not b.cluster.nodes["server1"].peer_seen


def test_services_on_manual_start_nothing_for_ever(bench):
    b = bench()
    b.halt("server2")
    b.hosts["server2"].services = {"clusterpro": False, "clusterpro_md": False}
    for _ in range(2):
        b.boot("server2")
        b.pause(3)
        assert (daemon(b, "server2"), b.cluster.nodes["server2"].agent) == ("stopped", "down")
        assert b.colours() == "GREEN/GRAY"
        b.halt("server2")


def test_agent_alone_may_start(bench):
    b = bench()
    b.halt("server2")
    b.hosts["server2"].services = {"clusterpro": False}
    b.boot("server2")
    b.pause(1)
    assert (daemon(b, "server2"), b.cluster.nodes["server2"].agent) == ("stopped", "up")


def test_suspension_does_not_survive_a_boot(bench):
    b = bench()
    for node in b.hosts:
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
    b.halt("server2")
    assert b.cluster.nodes["server2"].monitors["mdw1"] == "offline"
    b.boot("server2")
    b.until(lambda: b.cluster.nodes["server2"].monitors["mdw1"] == "online", "resumed")
    assert b.cluster.nodes["server1"].monitors["mdw1"] == "suspended"


@pytest.mark.parametrize("starts", [False, True])
def test_after_a_hard_stop(bench, starts):
    b = bench(switches={"start_after_hard_stop": starts})
    b.cut("server2")
    b.boot("server2")
    b.pause(2)
    assert (daemon(b, "server2") == "online") is starts
    assert (("cl", 18) in events(b, "server2")) is not starts
    if not starts:
        assert b.run("server2", "clpstat").rc != 0
        assert b.run("server2", "clpbackup.sh --pre").rc != 0  # the agent runs, the daemon does not
        assert b.cluster.dump()["mirrors"]["md1"]["flags"]["server2"] == "OFF"
        assert b.ok("server2", "clpcl -s") == "Start server2 : Command succeeded.\n"
        b.until(lambda: daemon(b, "server2") == "online", "started by hand")
    b.settle()


@pytest.mark.parametrize("starts", [False, True])
def test_stopped_group_on_rejoin(bench, starts):
    b = bench(switches={"stopped_group_starts_on_rejoin": starts})
    b.ok("server1", "clpgrp -t failover1")
    b.halt("server2")
    b.boot("server2")
    b.until(lambda: daemon(b, "server2") == "online", "rejoined")
    b.pause(2)
    assert ("online" in b.group().values()) is starts


def test_stopped_group_starts_after_a_full_stop(bench):
    b = bench()
    b.ok("server1", "clpgrp -t failover1")
    b.halt("server1")
    b.halt("server2")
    b.boot("server1", "server2")
    b.until(lambda: b.group()["server1"] == "online", "started")


def test_group_without_auto_start_stays_down(bench):
    b = bench(up=False, failover_groups=[{"name": "failover1", "auto_start": False}])
    b.boot("server1", "server2")
    b.until(lambda: daemon(b, "server1") == "online", "formed")
    b.pause(2)
    assert set(b.group().values()) == {"offline"}


# --- groups ---


def test_quiesce_point_is_the_clean_umount(bench):
    b = bench()
    b.write("a", "x")
    assert b.files("server2").header()["mounted"] == "server1"
    b.ok("server1", "clpgrp -t failover1")
    header = b.files("server2").header()
    quiesce = b.cluster.mirrors["md1"].quiesce
    assert (header["mounted"], header["lineage"]) == (None, quiesce["lineage"])
    assert b.files("server1").digest() == quiesce["digest"]
    with pytest.raises(ValueError, match="not online"):
        part.cluster_write("a", "nobody can")


def test_writes_go_on_until_the_umount(bench):
    b = bench(timing={"group_stop": 10})
    _, thread, _ = b.start("server1", "clpgrp -t failover1")
    b.until(lambda: b.group()["server1"] == "stopping", "stopping")
    b.write("late", "x")
    b.lab.timing.group_stop = 0.4
    thread.join(PATIENCE)
    assert b.files("server2").read("late") == b"x"
    assert b.cluster.mirrors["md1"].quiesce["lineage"] == b.files("server2").header()["lineage"]


def test_refusals_of_start_and_stop(bench):
    b = bench(auto_recovery=False, timing={"group_stop": 3})
    before = b.group()
    for node, line in (
        ("server1", "clpgrp -s failover1"),  # started already
        ("server2", "clpgrp -s failover1"),  # started elsewhere
        ("server2", "clpgrp -t failover1"),  # not here
        ("server1", "clpgrp -t nosuch"),
        ("server1", "clpgrp -t failover1 -h nosuch"),
        ("server1", "clpgrp -t failover1 -h server2"),
        ("server1", "clpgrp"),
        ("server1", "clpgrp -s -t failover1"),
        ("server1", "clpgrp -x"),
    ):
        answer = b.run(node, line)
        assert answer.rc != 0 and "succeeded" not in answer.out, line
        assert b.group() == before
    _, thread, _ = b.start("server1", "clpgrp -t failover1")
    b.until(lambda: b.group()["server1"] == "stopping", "stopping")
    assert b.run("server1", "clpgrp -t failover1").rc != 0  # busy
    assert b.run("server2", "clpgrp -s failover1").rc != 0
    thread.join(PATIENCE)
    assert b.run("server1", "clpgrp -t failover1").rc != 0  # stopped already
    b.ok("server2", "clpmdctrl --break md1")
    assert b.run("server2", "clpgrp -s failover1").rc != 0  # not GREEN
    assert set(b.group().values()) == {"offline"}


def test_without_a_name_all_groups(bench):
    disks = [{"name": "md1"}, {"name": "md2"}]
    b = bench(mirror_disks=disks, failover_groups=["g1", "g2"])
    b.ok("server1", "clpgrp -t")
    assert [set(b.group(g).values()) for g in ("g1", "g2")] == [{"offline"}] * 2
    b.ok("server1", "clpgrp -s g1")
    b.ok("server1", "clpgrp -s")
    assert [b.group(g)["server1"] for g in ("g1", "g2")] == ["online"] * 2
    assert b.run("server1", "clpgrp -s").rc != 0
    b.ok("server1", "clpgrp -t g2")
    assert (b.group("g1")["server1"], b.group("g2")["server1"]) == ("online", "offline")


@pytest.mark.parametrize("needs", [True, False])
def test_stop_from_the_other_node(bench, needs):
    b = bench(switches={"remote_group_needs_force": needs})
    assert (b.run("server2", "clpgrp -t failover1").rc != 0) is needs
    if needs:
        b.ok("server2", "clpgrp -t failover1 -f")
    b.until(lambda: set(b.group().values()) == {"offline"}, "stopped")
    b.ok("server1", "clpgrp -s failover1 -h server2")
    b.ok("server1", "clpgrp -t failover1 -h server2")


def test_move_takes_the_group_to_the_other_node(bench):
    b = bench()
    b.ok("server1", "clpgrp -m failover1")
    assert b.group() == {"server1": "offline", "server2": "online"}
    b.write("a", "there")
    assert b.files("server1").read("a") == b"there"


@pytest.mark.parametrize("end", ["error", "shutdown"])
def test_failing_group_stop(bench, end):
    b = bench(switches={"umount_failures": 1, "group_stop_failure": end})
    answer = b.run("server1", "clpgrp -t failover1")
    assert answer.rc != 0 and answer.out == ""
    if end == "error":
        assert b.group() == {"server1": "error", "server2": "offline"}
        assert b.files("server1").header()["mounted"] == "server1"
        assert b.run("server1", "clpgrp -s failover1").rc != 0
        b.ok("server1", "clpgrp -t failover1")  # sporadic: the next umount works
        assert set(b.group().values()) == {"offline"}
    else:
        b.until(lambda: b.hosts["server1"].state == "off", "shut down")
        b.until(lambda: b.group()["server2"] == "online", "failed over")


def test_killed_command_does_not_stop_the_daemon(bench):
    b = bench(timing={"group_stop": 2})
    killed, thread, answers = b.start("server1", "clpgrp -t failover1")
    b.until(lambda: b.group()["server1"] == "stopping", "stopping")
    killed.set()
    thread.join(PATIENCE)
    assert answers[0].rc != 0
    b.until(lambda: set(b.group().values()) == {"offline"}, "stopped all the same")


@pytest.mark.parametrize("verb", ["-t", "-s"])
def test_power_cut_in_the_middle_of_a_transition(bench, verb):
    b = bench(timing={"heartbeat_timeout": 30})
    if verb == "-s":
        b.ok("server1", "clpgrp -t failover1")
    b.lab.timing.update({"group_stop": 3, "group_start": 3})
    lineage = b.files("server1").header()["lineage"]
    _, thread, answers = b.start("server1", f"clpgrp {verb} failover1")
    b.until(lambda: b.group()["server1"] in ("stopping", "starting"), "under way")
    b.cut("server1")
    thread.join(PATIENCE)
    b.pause(4)
    assert answers[0].rc != 0
    assert "error" not in b.group().values()
    header = b.files("server1").header()
    assert header["lineage"] == lineage  # neither umounted nor mounted
    assert header["mounted"] == ("server1" if verb == "-t" else None)


def test_pre_killed_half_way_leaves_the_flag(bench):
    b = bench(timing={"backup_mode": 4})
    isolate(b)
    killed, thread, _ = b.start("server2", "clpbackup.sh --pre")
    b.until(lambda: b.cluster.dump()["mirrors"]["md1"]["flags"]["server2"] == "ON", "flag is ON")
    killed.set()
    thread.join(PATIENCE)
    b.pause(4)
    dump = b.cluster.dump()["nodes"]["server2"]
    assert (dump["services"], dump["power"]) == ("auto", "up")
    assert b.oracles.residue()


# --- leaving and dying ---


def test_graceful_stop_of_the_active_fails_over(bench):
    b = bench()
    b.write("a", "x")
    b.halt("server1")
    b.until(lambda: b.group()["server2"] == "online", "failed over")
    assert b.cluster.nodes["server1"].clean
    b.write("b", "y")
    b.boot("server1")
    b.settle()
    assert b.files("server1").read("b") == b"y"
    assert b.group()["server1"] == "offline"
    assert b.oracles.violations == []


def test_no_failover_onto_a_side_that_is_not_green(bench):
    for how in ("halt", "cut"):
        b = bench(auto_recovery=False)
        b.ok("server2", "clpmdctrl --break md1")
        getattr(b, how)("server1")
        b.pause(4)
        assert b.group()["server2"] == "offline", how
        assert ("rc", 13) in events(b, "server2")


def test_hard_stop_is_seen_after_the_heartbeat_timeout_only(bench):
    b = bench(timing={"heartbeat_timeout": 10})
    b.cut("server1")
    text = b.run("server2", "clpstat").out
    assert "server1 ..........: Online" in text and "failover1 ........: Online" in text
    assert b.ok("server2", "clpgrp -n failover1") == "server1\n"
    b.until(lambda: b.group()["server2"] == "online", "failed over")
    assert "server1 ..........: Offline" in b.run("server2", "clpstat").out
    died = next(e["t"] for e in b.lab.record.since() if e.get("what") == "daemon" and e["state"] == "stopped")
    took = next(e["t"] for e in b.lab.record.since() if e.get("what") == "group" and e["node"] == "server2")
    assert took - died >= 10


def test_group_being_stopped_on_a_dead_node_stays_stopped(bench):
    b = bench(timing={"group_stop": 30})
    b.start("server1", "clpgrp -t failover1")
    b.until(lambda: b.group()["server1"] == "stopping", "stopping")
    b.cut("server1")
    b.until(lambda: not b.cluster.nodes["server2"].peer_seen, "noticed")
    b.boot("server1")
    b.ok("server1", "clpcl -s")
    b.until(lambda: daemon(b, "server1") == "online", "back")
    b.pause(2)
    assert set(b.group().values()) == {"offline"}


def test_node_that_returns_before_the_timeout(bench):
    b = bench(switches={"start_after_hard_stop": True}, timing={"heartbeat_timeout": 60})
    b.cut("server1")
    b.boot("server1")
    b.until(lambda: "online" in b.group().values() and daemon(b, "server1") == "online", "running again")
    b.settle()
    b.write("a", "it really runs")
    assert b.oracles.violations == []


def test_group_stopped_and_started_again_counts_as_started(bench):
    b = bench(auto_recovery=False)
    b.ok("server1", "clpgrp -t failover1")
    b.ok("server1", "clpgrp -s failover1")
    assert not b.cluster.groups["failover1"].stopped_by_operator
    b.ok("server2", "clpmdctrl --break md1")
    b.cut("server1")  # the standby is RED: nothing fails over
    b.boot("server1")
    b.until(lambda: set(b.group().values()) == {"offline"}, "lost")
    b.ok("server1", "clpcl -s")
    b.until(lambda: b.group()["server1"] == "online", "started on its return")


def test_group_being_stopped_by_command_does_not_fail_over(bench):
    b = bench(timing={"group_stop": 3})
    b.start("server1", "clpgrp -t failover1")
    b.until(lambda: b.group()["server1"] == "stopping", "stopping")
    b.halt("server1")
    b.pause(2)
    assert set(b.group().values()) == {"offline"}


def test_umount_that_fails_at_shutdown_is_tried_again_then_given_up(bench):
    b = bench(switches={"umount_failures": 2})
    b.halt("server1")
    assert b.files("server1").header()["mounted"] is None
    b = bench(switches={"umount_failures": 9})
    b.halt("server1")
    assert b.files("server1").header()["mounted"] == "server1"


def test_cluster_service_stopped_by_command(bench):
    b = bench()
    assert b.ok("server1", "clpcl -t") == "Stop server1 : Command succeeded.\n"
    assert (daemon(b, "server1"), b.cluster.nodes["server1"].agent, b.hosts["server1"].state) == (
        "stopped",
        "down",
        "up",
    )
    b.until(lambda: b.group()["server2"] == "online", "failed over")
    assert b.run("server1", "clpcl -t").rc != 0
    assert b.ok("server2", "clpcl -s -h server1") == "Start server1 : Command succeeded.\n"
    assert b.run("server2", "clpcl -s -h server1").rc != 0
    b.settle()
    assert b.run("server2", "clpcl -s -h nosuch").rc == 202
    assert b.run("server2", "clpcl -s -t").rc != 0


# --- stale sides ---


@pytest.mark.parametrize("guard", [True, False])
def test_standby_alone_that_knows_its_peer_was_active(bench, guard):
    b = bench(switches={"stale_guard": guard})
    b.halt("server2")
    b.write("a", "newer")
    b.ok("server1", "clpgrp -t failover1")
    b.halt("server1")
    b.boot("server2")
    b.until(lambda: daemon(b, "server2") == "online", "alone")
    if guard:
        b.pause(2)
        assert b.colours("server2") == "GRAY/RED"
        assert b.run("server2", "clpgrp -s failover1").rc != 0
        assert b.oracle(6) == []
        b.boot("server1")
        b.settle()
        assert b.files("server2").read("a") == b"newer"
    else:
        b.until(lambda: b.group()["server2"] == "online", "started on old data")
        assert "newer data" in b.oracle(6)[0]
        b.boot("server1")
        b.until(lambda: b.colours() == "RED/RED", "split")


def test_standby_alone_after_a_clean_stop_of_the_group_may_go_on(bench):
    b = bench()
    b.write("a", "x")
    b.ok("server1", "clpgrp -t failover1")
    b.halt("server1")
    b.halt("server2")
    b.boot("server2")
    b.until(lambda: b.group()["server2"] == "online", "it has all the data, and its own side is GREEN")
    assert b.oracles.violations == []


def test_standby_that_took_over_may_go_on_alone(bench):
    b = bench()
    b.cut("server1")
    b.until(lambda: b.group()["server2"] == "online", "failover")
    b.write("a", "newest")
    b.ok("server2", "clpgrp -t failover1")
    b.halt("server2")
    b.boot("server2")  # its peer had been active, but it has been so itself since then
    b.until(lambda: b.group()["server2"] == "online", "it has the newest data, and its own side is GREEN")
    assert b.files("server2").read("a") == b"newest" and b.oracles.violations == []


# --- heartbeat partition ---


@pytest.mark.parametrize("failover", [True, False])
def test_partition(bench, failover):
    b = bench(switches={"partition_failover": failover})
    b.cluster.daemons.heartbeat(False)
    assert (b.colours("server1"), b.colours("server2")) == ("GREEN/GRAY", "GRAY/GREEN")
    b.until(lambda: not any(n.peer_seen for n in b.cluster.nodes.values()), "timed out")
    assert b.run("server1", "clpmonctrl -s -h server2 -m mdw1").rc == 200
    assert b.run("server1", "clpgrp -s failover1 -h server2").rc == 200
    b.write("a", "here")
    b.pause(2)
    assert (b.group()["server2"] == "online") is failover
    if failover:
        assert any("failover1 is online on both" in t for t in b.oracle(6))
    b.cluster.daemons.heartbeat(True)
    if failover:
        assert b.colours() == "BLUE/BLUE"
        assert "Mirror Status: Abnormal" in b.run("server1", "clpmdstat -m md1").out
        b.ok("server2", "clpgrp -t failover1")
        assert b.colours() == "RED/RED"
        b.ok("server1", "clpmdctrl --force server1 md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "healed")
    assert b.files("server2").read("a") == b"here"


def test_short_interruption_of_the_heartbeat_is_no_failover(bench):
    b = bench(timing={"heartbeat_timeout": 10})
    b.cluster.daemons.heartbeat(False)
    b.cluster.daemons.heartbeat(True)
    b.settle()
    b.pause(12)
    assert b.group() == {"server1": "online", "server2": "offline"}


# --- devices ---


def test_missing_path_is_gray_with_the_signature_in_the_event_log(bench):
    b = bench(platform="nitro")
    b.halt("server2")
    b.hosts["server2"].rename_next_boot = True
    b.boot("server2")
    b.until(lambda: daemon(b, "server2") == "online", "back")
    event = next(e for e in b.cluster.nodes["server2"].events if e["module"] == "mdagent")
    assert (event["id"], event["text"].startswith("Failed to load the resource(md1)")) == (5, True)
    assert b.colours() == "GREEN/GRAY"
    assert b.run("server2", "clpbackup.sh --pre").rc != 0


@pytest.mark.parametrize("what", ["destroy", "gray"])
def test_mirror_on_a_wrong_disk(bench, what):
    disks = [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc"}]
    b = bench(platform="nitro", mirror_disks=disks, switches={"wrong_disk": what})
    b.halt("server2")
    before = [b.volume("server2", d).blocks.digest() for d in ("/dev/sdb", "/dev/sdc")]
    b.hosts["server2"].rename_next_boot = True
    b.boot("server2")
    b.until(lambda: daemon(b, "server2") == "online", "back")
    assert b.colours() == b.colours(disk="md2") == "GREEN/GRAY"
    after = [b.volume("server2", d).blocks.digest() for d in ("/dev/sdb", "/dev/sdc")]
    assert (before == after) is (what == "gray")
    assert len(b.oracle(5)) == (2 if what == "destroy" else 0)


def test_empty_disk_is_gray_and_not_destroyed(bench):
    b = bench()
    b.halt("server2")
    volume = b.volume("server2")
    for number in volume.blocks.used(256):
        volume.blocks.put(number, bytes(4096))
    b.boot("server2")
    assert b.cluster.nodes["server2"].troubles == {"md1": "not initialised"}
    assert b.oracle(5) == []


def test_lvm_names_follow_the_volume_and_twins_stay_inactive(bench):
    b = bench(platform="nitro", layout="lvm", mirror_disks=[{"name": "md1"}, {"name": "md2", "device": "/dev/sdc"}])
    b.halt("server2")
    b.hosts["server2"].rename_next_boot = True
    b.boot("server2")
    b.settle()  # names moved, logical volumes did not
    from lab.ec2 import volumes

    old = b.volume("server2")
    twin = volumes.create_now(b.hosts["server2"].instance.az, 20)
    twin.blocks = old.blocks.copy()
    volumes.attach_now(twin, b.hosts["server2"].instance, "/dev/sdf")
    b.halt("server2")
    b.boot("server2")
    assert b.cluster.nodes["server2"].troubles == {"md1": "missing"}


def test_two_way_groups_on_both_nodes(bench):
    disks = [{"name": "md1"}, {"name": "md2"}]
    b = bench(mirror_disks=disks, failover_groups=["g1", {"name": "g2", "active": "server2"}])
    assert (b.group("g1")["server1"], b.group("g2")["server2"]) == ("online", "online")
    b.write("f", "one", group="g1")
    b.write("f", "two", group="g2")
    assert (b.files("server2", "md1").read("f"), b.files("server1", "md2").read("f")) == (b"one", b"two")
    assert b.run("server2", "clpbackup.sh --pre").rc != 0  # g2 is active here
    assert b.cluster.dump()["mirrors"]["md1"]["flags"] == {"server1": "OFF", "server2": "OFF"}
    b.cut("server2")
    b.until(lambda: b.group("g2")["server1"] == "online", "failed over")


def test_a_group_whose_node_lost_its_power_unseen_does_not_run_after_the_boot(bench):
    """The peer was on its way down itself, so that nobody noticed: the group starts anew, or not at all."""
    b = bench(switches={"start_after_hard_stop": True})
    b.cluster.daemons.shutdown(b.cluster.nodes["server2"])  # the OS goes down, its daemon first
    b.cut("server1")
    b.hosts["server2"].off()
    b.cluster.groups["failover1"].status["server1"] = "online"  # as it stays when the peer went before its timeout
    b.boot("server1", "server2")
    b.until(lambda: "online" in b.group().values(), "the group online again")
    b.write("a", "reachable")
    starts = [e for e in b.lab.record.since(0) if e["kind"] == "cluster" and e["what"] == "group"]
    assert [e["status"] for e in starts[-3:]] == ["offline", "starting", "online"]
