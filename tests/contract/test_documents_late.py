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
    nodes.lab.control("cluster_set", switches={"umount_failures": 1, "group_stop_failure": "error"})
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


def test_a_group_s_order_that_fails_once_is_given_once_more(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"fails_once": "orders"})
    nodes.begin()
    for document, order in (("stop-group", "clpgrp -t failover1"), ("start-group", "clpgrp -s failover1")):
        answer = nodes.send(document)
        assert answer["line"]["result"] == "ok", answer
        assert [each for each in answer["disturbed"] if each.startswith("clpgrp")] == [order, order]
    nodes.lab.control("cluster_set", switches={"fails_once": "nothing"})


def test_the_root_disk_keeps_the_newest_runs_and_the_unfinished_one(nodes: Nodes) -> None:
    old = [f"old-{number}" for number in range(15)]  # the first is the oldest
    sh(nodes.lab, "mkdir -p $MIRRORSNAP_RUN/mirrorsnap $MIRRORSNAP_VAR_LIB/mirrorsnap")
    for number, each in enumerate(old):
        sh(nodes.lab, f"cd $MIRRORSNAP_VAR_LIB/mirrorsnap && mkdir {each} && touch -d 2020-01-{number + 10} {each}")
    sh(nodes.lab, "mkdir $MIRRORSNAP_RUN/mirrorsnap/old-2 && touch $MIRRORSNAP_RUN/mirrorsnap/old-2/arming")
    nodes.begin()
    sh(nodes.lab, f"mkdir $MIRRORSNAP_VAR_LIB/mirrorsnap/{nodes.run} && "
                  f"touch -d 2019-01-01 $MIRRORSNAP_VAR_LIB/mirrorsnap/{nodes.run}")  # fmt: skip
    assert nodes.send("suspend-monitors")["line"]["result"] == "ok"
    sh(nodes.lab, "rm -r $MIRRORSNAP_RUN/mirrorsnap/old-2")
    left = sh(nodes.lab, "ls $MIRRORSNAP_VAR_LIB/mirrorsnap")["stdout"].split()
    kept = [each for each in old if each in left]
    assert nodes.run in left and "epoch" in left and kept[0] == "old-2", left
    assert 8 <= len(kept) <= 11 and kept[1:] == old[-len(kept) + 1 :], left
    nodes.send("resume-monitors")
