"""Documents beside a clusterware that is late or has failed: how they judge, and the line that they leave."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from document_nodes import Nodes
from node_steps import sh

from lab.client import Lab


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


def test_a_late_table_is_waited_for(nodes: Nodes) -> None:
    sh(nodes.lab, "clpstat -s --long")
    nodes.lab.control("cluster_set", switches={"clpstat_lags": 2})
    nodes.begin()
    for document in ("stop-group", "start-group"):
        assert nodes.send(document)["line"]["result"] == "ok"
    nodes.lab.control("cluster_set", switches={"clpstat_lags": 0})


def test_a_group_in_failure_is_stopped_before_it_is_started(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"umount_failures": 1})
    nodes.begin()
    assert nodes.send("stop-group")["line"]["result"] == "failed"
    started = nodes.send("start-group")
    assert started["line"]["result"] == "ok" and "clpgrp -t failover1" in started["disturbed"]


def test_what_disturbs_leaves_a_line_in_the_alert_log_and_needs_no_answer(nodes: Nodes) -> None:
    nodes.begin()
    nodes.send("suspend-monitors")

    def logged() -> list[str]:
        events = nodes.lab.control("cluster")["nodes"]["server1"]["events"]
        return [each["text"] for each in events if each["module"] == "logcmd"]

    wanted = f"mirrorsnap {nodes.run} (epoch {nodes.epoch}): suspend-monitors: ok"
    nodes.lab.wait_for(lambda: wanted in logged(), 10, "the line is there")
    nodes.lab.control("cluster_set", switches={"clplogcmd": False})
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    assert len([each for each in logged() if nodes.run in each]) == 1


def test_a_monitor_s_order_that_fails_once_is_given_once_more(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"fails_once": "orders"})
    nodes.begin()
    for document, state in (("suspend-monitors", "Suspend"), ("resume-monitors", "Online")):
        answer = nodes.send(document)
        assert answer["line"]["result"] == "ok" and "SUCCEEDED" in answer["sections"]["clpmonctrl server1 mdw1"].upper()
        assert len(answer["disturbed"]) == 3, "one failed"
        assert state in sh(nodes.lab, "clpstat -m --long")["stdout"]
    nodes.lab.control("cluster_set", switches={"fails_once": "nothing"})


def test_a_read_that_fails_once_is_repeated(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"fails_once": "reads"})
    nodes.begin()
    sections = nodes.send("observe")["sections"]
    nodes.lab.control("cluster_set", switches={"fails_once": "nothing"})
    assert "<group>" in sections["clpstat"] and "Monitor0" in sections["clpstat-monitors"]
    assert "Mirror Status" in sections["clpmdstat md1"] and "fullcopy 0 0" in sections["settings md1"]
