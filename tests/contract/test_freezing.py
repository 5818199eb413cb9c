"""fsfreeze on a node of the lab, as the kernel does it (fs/super.c), and `--break` while the group is online."""

from __future__ import annotations

import threading

import pytest

from lab.control import OPS
from lab.nodes.clusterpro import interference, part  # noqa: F401 (the operations)

POINT = "/mnt/md1"
BUSY = f"fsfreeze: {POINT}: freeze failed: Device or resource busy\n"
INVALID = f"fsfreeze: {POINT}: unfreeze failed: Invalid argument\n"
OURS = {"LAB_UNIT": "mirrorsnap-r1-active.service"}


@pytest.fixture
def cluster(bench, monkeypatch):
    b = bench(auto_recovery=False)
    monkeypatch.setattr(part, "cluster", b.cluster)
    return b


def frozen(b) -> str:
    """`no`, or the state of the freeze on server1."""
    freeze = b.cluster.mirrors["md1"].freezes.get("server1")
    return "no" if freeze is None else "freezing" if freeze.completed is None else "frozen"


def test_a_second_freeze_is_busy_and_a_second_thaw_invalid(cluster):
    b = cluster
    assert b.run("server1", f"fsfreeze -u {POINT}").err == INVALID
    b.ok("server1", f"fsfreeze -f {POINT}")
    assert b.run("server1", f"fsfreeze -f {POINT}").err == BUSY
    b.ok("server1", f"fsfreeze -u {POINT}")
    assert b.run("server1", f"fsfreeze -u {POINT}").err == INVALID
    assert b.run("server2", f"fsfreeze -f {POINT}").rc == 1  # nothing is mounted there


def test_a_writer_waits_for_the_thaw_and_its_write_is_done_then(cluster):
    b = cluster
    b.ok("server1", f"fsfreeze -f {POINT}")
    digest = b.files("server1").digest()
    writer = threading.Thread(target=b.write, args=("a", "late"), daemon=True)
    writer.start()
    writer.join(0.1)
    assert writer.is_alive() and b.files("server1").digest() == digest
    b.ok("server1", f"fsfreeze -u {POINT}")
    writer.join(20)
    assert b.files("server1").read("a") == b.files("server2").read("a") == b"late"


def test_a_killed_freeze_is_completed_and_stays(cluster):
    b = cluster
    OPS["dirty"](seconds=5.0)
    killed, thread, _ = b.start("server1", f"fsfreeze -f {POINT}")
    b.until(lambda: frozen(b) == "freezing", "the freeze has begun")
    killed.set()
    b.until(lambda: frozen(b) == "frozen", "the freeze is complete")
    thread.join(20)
    assert not thread.is_alive()
    assert b.oracles.residue()[-1]["text"] == f"{POINT} of server1 is frozen by somebody"
    b.ok("server1", f"fsfreeze -u {POINT}")


def test_a_thaw_waits_for_a_flush(cluster):
    b = cluster
    OPS["dirty"](seconds=5.0)
    b.start("server1", f"fsfreeze -f {POINT}")
    b.until(lambda: frozen(b) == "freezing", "the freeze has begun")
    b.lab.clock.sleep(1.0)
    b.ok("server1", f"fsfreeze -u {POINT}")
    assert frozen(b) == "no"


def test_a_flush_that_was_asked_for_leaves_the_freeze_little_to_do(cluster):
    b = cluster
    OPS["dirty"](seconds=4.0, again=0.5)
    before = b.lab.clock.monotonic()
    b.ok("server1", f"sync -f {POINT}")
    between = b.lab.clock.monotonic()
    b.ok("server1", f"sync -f {POINT}")
    assert between - before >= 4 > b.lab.clock.monotonic() - between


def test_a_frozen_group_does_not_stop_before_the_thaw(cluster):
    b = cluster
    b.ok("server1", f"fsfreeze -f {POINT}")
    _, thread, answers = b.start("server1", "clpgrp -t failover1")
    thread.join(0.2)
    assert thread.is_alive() and b.cluster.groups["failover1"].status["server1"] == "stopping"
    b.ok("server1", f"fsfreeze -u {POINT}")
    thread.join(20)
    assert answers[0].rc == 0 and b.cluster.groups["failover1"].status["server1"] == "offline"


def test_a_power_cut_ends_a_freeze(cluster):
    b = cluster
    b.ok("server1", f"fsfreeze -f {POINT}")
    b.cut("server1")
    b.until(lambda: b.cluster.groups["failover1"].status["server2"] == "online", "the standby took over")
    b.write("a", "goes on")
    assert not any("frozen" in each["text"] for each in b.oracles.residue())


def test_somebody_else_s_freeze_is_nobody_s_of_ours(cluster):
    b = cluster
    assert OPS["freeze"]() is True
    assert OPS["freeze"]() is False
    assert b.run("server1", f"fsfreeze -f {POINT}", **OURS).err == BUSY
    b.until(lambda: OPS["freeze"](frozen=False), "the thaw")
    assert OPS["freeze"](frozen=False) is False


def test_a_freeze_of_ours_that_lasts_too_long_is_a_violation(cluster):
    b = cluster
    b.ok("server1", f"fsfreeze -f {POINT}", **OURS)
    b.lab.clock.sleep(9.0)
    b.ok("server1", f"fsfreeze -u {POINT}")
    assert b.oracle(9) == []
    b.ok("server1", f"fsfreeze -f {POINT}", **OURS)
    b.lab.clock.sleep(11.0)
    b.ok("server1", f"fsfreeze -u {POINT}")
    assert len(b.oracle(9)) == 1


@pytest.mark.parametrize("how", ["works", "refused", "late"])
def test_a_break_while_the_group_is_online(cluster, how):
    b = cluster
    b.cluster.switches.update({"break_while_online": how})
    assert b.run("server2", "clpmdctrl --break md1").rc == (1 if how == "refused" else 0)
    red = b.cluster.mirrors["md1"].colour(b.cluster.nodes["server2"], b.cluster.nodes["server1"]) == "RED"
    assert red == (how == "works")
    if how == "late":
        b.until(lambda: b.cluster.mirrors["md1"].breaks, "the break")


def test_a_freeze_empties_the_journal_and_a_thaw_says_that_it_is_in_use(cluster):
    """As ext4 does: what a frozen backup's image has to show."""
    b = cluster

    def state(node: str) -> tuple[bool, bool]:
        header = b.files(node).header()
        return header["frozen"], header["logged"]

    b.write("a", "x")
    assert state("server1") == state("server2") == (False, True)
    b.ok("server1", f"fsfreeze -f {POINT}")
    assert state("server1") == state("server2") == (True, False)
    assert b.cluster.mirrors["md1"].quiesce["lineage"] == b.files("server2").header()["lineage"]
    b.ok("server1", f"fsfreeze -u {POINT}")
    b.write("a", "y")
    assert state("server1") == state("server2") == (False, True)
    b.ok("server1", "clpgrp -t failover1")
    assert state("server1") == (False, False) and b.files("server1").header()["mounted"] is None
