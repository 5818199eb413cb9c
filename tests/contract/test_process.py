"""The lab as a process: how it starts, what it listens on, and that nothing is left when it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from node_steps import cpu_seconds

from lab.client import TESTS, Lab, eventually
from lab.nodes.processes import environment

LISTEN = "0A"


def descendants(pid: int) -> set[int]:
    """`pid` and every live process below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        each = todo.pop()
        found.add(each)
        todo += parents.get(each, [])
    return found


def listening(pids: set[int]) -> list[str]:
    """Local addresses (hex, as in /proc/net) that these processes listen on, TCP and UDP, IPv4 and IPv6."""
    inodes = set()
    for pid in pids:
        try:
            links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (fields[3] == LISTEN or table.startswith("udp")):
                found.append(fields[1].split(":")[0])
    return found


def test_listens_on_loopback_only(lab: Lab) -> None:
    lab.boto("ec2").describe_instances()  # whatever is opened lazily is open now
    addresses = listening(descendants(lab.process.pid))
    assert addresses, "the lab listens nowhere, so this test looks in the wrong place"
    assert set(addresses) <= {"0100007F", "00000000000000000000000001000000"}


def test_is_ready_within_a_few_seconds_and_knows_two_nodes(fresh_lab) -> None:
    lab = fresh_lab()
    reservations = lab.boto("ec2").describe_instances()["Reservations"]
    assert cpu_seconds(lab) < 8
    nodes = {
        tag["Value"]: i["Placement"]["AvailabilityZone"]
        for r in reservations
        for i in r["Instances"]
        for tag in i["Tags"]
        if tag["Key"] == "Name"
    }
    assert nodes == {"server1": "ap-northeast-1a", "server2": "ap-northeast-1c"}


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stops_cleanly_on_a_signal(tmp_path: Path, sig: signal.Signals) -> None:
    # A directory for temporary files of its own, since other labs may come and go meanwhile; short, for unix sockets.
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    env_file = tmp_path / "lab" / "env"
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "--env-file", str(env_file), "--scale", "10"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    eventually(env_file.exists, "the lab is ready")
    exports = env_file.read_text()
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        assert f"export {name}=" in exports
    assert list(temporary.iterdir()), "the lab keeps its files somewhere else, so this test looks in the wrong place"
    children = descendants(process.pid)
    process.send_signal(sig)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert not env_file.exists()
    temporary.rmdir()  # fails unless it is empty
    alive = {pid for pid in children if Path(f"/proc/{pid}").exists()}
    assert not alive


def test_refuses_a_port_in_use_with_a_clear_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = subprocess.run(
            [sys.executable, "-m", "lab", "--port", str(port)],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert run.returncode == 2
    assert str(port) in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("scale", ["0", "-1", "100000", "fast"])
def test_refuses_a_time_scale_that_makes_no_sense(scale: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "lab", "--scale", scale],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 2
    assert "scale" in run.stderr


def test_a_process_shows_its_environment_though_its_execve_is_still_under_way() -> None:
    """Popen returns before the new environment can be read, now and then: a signal for all of a unit would miss it."""
    for number in range(400):
        process = subprocess.Popen(["sleep", "60"], env={"LAB_TEST": str(number)}, start_new_session=True)
        try:
            assert environment(str(process.pid)) == f"LAB_TEST={number}\0".encode()
        finally:
            process.kill()
            process.wait()
