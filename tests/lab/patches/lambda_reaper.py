"""Nothing of the lab outlives it, not even when the lab itself is killed with SIGKILL.

A watchdog in a session of its own holds the reading end of a pipe whose writing end only the lab has. When the lab is
gone, in whatever way, the pipe ends; then the watchdog kills every process whose environment names the lab's home
(functions and node commands all have TMPDIR or PATH in there) and removes the home. PR_SET_PDEATHSIG is no way: it
fires when the *thread* that started a process ends, and functions are started from short-lived threads.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from .. import context

# POSIX sh; $1 is the lab's home, which mkdtemp made unique. Until none is found: a hunted process can start another.
SCRIPT = r"""
while read -r _; do :; done
round=0
while [ $((round += 1)) -lt 500 ]; do
  found=$(grep -alsF -- "$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || break
  for environ in $found; do
    pid=${environ#/proc/}
    kill -9 "${pid%/environ}" 2>/dev/null
  done
done
rm -rf -- "$1"
"""


def install() -> Callable[[], None]:
    read_end, write_end = os.pipe()
    watchdog = subprocess.Popen(
        ["/bin/sh", "-c", SCRIPT, "lab-watchdog", str(context.lab.home)],
        stdin=read_end,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},  # without the home's name: it must not find itself
        start_new_session=True,
        cwd="/",
    )
    os.close(read_end)
    os.set_inheritable(write_end, False)

    def stop() -> None:
        os.close(write_end)
        watchdog.wait(300)

    return stop
