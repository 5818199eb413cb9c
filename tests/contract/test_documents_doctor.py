"""The document doctor on the lab's nodes: what every command that we parse prints, and nothing left behind."""

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


def left(nodes: Nodes) -> list[str]:
    """Our files on the node."""
    find = 'find "$MIRRORSNAP_RUN/mirrorsnap" "$MIRRORSNAP_VAR_LIB/mirrorsnap" -type f 2>/dev/null | sort'
    return sh(nodes.lab, find)["stdout"].split()


def test_it_runs_what_we_parse_and_changes_nothing(nodes: Nodes) -> None:
    before = left(nodes)
    found = nodes.send("doctor", Run="doctor-1")
    assert found["status"] == "Success" and found["disturbed"] == [] and found["line"]["left_out"] == 0
    assert found["size"] < 24_000
    entries = {" ".join(each["argv"]): each for each in found["line"]["entries"]}
    assert "GREEN" in entries["clpmdstat -m md1"]["stdout"] and "failover1" in entries["clpstat -s --long"]["stdout"]
    assert entries["clpcfget -g /root/resource/md@md1/parameters/diskdev/cppath"]["stdout"] == "/dev/xvdb1\n"
    own = entries["clpcfget -g /root/resource/md@md1/server@server1/parameters/diskdev/cppath"]
    assert own["exit"] != 0 and own["stdout"] == ""
    assert "enabled" in entries["systemctl is-enabled clusterpro clusterpro_md"]["stdout"]
    assert entries["command -v clpbackup.sh"]["exit"] == 0
    for each in entries.values():
        assert set(each) == {"id", "argv", "exit", "ms", "stdout", "stderr", "cut"} and each["exit"] != 137, each
    assert left(nodes) == before


def test_what_hangs_ends_it_and_the_rest_is_counted(nodes: Nodes) -> None:
    nodes.lab.control("fault", spec={"command": "clpmdstat", "node": "server1", "times": 1000, "effect": "hang"})
    try:
        found = nodes.send("doctor", Run="doctor-2")
    finally:
        nodes.lab.control("clear_faults")
    entries = {" ".join(each["argv"]): each for each in found["line"]["entries"]}
    assert entries["clpmdstat -m md1"]["exit"] == 137 and found["line"]["left_out"] > 10


def test_a_table_that_fails_once_is_recorded_twice(nodes: Nodes) -> None:
    nodes.lab.control("cluster_set", switches={"fails_once": "reads"})
    try:
        entries = nodes.send("doctor", Run="doctor-3")["line"]["entries"]
    finally:
        nodes.lab.control("cluster_set", switches={"fails_once": "nothing"})
    for command, mark in (("clpstat -s --long", "<server>"), ("clpmdstat -m md1", "Mirror Status")):
        assert [mark in each["stdout"] for each in entries if " ".join(each["argv"]) == command] == [False, True]
    assert [each["exit"] for each in entries if each["argv"] == ["command", "-v", "clplogcmd"]] == [0]
