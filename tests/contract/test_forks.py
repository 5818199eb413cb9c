"""Labs that are forks of one process: each its own, none left over, and nothing in them of where they were forked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lab import forks
from lab.client import TESTS, Lab

# What a fork does before its parts are installed, and then a look at everything that Python can reach.
LOOK = """
import gc, pathlib, re, threading
from lab import preload
preload.load()
assert threading.active_count() == 1
preload.adopt(54321, pathlib.Path("/there"))
# As a whole number: a longer one that happens to hold it may be in any text.
marks = re.compile(rf"(?<!\\d){preload.PORT_MARK}(?!\\d)|{re.escape(str(preload.HOME_MARK))}")
ours = vars(preload)
for holder in gc.get_objects():
    if holder is ours or not isinstance(holder, (dict, list, tuple, set, frozenset)):
        continue
    for each in [*holder, *(holder.values() if isinstance(holder, dict) else ())]:
        if each is marks.pattern:
            continue
        if type(each) is int and each == preload.PORT_MARK or type(each) is str and marks.search(each):
            print("left:", repr(each)[:200])
import ministack.services.lambda_svc as functions
print(functions._GATEWAY_PORT, functions._PROVIDED_CODE_CACHE)
print(*sorted(thread.name for thread in threading.enumerate()))
"""
# What reads a lab's options must not import what takes the port from the environment when it is imported.
EARLY = """
import sys
import lab.__main__, lab.fork_server
print(*sorted(name for name in sys.modules if name.startswith(("ministack", "moto", "lab.ec2"))))
"""
# A starter of a lab that is killed: its pid and the lab's, and then it waits.
STARTER = """
import os, sys, time
from lab.client import Lab
lab = Lab(scale=10)
print(lab.process.pid, flush=True)
time.sleep(60)
"""


def python(code: str, **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(TESTS), **environment}
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_reading_the_options_imports_nothing_that_knows_the_port() -> None:
    """Else every function of a forked lab would call a port at which nobody listens."""
    done = subprocess.run([sys.executable, "-c", EARLY], cwd=TESTS, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_nothing_in_a_fork_knows_the_port_or_the_directory_that_everything_was_imported_with() -> None:
    process = python(LOOK)
    assert process.stdout
    lines = process.stdout.read().splitlines()
    assert process.wait(60) == 0
    constants, threads = lines[-2:]
    assert lines[:-2] == []
    assert constants == "54321 /there/tmp/ministack-provided-code-54321"
    assert threads.split() == ["MainThread", "dynamodb-ttl-reaper"]


def test_labs_that_run_side_by_side_share_nothing(fresh_lab) -> None:
    one, other = fresh_lab(), fresh_lab(scale=20)
    assert one.endpoint != other.endpoint and one.process.pid != other.process.pid
    one.boto("s3").create_bucket(Bucket="ones", CreateBucketConfiguration={"LocationConstraint": one.region})
    assert [b["Name"] for b in one.boto("s3").list_buckets()["Buckets"]] == ["ones"]
    assert other.boto("s3").list_buckets()["Buckets"] == []
    assert one.control("time")["scale"] == 10 and other.control("time")["scale"] == 20


def test_how_a_lab_ended_is_known() -> None:
    lab = Lab(scale=10)
    assert lab.process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        lab.process.wait(0.05)
    lab.stop()
    assert lab.process.returncode == 0
    killed = Lab(scale=10)
    killed.process.kill()
    assert killed.process.wait(10) == -signal.SIGKILL
    killed.stop()


def test_a_lab_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="scale"):
        Lab(scale=0)


def test_no_lab_outlives_its_starter() -> None:
    temporary = tempfile.mkdtemp(prefix="t")  # for what a killed starter leaves; short, for unix sockets
    starter = python(STARTER, TMPDIR=temporary)
    assert starter.stdout
    pid = int(starter.stdout.readline())
    server = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    starter.kill()
    starter.wait(10)
    assert gone(server) and gone(pid)
    shutil.rmtree(temporary)


def test_a_fork_server_that_has_ended_is_no_riddle() -> None:
    server = forks.ForkServer()
    server._process.kill()
    with pytest.raises(forks.ForkServerError, match="-9"):
        server.ask(start=[], log=os.devnull, env={})
