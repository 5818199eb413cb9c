"""Runs the real scripts as real processes. Each of their simulated commands waits until the scheduler answers it.

Every command in `bin/` is nodecmd, which connects here and names its actor. A script cannot go on before its command is
answered. So nothing moves between two answers, and one list of actions always gives the same run.

Reads of CLUSTERPRO may run side by side (lib/reads.sh). They then wait here together, in the order of their words, and
the script goes on once each has its answer. Which of them is answered next is the scheduler's choice (`beside`), and
others may act between any two. A real read shows the cluster at one moment between its begin and its end, so these are
all the runs that there are.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .world import NODES, World

COMMANDS = [
    "clpgrp",
    "clpstat",
    "clpmdstat",
    "clpmdctrl",
    "clpmonctrl",
    "clprestore.sh",
    "dd",
    "readlink",
    "systemctl",
    "systemd-run",
    "sleep",
    "timeout",
    "flock",
    "fsfreeze",
    "sync",
    "mv",
]
BOOT = {"a": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "s": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}
SHELL = "/bin/sh"  # as the scripts name it
INTERPRETER = SHELL  # what stands behind that name: dash on Debian, bash on Red Hat
READS = ("clpstat", "clpmdstat")  # what scripts run side by side
PATIENCE = 20_000  # ms (real) for a script's next command: far above any hiccup of the machine
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Stuck(Exception):
    """A script neither asked for a command nor ended. The harness is at fault, not the script."""


@dataclass
class Request:
    argv: list[str]
    bound: float  # of `timeout`, around it
    connection: socket.socket
    hung: bool = False


@dataclass
class Actor:
    name: str
    node: str
    epoch: int
    process: subprocess.Popen
    pidfd: int
    unit: str = ""  # the unit that this process is the main one of
    requests: list[Request] = field(default_factory=list)  # the first is the one that is answered next
    asked_all: bool = False  # no other command will ask before these are answered
    beside: list = field(default_factory=list)  # answers to those that ran side by side with them
    alive: bool = True
    rc: int | None = None
    history: list = field(default_factory=list)  # (command, answer), repeated polls left out
    segment: list = field(default_factory=list)  # since the last sleep
    poll: list = field(default_factory=list)  # what came between the last two sleeps

    @property
    def request(self) -> list[str] | None:
        return self.requests[0].argv if self.requests and self.asked_all else None

    @property
    def bound(self) -> float:
        return self.requests[0].bound

    def forget(self) -> None:
        for each in self.requests:
            each.connection.close()
        self.requests, self.asked_all, self.beside = [], False, []

    @property
    def hung(self) -> bool:
        return bool(self.requests) and self.requests[0].hung

    @property
    def waiting(self) -> int:
        """How many of its commands could be answered next."""
        return len([each for each in self.requests if not each.hung])

    def turn(self) -> None:
        """Another one of those that wait side by side is answered next."""
        self.requests.append(self.requests.pop(0))
        self.requests.sort(key=lambda each: each.hung)

    def hang(self) -> None:
        """The next one is never answered; those beside it are."""
        self.requests[0].hung = True
        self.requests.sort(key=lambda each: each.hung)

    def answered(self, what: tuple) -> None:
        self.beside.append(what)
        if self.requests:
            return
        # Whichever was answered first: where nothing came between them, that makes no difference.
        for each in sorted(self.beside, key=repr):
            self._answered(each)
        self.beside = []

    def _answered(self, what: tuple) -> None:
        if what[0] == "sleep":
            if self.segment != self.poll:
                self.history += [*self.segment, what]
            self.poll, self.segment = self.segment, []
        else:
            self.segment.append(what)

    @property
    def idle(self) -> bool:
        """It is about to sleep, and has seen the same as before its last sleep."""
        return bool(self.request and self.request[0] == "sleep" and self.segment == self.poll)

    def position(self) -> int:
        waiting = tuple((*each.argv, each.hung) for each in self.requests)
        return hash((tuple(self.history), tuple(self.segment), tuple(self.beside), waiting, self.alive))


class Stage:
    """Two nodes' directories and the processes on them."""

    def __init__(self, binary: Path, world: World) -> None:
        # Children of a killed script become ours, so that their ends can be waited for.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.root = Path(tempfile.mkdtemp(prefix="ms-", dir=base))
        self.world = world
        self.actors: dict[str, Actor] = {}
        self.counted = (-1, 0)
        bin_dir = self.root / "bin"
        bin_dir.mkdir()
        (self.root / "sh").symlink_to(INTERPRETER)
        for name in COMMANDS:
            (bin_dir / name).symlink_to(binary)
        self.clocks = []
        for node in NODES:
            for part in ("run", "var", "proc/sys/kernel/random"):
                (self.root / node / part).mkdir(parents=True)
            (self.root / node / "proc/sys/kernel/random/boot_id").write_text(BOOT[node] + "\n")
            self.clocks.append(os.open(self.root / node / "proc/uptime", os.O_RDWR | os.O_CREAT))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.root / "sock"))
        self.listener.listen(64)
        self.poll = select.poll()
        self.poll.register(self.listener, select.POLLIN)
        self.tick()

    def close(self) -> None:
        for actor in list(self.actors.values()):
            self.kill(actor)
            _reap(actor, os.WNOHANG)  # what a script that ended by itself has left
        self.listener.close()
        for fd in self.clocks:
            os.close(fd)
        shutil.rmtree(self.root, ignore_errors=True)

    def tick(self) -> None:
        """Show the world's time in both nodes' /proc/uptime."""
        for fd in self.clocks:
            os.pwrite(fd, f"{self.world.now:.2f} 0.00\n".encode(), 0)
        self.count_writes()

    def count_writes(self) -> None:
        """Show them in both nodes' /proc/diskstats."""
        if self.counted != (self.world.writes, self.world.copied):
            self.counted = (self.world.writes, self.world.copied)
            for node in NODES:
                (self.root / node / "proc/diskstats").write_text(self.world.diskstats(node))

    def run_dir(self, node: str, run: str) -> Path:
        return self.root / node / "run/mirrorsnap" / run

    def kept(self, node: str, run: str, name: str) -> Path:
        """A record on the root disk."""
        return self.root / node / "var/mirrorsnap" / run / name

    def spawn(self, name: str, node: str, epoch: int, argv: list[str], unit: str = "") -> Actor:
        root = self.root / node
        env = {
            "PATH": f"{self.root}/bin:/usr/bin:/bin",
            "MIRRORSNAP_PATH": f"{self.root}/bin:/usr/bin:/bin",
            "LAB_NODE_SOCKET": str(self.root / "sock"),
            "LAB_ACTOR": name,
            "MIRRORSNAP_RUN": str(root / "run"),
            "MIRRORSNAP_VAR_LIB": str(root / "var"),
            "MIRRORSNAP_PROC": str(root / "proc"),
            "MIRRORSNAP_ROOT": str(root),
            "MIRRORSNAP_ETC": str(root / "etc"),
        }
        out = (self.root / f"{name}.log").open("ab")
        program = INTERPRETER if argv[0] == SHELL else argv[0]
        # The timer's command line goes on as /bin/sh: the shell that stands behind that name here.
        argv = [argv[0], *(word.replace("exec /bin/sh ", f"exec {self.root}/sh ") for word in argv[1:])]
        process = subprocess.Popen(
            ["sh", *argv[1:]] if argv[0] == SHELL else argv,
            executable=program,
            env=env,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        out.close()
        actor = Actor(name, node, epoch, process, os.pidfd_open(process.pid), unit)
        self.actors[name] = actor
        self.poll.register(actor.pidfd, select.POLLIN)
        return actor

    def output(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text()

    # ── standing still ────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Wait until every living actor has asked for its next command."""
        deadline = time.monotonic() + PATIENCE / 1000
        while unsettled := [a for a in self.actors.values() if a.alive and a.request is None]:
            asking = [a for a in unsettled if a.requests]
            events = self.poll.poll(1 if asking else PATIENCE)
            if not events:
                still = [a for a in asking if _stands_still(a.process.pid)]
                if not self.poll.poll(0):  # and none had asked just before it stood still
                    for actor in still:
                        actor.requests.sort(key=lambda each: each.argv)
                        actor.asked_all = True
                if not asking or time.monotonic() > deadline:
                    raise Stuck(f"no command and no end from {[a.name for a in unsettled]}")
            for fd, _ in events:
                if fd == self.listener.fileno():
                    self._accept()
                else:
                    for actor in self.actors.values():
                        if actor.pidfd == fd:
                            self._ended(actor)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        (length,) = struct.unpack("<I", _exactly(connection, 4))
        fields = _exactly(connection, length).decode().split("\0")
        count = int(fields[2])
        argv = fields[3 : 3 + count]
        name = next(f.removeprefix("LAB_ACTOR=") for f in fields[3 + count :] if f.startswith("LAB_ACTOR="))
        actor = self.actors.get(name)
        if actor is None or not actor.alive:
            connection.close()
            return
        argv[0] = argv[0].rsplit("/", 1)[-1]
        bound = 0.0
        if argv[0] == "timeout":  # timeout -s KILL 10 clpstat …: the scheduler applies the time limit
            bound, argv = float(argv[3]), argv[4:]
        # A line in the journal or in CLUSTERPRO's alert log concerns nobody: it is no step.
        if argv[0] in ("logger", "clplogcmd"):
            connection.sendall(struct.pack("<BIB", 3, 1, 0))
            connection.close()
            return
        if argv[:2] == ["systemctl", "is-enabled"]:  # how services start at a boot concerns nobody here
            body = b"enabled\n" * len(argv[2:])
            connection.sendall(struct.pack("<BI", 1, len(body)) + body + struct.pack("<BIB", 3, 1, 0))
            connection.close()
            return
        if argv[0] == "sync" and "-f" not in argv:  # a file's own way to the disk: no step either
            body = "\0".join([shutil.which("sync") or "/bin/sync", *argv]).encode()
            connection.sendall(struct.pack("<BI", 4, len(body)) + body)
            connection.close()
            return
        actor.requests.append(Request(argv, bound, connection))
        actor.asked_all = argv[0] not in READS

    def _ended(self, actor: Actor) -> None:
        actor.rc = actor.process.wait()
        self._gone(actor)

    def _gone(self, actor: Actor) -> None:
        if actor.alive:
            actor.alive = False
            self.poll.unregister(actor.pidfd)
            os.close(actor.pidfd)
        actor.forget()

    def kill(self, actor: Actor) -> None:
        """kill -9 of the actor and of all its children. All have ended then: one that dies late still holds a lock."""
        if actor.alive:
            os.killpg(actor.process.pid, signal.SIGKILL)
            actor.rc = actor.process.wait()
            _reap(actor, 0)
            self._gone(actor)

    def term(self, actor: Actor) -> None:
        """SIGTERM to the actor and to the command that it waits for: it goes on with its trap, or ends."""
        os.killpg(actor.process.pid, signal.SIGTERM)
        actor.forget()

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, actor: Actor, rc: int, out: str = "", *, shown: object = None) -> None:
        """Answer the request; `shown` is what of it goes into the actor's history (default: the answer)."""
        assert actor.request
        self.count_writes()
        body = out.encode()
        frames = struct.pack("<BI", 1, len(body)) + body if body else b""
        self._reply(actor, frames + struct.pack("<BIB", 3, 1, rc), (rc, out) if shown is None else shown)

    def become(self, actor: Actor, path: str, argv: list[str]) -> None:
        """The waiting command becomes the host's own tool."""
        body = "\0".join([path, *argv]).encode()
        self._reply(actor, struct.pack("<BI", 4, len(body)) + body, "exec")

    def _reply(self, actor: Actor, frames: bytes, shown: object) -> None:
        assert actor.request
        request = actor.requests.pop(0)
        # Process ids in the names of temporary files differ between runs of one schedule.
        words = tuple(re.sub(r"\.tmp\.\d+$", ".tmp", w) for w in request.argv)
        actor.answered((*words, shown))
        request.connection.sendall(frames)
        request.connection.close()

    def lock_free(self, path: Path) -> bool:
        """Whether the flock on this file is free now. No actor moves, so the answer stays true."""
        if not path.parent.exists():
            return True  # somebody has deleted it, and what is open of it is asked for itself
        with path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


def _reap(actor: Actor, options: int) -> None:
    """Waits for the ends of the actor's children (WNOHANG: takes those that have ended)."""
    with contextlib.suppress(ChildProcessError):  # none is left
        while os.waitpid(-actor.process.pid, options) != (0, 0):
            pass


def _stands_still(pid: int) -> bool:
    """Whether this process and all below it wait.

    A shell waits for its children, a `cat` for its pipe, a command for its answer. A shell that is about to start one
    more command is running (R), or starting a process (D).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return False  # it has just ended: look again
    return fields[0] in "SZ" and all(_stands_still(int(child)) for child in children)


def _exactly(connection: socket.socket, length: int) -> bytes:
    body = b""
    while len(body) < length:
        chunk = connection.recv(length - len(body))
        if not chunk:
            raise Stuck("a command hung up before it had said who it is")
        body += chunk
    return body
