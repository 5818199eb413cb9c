"""The clp commands: outputs, exit codes, refusals, each [likely] form both ways."""

from __future__ import annotations

import threading
import time

import pytest
from cluster_bench import PATIENCE
from test_clusterpro_procedure import isolate

from lab.nodes.clusterpro import part

RULE = "-" * 60


def test_mirror_status_texts(bench):
    b = bench(auto_recovery=False)
    assert b.run("server1", "clpmdstat -m md1").out.splitlines() == [
        "Mirror Status: Normal",
        "md1 server1 server2",
        RULE,
        "Mirror Color GREEN GREEN",
    ]
    isolate(b)
    abnormal = b.run("server2", "clpmdstat --mirror md1")
    assert abnormal.out.startswith(f"Mirror Status: Abnormal\nmd1 server1 server2\n{RULE}\nMirror Color GREEN RED\n")
    assert "Difference Percent 1% 0%" in abnormal.out
    b.halt("server2")
    assert "Mirror Status: Uncertain\n" in b.run("server1", "clpmdstat -m md1").out
    assert "Mirror Color GREEN GRAY\n" in b.run("server1", "clpmdstat -m md1").out
    b.cluster.switches.update({"peer_gray_status": "Abnormal"})
    assert "Mirror Status: Abnormal\n" in b.run("server1", "clpmdstat -m md1").out


def test_a_command_takes_its_time_before_and_after_its_look(bench):
    b = bench(auto_recovery=False, timing={"clp_command": 20})
    before = b.lab.clock.monotonic()
    answer: list[str] = []
    asking = threading.Thread(target=lambda: answer.append(b.run("server1", "clpmdstat -m md1").out))
    asking.start()
    b.until(lambda: b.lab.clock.monotonic() >= before + 14, "it has looked, and has not answered")
    assert not answer
    b.lab.timing.update({"clp_command": 0})
    isolate(b)  # too late for the look
    asking.join(PATIENCE)
    assert "GREEN GREEN" in answer[0] and b.lab.clock.monotonic() >= before + 20


def test_mirror_status_switches(bench):
    b = bench(auto_recovery=False, timing={"recovery": 30})
    assert b.run("server1", "clpmdstat -m md1").rc == 17
    b.cluster.switches.update({"mdstat_rc": "zero", "columns": "local_first"})
    answer = b.run("server2", "clpmdstat -m md1")
    assert (answer.rc, answer.out.splitlines()[1]) == (0, "md1 server2 server1")
    b.cluster.switches.update({"layout": "wide"})
    line = b.run("server1", "clpmdstat -m md1").out.splitlines()[1]
    assert line.split() == ["md1", "server1", "server2"] and "  " in line
    b.ok("server2", "clpmdctrl --break md1")
    b.ok("server2", "clpmdctrl --recovery md1")
    assert "Percent: " in b.run("server1", "clpmdstat -m md1").out
    b.cluster.switches.update({"recovery_details": False})
    text = b.run("server1", "clpmdstat -m md1").out
    assert "Mirror Status: Recovering" in text and "Percent" not in text


def test_mirror_status_errors(bench):
    b = bench()
    for line in ("clpmdstat", "clpmdstat -m md9", "clpmdstat -m", "clpmdstat -x md1", "clpmdstat -m md1 md2"):
        answer = b.run("server1", line)
        assert answer.rc > 125 and answer.out == "", line
    b.cluster.daemons.agent_down(b.cluster.nodes["server2"])
    assert b.run("server2", "clpmdstat -m md1").rc > 125
    for line in ("clpmdctrl", "clpmdctrl --break", "clpmdctrl --break --recovery md1", "clpmdctrl --recovery md9"):
        assert b.run("server1", line).rc != 0
    assert b.run("server2", "clpmdctrl --recovery md1").rc != 0


def test_monitor_exit_codes(bench):
    b = bench()
    assert b.ok("server1", "clpmonctrl -s -h server2 -m mdw1") == "Command succeeded.\n"
    assert b.cluster.nodes["server2"].monitors == {"mdw1": "suspended", "mdnw1": "online"}
    assert b.cluster.nodes["server1"].monitors == {"mdw1": "online", "mdnw1": "online"}
    b.ok("server1", "clpmonctrl -s -h server2 -m mdw1")
    b.ok("server2", "clpmonctrl -r -m mdw1")
    assert b.cluster.nodes["server2"].monitors["mdw1"] == "online"
    b.ok("server2", "clpmonctrl -s")
    assert set(b.cluster.nodes["server2"].monitors.values()) == {"suspended"}
    for line, rc in (
        ("clpmonctrl -s -h server2 -m nosuch", 5),
        ("clpmonctrl -s -h server9 -m mdw1", 202),
        ("clpmonctrl -s -r", 2),
        ("clpmonctrl", 2),
        ("clpmonctrl -s -z", 2),
    ):
        answer = b.run("server1", line)
        assert (answer.rc, answer.out) == (rc, ""), line
    b.ok("server2", "clpcl -t")
    assert b.run("server1", "clpmonctrl -s -h server2 -m mdw1").rc == 10
    b.halt("server2")
    assert b.run("server1", "clpmonctrl -s -h server2 -m mdw1").rc == 200


@pytest.mark.parametrize("shown", ["None", "-", "empty"])
def test_a_group_that_runs_nowhere_is_shown_so(bench, shown):
    b = bench()
    b.cluster.switches.update({"current_when_offline": shown})
    b.ok("server1", "clpgrp -t failover1")
    line = f"      current        : {shown.replace('empty', '')}".rstrip()
    assert f"failover1 ........: Offline\n{line}\n" in b.run("server2", "clpstat").out


def test_a_stopped_daemon_prints_an_error_or_everything_as_offline(bench):
    b = bench()
    b.ok("server2", "clpcl -t")
    assert b.run("server2", "clpstat").rc == 3
    b.cluster.switches.update({"clpstat_when_stopped": "table"})
    text = b.run("server2", "clpstat").out
    assert "   *server2 ..........: Offline\n" in text and "    server1 ..........: Offline\n" in text
    assert "failover1 ........: Offline\n" in text and "Normal" not in text.split("<group>")[1]
    assert "    server1 ..........: Offline" not in b.run("server1", "clpstat").out, "the other one runs"


def test_stat_tables(bench):
    name = "failover-group-of-the-orders"
    b = bench(failover_groups=[name], auto_recovery=False)
    text = b.run("server2", "clpstat").out
    assert f"    {name[:16]} .: Online\n      current        : server1\n      md1            : Online\n" in text
    assert name not in text and name in b.run("server2", "clpstat --long").out
    b.cluster.switches.update({"long_names": True})
    assert name in b.run("server2", "clpstat").out
    b.cluster.switches.update({"long_names": False})
    assert "   *server2 ..........: Online\n" in text and "    server1 ..........: Online\n" in text
    assert "mdw1 .............: Normal" in text
    b.ok("server1", "clpmonctrl -s -h server2 -m mdw1")
    assert "mdw1 .............: Suspend" in b.run("server1", "clpstat").out
    monitors = b.run("server1", "clpstat -m").out
    assert "[mdw1 : Caution]\n" in monitors and "   server0 [o]: Online\n   server1 [-]: Suspend\n" in monitors
    assert f"{name[:16]} .: o  -\n" in b.run("server1", "clpstat -g").out
    assert "[on server1 : Online]" in b.run("server1", "clpstat -n").out
    assert "/dev/xvdb1 /dev/xvdb2" in b.run("server1", "clpstat -i").out
    b.lab.timing.update({"group_stop": 5, "group_start": 5})
    _, thread, _ = b.start("server1", f"clpgrp -t {name}")
    b.until(lambda: b.group(name)["server1"] == "stopping", "stopping")
    assert "Offline Pending" in b.run("server2", "clpstat").out
    assert "o" not in b.run("server2", "clpstat -g").out.split(name[:16])[1].split("\n")[0]
    assert b.ok("server2", f"clpgrp -n {name}") == ""
    thread.join(PATIENCE)
    assert f"{name[:16]} .: Offline\n      current        : None\n" in b.run("server2", "clpstat").out
    b.halt("server2")
    text = b.run("server1", "clpstat").out
    assert "    server2 ..........: Offline\n" in text and "Unknown" in text
    assert "server1 : x" in b.run("server1", "clpstat -n").out
    for line in ("clpstat -n -g", "clpstat --nosuch", "clpstat extra"):
        assert b.run("server1", line).rc != 0
    assert b.run("server2", "clpstat").rc != 0


def test_failed_group_shows(bench):
    b = bench(switches={"umount_failures": 1, "group_stop_failure": "error"})
    b.run("server1", "clpgrp -t failover1")
    assert "failover1 ........: Online Failure" in b.run("server1", "clpstat").out


def test_where_a_group_runs(bench):
    b = bench()
    for node in b.hosts:
        assert b.ok(node, "clpgrp -n failover1") == "server1\n"
    b.ok("server1", "clpgrp -t failover1")
    assert b.ok("server1", "clpgrp -n failover1") == ""
    assert b.run("server1", "clpgrp -n nosuch").rc == 6
    assert b.run("server1", "clpgrp -n").rc == 2


def test_configuration_values(bench):
    paths = {"server1": "/dev/xvdb2", "server2": "/dev/disk/x"}
    b = bench(up=False, mirror_disks=[{"name": "md1", "data_partition": paths}])
    get = "clpcfget -g /root/resource/md@md1/parameters/"
    assert b.ok("server1", get + "fullcopy") == "0\n"
    b.cluster.fullcopy = True
    assert b.ok("server1", get + "fullcopy") == "1\n"
    assert b.ok("server2", get + "diskdev/dppath") == "/dev/disk/x\n"
    assert b.ok("server1", get + "diskdev/cppath") == "/dev/xvdb1\n"
    assert b.ok("server1", "clpcfget -e /root/resource/md") == "md1\n"
    assert b.ok("server1", "clpcfget -e /root/group/group") == "failover1\n"
    assert b.ok("server1", "clpcfget -e /root/monitor/types") == "mdnw\nmdw\n"
    for line in (
        get + "nosuch",
        get,
        "clpcfget -g /root/resource/md@md9/parameters/fullcopy",
        "clpcfget",
        "clpcfget -g x",
    ):
        answer = b.run("server1", line)
        assert answer.rc != 0 and answer.out == "", line
    b.cluster.switches.update({"clpcfget": False})
    assert b.run("server1", get + "fullcopy").rc == 127


@pytest.mark.parametrize("line", ["clpgrp -t failover1", "clpmdctrl --break md1", "clpbackup.sh --pre", "clpstat"])
def test_only_root(bench, line):
    b = bench()
    answer = b.run("server1", line, LAB_UID="1000")
    assert answer.rc != 0 and answer.out == ""
    assert b.group()["server1"] == "online" and b.colours() == "GREEN/GREEN"


def test_backup_pre_refusals_change_nothing(bench):
    b = bench()
    assert b.run("server1", "clpbackup.sh --pre").rc != 0  # the group is active here
    b.ok("server2", "clpcl -t")
    for line in ("clpbackup.sh --pre", "clpbackup.sh", "clpbackup.sh --pre --post", "clpbackup.sh --pre --online"):
        answer = b.run("server2", line)
        assert answer.rc != 0 and answer.out == "", line
    dump = b.cluster.dump()
    assert dump["mirrors"]["md1"]["flags"] == {"server1": "OFF", "server2": "OFF"}
    assert all(n["services"] == "auto" and n["power"] == "up" for n in dump["nodes"].values())


def test_backup_options_split_the_work(bench):
    b = bench()
    isolate(b)
    assert "Shutting down" not in b.ok("server2", "clpbackup.sh --pre --no-shutdown")
    dump = b.cluster.dump()
    assert (dump["mirrors"]["md1"]["flags"]["server2"], dump["nodes"]["server2"]["services"]) == ("ON", "manual")
    assert b.hosts["server2"].state == "up"
    b.ok("server2", "clpbackup.sh --pre --only-shutdown")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    b.boot("server2")
    assert "Rebooting" not in b.ok("server2", "clpbackup.sh --post --no-reboot")
    b.ok("server2", "clpbackup.sh --post --only-reboot")
    b.until(lambda: b.cluster.nodes["server2"].daemon == "online", "back")


@pytest.mark.parametrize("on_partition", [True, False])
def test_flag_travels_with_the_snapshot(bench, on_partition):
    from lab.nodes.clusterpro.formatting import find_record

    b = bench(switches={"flag_on_partition": on_partition})
    isolate(b)
    b.ok("server2", "clpbackup.sh --pre")
    b.until(lambda: b.hosts["server2"].state == "off", "off")
    made = b.snapshot("server2")
    assert find_record(made.blocks, "md1")["flag"] == ("ON" if on_partition else "OFF")
    assert b.oracles.verdicts[made.id]["frozen"]
    assert b.cluster.dump()["mirrors"]["md1"]["flags"]["server2"] == "ON"
    b.boot("server2")
    b.ok("server2", "clpbackup.sh --post")
    assert b.cluster.dump()["mirrors"]["md1"]["flags"]["server2"] == "OFF"


def test_restore_pre_needs_the_groups_offline(bench):
    b = bench()
    for node in b.hosts:
        answer = b.run(node, "clprestore.sh --pre")
        assert answer.rc != 0 and answer.out == ""
        assert b.cluster.nodes[node].dump()["services"] == "auto"
    assert b.run("server1", "clprestore.sh --pre --skip-copy").rc != 0
    b.ok("server1", "clpgrp -t failover1")
    b.ok("server2", "clprestore.sh --pre")
    assert b.cluster.nodes["server2"].dump()["services"] == "manual"


def test_service_control(bench):
    b = bench()
    b.ok("server2", "clpsvcctrl.sh --disable -a")
    assert b.ok("server2", "clpsvcctrl.sh --status") == "manual\n"
    assert b.hosts["server2"].services["clusterpro_evt"] is False
    b.ok("server2", "clpsvcctrl.sh --enable -a")
    assert b.cluster.nodes["server2"].dump()["services"] == "auto"
    for incomplete in ("clpsvcctrl.sh", "clpsvcctrl.sh --disable"):
        assert b.run("server2", incomplete).rc != 0
    assert b.cluster.nodes["server2"].dump()["services"] == "auto"


def test_log_command(bench):
    b = bench()
    b.ok("server1", "clplogcmd -m hello -i 7")
    assert (b.cluster.nodes["server1"].events[-1]["text"], b.cluster.nodes["server1"].events[-1]["id"]) == ("hello", 7)
    assert b.run("server1", "clplogcmd").rc != 0


def test_polling_costs_about_a_millisecond(bench):
    b = bench()
    import threading

    from cluster_bench import Call

    from lab.nodes.clusterpro import commands

    cli = commands.Cli(b.cluster, b.cluster.nodes["server1"], Call(["clpstat"], {}, threading.Event()))
    started = time.thread_time()
    for _ in range(100):
        commands.COMMANDS["clpstat"](cli)
    assert (time.thread_time() - started) / 100 < 0.005


# --- control operations ---


def test_control_reads_through_the_group_or_from_a_raw_partition(bench):
    b = bench(auto_recovery=False)
    b.write("a", "old")
    isolate(b)
    b.write("a", "new")
    assert part.cluster_read("a")["text"] == "new"
    assert part.cluster_read("a", node="server2")["text"] == "old"
    assert part.cluster_read("b") is None
    part.cluster_write("bin", base64="gIA=")
    assert part.cluster_read("bin") == {"base64": "gIA="}
    part.cluster_delete("a")
    assert part.cluster_read("a") is None and part.cluster_read("a", node="server2")["text"] == "old"
    for bad in ({"file": "a"}, {"file": "a", "text": "x", "base64": "eA=="}, {"file": "", "text": "x"}):
        with pytest.raises(ValueError):
            part.cluster_write(**bad)
    for where in ({"disk": "md9"}, {"group": "g9"}):
        with pytest.raises(ValueError, match="there are"):
            part.cluster_write("a", "x", **where)
    with pytest.raises(ValueError, match="no node"):
        part.cluster_read("a", node="server9")


def test_control_changes_the_configuration(bench):
    b = bench()
    part.cluster_set(auto_recovery=False, fullcopy=True, licence=False, switches={"stale_guard": False})
    assert (b.cluster.auto_recovery, b.cluster.fullcopy, b.cluster.licence) == (False, True, False)
    assert b.cluster.switches.stale_guard is False
    with pytest.raises(ValueError):
        part.cluster_set(fullcopy="no")
    with pytest.raises(ValueError, match="unknown switch"):
        part.cluster_set(switches={"x": 1})
    part.cluster_set(partitions={"md1": {"server2": {"data_partition": "/dev/nothing"}}})
    b.halt("server2")
    b.boot("server2")
    assert b.cluster.nodes["server2"].troubles == {"md1": "missing"}
    part.cluster_set(partitions={"md1": {"server2": {"data_partition": "/dev/xvdb2"}}})
    b.halt("server2")
    b.boot("server2")
    assert b.cluster.nodes["server2"].troubles == {}
