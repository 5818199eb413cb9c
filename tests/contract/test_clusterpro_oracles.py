"""The oracles themselves: each one has to see its own kind of harm, and nothing else."""

from __future__ import annotations

import pytest
from test_clusterpro_procedure import backup, isolate, stop_both

from lab.ec2.model import store


def test_a_healthy_cluster_has_nothing_to_report(bench):
    b = bench()
    b.write("a", "x")
    b.settle()
    assert b.oracles.report() == {"violations": [], "residue": [], "snapshots": {}}


def test_1_a_frozen_snapshot_may_be_tagged_valid(bench):
    b = bench()
    b.write("a", "x")
    made = backup(b)
    made.tags["mirrorsnap:valid"] = "true"
    verdict = b.oracles.report()["snapshots"][made.id]
    assert verdict["frozen"] and verdict["lineage"] == verdict["quiesce_lineage"]
    assert (verdict["node"], verdict["volume_id"]) == ("server2", made.volume_id)
    assert b.oracle(1) == []


def test_1_bytes_are_compared_not_only_the_data_id(bench):
    b = bench()
    b.write("a", "x" * 5000)
    isolate(b)
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    files = b.files("server2")
    files.blocks.put(files.first + 66, b"?" * 4096)
    made = b.snapshot("server2")
    assert b.oracles.verdicts[made.id]["reasons"] == ["md1: its bytes are not those of the quiesce point"]
    made.tags["mirrorsnap:valid"] = "true"
    b.lab.record.add("api", call="ec2:CreateTags")
    assert len([v for v in b.oracles.violations if v["oracle"] == 1]) == 1


def test_1_snapshots_of_other_volumes_are_none_of_its_business(bench):
    b = bench()
    made = b.snapshot("server1", "/dev/sda1")
    assert made.id not in b.oracles.verdicts


def test_1_active_side_is_never_frozen(bench):
    b = bench()
    isolate(b)
    reasons = b.oracles.verdicts[b.snapshot("server1").id]["reasons"]
    assert "md1: the mirror was not isolated" in reasons and "md1: the file system was in use" in reasons


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        ("clpmonctrl -s -h server1 -m mdw1", "monitor mdw1 is suspended on server1"),
        ("clpgrp -t failover1 -f", "group failover1 is not online on one node"),
        ("clpsvcctrl.sh --disable -a", "the cluster services of server2 do not start by themselves"),
        ("clpmdctrl --break md1", "md1 is not GREEN GREEN"),
        ("clpcl -t", "the cluster service of server2 is stopped"),
        ("clpbackup.sh --pre --no-shutdown", "the backup flag of md1 is ON on server2"),
    ],
)
def test_2_each_kind_of_residue_is_named(bench, harm, text):
    b = bench(auto_recovery=False)
    b.ok("server2", harm)
    assert any(v["text"].startswith(text) and v["oracle"] == 2 for v in b.oracles.residue())


def test_2_power_and_fast_snapshot_restore(bench):
    class Restore:
        state = "enabled"

    b = bench()
    b.halt("server2")
    store.fsr["snap-1", "az"] = Restore()
    texts = [v["text"] for v in b.oracles.residue()]
    assert "server2 is off" in texts and "fast snapshot restore of snap-1 in az was left on" in texts
    b.oracles.fsr_as_found = {("snap-2", "az")}
    Restore.state = "disabling"
    assert "fast snapshot restore of snap-2 in az was switched off" in [v["text"] for v in b.oracles.residue()]
    store.fsr.clear()


def test_3_is_watched_while_it_happens(bench):
    b = bench()
    volume = b.volume("server2")
    files = b.files("server2")
    volume.blocks.put(files.first + 100, b"!" * 4096)
    b.ok("server1", "clpgrp -t failover1")  # any change: nobody asks for a report
    assert {v["oracle"] for v in b.oracles.violations} == {3}


def test_4_accepts_two_volumes_of_one_snapshot(bench):
    b = bench()
    made = backup(b)
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    b.boot("server1", "server2")
    b.ok("server1", "clprestore.sh --post --skip-copy")
    assert b.oracle(4) == []


def test_4_refuses_the_old_volumes(bench):
    b = bench()
    stop_both(b)
    b.boot("server1", "server2")
    b.ok("server1", "clprestore.sh --post --skip-copy")
    assert "not of one snapshot" in b.oracle(4)[0]


def test_5_volumes_that_were_attached_stay(bench):
    b = bench()
    b.halt("server2")
    old = b.detach("server2")
    from lab.ec2 import volumes

    new = volumes.create_now(old.az, 20)
    for volume in (new, old):
        volume.state = "deleted"
        volume.touch()
    assert b.oracle(5) == [f"volume {old.id} was deleted though it had been attached to a node"]


def test_6_a_failover_is_no_start_on_stale_data(bench):
    b = bench()
    b.write("a", "x")
    b.cut("server1")
    b.until(lambda: b.group()["server2"] == "online", "failed over")
    b.write("b", "y")
    b.boot("server1")
    b.ok("server1", "clpcl -s")
    b.settle()
    b.ok("server2", "clpgrp -m failover1")
    assert b.oracles.violations == []


def test_6_the_newer_side_may_start_again_and_again(bench):
    b = bench(auto_recovery=False)
    isolate(b)
    for text in "xyz":
        b.write("a", text)
        b.ok("server1", "clpgrp -t failover1")
        b.ok("server1", "clpgrp -s failover1")
    assert b.oracles.violations == []


def test_6_a_start_after_a_restore_is_not_stale(bench):
    b = bench()
    b.write("a", "x")
    made = backup(b)
    b.write("a", "newer")
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    b.boot("server1", "server2")
    for node in b.hosts:
        b.ok(node, "clprestore.sh --post --skip-copy")
    b.until(lambda: "online" in b.group().values(), "started")
    assert b.oracles.violations == []


def test_violations_are_logged_once(bench):
    b = bench()
    b.oracles.violate(5, "x")
    b.oracles.violate(5, "x")
    assert len([e for e in b.lab.record.since() if e["kind"] == "oracle"]) == 1
