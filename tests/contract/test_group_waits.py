"""Groups that wait for others at their start or stop.

From EXPRESSCLUSTER/CreateClusterOnLinux, GroupParameters: `depend/act` and `depend/deact` wait 1,800 s; a stop waits by
default when the cluster stops (`deact/cluster/use` 1), not when the server does. Events rc 17 and 27: AlertMessages.
"""

from __future__ import annotations

import pytest
from cluster_bench import PATIENCE
from test_clusterpro_life import events

from lab.nodes.clusterpro.spec import SpecError, parse

FIRST = {"name": "failover1", "stop_after": ["app1"]}
# Starts after failover1, and stops before it.
APP = {"name": "app1", "disks": [], "start_after": ["failover1"]}
WAITING = {"failover_groups": [{**FIRST, "disks": ["md1"]}, APP]}


def test_a_start_waits_for_the_group_before_it(bench):
    b = bench(**WAITING)
    for name in ("app1", "failover1"):
        b.ok("server1", f"clpgrp -t {name}")
    _, thread, answers = b.start("server1", "clpgrp -s app1")
    b.pause(5)
    assert b.group("app1")["server1"] == "starting" and not answers
    b.ok("server1", "clpgrp -s failover1")
    thread.join(PATIENCE)
    assert answers[0].rc == 0 and b.group("app1")["server1"] == "online"


def test_a_start_that_nobody_ends_the_wait_of_is_cancelled(bench):
    b = bench(**WAITING, timing={"group_wait": 20})
    for name in ("app1", "failover1"):
        b.ok("server1", f"clpgrp -t {name}")
    assert b.run("server1", "clpgrp -s app1").rc == 8
    assert b.group("app1")["server1"] == "offline" and ("rc", 17) in events(b, "server1")


def test_a_start_s_wait_goes_on_without_whoever_ordered_it(bench):
    b = bench(**WAITING)
    for name in ("app1", "failover1"):
        b.ok("server1", f"clpgrp -t {name}")
    killed, thread, _ = b.start("server1", "clpgrp -s app1")
    b.until(lambda: b.group("app1")["server1"] == "starting", "waiting")
    killed.set()
    thread.join(PATIENCE)
    assert b.run("server1", "clpgrp -s app1").rc == 9, "busy"
    b.ok("server1", "clpgrp -s failover1")
    b.until(lambda: b.group("app1")["server1"] == "online", "online")


def test_an_order_to_stop_waits_for_nobody_unless_the_switch_says_so(bench):
    b = bench(**WAITING)
    b.ok("server1", "clpgrp -t failover1")
    b.ok("server1", "clpgrp -s failover1")
    b.cluster.switches.update({"group_stop_waits": True})
    _, thread, answers = b.start("server1", "clpgrp -t failover1")
    b.pause(5)
    assert b.group()["server1"] == "stopping" and not answers
    b.ok("server1", "clpgrp -t app1")
    thread.join(PATIENCE)
    assert answers[0].rc == 0 and b.group()["server1"] == "offline"


def test_a_stop_whose_wait_is_cancelled_leaves_its_group_online(bench):
    b = bench(**WAITING, timing={"group_wait": 20}, switches={"group_stop_waits": True})
    assert b.run("server1", "clpgrp -t failover1").rc == 8
    assert b.group()["server1"] == "online" and ("rc", 27) in events(b, "server1")


def test_a_start_waits_for_nobody_where_the_switch_says_so(bench):
    b = bench(**WAITING, switches={"group_start_waits": False})
    for name in ("app1", "failover1"):
        b.ok("server1", f"clpgrp -t {name}")
    b.ok("server1", "clpgrp -s app1")


@pytest.mark.parametrize("circle", [False, True])
def test_a_server_that_goes_down_stops_its_groups_in_their_order(bench, circle):
    app = {**APP, "start_after": [], "stop_after": ["failover1"] if circle else []}
    b = bench(failover_groups=[{**FIRST, "disks": ["md1"]}, app])
    since = len(b.lab.record.since())
    b.halt("server1")
    stops = [e for e in b.lab.record.since()[since:] if e.get("status") == "offline" and e.get("node") == "server1"]
    assert {e["group"] for e in stops} == {"app1", "failover1"}
    assert circle or [e["group"] for e in stops] == ["app1", "failover1"]


def test_a_group_cannot_wait_for_one_that_is_not_there():
    for key in ("start_after", "stop_after"):
        with pytest.raises(SpecError, match="no group nosuch to wait for"):
            parse({"failover_groups": [{"name": "failover1", key: ["nosuch"]}]})
