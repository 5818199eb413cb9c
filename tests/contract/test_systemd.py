"""systemd of a node: transient services and timers, registered services, what systemctl tells of them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from node_steps import bring_back, out, rebooted, sh, status

from lab.client import Lab

_numbers = itertools.count(1)


@pytest.fixture
def unit() -> str:
    return f"unit{next(_numbers)}"


def show(lab: Lab, unit: str, *names: str) -> list[str]:
    return out(lab, f"systemctl show --value -p {','.join(names)} {unit}").split()


def ended(lab: Lab, unit: str) -> None:
    lab.wait_for(lambda: sh(lab, f"systemctl is-active {unit}")["stdout"].strip() in ("inactive", "failed"))


def test_a_service_outlives_its_caller_and_is_unloaded_when_it_ended_well(lab: Lab, unit: str) -> None:
    out(lab, f"systemd-run -q --unit={unit} sh -c 'sleep 4; echo done >$MIRRORSNAP_RUN/{unit}'")
    assert out(lab, f"systemctl is-active {unit}") == "active\n"
    ended(lab, unit)
    assert out(lab, f"cat $MIRRORSNAP_RUN/{unit}") == "done\n"
    assert show(lab, unit, "LoadState", "ActiveState", "Result") == ["not-found", "inactive", "success"]
    out(lab, f"systemd-run -q --unit={unit} true")  # so its name is free again


def test_a_failed_service_keeps_its_name_until_reset_unless_collected(lab: Lab, unit: str) -> None:
    out(lab, f"systemd-run -q --unit={unit} sh -c 'exit 3'")
    ended(lab, unit)
    assert show(lab, unit, "ActiveState", "Result", "ExecMainStatus") == ["failed", "exit-code", "3"]
    refused = sh(lab, f"systemd-run --unit={unit} true")
    assert refused["rc"] == 1 and "already loaded" in refused["stderr"]
    out(lab, f"systemctl reset-failed {unit} && systemd-run -q --unit={unit} --collect sh -c 'exit 3'")
    ended(lab, unit)
    assert show(lab, unit, "LoadState") == ["not-found"]


def test_the_name_of_a_running_unit_is_refused_and_nothing_started(lab: Lab, unit: str) -> None:
    out(lab, f"systemd-run -q --unit={unit} sleep 30")
    assert sh(lab, f"systemd-run --unit={unit} touch $MIRRORSNAP_RUN/second{unit}")["rc"] == 1
    assert sh(lab, f"systemctl stop {unit}; test -e $MIRRORSNAP_RUN/second{unit}")["rc"] == 1
    assert sh(lab, f"systemctl is-active {unit}")["rc"] == 3


def test_runtime_max_ends_a_service_but_not_a_oneshot(lab: Lab, unit: str) -> None:
    out(
        lab,
        f"systemd-run -q --unit={unit} -p RuntimeMaxSec=2 -p TimeoutStopSec=2 sh -c 'trap : TERM; sleep 30; sleep 30'",
    )
    ended(lab, unit)
    assert show(lab, unit, "ActiveState", "Result") == ["failed", "timeout"]
    other = unit + "o"
    out(lab, f"systemd-run -q --no-block --unit={other} -p Type=oneshot -p RuntimeMaxSec=1 sleep 5")
    lab.sleep(2.5)
    assert sh(lab, f"systemctl is-active {other}")["stdout"] == "activating\n"
    ended(lab, other)
    out(lab, f"systemd-run -q --no-block --unit={other}t -p Type=oneshot -p TimeoutStartSec=1 sleep 5")
    lab.sleep(2.5)
    assert show(lab, other + "t", "ActiveState", "Result") == ["failed", "timeout"]


def test_a_oneshot_is_waited_for(lab: Lab, unit: str) -> None:
    oneshot = f"systemd-run -q --unit={unit} --service-type=oneshot"
    text = out(lab, f"{oneshot} sh -c 'sleep 2; exit 4'; echo $?; systemctl is-failed {unit}")
    assert text.split() == ["1", "failed"]
    assert sh(lab, "systemd-run -q --wait --collect sh -c 'exit 6'")["rc"] == 6


def test_what_a_service_leaves_behind_dies_with_it(lab: Lab, unit: str) -> None:
    out(lab, f"systemd-run -q --unit={unit} sh -c 'setsid sleep 500 & echo $! >$MIRRORSNAP_RUN/{unit}; sleep 1'")
    ended(lab, unit)
    # pid 1 of the host reaps it when it likes
    lab.wait_for(lambda: sh(lab, f"kill -0 $(cat $MIRRORSNAP_RUN/{unit})")["rc"] == 1, what="its child is gone")


@pytest.mark.parametrize(("accuracy", "least", "most"), [("", 64, 75), ("--timer-property=AccuracySec=100ms", 4, 12)])
def test_a_timer_is_as_late_as_its_accuracy_allows(lab: Lab, unit: str, accuracy: str, least: int, most: int) -> None:
    script = f"""
        read before x <$MIRRORSNAP_PROC/uptime
        systemd-run -q --unit={unit} --on-active=5s {accuracy} \\
            sh -c 'read now x <$MIRRORSNAP_PROC/uptime; echo $now >$MIRRORSNAP_RUN/{unit}'
        echo $before; systemctl is-active {unit}.timer; systemctl is-active {unit}.service
    """
    before, timer, service = out(lab, script + "true").split()
    assert (timer, service) == ("active", "inactive")
    assert unit in out(lab, "systemctl list-timers --no-legend")
    assert sh(lab, f"systemd-run --unit={unit} true")["rc"] == 1  # the waiting timer holds its service's name
    lab.wait_for(lambda: sh(lab, f"test -s $MIRRORSNAP_RUN/{unit}")["rc"] == 0, 90)
    assert least <= float(out(lab, f"cat $MIRRORSNAP_RUN/{unit}")) - float(before) < most
    assert sh(lab, f"systemctl is-active {unit}.timer")["rc"] == 3


def test_timers_can_be_made_punctual(lab: Lab, unit: str) -> None:
    lab.control("late_timers", on=False)
    try:
        out(lab, f"systemd-run -q --unit={unit} --on-active=3 touch $MIRRORSNAP_RUN/{unit}")
        lab.wait_for(lambda: sh(lab, f"test -e $MIRRORSNAP_RUN/{unit}")["rc"] == 0, 20)
    finally:
        lab.control("late_timers", on=True)


def test_a_stopped_timer_never_fires(lab: Lab, unit: str) -> None:
    out(
        lab, f"systemd-run -q --unit={unit} --on-active=3 --timer-property=AccuracySec=1ms touch $MIRRORSNAP_RUN/{unit}"
    )
    out(lab, f"systemctl stop {unit}.timer")
    lab.sleep(5)
    assert sh(lab, f"test -e $MIRRORSNAP_RUN/{unit}")["rc"] == 1
    out(lab, f"systemd-run -q --unit={unit} true")


@pytest.mark.parametrize("end", ["reboot", "power cut"])
def test_no_transient_unit_survives_a_boot(lab: Lab, unit: str, end: str) -> None:
    timer = f"systemd-run -q --unit={unit} --on-active=15 --timer-property=AccuracySec=1ms"
    out(lab, f"{timer} touch $MIRRORSNAP_VAR_LIB/{unit}")
    out(lab, f"systemd-run -q --unit={unit}s sh -c 'sleep 15; touch $MIRRORSNAP_VAR_LIB/{unit}'")
    before = status(lab)["boot_id"]
    if end == "reboot":
        sh(lab, "reboot")
    else:
        lab.control("node", name="server1", effect="power_off")
        lab.wait_for(lambda: status(lab)["state"] == "off")
        bring_back(lab)
    rebooted(lab, before)
    assert sh(lab, f"systemctl is-active {unit}.timer {unit}s")["stdout"].split() == ["inactive", "inactive"]
    lab.sleep(16)
    assert sh(lab, f"test -e $MIRRORSNAP_VAR_LIB/{unit}")["rc"] == 1


def test_restart_on_failure_and_its_limit(lab: Lab, unit: str) -> None:
    count = f"$MIRRORSNAP_RUN/{unit}"
    script = f"sh -c 'echo x >>{count}; test $(wc -l <{count}) -ge 3'"
    out(lab, f"systemd-run -q --unit={unit} -p Restart=on-failure -p RestartSec=1 -p StartLimitIntervalSec=0 {script}")
    ended(lab, unit)
    assert out(lab, f"wc -l <{count}").strip() == "3"
    out(
        lab,
        f"systemd-run -q --unit={unit}l -p Restart=on-failure -p RestartSec=100ms -p StartLimitIntervalSec=60 false",
    )
    ended(lab, unit + "l")
    assert show(lab, unit + "l", "ActiveState", "Result") == ["failed", "start-limit-hit"]
    out(lab, f"systemd-run -q --unit={unit}k -p Restart=always -p RestartSec=1 sleep 30; systemctl stop {unit}k")
    lab.sleep(3)
    assert sh(lab, f"systemctl is-active {unit}k")["rc"] == 3


def test_kill_and_stop(lab: Lab, unit: str) -> None:
    out(lab, f"systemd-run -q --unit={unit} sleep 100; systemctl kill -s KILL {unit}")
    ended(lab, unit)
    assert show(lab, unit, "ActiveState", "Result", "ExecMainStatus") == ["failed", "signal", "9"]
    out(lab, f"systemctl reset-failed {unit}; systemd-run -q --unit={unit} sleep 100; systemctl stop {unit}")
    assert show(lab, unit, "LoadState") == ["not-found"]
    assert sh(lab, f"systemctl stop {unit}")["rc"] == 5


def test_enabling_is_kept_over_a_boot(lab: Lab) -> None:
    out(lab, "systemctl is-enabled clusterpro clusterpro_md && systemctl disable clusterpro_evt", "server2")
    before = status(lab, "server2")["boot_id"]
    sh(lab, "reboot", "server2")
    rebooted(lab, before, "server2")
    assert sh(lab, "systemctl is-enabled clusterpro_evt", "server2") == {"rc": 1, "stdout": "disabled\n", "stderr": ""}
    out(lab, "systemctl enable clusterpro_evt && systemctl is-enabled -q clusterpro_evt", "server2")
    assert sh(lab, "systemctl is-enabled nonsense", "server2")["rc"] == 1


@pytest.mark.parametrize(
    "arguments", ["", "--nonsense true", "-p NoSuchProperty=1 true", "-p RuntimeMaxSec=soon true", "no-such-program"]
)
def test_what_systemd_run_refuses(lab: Lab, arguments: str) -> None:
    refused = sh(lab, f"systemd-run --unit=refused {arguments}")
    assert refused["rc"] == 1 and refused["stderr"]
    assert show(lab, "refused", "LoadState") == ["not-found"]


def test_a_unit_inherits_nothing_from_its_caller_but_what_it_is_given(lab: Lab, unit: str) -> None:
    script = f"""export SECRET=caller; systemd-run -q --unit={unit} -E GIVEN=yes -p Type=oneshot \\
        sh -c 'echo "[$SECRET][$GIVEN]" >$MIRRORSNAP_RUN/{unit}'; cat $MIRRORSNAP_RUN/{unit}"""
    assert out(lab, script) == "[][yes]\n"


def test_a_daemon_reload_begins_on_active_anew_and_leaves_on_boot(lab: Lab, unit: str) -> None:
    """Up to systemd 253 (RHEL 8 and 9, Amazon Linux 2023): systemd pull request 27752."""
    both = "--on-active=8s --on-boot=$(($(cut -d. -f1 $MIRRORSNAP_PROC/uptime) + 8))s"
    for name, spans in ((f"{unit}a", "--on-active=8s"), (f"{unit}b", both)):
        made = f"touch $MIRRORSNAP_RUN/{name}"
        out(lab, f"systemd-run -q --unit={name} {spans} --timer-property=AccuracySec=1ms {made}")
    for reload in ("systemctl daemon-reload", "systemctl disable clusterpro", "systemctl enable clusterpro"):
        out(lab, f"sleep 4; {reload}")
    assert out(lab, f"ls $MIRRORSNAP_RUN | grep '^{unit}'").split() == [f"{unit}b"]
    assert out(lab, f"systemctl is-active {unit}a.timer") == "active\n"
    out(lab, f"systemctl stop {unit}a.timer")


# What systemd-run of a version knows, as it is at systemd's own tags v219, v234 and v239.
KNOWN = {
    219: ("-p KillMode=process", "-p SendSIGKILL=no", "--service-type=oneshot", "--on-boot=900s"),
    234: ("-p RuntimeMaxSec=5", "-p Restart=on-failure", "-p SyslogIdentifier=x", "-p Type=oneshot", "--no-block"),
    239: ("-p TimeoutStopSec=5", "-p RestartSec=3", "-p CollectMode=inactive", "--collect", "-G"),
    252: ("--same-dir", "-d"),
}
SAID = {"-p": "Unknown assignment", "--": "unrecognized option", "-G": "invalid option", "-d": "invalid option"}


@pytest.mark.parametrize("version", [219, 234, 239])
def test_an_older_systemd_run_knows_less(tmp_path: Path, version: int) -> None:
    (tmp_path / "cluster.json").write_text(json.dumps({"systemd": version}))
    with Lab(scale=10, options=["--cluster", str(tmp_path / "cluster.json")]) as lab:
        assert out(lab, "systemctl --version").startswith(f"systemd {version} ")
        for number, (since, options) in enumerate(KNOWN.items()):
            for option in options:
                done = sh(lab, f"systemd-run --unit=old{number} {option} true; systemctl stop old{number}.timer")
                said = SAID[option[:2]]
                assert (said in done["stderr"]) == (since > version), (version, option, done)
