"""A frozen backup's critical section on the lab's nodes, by Run Command, with a writer: nobody misses the service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from document_nodes import Nodes
from node_steps import rebooted, sh, status

from lab.client import Lab

FROZEN = {"Consistency": "frozen", "Devices": "/dev/NMP1", "BreakSeconds": "4", "BatonSeconds": "3"}


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


class Writer:
    """Writes through the group as fast as it can, until it is told to stop."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.failed, self.done = lab, [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.lab.control("cluster_write", file="row", text=str(self.done))
                self.done += 1
            except Exception as error:
                self.failed.append(str(error))

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)


def section(nodes: Nodes, **more: str) -> dict[str, Any]:
    """Both nodes' part is begun; the answer of the active's document."""
    nodes.begin()
    assert nodes.send("suspend-monitors", Nodes="server2")["line"]["result"] == "ok"
    assert nodes.send("break-unit", "server2", **{**FROZEN, "StopSeconds": "8"})["line"]["result"] == "ok"
    return nodes.send("quiesce", **{**FROZEN, **more})["line"]


def end(nodes: Nodes) -> dict[str, Any]:
    nodes.lab.wait_for(lambda: "done" in nodes.records("server1"), 60, "the file system is thawed")
    return nodes.records("server1")


def stops(lab: Lab) -> list[str]:
    return [" ".join(e["argv"]) for e in lab.log() if e["kind"] == "node" and e["argv"][0] == "clpgrp"]


def mended(nodes: Nodes) -> None:
    assert nodes.lab.control("oracles")["violations"] == []
    nodes.healthy()
    assert not [e for e in nodes.lab.control("oracles")["residue"] if "frozen" in e["text"]]


def test_a_plain_section_is_sealed_and_no_write_fails(nodes: Nodes) -> None:
    with Writer(nodes.lab) as writer:
        assert section(nodes)["found"] == "armed"
        records = end(nodes)
    assert {"freezing", "baton", "sealed", "done"} <= set(records) and records["done"]["by"] == "active"
    assert "broke" in nodes.records("server2")
    assert writer.failed == [] and writer.done > 5
    assert stops(nodes.lab) == []
    mended(nodes)


def test_a_break_that_is_refused_leaves_the_service_alone(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"break_while_online": "refused"})
    with Writer(nodes.lab) as writer:
        section(nodes)
        records = end(nodes)
    nodes.lab.control("cluster_set", switches={"break_while_online": "works"})
    assert "void" in records and "sealed" not in records and writer.failed == []
    assert stops(nodes.lab) == []
    mended(nodes)


@pytest.mark.parametrize("number", ["KILL", "TERM"])
def test_a_killed_active_is_thawed_by_the_node(nodes: Nodes, number: str) -> None:
    nodes.lab.control("cluster_set", switches={"break_while_online": "refused"})
    with Writer(nodes.lab) as writer:
        section(nodes)
        nodes.lab.wait_for(lambda: "baton" in nodes.records("server1"), 60, "the file system is frozen")
        sh(nodes.lab, f"systemctl kill -s {number} mirrorsnap-{nodes.run}-active")
        records = end(nodes)
    nodes.lab.control("cluster_set", switches={"break_while_online": "works"})
    assert "void" in records and records["done"]["by"] == "timer" and writer.failed == []
    mended(nodes)


def test_somebody_else_s_freeze_stays_his(nodes: Nodes) -> None:
    nodes.lab.control("freeze")
    section(nodes)
    records = end(nodes)
    assert records["void"]["reason"] == "frozen_already"
    assert nodes.lab.control("freeze", frozen=False) is True
    mended(nodes)


@pytest.mark.parametrize(
    ("more", "reason", "detail"),
    [
        ({"Devices": "/dev/NMP9"}, "mounts", "not_mounted"),
        ({"Devices": "/dev/xvdb2"}, "mounts", "not_mounted"),
        ({"MaxPauseSeconds": "9"}, "deadlines", None),
    ],
)
def test_what_cannot_be_frozen_is_refused_before_anything_is_touched(
    nodes: Nodes, more: dict[str, str], reason: str, detail: str | None
) -> None:
    nodes.begin()
    answer = nodes.send("quiesce", **{**FROZEN, **more})
    assert (answer["line"]["reason"], answer["line"].get("detail")) == (reason, detail)
    assert answer["disturbed"] == []


def test_hooks_run_around_the_pause_and_are_root_s_alone(nodes: Nodes) -> None:
    hooks = "d=$MIRRORSNAP_ETC/mirrorsnap; mkdir -p $d; for h in before after; do "
    hooks += 'printf "#!/bin/sh\\necho $h ran\\n" >$d/$h; chmod 755 $d/$h; done'
    assert sh(nodes.lab, hooks)["rc"] == 0
    try:
        nodes.begin()
        sh(nodes.lab, "chmod 777 $MIRRORSNAP_ETC/mirrorsnap/before")
        answer = nodes.send("quiesce", **FROZEN)
        assert (answer["line"]["reason"], answer["line"]["detail"]) == ("hook", "before")
        sh(nodes.lab, "chmod 755 $MIRRORSNAP_ETC/mirrorsnap/before")
        nodes.begin()
        assert nodes.send("quiesce", **{**FROZEN, "BreakSeconds": "1"})["line"]["found"] == "armed"
        records = end(nodes)
        assert "before" in records and "void" in records
        text = nodes.send("read-records")["sections"]["out hooks.out"]
        assert "before ran" in text and "after ran" in text
    finally:
        sh(nodes.lab, "rm -r $MIRRORSNAP_ETC/mirrorsnap")
    mended(nodes)


def test_a_node_that_shuts_down_while_frozen_thaws_and_goes_down(nodes: Nodes) -> None:
    """The last one here: the group fails over."""
    lab = nodes.lab
    lab.control("cluster_set", switches={"break_while_online": "refused"})
    section(nodes)
    lab.wait_for(lambda: "baton" in nodes.records("server1"), 60, "the file system is frozen")
    boot = status(lab)["boot_id"]
    sh(lab, "shutdown -r now")
    rebooted(lab, boot)
    thawed = [e for e in lab.log(kind="cluster") if e.get("what") == "freeze" and e["action"] == "thawed"]
    assert thawed and thawed[-1]["since_completed"] < 10
    assert lab.control("oracles")["violations"] == []
    assert not [e for e in lab.control("oracles")["residue"] if "frozen" in e["text"]]
