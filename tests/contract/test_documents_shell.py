"""What CLUSTERPRO's commands get from the documents' shell, and that nothing that hangs keeps a fence out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from document_nodes import Nodes
from node_steps import sh, status

from lab.client import Lab

ORDERS = ("clpgrp -s", "clpgrp -t", "clpcl -s", "clpmonctrl", "clpsvcctrl")


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


def calls(lab: Lab, since: int = 0) -> list[dict[str, Any]]:
    return [e for e in lab.log()[since:] if e["kind"] == "node" and "inherited" in e]


def daemon_up(lab: Lab, name: str) -> None:
    lab.wait_for(lambda: sh(lab, "clpstat -s | grep -c 'server.*: Online'", name)["stdout"].strip() == "2", 90)


def test_a_daemon_that_clpcl_leaves_behind_holds_nothing_up(nodes: Nodes) -> None:
    nodes.begin()
    lab = nodes.lab
    lab.control("cluster_set", switches={"clpcl_leaves_child": True})
    sh(lab, "clpcl -t", "server2")
    since = len(lab.log())
    began = lab.now()
    answer = nodes.send("start-cluster", "server2")
    assert answer["line"]["result"] == "ok" and "Command succeeded." in answer["sections"]["clpcl"]
    assert lab.now() - began < 60
    (call,) = [e for e in calls(lab, since) if e["argv"] == ["clpcl", "-s"]]
    # In a unit of its own: the agent's control group ends with the agent.
    assert call["inherited"]["unit"].startswith(f"mirrorsnap-{nodes.run}-start-cluster")
    assert "sleep 3600" in sh(lab, "ps ax -o args", "server2")["stdout"]  # the unit's end left it alone
    daemon_up(lab, "server2")
    nodes.healthy()


def test_orders_to_clusterpro_get_a_clean_environment(nodes: Nodes) -> None:
    nodes.begin()
    lab, since = nodes.lab, len(nodes.lab.log())
    nodes.send("stop-group")
    nodes.send("start-group")
    nodes.send("resume-monitors")
    nodes.send("enable-services", "server2")
    nodes.healthy()
    found = [e for e in calls(lab, since) if e["inherited"]["unit"] or e["argv"][0] != "clpmdstat"]
    orders = [e for e in found if " ".join(e["argv"]).startswith(ORDERS)]
    assert {" ".join(e["argv"][:2]) for e in orders} >= {"clpgrp -s", "clpgrp -t", "clpmonctrl -r"}
    for each in orders:
        assert each["inherited"]["umask"] == "0022" and each["inherited"]["ignored"] == [], each
        assert each["inherited"]["locale"] is None, each
    for each in found:
        assert each["inherited"]["umask"] == "0022", each
    assert {e["inherited"]["locale"] for e in found if e["argv"][0] == "clpstat" and e not in orders} >= {"C"}
    assert sh(lab, "stat -c %a $MIRRORSNAP_RUN/mirrorsnap $MIRRORSNAP_VAR_LIB/mirrorsnap")["stdout"].split() == [
        "700",
        "700",
    ]


def test_no_directory_of_others_comes_before_clusterpros(nodes: Nodes) -> None:
    nodes.begin()
    decoy = "$MIRRORSNAP_RUN/../usr/local/bin/clpstat"
    sh(nodes.lab, f"printf '#!/bin/sh\\necho decoy\\n' >{decoy}; chmod 755 {decoy}")
    try:
        assert sh(nodes.lab, "clpstat -s")["stdout"] == "decoy\n"
        assert "decoy" not in nodes.send("observe")["sections"]["clpstat"]
    finally:
        sh(nodes.lab, f"rm {decoy}")


def test_a_group_stop_that_hangs_keeps_no_fence_out(nodes: Nodes) -> None:
    nodes.begin()
    lab = nodes.lab
    lab.control("fault", spec={"command": "clpgrp -t", "node": "server1", "effect": "hang"})
    nodes.send("stop-group", wait=False)
    hung = lambda: [e for e in calls(lab) if e["argv"][:2] == ["clpgrp", "-t"] and e.get("fault") == "hang"]  # noqa: E731
    lab.wait_for(hung, 30, "the hanging stop")
    # The next document of the same operation waits for it, as it would for the node's lock.
    busy = nodes.send("start-group")
    assert (busy["line"]["result"], busy["line"]["reason"]) == ("refused", "busy")
    nodes.begin()
    began = lab.now()
    assert nodes.send("fence")["line"]["result"] == "ok"
    assert lab.now() - began < 30
    assert nodes.send("start-group")["line"]["result"] == "ok"
    assert status(lab)["state"] == "up"
    # An earlier run, seen ended, costs the next fence nothing.
    nodes.begin()
    since = len(lab.log())
    assert nodes.send("fence")["line"]["result"] == "ok"
    asked = [" ".join(e["argv"]) for e in lab.log()[since:] if e["kind"] == "node" and e["argv"][0] == "systemctl"]
    assert asked == []


def journal(nodes: Nodes, since: int) -> list[str]:
    """The lines of this run, without its name and epoch."""
    front = f"{nodes.run} (epoch "
    lines = [e["text"] for e in nodes.lab.log()[since:] if e["kind"] == "journal" and e["tag"] == "mirrorsnap"]
    return [text.split("): ", 1)[1] for text in lines if text.startswith(front)]


def test_every_disturbance_leaves_one_line_in_the_journal(nodes: Nodes) -> None:
    nodes.begin()
    since = len(nodes.lab.log())
    nodes.send("suspend-monitors", Nodes="server2", Monitors="mdw1")
    nodes.send("break-unit", "server2")
    nodes.send("quiesce", StartSeconds="15")
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the group is back")
    nodes.send("resume-monitors")
    nodes.send("hold")
    nodes.send("stop-group")
    nodes.send("unhold")
    wanted = [
        *("suspend-monitors: ok", "break-unit: ok", "quiesce: ok", "resume-monitors: ok"),
        *("armed", "stopping", "baton", "sealed", "done", "waiting", "breaking", "broke"),
        *("on hold", 'stop-group: refused,"reason":"hold"', "no longer on hold"),
    ]

    def counts() -> dict[str, int]:
        found = journal(nodes, since)
        return {
            each: sum(text == each or text.startswith((f"{each},", f"{each}:")) for text in found) for each in wanted
        }

    nodes.lab.wait_for(lambda: all(counts().values()), 60, "every line")
    assert set(counts().values()) == {1}, counts()
    nodes.healthy()


def test_a_unit_says_what_it_does_and_until_when(nodes: Nodes) -> None:
    run = nodes.begin()
    nodes.send("suspend-monitors", Nodes="server2", Monitors="mdw1")
    assert nodes.send("break-unit", "server2")["line"]["result"] == "ok"
    unit = f"mirrorsnap-{run}-break.service"
    shown = sh(nodes.lab, f"systemctl show -p Description {unit}", "server2")["stdout"]
    assert f"mirrorsnap {run}: breaks the mirrors" in shown and "until uptime" in shown
    sh(nodes.lab, f"systemctl stop {unit}", "server2")
    nodes.send("resume-monitors")
    nodes.healthy()
