"""The lab's end of a node's unix socket: receives each simulated command, runs its handler, sends the answer.

The protocol is nodecmd's (tests/lab/nodecmd/src/main.rs): one request a connection, answered by frames. One thread a
call, so that handlers may take lab time. Faults on commands are carried out here and nowhere else.
"""

from __future__ import annotations

import contextlib
import logging
import select
import signal
import socket as _socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import context

if TYPE_CHECKING:
    from .machine import Machine

STDOUT, STDERR, EXIT, EXEC = 1, 2, 3, 4
_log = logging.getLogger("lab.nodes")


@dataclass
class Result:
    """What a simulated command answers: exit code 0..255 and output (text, or bytes as they are)."""

    rc: int = 0
    out: str | bytes = ""
    err: str | bytes = ""


@dataclass
class Exec:
    """The caller becomes the host's own tool `path` with `argv` (argv[0] included), keeping its descriptors."""

    path: str
    argv: list[str]


@dataclass(eq=False)
class NodeCall:
    """One call of a simulated command on a node."""

    machine: Machine
    argv: list[str]  # argv[0] is the bare name
    env: dict[str, str]
    cwd: str
    pid: int
    started: float = 0.0  # lab time
    _connection: _socket.socket | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.argv[0]

    @property
    def line(self) -> str:
        return " ".join(self.argv)

    def alive(self) -> bool:
        """False once the caller has died or the node has lost its power."""
        return self.env.get("LAB_BOOT") == self.machine.boot_id and not self._hung_up(0.0)

    def sleep(self, seconds: float) -> bool:
        """Sleep lab time; False, and at once, when the caller dies meanwhile."""
        clock = context.lab.clock
        end = clock.monotonic() + seconds
        while (left := clock.pause(end)) > 0:
            if self._hung_up(min(3600.0, left)):
                return False
        return True

    def last_words(self) -> None:
        """This call orders its own node's shutdown: let its caller still print the answer before its unit is killed.

        CLUSTERPRO stops itself first, which takes seconds; by then the script has long printed its lines. An SSM agent
        stops at once all the same, so that a document that made the call is still in progress then.
        """
        self.machine.speaking.add(self)

    def wait_for_death(self) -> None:
        while not self._hung_up(3600.0):
            pass

    def _hung_up(self, real_seconds: float) -> bool:
        if self._connection is None:
            return False
        poll = select.poll()  # not select(): descriptors may be above 1024
        poll.register(self._connection, select.POLLIN | select.POLLRDHUP)
        return bool(poll.poll(real_seconds * 1000))


Command = Callable[[NodeCall], Result | Exec]


class NodeSocket:
    """Accepts the calls of one node's processes for as long as the lab runs."""

    def __init__(self, machine: Machine, path: Path) -> None:
        if len(str(path).encode()) > 107:
            raise ValueError(f"too long for a unix socket, set TMPDIR to a shorter directory: {path}")
        self.path = path
        self._machine = machine
        self._server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen(128)
        threading.Thread(target=self._accept, name=f"node-{machine.name}", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._server.shutdown(_socket.SHUT_RDWR)  # wakes accept()
        self._server.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: _socket.socket) -> None:
        call = None
        with connection:
            try:
                body = _exactly(connection, struct.unpack("<I", _exactly(connection, 4))[0])
                call = _parse(self._machine, body, connection)
                answer = run(call)
                if answer is not None:
                    _answer(call, connection, answer)
            except (ConnectionError, EOFError):
                pass  # the caller was killed: there is nobody to answer
            except Exception:
                _log.exception("a simulated command failed")
                connection.sendall(_frames(Result(255, "", "the lab's own fault: see its log\n")))
            finally:
                if call is not None:
                    self._machine.speaking.discard(call)


def _answer(call: NodeCall, connection: _socket.socket, answer: Result | Exec) -> None:
    machine = call.machine
    if call not in machine.speaking:
        connection.sendall(_frames(answer))
        return
    clock = context.lab.clock
    clock.wait(machine.going_down, clock.lab(1))  # real, like the next one: what a process needs to print its lines
    connection.sendall(_frames(answer))
    call.sleep(clock.lab(1))


def run(call: NodeCall) -> Result | Exec | None:
    """Carry one call out, with its fault if one is due, and log it; None means that the caller is never answered."""
    machine, lab = call.machine, context.lab
    if not machine.answers(call.env.get("LAB_BOOT", "")):
        call.wait_for_death()  # a process of an earlier boot, or of a node without power: it does nothing any more
        return None
    call.started = lab.clock.monotonic()
    machine.refresh_proc()
    for gate in list(machine.gates):
        gate(call)
    handler = machine.commands.get(call.name)
    effect = lab.faults.take("command", lambda spec: _concerns(spec, call), node=machine.name, command=call.line)
    entry: dict[str, Any] = {"node": machine.name, "argv": call.argv, "started": round(call.started, 4)}
    if call.name.startswith("clp"):
        entry["inherited"] = inherited(call)
    if effect is not None:
        entry["fault"] = effect
    if effect == "hang":
        lab.record.add("node", **entry, rc=None)
        call.wait_for_death()
        return None
    if isinstance(effect, dict) and "exit" in effect:
        answer: Result | Exec = Result(int(effect["exit"]))
    elif handler is None:
        answer = Result(127, "", f"{call.name}: command not found\n")
    else:
        answer = handler(call)
        if isinstance(effect, dict):
            answer = _finish(call, answer)
            answer.rc = int(effect["done_but_exit"])
    lab.record.add("node", **entry, rc=answer.rc if isinstance(answer, Result) else None)
    return answer


def inherited(call: NodeCall) -> dict[str, Any]:
    """What a command of CLUSTERPRO's, and all that it starts, gets from its caller."""
    fields: dict[str, str] = {}
    with contextlib.suppress(OSError):  # killed meanwhile
        text = Path(f"/proc/{call.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    ignored = int(fields.get("SigIgn", "0"), 16) & ~(1 << signal.SIGPIPE - 1)  # which nodecmd itself ignores
    return {
        "umask": fields.get("Umask", ""),
        "locale": call.env.get("LC_ALL"),
        "ignored": [n for n in range(1, 32) if ignored >> (n - 1) & 1],
        "unit": call.env.get("LAB_UNIT"),
    }


def _concerns(spec: dict[str, Any], call: NodeCall) -> bool:
    """A prefix of the name and the arguments; `node` is a node's name or instance id, and may be absent."""
    node = spec.get("node")
    return call.line.startswith(spec["command"]) and node in (None, call.machine.name, call.machine.instance_id)


def _finish(call: NodeCall, answer: Result | Exec) -> Result:
    """The answer as a Result; what would run in the caller's place runs here, without the caller's descriptors."""
    if isinstance(answer, Result):
        return answer
    process = call.machine.spawn([answer.path, *answer.argv[1:]], env=call.env, cwd=call.cwd)
    process.wait()
    return Result(process.rc or 0, process.stdout, process.stderr)


def _exactly(connection: _socket.socket, length: int) -> bytes:
    body = bytearray()
    while len(body) < length:
        chunk = connection.recv(length - len(body))
        if not chunk:
            raise EOFError("the caller hung up")
        body += chunk
    return bytes(body)


def _parse(machine: Machine, body: bytes, connection: _socket.socket) -> NodeCall:
    fields = [f.decode("utf-8", "surrogateescape") for f in body.split(b"\0")]
    pid, cwd, count = int(fields[0]), fields[1], int(fields[2])
    argv = fields[3 : 3 + count]
    argv[0] = argv[0].rsplit("/", 1)[-1]
    env = dict(pair.split("=", 1) for pair in fields[3 + count :] if "=" in pair)
    return NodeCall(machine, argv, env, cwd, pid, _connection=connection)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _frames(answer: Result | Exec) -> bytes:
    if isinstance(answer, Exec):
        body = b"\0".join(_bytes(part) for part in [answer.path, *answer.argv])
        return struct.pack("<BI", EXEC, len(body)) + body
    out = b""
    for kind, text in ((STDOUT, answer.out), (STDERR, answer.err)):
        if text:
            body = _bytes(text)
            out += struct.pack("<BI", kind, len(body)) + body
    return out + struct.pack("<BIB", EXIT, 1, answer.rc & 0xFF)
