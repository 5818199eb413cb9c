"""What only the bytes tell: the lab's own ways to harm a cluster or to set what the oracles compare with."""

from __future__ import annotations

import pytest

from lab.control import OPS
from lab.ec2.fsr import Restore
from lab.ec2.model import store
from lab.nodes.clusterpro import interference, part


@pytest.fixture
def cluster(bench, monkeypatch):
    b = bench()
    monkeypatch.setattr(part, "cluster", b.cluster)
    monkeypatch.setattr(part, "oracles", b.oracles)
    return b


def test_a_tampered_file_reads_well_and_only_its_bytes_tell(cluster):
    b = cluster
    b.write("a", "precious")
    before = b.files("server2").header()
    done = OPS["tamper"](node="server2", disk="md1")
    assert done == {"volume": b.volume("server2").id, "file": "a"}
    assert b.files("server1").read("a") == b"precious"
    assert b.files("server2").read("a") == bytes(byte ^ 0xFF for byte in b"precious")
    assert b.files("server2").header() == before
    assert b.files("server1").digest() != b.files("server2").digest()
    assert len(b.oracle(3)) == 1


def test_a_disk_without_a_file_cannot_be_tampered_with(cluster):
    with pytest.raises(ValueError, match="holds no file"):
        interference.tamper("server1")
    with pytest.raises(ValueError, match="server1, server2"):
        interference.tamper("server3")


def test_a_monitor_s_failure_moves_the_group_if_the_mirror_allows(cluster):
    b = cluster
    b.write("a", "precious")
    assert OPS["monitor_failure"](group="failover1") == {"node": "server1"}
    moved = {"server1": "offline", "server2": "online"}
    b.until(lambda: b.cluster.groups["failover1"].status == moved, "the group is online on the other node")
    with pytest.raises(ValueError, match="no group 'other'"):
        interference.monitor_failure("other")


def test_fast_snapshot_restore_as_it_was_found_can_be_set(cluster):
    restore = Restore("snap-1", "ap-northeast-1a")
    restore.state = "enabled"
    store.fsr["snap-1", "ap-northeast-1a"] = restore
    try:
        assert len(cluster.oracles.residue()) == 1
        interference.fsr_found()
        assert cluster.oracles.residue() == []
        restore.state = "disabling"
        assert [v["text"].split(" was ")[1] for v in cluster.oracles.residue()] == ["switched off"]
    finally:
        store.fsr.clear()
