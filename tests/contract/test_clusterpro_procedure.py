"""The seed's backup and restore on the simulated cluster, and the wrong turns that an operator can take."""

from __future__ import annotations

import pytest
from cluster_bench import Bench
from seed.outputs import BACKUP_POST, BACKUP_PRE, RESTORE_POST, RESTORE_PRE

RULE = "-" * 60


def row(b: Bench) -> tuple:
    """power, services, flag of server2; colours; monitors; where the group runs."""
    dump = b.cluster.dump()
    node = dump["nodes"]["server2"]
    short = {"online": "on", "suspended": "susp", "offline": "off"}
    monitors = "/".join(short[dump["nodes"][n]["monitors"]["mdw1"]] for n in b.cluster.nodes)
    on = [n for n, s in b.group().items() if s == "online"]
    power = {"up": "running", "off": "stopped"}.get(node["power"], node["power"])
    flag = dump["mirrors"]["md1"]["flags"]["server2"]
    colours = "/".join(c if c == "GRAY" else c[0] for c in b.colours().split("/"))
    return power, node["services"], flag, colours, monitors, on[0] if on else "offline"


def isolate(b: Bench, suspend: str = "server1 server2", start: bool = True) -> None:
    """The seed's steps up to the break, and the start of the group."""
    b.ok("server1", "clpgrp -t failover1")
    for node in suspend.split():
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
    b.ok("server2", "clpmdctrl --break md1")
    if start:
        b.ok("server1", "clpgrp -s failover1")


def backup(b: Bench):
    """A whole backup of the standby; returns the snapshot."""
    isolate(b)
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "the standby is off")
    made = b.snapshot("server2")
    b.boot("server2")
    boots = b.hosts["server2"].boots
    b.ok("server2", "clpbackup.sh --post")
    b.until(lambda: b.hosts["server2"].boots > boots, "the standby rebooted")
    b.ok("server1", "clpmonctrl -r -h server1 -m mdw1")
    b.settle()
    return made


def stop_both(b: Bench) -> None:
    b.ok("server1", "clpgrp -t failover1")
    for node in b.hosts:
        assert b.ok(node, "clprestore.sh --pre") == RESTORE_PRE
    b.until(lambda: all(h.state == "off" for h in b.hosts.values()), "both are off")


def test_backup_step_by_step(bench):
    b = bench(timing={"recovery": 10})
    b.write("a", "before")
    normal = f"Mirror Status: Normal\nmd1 server1 server2\n{RULE}\nMirror Color GREEN GREEN\n"
    for node in b.hosts:
        assert b.run(node, "clpmdstat --mirror md1").out == normal
    assert row(b) == ("running", "auto", "OFF", "G/G", "on/on", "server1")
    assert b.ok("server1", "clpgrp -t failover1") == "Command succeeded.\n"
    assert row(b) == ("running", "auto", "OFF", "G/G", "on/on", "offline")
    for node in b.hosts:
        assert b.ok("server2", f"clpmonctrl -s -h {node} -m mdw1") == "Command succeeded.\n"
    assert row(b) == ("running", "auto", "OFF", "G/G", "susp/susp", "offline")
    assert b.ok("server2", "clpmdctrl --break md1") == "md1: Isolated completed successfully\n"
    assert row(b) == ("running", "auto", "OFF", "G/R", "susp/susp", "offline")
    assert b.cluster.mirrors["md1"].dump()["bitmap"] == {"server1": 0, "server2": 0}
    frozen = b.files("server2").digest()
    assert b.ok("server1", "clpgrp -s failover1") == "Command succeeded.\n"
    assert row(b) == ("running", "auto", "OFF", "G/R", "susp/susp", "server1")
    b.write("b", "after")
    assert b.cluster.mirrors["md1"].dump()["bitmap"]["server1"] > 0
    assert b.ok("server2", "clpbackup.sh --pre") == BACKUP_PRE
    b.until(lambda: b.hosts["server2"].state == "off", "the standby is off")
    assert row(b) == ("stopped", "manual", "ON", "G/GRAY", "susp/off", "server1")
    made = b.snapshot("server2")
    assert b.oracles.verdicts[made.id]["frozen"], b.oracles.verdicts[made.id]
    assert b.files("server2").digest() == frozen
    b.boot("server2")
    b.pause(3)
    assert row(b) == ("running", "manual", "ON", "G/GRAY", "susp/off", "server1")
    boots = b.hosts["server2"].boots
    assert b.ok("server2", "clpbackup.sh --post") == BACKUP_POST
    b.until(lambda: b.hosts["server2"].boots > boots, "the standby rebooted")
    b.until(lambda: row(b)[4] == "susp/on", "its monitor resumed by itself")
    assert row(b)[:3] == ("running", "auto", "OFF")
    assert b.ok("server1", "clpmonctrl -r -h server1 -m mdw1") == "Command succeeded.\n"
    b.until(lambda: row(b)[3] == "Y/Y", "the difference is being copied")
    b.settle()
    assert row(b) == ("running", "auto", "OFF", "G/G", "on/on", "server1")
    assert b.files("server2").read("b") == b"after"
    assert b.oracles.violations == []


def test_restore_brings_the_deleted_file_back_on_both(bench):
    b = bench()
    b.write("a", "precious")
    made = backup(b)
    from lab.nodes.clusterpro import part

    part.cluster_delete("a")
    assert "a" not in b.files("server1").files() + b.files("server2").files()
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    b.boot("server1", "server2")
    boots = {n: h.boots for n, h in b.hosts.items()}
    for node in b.hosts:
        assert b.ok(node, "clprestore.sh --post --skip-copy") == RESTORE_POST
    b.until(lambda: all(h.boots > boots[n] for n, h in b.hosts.items()), "both rebooted")
    b.settle()
    assert b.files("server1").read("a") == b.files("server2").read("a") == b"precious"
    since = max(e["seq"] for e in b.lab.record.since() if e.get("what") == "initialised")
    assert not [e for e in b.lab.record.since(since) if e.get("action") == "recovery"], "no copy was needed"
    assert b.oracles.violations == []


def test_several_disks_on_one_and_on_two_volumes(bench):
    disks = [{"name": "md1"}, {"name": "md2"}, {"name": "md3", "device": "/dev/sdc", "size_gib": 8}]
    b = bench(mirror_disks=disks, failover_groups=["failover1"])
    for name in ("md1", "md2", "md3"):
        b.write("f", name, disk=name)
    b.ok("server1", "clpgrp -t failover1")
    for node in b.hosts:
        b.ok("server1", f"clpmonctrl -s -h {node}")  # all monitors
    for name in ("md1", "md2", "md3"):
        b.ok("server2", f"clpmdctrl --break {name}")
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "the standby is off")
    for device in ("/dev/sdb", "/dev/sdc"):
        verdict = b.oracles.verdicts[b.snapshot("server2", device).id]
        assert verdict["frozen"], verdict
    assert [set(v["lineage"]) for v in b.oracles.verdicts.values()] == [{"md1", "md2"}, {"md3"}]


# --- wrong turns ---


def test_one_monitor_left_running_overwrites_the_frozen_image(bench):
    b = bench()
    b.write("a", "before")
    isolate(b, suspend="server1")
    b.write("a", "later")
    b.until(lambda: b.colours() == "GREEN/GREEN", "the monitor of server2 started the copy")
    assert b.files("server2").read("a") == b"later"
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    verdict = b.oracles.verdicts[b.snapshot("server2").id]
    assert not verdict["frozen"]
    assert "md1: the mirror was not isolated" in verdict["reasons"]
    assert "md1: its data id is not that of the quiesce point" in verdict["reasons"]


def test_pre_skipped_leaves_no_flag_and_boots_into_the_cluster(bench):
    b = bench()
    isolate(b)
    b.halt("server2")
    verdict = b.oracles.verdicts[b.snapshot("server2", **{"mirrorsnap:valid": "true"}).id]
    assert verdict["reasons"] == ["md1: the backup flag was not ON"]
    assert "backup flag" in b.oracle(1)[0]
    b.boot("server2")
    b.until(lambda: b.colours() == "GREEN/GREEN", "it came back into the cluster by itself")


def test_power_cut_instead_of_shutdown(bench):
    b = bench()
    backup(b)  # an earlier shutdown in good order does not count for this one
    isolate(b)
    b.cut("server2")
    verdict = b.oracles.verdicts[b.snapshot("server2").id]
    assert "server2 had not shut down in good order" in verdict["reasons"]
    b.boot("server2")
    b.pause(2)
    assert b.cluster.nodes["server2"].daemon == "stopped"
    assert any(e["module"] == "cl" and e["id"] == 18 for e in b.cluster.nodes["server2"].events)
    assert b.run("server2", "clpbackup.sh --post").rc != 0


def test_snapshot_of_a_running_standby_is_not_frozen(bench):
    b = bench()
    isolate(b)
    assert "server2 was up" in b.oracles.verdicts[b.snapshot("server2").id]["reasons"]


def test_no_quiesce_before_the_break(bench):
    b = bench()
    b.write("a", "x")
    for node in b.hosts:
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
    b.ok("server2", "clpmdctrl --break md1")
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    reasons = b.oracles.verdicts[b.snapshot("server2").id]["reasons"]
    assert "md1: the group was not offline at the break" in reasons
    assert "md1: the file system was in use" in reasons


def test_skip_copy_with_two_images_is_silent_corruption(bench):
    b = bench()
    b.write("a", "one")
    first = backup(b)
    b.write("a", "two")
    second = backup(b)
    stop_both(b)
    b.swap("server1", first)
    b.swap("server2", second)
    b.boot("server1", "server2")
    for node in b.hosts:
        b.ok(node, "clprestore.sh --post --skip-copy")
    b.until(lambda: b.colours() == "GREEN/GREEN", "the cluster believes it")
    assert any("not of one snapshot" in t for t in b.oracle(4))
    assert any("different bytes" in t for t in b.oracle(3))


def test_skip_copy_after_the_mirror_ran_on_one_side(bench):
    b = bench()
    b.write("a", "one")
    made = backup(b)
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    volume = b.volume("server1")
    files = b.files("server1")
    files.write("a", b"changed", "f" * 16)
    assert volume.snapshot_id == b.volume("server2").snapshot_id
    b.boot("server1", "server2")
    b.ok("server1", "clprestore.sh --post --skip-copy")
    assert any("no longer the same" in t for t in b.oracle(4))


def test_initial_mirror_construction_refuses_the_post_processing(bench):
    b = bench(fullcopy=True)
    made = backup(b)
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    b.boot("server1", "server2")
    before = b.volume("server1").blocks.digest()
    for option in ("--skip-copy", ""):
        assert b.run("server1", f"clprestore.sh --post {option}").rc != 0
    assert b.volume("server1").blocks.digest() == before
    assert b.cluster.nodes["server1"].dump()["services"] == "manual"
    assert any("initial mirror construction" in t for t in b.oracle(4))
    b.cluster.fullcopy = False
    b.ok("server1", "clprestore.sh --post --skip-copy")


def test_fullcopy_guard_can_be_absent(bench):
    b = bench(fullcopy=True, switches={"fullcopy_guard": False})
    made = backup(b)
    stop_both(b)
    for node in b.hosts:
        b.swap(node, made)
    b.boot("server1", "server2")
    b.ok("server1", "clprestore.sh --post --skip-copy")


def test_restore_without_skip_copy_copies_in_full(bench):
    b = bench()
    b.write("a", "old")
    made = backup(b)
    b.write("a", "new")
    stop_both(b)
    b.swap("server1", made)  # server2 keeps its newer disk: the full copy has to overwrite it
    b.boot("server1", "server2")
    for node in b.hosts:
        b.ok(node, "clprestore.sh --post")
    b.settle()
    copies = [e for e in b.lab.record.since() if e.get("action") == "recovery"]
    assert (copies[-1]["source"], copies[-1]["mode"]) == ("server1", "NORMAL")
    assert b.files("server2").read("a") == b"old"


def test_post_processing_out_of_order(bench):
    b = bench()
    for line in ("clpbackup.sh --post", "clprestore.sh --post", "clprestore.sh --post --skip-copy"):
        for node in b.hosts:
            assert b.run(node, line).rc != 0  # the cluster runs
    assert all(h.boots == 1 and h.state == "up" for h in b.hosts.values())
    assert b.colours() == "GREEN/GREEN"


def test_post_processing_on_renamed_devices_destroys_another_disk(bench):
    disks = [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc"}]
    b = bench(platform="nitro", mirror_disks=disks)
    b.write("a", "x", disk="md2")
    stop_both(b)
    b.hosts["server1"].rename_next_boot = True
    b.boot("server1", "server2")
    b.run("server1", "clprestore.sh --post")
    assert len(b.oracle(5)) == 2
    assert b.files("server1", "md2") is None


def test_post_processing_on_a_missing_path(bench):
    b = bench(platform="nitro")
    stop_both(b)
    b.hosts["server1"].rename_next_boot = True  # the only data disk gets a number that it never had
    b.boot("server1", "server2")
    answer = b.run("server1", "clprestore.sh --post --skip-copy")
    assert answer.rc != 0
    assert b.cluster.nodes["server1"].dump()["services"] == "manual"
    assert b.oracle(5) == []


def test_backup_post_with_a_missing_path_stays_in_backup_mode(bench):
    b = bench(platform="nitro")
    isolate(b)
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    b.hosts["server2"].rename_next_boot = True
    b.boot("server2")
    assert b.run("server2", "clpbackup.sh --post").rc != 0
    assert row(b)[:3] == ("running", "manual", "ON")
    assert b.cluster.nodes["server2"].events[-1]["text"].startswith("Failed to load the resource(md1)")
    b.halt("server2")
    b.boot("server2")
    b.ok("server2", "clpbackup.sh --post")


@pytest.mark.parametrize("what", ["destroy", "gray"])
def test_backup_post_on_renamed_devices(bench, what):
    disks = [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc"}]
    b = bench(platform="nitro", mirror_disks=disks, switches={"wrong_disk": what})
    b.halt("server2")
    b.hosts["server2"].services = {"clusterpro": False, "clusterpro_md": False}
    b.hosts["server2"].rename_next_boot = True
    b.boot("server2")
    assert b.run("server2", "clpbackup.sh --post").rc != 0
    assert len(b.oracle(5)) == (1 if what == "destroy" else 0)  # it ends at the first disk
    assert b.cluster.nodes["server2"].dump()["services"] == "manual"


def test_forced_start_on_the_stale_side(bench):
    b = bench(auto_recovery=False)
    isolate(b)
    b.write("a", "newer")
    b.ok("server1", "clpgrp -t failover1")
    assert b.run("server2", "clpgrp -s failover1").rc != 0  # RED: refused
    b.cluster.daemons.heartbeat(False)
    b.cluster.nodes["server2"].sides["md1"].set(mirror="GREEN")  # the operator insists
    b.until(lambda: not b.cluster.nodes["server2"].peer_seen, "server2 thinks that it is alone")
    b.ok("server2", "clpgrp -s failover1")
    assert any("newer data on the peer" in t for t in b.oracle(6))


def test_replayed_pre_shuts_down_a_second_time(bench):
    b = bench()
    isolate(b)
    b.ok("server2", "clpbackup.sh --pre", LAB_COMMAND_ID="c-1")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    b.boot("server2")
    assert b.run("server2", "clpbackup.sh --pre", LAB_COMMAND_ID="c-1").rc != 0  # the daemon does not run
    assert b.oracle(8) == []
    b.ok("server2", "clpbackup.sh --post", LAB_COMMAND_ID="c-2")
    b.until(lambda: b.hosts["server2"].boots == 3, "rebooted")
    b.until(lambda: b.cluster.nodes["server2"].daemon == "online", "back in the cluster")
    b.ok("server2", "clpbackup.sh --pre", LAB_COMMAND_ID="c-1")
    b.until(lambda: b.hosts["server2"].state == "off", "off again")
    assert len(b.oracle(8)) == 1


def test_a_new_backup_is_no_replay(bench):
    b = bench()
    for number in ("c-1", "c-2"):
        isolate(b)
        b.ok("server2", "clpbackup.sh --pre", LAB_COMMAND_ID=number)
        b.until(lambda: b.hosts["server2"].state == "off", "off")
        b.boot("server2")
        b.ok("server2", "clpbackup.sh --post")
        b.until(lambda: b.cluster.nodes["server2"].daemon == "online", "back")
        b.ok("server1", "clpmonctrl -r -h server1")
        b.settle()
    assert b.oracles.violations == []


def test_replayed_break_breaks_the_healed_mirror(bench):
    b = bench()
    backup(b)
    for node in b.hosts:
        b.ok("server1", f"clpmonctrl -s -h {node} -m mdw1")
    b.ok("server2", "clpmdctrl --break md1")
    assert b.colours() == "GREEN/RED"
    assert b.run("server2", "clpmdctrl --break md1").rc != 0


def test_replayed_group_stop_is_an_outage(bench):
    b = bench()
    b.ok("server1", "clpgrp -t failover1")
    assert b.run("server1", "clpgrp -t failover1").rc != 0
    b.ok("server1", "clpgrp -s failover1")
    b.ok("server1", "clpgrp -t failover1")
    assert set(b.group().values()) == {"offline"}
