"""The mirror: what is copied, what the bitmap remembers, what the two sides make of one another when they meet."""

from __future__ import annotations

import pytest
from test_clusterpro_procedure import isolate

from lab.nodes.clusterpro.cluster import Refused


def side(b, node):
    return b.cluster.mirrors["md1"].side(b.cluster.nodes[node])


def copies(b):
    return [(e["source"], e["mode"]) for e in b.lab.record.since() if e.get("action") == "recovery"]


def test_writes_reach_both_disks(bench):
    b = bench()
    touched = b.write("a", "x" * 9000)
    assert len(touched) == 6  # three of the file, superblock, directory, the journal's superblock
    assert b.files("server2").read("a") == b"x" * 9000
    assert b.files("server1").digest() == b.files("server2").digest()
    assert b.cluster.mirrors["md1"].dump()["bitmap"] == {"server1": 0, "server2": 0}


def test_broken_side_gets_nothing_and_the_bitmap_names_the_blocks(bench):
    b = bench(auto_recovery=False)
    isolate(b)
    before = b.files("server2").digest()
    mounted = set(side(b, "server1").cp.marked())
    touched = b.write("a", "later")
    assert b.files("server2").digest() == before
    assert set(side(b, "server1").cp.marked()) == mounted | set(touched)
    assert side(b, "server2").cp.marked() == []


def test_recovery_copies_what_the_bitmap_names_and_nothing_else(bench):
    """A wrong bitmap yields really different bytes."""
    b = bench(auto_recovery=False)
    isolate(b)
    b.write("a", "x" * 9000)
    b.write("b", "y")
    lost = side(b, "server1").cp.marked()[-1]
    side(b, "server1").cp.mark([lost], on=False)
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert copies(b) == [("server1", "FAST")]
    assert b.files("server1").digest() != b.files("server2").digest()
    assert any("different bytes" in t for t in b.oracle(3))


def test_recovery_shows_percent_and_direction_and_ends_green(bench):
    b = bench(auto_recovery=False, timing={"recovery": 20})
    isolate(b)
    b.write("a", "later")
    b.ok("server1", "clpmdctrl --recovery md1")
    assert b.colours() == "YELLOW/YELLOW"
    b.until(lambda: 0 < b.cluster.mirrors["md1"].recovery.percent < 100, "under way")
    text = b.run("server2", "clpmdstat -m md1").out
    assert "Mirror Status: Recovering" in text and "Direction: server1 --> server2" in text
    assert b.run("server1", "clpmdctrl --recovery md1").rc != 0
    assert b.run("server2", "clpmdctrl --break md1").rc != 0
    b.write("c", "during the copy")
    b.lab.timing.recovery = 1
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert b.files("server2").read("c") == b"during the copy"
    assert b.files("server1").digest() == b.files("server2").digest()
    assert side(b, "server1").record["pair"] == side(b, "server2").record["pair"] != "installed"
    assert b.oracles.violations == []


def test_recovery_cut_off_half_way_is_not_taken_for_a_good_one(bench):
    b = bench(auto_recovery=False, timing={"recovery": 20})
    isolate(b)
    b.write("a", "x" * 80_000)
    total = len(side(b, "server1").cp.marked())
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.cluster.mirrors["md1"].recovery.percent >= 30, "a third is copied")
    with b.lab.lock:
        left = len(side(b, "server1").cp.marked())
        b.cut("server2")
    assert 0 < left < total
    b.pause(25)  # longer than the copy would have taken
    assert b.colours() == "GREEN/GRAY"
    assert set(b.cluster.mirrors["md1"].dump()["bitmap"].values()) == {left, 0}
    b.lab.timing.recovery = 1
    b.boot("server2")
    assert b.colours() == "GREEN/RED"
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert b.oracle(3) == []


def test_recovery_needs_one_green_one_red_and_both_up(bench):
    b = bench(auto_recovery=False)
    assert b.run("server1", "clpmdctrl --recovery md1").rc != 0  # GREEN GREEN
    isolate(b)
    b.halt("server2")
    assert b.run("server1", "clpmdctrl --recovery md1").rc != 0
    assert b.colours() == "GREEN/GRAY"


def test_recovery_command_may_wait_for_the_end(bench):
    b = bench(auto_recovery=False, switches={"recovery_waits": True})
    isolate(b)
    b.ok("server1", "clpmdctrl --recovery md1")
    assert b.colours() == "GREEN/GREEN"


def test_monitor_recovers_by_itself_only_with_auto_recovery(bench):
    b = bench(auto_recovery=False)
    b.ok("server2", "clpmdctrl --break md1")
    b.pause(3)
    assert b.colours() == "GREEN/RED"
    b.cluster.auto_recovery = True
    b.until(lambda: b.colours() == "GREEN/GREEN", "the monitor started the copy")


def test_either_monitor_is_enough(bench):
    for node in ("server1", "server2"):
        b = bench(timing={"monitor_interval": 0.2})
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
        b.ok("server2", "clpmdctrl --break md1")
        b.until(lambda b=b: b.colours() == "GREEN/GREEN", "the other one started the copy")


def test_connect_monitor_does_not_recover(bench):
    b = bench()
    for node in b.hosts:
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
    b.ok("server2", "clpmdctrl --break md1")
    b.pause(2)
    assert b.cluster.nodes["server1"].monitors["mdnw1"] == "online"
    assert b.colours() == "GREEN/RED"


@pytest.mark.parametrize("why", ["licence", "active side", "already red", "agent down", "peer down", "unknown"])
def test_break_is_refused(bench, why):
    b = bench(auto_recovery=False)
    node, disk = "server2", "md1"
    if why == "licence":
        b.cluster.licence = False
    elif why == "active side":
        node = "server1"
    elif why == "already red":
        b.ok("server2", "clpmdctrl --break md1")
    elif why == "agent down":
        b.cluster.daemons.agent_down(b.cluster.nodes["server2"])
    elif why == "peer down":
        b.halt("server1")
        b.until(lambda: b.group()["server2"] == "online", "failed over")
    else:
        disk = "md9"
    before = b.colours("server2")
    answer = b.run(node, f"clpmdctrl --break {disk}")
    assert answer.rc != 0 and answer.out == ""
    assert b.colours("server2") == before


def test_break_survives_a_boot(bench):
    b = bench(auto_recovery=False)
    b.ok("server2", "clpmdctrl --break md1")
    b.halt("server2")
    b.boot("server2")
    b.until(lambda: b.cluster.nodes["server2"].daemon == "online", "back")
    assert b.colours() == "GREEN/RED"


def test_standby_that_missed_writes_is_red_on_return(bench):
    b = bench(auto_recovery=False)
    b.halt("server2")
    assert side(b, "server1").record["outdated"]
    b.write("a", "missed")
    b.boot("server2")
    assert b.colours() == "GREEN/RED"
    b.cluster.auto_recovery = True
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert copies(b) == [("server1", "FAST")]
    assert b.files("server2").read("a") == b"missed"


def test_quiet_mirror_meets_again_in_green(bench):
    b = bench(auto_recovery=False)
    b.ok("server1", "clpgrp -t failover1")
    b.halt("server2")
    b.boot("server2")
    assert b.colours() == "GREEN/GREEN"


def test_other_images_do_not_meet_in_green(bench):
    b = bench(auto_recovery=False)
    b.ok("server1", "clpgrp -t failover1")
    old = b.snapshot("server2")
    b.ok("server2", "clpmdctrl --break md1")
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    b.halt("server2")
    b.swap("server2", old)
    b.boot("server2")
    assert b.colours() == "RED/RED"
    assert b.run("server1", "clpgrp -s failover1").rc != 0
    assert b.run("server1", "clpmdctrl --recovery md1").rc != 0
    b.ok("server1", "clpmdctrl --force server1 md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert copies(b)[-1] == ("server1", "NORMAL")
    assert b.oracle(3) == []


def test_broken_image_of_an_older_pair_needs_a_full_copy(bench):
    b = bench(auto_recovery=False)
    b.ok("server2", "clpmdctrl --break md1")  # so that the older pair is not the first one
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    isolate(b)
    old = b.snapshot("server2")
    b.write("a", "x")
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    b.halt("server2")
    b.swap("server2", old)
    b.boot("server2")
    assert b.colours() == "GREEN/RED"
    assert b.cluster.mirrors["md1"].difference(b.cluster.nodes["server1"]) == "FULL"
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert copies(b)[-1] == ("server1", "NORMAL") and b.oracle(3) == []


def test_full_copy_drops_what_only_the_target_has(bench):
    b = bench(auto_recovery=False)
    b.write("a", "x" * 9000)
    isolate(b)
    side(b, "server1").set(full=True)
    side(b, "server2").fs.write("only-here", b"z" * 50_000, "0" * 16)
    b.ok("server1", "clpmdctrl --recovery md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "recovered")
    assert b.files("server1").digest() == b.files("server2").digest()


def test_initialised_without_skip_copy_is_no_construction_until_started(bench):
    b = bench(auto_recovery=False, failover_groups=[{"name": "failover1", "auto_start": False}], up=False)
    for node in b.hosts:
        spec = b.spec.disks[0]
        b.hosts[node].services = {"clusterpro": False, "clusterpro_md": False}
    b.boot("server1", "server2")
    for node in b.hosts:
        b.ok(node, "clprestore.sh --post")
    b.until(lambda: all(n.daemon == "online" for n in b.cluster.nodes.values()), "both online")
    assert "Mirror Status: No Construction" in b.run("server1", "clpmdstat -m md1").out
    assert b.colours() == "GRAY/GRAY"
    b.ok("server2", "clpgrp -s failover1")
    assert b.colours() == "RED/GREEN"
    assert b.cluster.mirrors[spec.name].difference(b.cluster.nodes["server2"]) == "FULL"


def test_one_side_initialised_anew_takes_a_full_copy_from_the_other(bench):
    b = bench(auto_recovery=False)
    b.halt("server2")
    b.hosts["server2"].services = {"clusterpro": False, "clusterpro_md": False}
    b.boot("server2")
    b.ok("server2", "clprestore.sh --post")
    b.until(lambda: b.cluster.nodes["server2"].daemon == "online", "back")
    assert b.colours() == "GREEN/RED"
    assert b.cluster.mirrors["md1"].difference(b.cluster.nodes["server1"]) == "FULL"


def test_group_starts_on_the_source_of_a_running_copy_only(bench):
    b = bench(auto_recovery=False, timing={"recovery": 60})
    isolate(b, start=False)
    b.ok("server1", "clpmdctrl --recovery md1")
    assert b.run("server2", "clpgrp -s failover1").rc != 0
    b.ok("server1", "clpgrp -s failover1")


def test_force_from_the_old_side_brings_all_of_the_old_data_back(bench):
    b = bench(auto_recovery=False)
    b.write("a", "old")
    isolate(b)
    b.write("a", "new")
    b.ok("server1", "clpgrp -t failover1")
    b.ok("server1", "clpmdctrl --force server2 md1")
    b.until(lambda: b.colours() == "GREEN/GREEN", "copied")
    assert b.files("server1").read("a") == b"old"
    assert b.files("server1").digest() == b.files("server2").digest()


def test_force_needs_a_known_server_and_an_inactive_target(bench):
    b = bench(auto_recovery=False)
    isolate(b)
    assert b.run("server1", "clpmdctrl --force server9 md1").rc != 0
    assert b.run("server1", "clpmdctrl --force server2 md1").rc != 0  # server1 is active
    with pytest.raises(Refused):
        b.cluster.mirrors["md1"].recover("test", b.cluster.nodes["server2"])
