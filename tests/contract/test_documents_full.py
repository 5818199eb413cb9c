"""The command documents on a node whose disks are full: what they still do, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from document_nodes import Nodes
from node_steps import rebooted, sh, status

from lab.client import Lab


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


@pytest.fixture
def fill(nodes: Nodes) -> Iterator[None]:
    yield
    for name in ("server1", "server2"):
        nodes.lab.control("node", name=name, effect="room")
    nodes.healthy()


@pytest.mark.parametrize("effect", ["root_full", "disks_full"])
def test_what_is_observed_is_the_same(nodes: Nodes, fill: None, effect: str) -> None:
    nodes.begin()
    before = nodes.send("observe")["sections"]
    nodes.lab.control("node", name="server1", effect=effect)
    after = nodes.send("observe")["sections"]
    before.pop("space"), after.pop("space")
    assert before == after


def test_a_fence_holds_for_this_boot(nodes: Nodes, fill: None) -> None:
    nodes.begin()
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    nodes.lab.control("node", name="server1", effect="root_full")
    nodes.begin()
    assert nodes.send("fence")["line"]["result"] == "ok"
    assert nodes.send("observe")["line"]["stored_epoch"] == nodes.epoch
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    older = nodes.send("resume-monitors", Epoch=str(nodes.epoch - 1), Attempt="2")
    assert older["line"]["reason"] == "fenced" and older["disturbed"] == []
    # Once there is room the root disk has it too.
    nodes.lab.control("node", name="server1", effect="room")
    assert nodes.send("fence")["line"]["result"] == "ok"
    assert sh(nodes.lab, 'cat "$MIRRORSNAP_VAR_LIB/mirrorsnap/epoch"')["stdout"].strip() == str(nodes.epoch)


def test_a_node_comes_back(nodes: Nodes, fill: None) -> None:
    run = nodes.begin()
    # As enter-backup-mode has left it.
    sh(nodes.lab, f'mkdir -p "$MIRRORSNAP_VAR_LIB/mirrorsnap/{run}"', "server2")
    nodes.lab.control("node", name="server2", effect="root_full")
    # It is in no backup mode, so the script refuses. That it ran is seen, as long as this boot lasts.
    assert nodes.send("leave-backup-mode", "server2")["line"]["result"] == "ok"
    nodes.lab.wait_for(lambda: nodes.send("observe", "server2")["line"]["jobs"]["leave-backup-mode.1"]["ended"])
    seen = nodes.send("observe", "server2")
    assert seen["line"]["jobs"]["leave-backup-mode.1"]["ended"]["rc"] != 0
    assert seen["sections"]["out leave-backup-mode.1"]
    between = status(nodes.lab, "server2")["boot_id"]
    nodes.send("enable-services", "server2", Reboot="yes", wait=False)
    rebooted(nodes.lab, between, "server2")
    # Of the record only this is left.
    assert nodes.send("observe", "server2")["line"]["jobs"]["enable-services.1"] == {"started": None, "ended": None}


@pytest.fixture
def offline(nodes: Nodes) -> Iterator[None]:
    """The group is stopped, and the standby's preparation for a restore does not come to its shutdown."""
    nodes.begin()
    assert nodes.send("stop-group")["line"]["result"] == "ok"
    fault = nodes.lab.fault(command="clprestore.sh --pre", node="server2", effect="hang")
    yield
    nodes.lab.control("clear_faults", id=fault)
    assert nodes.send("start-group", Attempt="9")["line"]["result"] == "ok"


def job(nodes: Nodes, name: str) -> Any:
    return nodes.send("observe", "server2")["line"]["jobs"].get(name)


def test_what_needs_its_evidence_does_nothing(nodes: Nodes, fill: None, offline: None) -> None:
    nodes.lab.control("node", name="server2", effect="root_full")
    done = nodes.send("enter-restore-mode", "server2")
    assert done["line"]["reason"] == "disk" and done["disturbed"] == []
    assert job(nodes, "enter-restore-mode.1") is None


def test_a_way_back_needs_no_record_on_the_disk(nodes: Nodes, fill: None, offline: None) -> None:
    nodes.lab.control("node", name="server2", effect="root_full")
    assert nodes.send("observe", "server2")["line"]["full"] == ["/var/lib"]
    done = nodes.send("enter-restore-mode", "server2", PrepareSeconds="5", Recorded="no")
    assert done["line"]["result"] == "ok"
    nodes.lab.wait_for(lambda: job(nodes, "enter-restore-mode.1")["ended"], 60)
    assert job(nodes, "enter-restore-mode.1")["ended"]["rc"] == 137
    done = nodes.send("post-process-restore", "server2")
    assert done["line"]["result"] == "ok"
    nodes.lab.wait_for(lambda: job(nodes, "post-process-restore.1")["ended"], 60)


def test_the_end_of_a_command_is_known_though_the_disk_filled_up_meanwhile(
    nodes: Nodes, fill: None, offline: None
) -> None:
    assert nodes.send("observe", "server2")["line"]["full"] == []
    assert nodes.send("enter-restore-mode", "server2", PrepareSeconds="5")["line"]["result"] == "ok"
    nodes.lab.control("node", name="server2", effect="root_full")
    nodes.lab.wait_for(lambda: job(nodes, "enter-restore-mode.1")["ended"], 60)
    assert job(nodes, "enter-restore-mode.1")["ended"]["rc"] == 137


def test_a_unit_that_cannot_record_says_why(nodes: Nodes, fill: None) -> None:
    nodes.begin()
    assert nodes.send("resume-monitors")["line"]["result"] == "ok"
    nodes.lab.control("node", name="server1", effect="disks_full")
    done = nodes.send("quiesce")
    assert (done["line"]["result"], done["line"]["reason"]) == ("failed", "disk")
    assert "Online" in sh(nodes.lab, "clpstat -s")["stdout"]
