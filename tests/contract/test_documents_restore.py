"""The restore's timer on the node: groups are stopped behind it, and either the node goes down or they come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from document_nodes import Nodes
from node_steps import bring_back, instance_state, rebooted, sh, status

from lab.client import Lab

# Ts, the expected start and the bound of these tests: the timer fires 12 s after it is armed.
SOON = {"StopSeconds": "5", "StartSeconds": "8", "MaxOutageSeconds": "20"}
FIRES = 12.0


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


def group(nodes: Nodes) -> str:
    """Where the group is online, or ''."""
    states = nodes.lab.control("cluster")["groups"]["failover1"]["status"]
    return next((node for node, state in states.items() if state == "online"), "")


def back(nodes: Nodes) -> dict[str, Any]:
    """Wait for the timer's end; the records of the active."""
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the timer has brought the group back")
    assert group(nodes) == "server1"
    records = nodes.records("server1")
    assert records["void"]["by"] == records["done"]["by"] == "timer"
    nodes.lab.wait_for(lambda: nodes.send("read-records")["line"]["units"]["timer.timer"] == "inactive", 30)
    return records


def quiesced(nodes: Nodes, **deadlines: str) -> float:
    """A new run whose groups are down behind the timer. When the timer was armed, in seconds of the node's uptime."""
    nodes.begin()
    answer = nodes.send("quiesce-restore", **deadlines)
    assert answer["line"]["result"] == "ok", answer
    records = nodes.records("server1")
    assert set(records) == {"arming", "armed", "stopping", "stopped"} and group(nodes) == ""
    assert nodes.send("read-records")["line"]["units"]["timer.timer"] == "active"
    return records["armed"]["uptime"]


def test_both_nodes_go_down_and_the_timer_with_them(nodes: Nodes) -> None:
    sh(nodes.lab, "systemctl disable clusterpro_webmgr", "server2")
    quiesced(nodes)
    boots = {name: status(nodes.lab, name)["boot_id"] for name in ("server1", "server2")}
    since = len(nodes.lab.log())
    for node in boots:
        nodes.send("enter-restore-mode", node, wait=False)
    for node in boots:
        nodes.lab.wait_for(lambda node=node: instance_state(nodes.lab, node) == "stopped", 60, f"{node} has stopped")
    nodes.lab.sleep(90)  # the timer of the old boot would have fired by now
    assert group(nodes) == ""
    for node in boots:
        bring_back(nodes.lab, node)
    for node, boot in boots.items():
        seen = nodes.send("observe", node)
        job = seen["line"]["jobs"]["enter-restore-mode.1"]
        assert (job["ended"]["rc"], job["ended"]["boot_id"]) == (0, boot)
        assert "clprestore.sh : Shutting down..." in seen["sections"]["out enter-restore-mode.1"]
        assert seen["sections"]["is-enabled"].split() == ["disabled", "disabled"] and seen["line"]["records"] == {}
    calls = [" ".join(e["argv"]) for e in nodes.lab.log()[since:] if e["kind"] == "node"]
    assert not [c for c in calls if c.startswith("clpgrp -s")] and calls.count("clprestore.sh --pre") == 2
    for node in boots:
        before = status(nodes.lab, node)["boot_id"]
        nodes.send("enable-services", node, Reboot="yes", wait=False)
        rebooted(nodes.lab, before, node)
    nodes.lab.wait_for(lambda: not nodes.lab.control("oracles")["residue"], 400, "the cluster is back")
    assert not nodes.lab.control("oracles")["violations"]
    # What the site has off stays off.
    modes = {node: sh(nodes.lab, "systemctl is-enabled clusterpro_webmgr", node)["stdout"].strip() for node in boots}
    assert modes == {"server1": "enabled", "server2": "disabled"}
    sh(nodes.lab, "systemctl enable clusterpro_webmgr", "server2")
    # None of them begins with a shell: SELinux has another domain for those.
    runs = [e["argv"] for e in nodes.lab.log()[since:] if e["kind"] == "node" and e["argv"][0] == "systemd-run"]
    detached = [argv for argv in runs if any("-enter-restore-mode-" in word for word in argv)]
    assert len(detached) == 2 and all("env" in argv for argv in detached)


def test_without_a_shutdown_the_timer_starts_the_group_in_time(nodes: Nodes) -> None:
    quiesced(nodes, **SOON)
    records = back(nodes)
    assert "leaving" not in records
    assert records["void"]["uptime"] - records["arming"]["uptime"] < FIRES + 1.5  # and a start, of 8 s at most
    late = nodes.send("enter-restore-mode")
    assert late["line"]["reason"] == "overtaken" and late["disturbed"] == []
    assert late["status"] == "Failed" and group(nodes) == "server1"


def test_a_timer_that_is_over_does_not_keep_the_node_up(nodes: Nodes) -> None:
    """A way back, unlike a restore, goes on after its timer came first: the groups are stopped again, without one."""
    quiesced(nodes, **SOON)
    back(nodes)
    refused = nodes.send("enter-restore-mode", Anew="yes")
    assert refused["line"]["detail"] == "groups" and refused["disturbed"] == []
    sh(nodes.lab, "clpgrp -t failover1")
    assert nodes.send("enter-restore-mode", Attempt="2")["line"]["reason"] == "overtaken"
    boot = status(nodes.lab, "server1")["boot_id"]
    nodes.send("enter-restore-mode", Attempt="7.3", Anew="yes", wait=False)
    nodes.lab.wait_for(lambda: instance_state(nodes.lab, "server1") == "stopped", 60, "server1 has stopped")
    bring_back(nodes.lab, "server1")
    assert nodes.send("observe")["line"]["jobs"]["enter-restore-mode.7.3"]["ended"]["boot_id"] == boot
    before = status(nodes.lab, "server1")["boot_id"]
    nodes.send("enable-services", Reboot="yes", wait=False)
    rebooted(nodes.lab, before, "server1")
    nodes.lab.wait_for(lambda: "Online" in sh(nodes.lab, "clpstat -s")["stdout"], 400)
    sh(nodes.lab, "clpgrp -s failover1")
    nodes.lab.wait_for(lambda: not nodes.lab.control("oracles")["residue"], 400, "the cluster is back")


def test_an_armed_timer_is_not_got_round(nodes: Nodes) -> None:
    quiesced(nodes, **SOON)
    fault = nodes.lab.fault(command="clprestore.sh --pre", node="server1", effect={"exit": 5})
    assert nodes.send("enter-restore-mode", Anew="yes")["line"]["result"] == "ok"
    records = back(nodes)
    nodes.lab.control("clear_faults", id=fault)
    assert "leaving" in records, "the unit has taken the timer's lock"


def test_a_timer_that_fires_before_the_units_look_ends_the_shutdown(nodes: Nodes) -> None:
    """The document has looked, its unit not yet: the unit looks again, under the timer's lock."""
    quiesced(nodes)
    run = nodes.run
    since = len(nodes.lab.log())
    assert nodes.send("enter-restore-mode")["line"]["result"] == "ok"
    sh(nodes.lab, f'echo \'{{"by":"timer"}}\' >$MIRRORSNAP_RUN/mirrorsnap/{run}/void')
    seen = nodes.lab.wait_for(
        lambda: (s := nodes.send("observe"))["line"]["jobs"]["enter-restore-mode.1"]["ended"] and s, 30, "its end"
    )
    assert seen["line"]["jobs"]["enter-restore-mode.1"]["ended"]["rc"] == 75
    assert "overtaken" in seen["sections"]["out enter-restore-mode.1"]
    # It failed, so it has the timer's part run at once.
    nodes.lab.wait_for(lambda: group(nodes) == "server1", 30, "the group is back")
    calls = [" ".join(e["argv"]) for e in nodes.lab.log()[since:] if e["kind"] == "node"]
    assert "clprestore.sh --pre" not in calls
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60)


def test_a_preparation_that_fails_brings_the_group_back_at_once(nodes: Nodes) -> None:
    fault = nodes.lab.fault(command="clprestore.sh --pre", node="server1", effect={"exit": 5})
    armed = quiesced(nodes)
    nodes.send("enter-restore-mode")
    records = back(nodes)
    nodes.lab.control("clear_faults", id=fault)
    assert records["void"]["uptime"] - armed < 30, "not by the timer's own time, which comes 50 s after it was armed"
    assert {"leaving", "stopped"} <= set(records)
    assert nodes.send("observe")["line"]["jobs"]["enter-restore-mode.1"]["ended"]["rc"] == 5
    assert nodes.send("observe")["line"]["unfinished"] == []


def test_the_timer_waits_for_a_shutdown_that_is_being_ordered(nodes: Nodes) -> None:
    fault = nodes.lab.fault(command="clprestore.sh --pre", node="server1", effect="hang")
    quiesced(nodes, **SOON)
    nodes.send("enter-restore-mode", Attempt="7.1")
    nodes.lab.sleep(2 * FIRES)
    seen = nodes.send("observe")["line"]
    assert "leaving" in seen["records"] and "void" not in seen["records"] and group(nodes) == ""
    assert seen["units"]["timer"] == "active", "it watches"
    assert seen["unfinished"] == [], "nobody else waits for this timer while the node goes down"
    # What ordered the shutdown is killed: it will not come, and the timer goes on.
    sh(nodes.lab, f"systemctl kill -s KILL mirrorsnap-{nodes.run}-enter-restore-mode-7.1")
    back(nodes)
    nodes.lab.control("clear_faults", id=fault)


def test_a_preparation_that_hangs_is_killed_and_the_group_comes_back(nodes: Nodes) -> None:
    fault = nodes.lab.fault(command="clprestore.sh --pre", node="server1", effect="hang")
    quiesced(nodes)
    sent = nodes.send("enter-restore-mode", PrepareSeconds="10")["line"]["uptime"]
    # What systemd sends at a shutdown. The script is to say how it went: neither it nor its bound ends by that.
    nodes.lab.sleep(2)
    sh(nodes.lab, f"systemctl kill -s TERM mirrorsnap-{nodes.run}-enter-restore-mode-1")
    nodes.lab.sleep(2)
    assert nodes.send("observe")["line"]["jobs"]["enter-restore-mode.1"]["ended"] is None
    records = back(nodes)
    nodes.lab.control("clear_faults", id=fault)
    ended = nodes.send("observe")["line"]["jobs"]["enter-restore-mode.1"]["ended"]
    assert ended["rc"] == 137 and 9 < ended["uptime"] - sent < 16
    assert {"leaving", "stopped", "void"} <= set(records)
    assert records["void"]["uptime"] - sent < 30, "not by the timer's own time, which comes 50 s after it was armed"
    unit = sh(nodes.lab, f"systemctl is-active mirrorsnap-{nodes.run}-enter-restore-mode-1")
    assert unit["stdout"].strip() in ("inactive", "failed"), "nothing goes on that could yet shut the node down"


def test_a_fence_brings_the_group_back(nodes: Nodes) -> None:
    quiesced(nodes)
    old, new = nodes.run, nodes.begin()
    fence = nodes.send("fence", Run=new)
    assert fence["line"]["result"] == "ok" and fence["line"]["resumed"] == [old]
    nodes.run = old
    back(nodes)
    late = nodes.send("enter-restore-mode", Epoch=str(nodes.epoch - 1))
    assert late["line"]["reason"] == "fenced" and late["disturbed"] == []


def test_a_group_that_does_not_stop_is_started_again(nodes: Nodes) -> None:
    fault = nodes.lab.fault(command="clpgrp -t", node="server1", effect={"exit": 5}, times=1000)  # in every round
    nodes.begin()
    answer = nodes.send("quiesce-restore", **SOON)
    nodes.lab.control("clear_faults", id=fault)
    assert answer["line"]["result"] == "failed" and answer["line"]["reason"] == "stop"
    records = nodes.records("server1")
    assert records["void"]["by"] == records["done"]["by"] == "active" and "stopped" not in records
    assert group(nodes) == "server1"
    nodes.lab.wait_for(lambda: nodes.send("read-records")["line"]["units"]["timer.timer"] == "inactive", 30)


def test_it_touches_nothing_where_it_does_not_belong(nodes: Nodes) -> None:
    nodes.begin()
    wrong = nodes.send("quiesce-restore", "server2")
    assert wrong["line"]["result"] == "refused" and wrong["line"]["reason"] == "state"
    assert set(nodes.records("server2")) == {"refused"} and group(nodes) == "server1"
    nodes.begin()
    tight = nodes.send("quiesce-restore", StopSeconds="10", StartSeconds="10", MaxOutageSeconds="20")
    assert tight["line"]["result"] == "invalid" and tight["disturbed"] == []


def test_a_group_of_somebody_else_s_must_be_offline(fresh_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """Both nodes will go down, and only what is listed is stopped and started again."""
    disks = [{"name": f"md{n}", "monitor": f"mdw{n}", "device": f"/dev/sd{'abc'[n]}", "size_gib": 8} for n in (1, 2)]
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump({"failover_groups": ["failover1", "failover2"], "mirror_disks": disks}))
    nodes = Nodes(fresh_lab(options=["--cluster", str(path)]))
    nodes.lab.wait_for(lambda: sh(nodes.lab, "clpstat -s | grep -c current.*server1")["stdout"].strip() == "2", 60)
    nodes.begin()
    refused = nodes.send("quiesce-restore")
    assert refused["line"]["result"] == "refused" and refused["line"]["reason"] == "state"
    assert nodes.records("server1")["refused"]["reason"] == "groups" and group(nodes) == "server1"
    sh(nodes.lab, "clpgrp -t failover2")
    quiesced(nodes)


def test_a_restore_may_begin_without_a_whole_mirror(nodes: Nodes) -> None:
    """Unlike a backup: what a mirror holds may be why it is restored."""
    nodes.begin()
    assert nodes.send("suspend-monitors")["line"]["result"] == "ok"
    sh(nodes.lab, "clpmdctrl --break md1", "server2")
    refused = nodes.send("quiesce")
    assert refused["line"]["found"] == "refused" and group(nodes) == "server1"
    quiesced(nodes, **SOON)
    back(nodes)
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    nodes.healthy()
    assert not nodes.lab.control("oracles")["violations"]
