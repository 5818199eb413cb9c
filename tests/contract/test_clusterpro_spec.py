"""Configuration, switches, volume layouts, file system and cluster partition of the simulated cluster."""

from __future__ import annotations

import itertools
import json

import pytest

from lab.ec2.blocks import SIZE, Blocks
from lab.nodes.clusterpro import layout
from lab.nodes.clusterpro.ext4 import FIRST_DATA, JOURNAL
from lab.nodes.clusterpro.filesystem import FileSystem, FileSystemError
from lab.nodes.clusterpro.formatting import find_files, find_record, format_volume
from lab.nodes.clusterpro.partition import ClusterPartition
from lab.nodes.clusterpro.spec import SpecError, distinct, load, parse, parse_further
from lab.nodes.clusterpro.switches import Switches

MIB, GIB = 1 << 20, 1 << 30


def test_nothing_said_is_the_seeds_cluster():
    spec = parse({})
    disk = spec.disks[0]
    assert (spec.name, spec.nodes, spec.active) == ("orders", ["server1", "server2"], "server1")
    assert (disk.name, disk.monitor, disk.connect_monitor, disk.device, disk.size_gib) == (
        *("md1", "mdw1", "mdnw1", "/dev/sdb", 20),
    )
    assert disk.cluster_partition == {"server1": "/dev/xvdb1", "server2": "/dev/xvdb1"}
    assert disk.data_partition["server2"] == "/dev/xvdb2"
    assert [(g.name, g.nodes, g.disks, g.auto_start) for g in spec.groups] == [
        ("failover1", ["server1", "server2"], ["md1"], True)
    ]
    assert (spec.auto_recovery, spec.fullcopy, spec.licence) == (True, False, True)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"platform": "nitro"}, ["/dev/nvme1n1p1", "/dev/nvme1n1p3", "/dev/nvme2n1p1"]),
        ({"platform": "xen"}, ["/dev/xvdb1", "/dev/xvdb3", "/dev/xvdc1"]),
        ({"layout": "lvm", "platform": "nitro"}, ["/dev/vg_md1/md1_cp", "/dev/vg_md1/md2_cp", "/dev/vg_md3/md3_cp"]),
    ],
)
def test_default_paths(given, paths):
    disks = [{"name": "md1"}, {"name": "md2"}, {"name": "md3", "device": "/dev/sdc"}]
    spec = parse({**given, "mirror_disks": disks})
    assert [d.cluster_partition["server1"] for d in spec.disks] == paths


def test_active_node_leads_the_policy_and_groups_share_the_disks():
    spec = parse(
        {"active": "server2", "failover_groups": ["g1", "g2"], "mirror_disks": [{"name": f"md{i}"} for i in "123"]}
    )
    assert [(g.nodes, g.disks) for g in spec.groups] == [
        (["server2", "server1"], ["md1"]),
        (["server2", "server1"], ["md2", "md3"]),
    ]
    two_way = parse({"mirror_disks": [{"name": "md1"}, {"name": "md2"}],
                     "failover_groups": ["g1", {"name": "g2", "active": "server2"}]})  # fmt: skip
    assert [g.nodes[0] for g in two_way.groups] == ["server1", "server2"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"colour": "red"}, "cluster: unknown colour"),
        ({"active": "server3"}, "cluster.active"),
        ({"platform": "kvm"}, "cluster.platform"),
        ({"layout": "zfs"}, "cluster.layout"),
        ({"auto_recovery": "yes"}, "cluster.auto_recovery"),
        ({"fullcopy": 1}, "cluster.fullcopy"),
        ({"nodes": ["a", "a"]}, "cluster.nodes"),
        ({"nodes": ["a"]}, "cluster.nodes"),
        ({"name": "a b"}, "cluster.name"),
        ({"mirror_disks": []}, "cluster.mirror_disks"),
        ({"mirror_disks": [{"monitor": "mdw1"}]}, "cluster.mirror_disks[0]"),
        ({"mirror_disks": [{"name": "md1", "size": 3}]}, "cluster.mirror_disks[0]: unknown size"),
        ({"mirror_disks": [{"name": "md1", "size_gib": 1}]}, "cluster.mirror_disks[0].size_gib"),
        ({"mirror_disks": [{"name": "md1", "device": "/dev/sda1"}]}, "cluster.mirror_disks[0].device"),
        ({"mirror_disks": [{"name": "md1", "data_partition": "xvdb2"}]}, "cluster.mirror_disks[0].data_partition"),
        ({"mirror_disks": [{"name": "md1", "data_partition": {"x": "/dev/a"}}]}, "data_partition"),
        ({"mirror_disks": [{"name": "md1"}, {"name": "md1"}]}, "the mirror disk md1 is there twice"),
        ({"mirror_disks": [{"name": "md1"}, {"name": "md2", "monitor": "mdw1"}]}, "the monitor mdw1 is there twice"),
        ({"mirror_disks": [{"name": "md1"}, {"name": "md2", "size_gib": 9}]}, "/dev/sdb is one volume"),
        ({"mirror_disks": [{"name": "md1", "size_gib": 3}, {"name": "md2", "size_gib": 3}]}, "2 GiB or more for each"),
        ({"failover_groups": []}, "cluster.failover_groups"),
        ({"failover_groups": ["g", "g"]}, "failover group g is there twice"),
        ({"failover_groups": [{"name": "g", "disks": ["md9"]}]}, "no mirror disk md9"),
        ({"failover_groups": [{"name": "g", "disks": []}]}, "no group has the mirror disk md1"),
        ({"failover_groups": [{"name": "g", "nodes": ["server9"]}]}, "cluster.failover_groups[0].nodes"),
        ({"timing": {"nap": 1}}, "cluster.timing: unknown timing 'nap'"),
        ({"timing": {"boot": -1}}, "cluster.timing"),
        ({"switches": {"magic": True}}, "cluster.switches: unknown switch"),
        ({"switches": {"wrong_disk": "eat"}}, "cluster.switches"),
        ({"switches": {"stale_guard": 1}}, "cluster.switches"),
        ({"switches": {"umount_failures": -1}}, "cluster.switches"),
    ],
)  # fmt: skip
def test_mistakes_are_named(given, place):
    with pytest.raises(SpecError) as error:
        parse(given)
    assert place in str(error.value)


def test_switches_change_all_or_nothing():
    switches = Switches()
    with pytest.raises(ValueError, match="unknown switch"):
        switches.update({"stale_guard": False, "nonsense": True})
    assert switches.stale_guard is True


def test_files_hold_a_cluster_or_a_whole_scenario(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("active: server2\n")
    assert parse(load(path)).active == "server2"
    path.write_text("name: x\ncluster: {platform: nitro}\nsteps: []\n")
    assert parse(load(path)).platform == "nitro"
    path.write_text(json.dumps({"layout": "lvm"}))
    assert parse(load(path)).layout == "lvm"
    for text, word in (("[1]", "mapping"), ("a: [", "neither YAML nor JSON")):
        path.write_text(text)
        with pytest.raises(SpecError, match=word):
            load(path)


# --- layouts ---


def test_partition_table():
    blocks = Blocks(20)
    layout.write_gpt(blocks, 1, "x")
    parts = layout.partitions(blocks)
    assert [(p.name, p.first * SIZE) for p in parts] == [("1", MIB), ("2", MIB + GIB)]
    assert (parts[0].end - parts[0].first) * SIZE == GIB
    assert 19 * GIB - 4 * MIB < (parts[1].end - parts[1].first) * SIZE < 19 * GIB
    assert parts[0].end == parts[1].first
    assert layout.volume_group(blocks) is None
    assert len({p.uuid for p in parts}) == 2


def test_logical_volumes_and_several_disks_on_one_volume():
    blocks = Blocks(20)
    layout.write_lvm(blocks, "vg_md1", ["md1", "md2"], "x")
    group = layout.volume_group(blocks)
    assert [v.name for v in group.volumes] == ["md1_cp", "md1_dp", "md2_cp", "md2_dp"]
    ends = [(v.first, v.end) for v in group.volumes]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
    assert ends[-1][1] * SIZE <= 20 * GIB
    assert layout.partitions(blocks) == []


def test_volumes_of_two_nodes_differ_in_their_tables_but_not_in_their_data():
    spec = parse({})
    images = []
    for owner in ("a", "b"):
        images.append(Blocks(20))
        format_volume(images[-1], spec.disks, "raw", owner, "p")
    assert find_files(images[0], spec.disks[0]).digest() == find_files(images[1], spec.disks[0]).digest()
    assert layout.partitions(images[0])[0].uuid != layout.partitions(images[1])[0].uuid
    assert find_record(images[0], "md1")["mirror"] == "GREEN"
    assert find_record(images[0], "md2") is None


# --- file system ---


@pytest.fixture
def files():
    made = FileSystem(Blocks(2), 512, 512 + 1024)
    made.format("x")
    return made


def test_files_are_bytes_on_blocks(files):
    data = bytes(range(256)) * 40
    touched = files.write("a", data, "t1")
    assert touched == [FIRST_DATA, FIRST_DATA + 1, FIRST_DATA + 2, 0, 1, JOURNAL]  # which is empty no longer
    assert files.blocks.read((512 + FIRST_DATA) * SIZE, len(data)) == data
    assert (files.read("a"), files.files(), files.header()["lineage"]) == (data, ["a"], "t1")
    files.write("b", b"", "t2")
    files.write("a", b"short", "t3")
    assert (files.read("a"), files.read("b")) == (b"short", b"")
    files.delete("a", "t4")
    assert files.files() == ["b"]
    with pytest.raises(FileSystemError, match="no such file"):
        files.read("a")
    with pytest.raises(FileSystemError, match="no such file"):
        files.delete("a", "t5")
    assert files.header()["mutations"] == 4


def test_only_blocks_that_change_are_touched(files):
    files.write("a", b"x" * SIZE * 3, "t1")
    again = files.write("a", b"x" * SIZE * 2 + b"y" * SIZE, "t2")
    assert again == [FIRST_DATA + 2, 0, 1]


def test_a_lost_block_is_noticed(files):
    files.write("a", b"x" * SIZE * 2, "t1")
    files.blocks.put(512 + FIRST_DATA + 1, bytes(SIZE))
    with pytest.raises(FileSystemError, match="corrupt"):
        files.read("a")


def test_full_and_foreign(files):
    with pytest.raises(FileSystemError, match="no space"):
        files.write("big", b"x" * SIZE * 1024, "t")
    with pytest.raises(FileSystemError, match="no file system"):
        FileSystem(Blocks(2), 0, 100).header()
    assert not FileSystem(Blocks(2), 0, 100).readable()


def test_digest_knows_bytes_and_places_but_not_the_offset():
    digests = set()
    for first in (0, 512):
        made = FileSystem(Blocks(2), first, first + 1024)
        made.format("x")
        made.write("a", b"1", "t")
        digests.add(made.digest())
    assert len(digests) == 1
    made.write("a", b"2", "t")
    assert made.digest() not in digests


# --- cluster partition ---


def test_bitmap_is_bits_on_the_partition():
    blocks = Blocks(4)
    cp = ClusterPartition(blocks, 256, 256 + GIB // SIZE, "md1")
    assert cp.record() is None and cp.blank()
    cp.initialise(mirror="GREEN")
    cp.mark([0, 7, 8, 40_000, 200_000])
    cp.mark([7], on=False)
    assert cp.marked() == [0, 8, 40_000, 200_000]
    assert ClusterPartition(blocks.copy(), 256, 256 + GIB // SIZE, "md1").marked() == cp.marked()
    assert blocks.read((512) * SIZE, 2) == b"\x01\x01"
    cp.update(flag="ON")
    assert cp.record()["flag"] == "ON"
    cp.clear()
    assert cp.marked() == [] and cp.record()["flag"] == "ON"
    assert ClusterPartition(blocks, 256, 256 + GIB // SIZE, "md2").record() is None
    with pytest.raises(ValueError, match="not a cluster partition"):
        ClusterPartition(blocks, 256, 256 + GIB // SIZE, "md2").update(flag="ON")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({}, "a list of clusters"),
        ([{"name": "orders", "nodes": ["a", "b"]}], "the cluster orders is there twice"),
        ([{"name": "bills"}], "the node server1, server2 is there twice"),
        ([{"name": "bills", "nodes": ["a", "b"], "timing": {"boot": 1}}], "bills has a timing"),
    ],
)
def test_further_clusters_have_names_and_nodes_of_their_own(value, word):
    with pytest.raises(SpecError, match=word):
        distinct([parse({}), *parse_further(value)])
    distinct([parse({}), *parse_further([{"name": "bills", "nodes": ["a", "b"]}])])
