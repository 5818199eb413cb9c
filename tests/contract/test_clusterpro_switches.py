"""Switches of the answers of CLUSTERPRO's commands: a late table, a call that fails once; and the names of disks."""

from __future__ import annotations

from lab.nodes import disks


def test_a_table_lags_behind_the_truth(bench):
    b = bench(auto_recovery=False, switches={"clpstat_lags": 2})
    look = "clpstat -s --long"
    assert "Online" in b.run("server1", look).out.split("<group>")[1].splitlines()[1]
    b.run("server1", "clpmdstat -m md1")
    b.ok("server1", "clpgrp -t failover1")
    stopped = b.lab.clock.monotonic()
    b.cluster.mirrors["md1"].break_(b.cluster.nodes["server2"])
    stale = b.run("server1", look).out.split("<group>")[1].splitlines()[1]
    assert "Offline" not in stale and b.lab.clock.monotonic() < stopped + 2
    b.until(lambda: b.lab.clock.monotonic() > stopped + 2.5, "the table is current")
    assert ": Offline" in b.run("server1", look).out.split("<group>")[1].splitlines()[1]
    assert "GREEN RED" in b.run("server1", "clpmdstat -m md1").out


def test_each_command_fails_once_on_each_node(bench):
    b = bench()
    b.cluster.switches.update({"fails_once": "orders"})
    for node in ("server1", "server2"):
        b.ok(node, "clpstat -s --long")
        assert b.run(node, f"clpmonctrl -s -h {node} -m mdw1").rc != 0
        b.ok(node, f"clpmonctrl -s -h {node} -m mdw1")
    b.cluster.switches.update({"fails_once": "reads"})
    assert "<group>" not in b.run("server1", "clpstat -s --long").out
    assert "<group>" in b.run("server1", "clpstat -s --long").out


def test_partitions_are_found_by_their_partuuid(bench):
    b = bench(layout="partuuid")
    md1 = b.cluster.spec.disk("md1")
    assert len(set(md1.data_partition.values())) == 1
    for name in ("server1", "server2"):
        block = disks.links(b.cluster.nodes[name].host.disks())[md1.data_partition[name]]
        assert block.kname == "xvdb2"


def test_the_alert_log_takes_a_line_unless_the_command_is_missing(bench):
    b = bench()
    b.ok("server1", "clplogcmd -m mirrorsnap -l INFO --alert")
    assert b.cluster.nodes["server1"].events[-1]["text"] == "mirrorsnap"
    b.cluster.switches.update({"clplogcmd": False})
    assert b.run("server1", "clplogcmd -m mirrorsnap -l INFO --alert").rc == 127
