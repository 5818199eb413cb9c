"""The examples of docs/hooks.md are scripts that run: shellcheck finds nothing, and they do what the page promises."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/hooks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^/etc/mirrorsnap/(before|after):\n```sh\n(.*?)^```$", PAGE, re.M | re.S)
# What the scripts call, in place of the real ones: each says what it was called with, and does what its variable says.
STUB = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'
STUBS = {
    "runuser": 'exit "${RUNUSER:-0}"',
    "systemctl": 'case $1 in is-active) exit "${ACTIVE:-0}" ;; esac\nexit "${STOP:-0}"',
    "mysql": 'echo "${LOCKS:-0}"',
    "systemd-run": "exit 0",
    "timeout": 'shift 3\nexec "$@"',
    "sleep": "exit 0",
}


def script(name: str, of: str) -> str:
    return next(text for kind, text in EXAMPLES if kind == name and of in text)


def run(directory: Path, text: str, **environment: str) -> tuple[int, str]:
    calls = directory / "calls"
    for name, body in STUBS.items():
        (directory / name).write_text(f"{STUB}{body}\n")
        (directory / name).chmod(0o755)
    calls.write_text("")
    file = directory / "hook"
    file.write_text(text)
    environment |= {"PATH": f"{directory}:{os.environ['PATH']}", "CALLS": str(calls)}
    done = subprocess.run(["sh", file], env=environment, stdin=subprocess.DEVNULL, timeout=20, check=False)
    return done.returncode, calls.read_text()


def test_the_page_has_three_examples() -> None:
    assert [name for name, _ in EXAMPLES] == ["before", "before", "after"]
    assert len(re.findall(r"^```sh$", PAGE, re.M)) == len(EXAMPLES)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_shellcheck_finds_nothing(name: str, text: str) -> None:
    command = [ROOT / ".venv/bin/shellcheck", "-s", "sh", "-"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stdout}"


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_each_is_bounded_and_touches_no_group(name: str, text: str) -> None:
    assert text.startswith("#!/bin/sh\n")
    # What runs in a unit of its own is bounded by itself, and no part of the hook's time.
    own, tries = re.sub(r"systemd-run.* timeout -s KILL 60 mysql", "", text), re.findall(r'"\$tries" -ge (\d+)', text)
    bounds = [int(found) for found in re.findall(r"timeout -s KILL (\d+)", own)]
    assert bounds and (bounds[0] + 1) * sum(map(int, tries or ["1"])) + sum(bounds[1:]) <= 30, "hook_seconds"
    assert len(re.findall(r"\b(?:mysql|runuser|systemctl stop) ", own)) == len(bounds), "one without a bound"
    assert not re.search(r"\bclp\w+", text)


def test_a_checkpoint_that_fails_ends_the_backup_and_none_is_made_where_postgresql_is_not(tmp_path: Path) -> None:
    before = script("before", "psql")
    code, calls = run(tmp_path, before)
    assert code == 0 and "runuser -u postgres -- psql -X -q -d postgres -c CHECKPOINT" in calls
    assert run(tmp_path, before, RUNUSER="1")[0] == 1
    code, calls = run(tmp_path, before, ACTIVE="3")
    assert code == 0 and "psql" not in calls


def test_the_lock_is_waited_for_and_given_back(tmp_path: Path) -> None:
    before, after = script("before", "mysql"), script("after", "mysql")
    code, calls = run(tmp_path, before, LOCKS="1")
    assert code == 0 and "timeout -s KILL 60 mysql" in calls and "READ LOCK" in calls
    for _ in range(2):
        assert run(tmp_path, after, STOP="5")[0] == 0
    code, calls = run(tmp_path, before)
    assert code == 1 and "systemctl stop backup-mysql-lock" in calls
    assert run(tmp_path, before, ACTIVE="3")[0] == 0
