"""The SSM agent of one node: connected or not, what it is running, what it runs again after a boot or its own restart.

The agent keeps the documents that it has begun on its disk and resumes them when it starts: up to 15 times each. Its
`session` moves with every start and stop, so that a worker of an older agent reports to nobody.
"""

from __future__ import annotations

import datetime
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import context
from .invocations import STDERR_LIMIT, STDOUT_LIMIT, Invocation, Plugin, switches

if TYPE_CHECKING:
    from ..nodes.machine import Machine
    from ..nodes.processes import Process
    from .content import Script

ATTEMPTS = 15  # of one document, then the agent gives it up
WORKERS = 5  # CommandWorkersLimit of amazon-ssm-agent.json
REBOOT = 194  # exit code that asks the agent to reboot and run the document again


def kept(text: str, limit: int) -> str:
    """What SSM keeps of an output: its beginning."""
    return text[:limit]


AGENTS: dict[str, Agent] = {}  # by instance id


@dataclass
class Work:
    """A document that the agent has begun and not reported."""

    invocation: Invocation
    attempts: int = 0
    processes: list[Process] = field(default_factory=list)
    cancelled: bool = False
    reboot: bool = False  # it ended with exit code 194


class Agent:
    """A guest of a Machine (nodes.machine.Guest)."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.instance_id = machine.instance_id
        self.registered_at = context.lab.clock.now()  # nodes of the initial world registered before the lab began
        self.running = False  # the process
        self.cut_off = False  # fault ssm_lost: it works, but nothing comes or goes
        self.queue: list[Invocation] = []  # waiting at SSM for this node
        self.work: dict[str, Work] = {}  # by command id; survives boots, being on the disk
        self.replay_next = False
        self._outbox: list[tuple[Invocation, list[Plugin], str, str]] = []  # results that could not be sent
        self._last: Invocation | None = None
        self._session = 0
        self._connected_at = 0.0
        self._last_ping = self.registered_at
        AGENTS[self.instance_id] = self
        machine.plug(self)

    # ── connection ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def connected(self) -> bool:
        return self.running and not self.cut_off

    def last_ping(self) -> datetime.datetime:
        """When the agent last reported itself to SSM."""
        if not self.connected:
            return self._last_ping
        now, every = context.lab.clock.monotonic(), context.lab.timing.ssm_ping
        ago = (now - self._connected_at) % every if every else 0.0
        return context.lab.clock.now() - datetime.timedelta(seconds=ago)

    def ping_status(self) -> str:
        ago = (context.lab.clock.now() - self.last_ping()).total_seconds()
        return "Online" if ago <= context.lab.timing.ssm_connection_lost else "ConnectionLost"

    def _connect(self) -> None:
        """Everything that waited goes out and comes in. With the lab's lock held."""
        self._connected_at = context.lab.clock.monotonic()
        outbox, self._outbox = self._outbox, []
        for result in outbox:
            self._report(*result)
        for invocation in list(self.queue):
            self.poll(invocation)

    def _disconnect(self) -> None:
        if self.connected:
            self._last_ping = self.last_ping()

    def lose(self) -> None:
        """Fault ssm_lost."""
        with context.lab.lock:
            self._disconnect()
            self.cut_off = True

    def back(self) -> None:
        """Fault ssm_back."""
        with context.lab.lock:
            if self.cut_off:
                self.cut_off = False
                if self.running:
                    self._connect()

    # ── the machine's hooks ────────────────────────────────────────────────────────────────────────────────────

    def on_boot(self, machine: Machine) -> None:
        with context.lab.lock:
            self._start()
            for work in list(self.work.values()):
                outcome = "replay" if self.replay_next or work.reboot else switches.in_flight
                work.reboot = False
                if work.invocation.over:
                    outcome = "drop"
                self._resume(work, outcome)
            if self.replay_next and not self.work and self._last:
                self._begin(Work(self._last))
            self.replay_next = False

    def on_shutdown(self, machine: Machine) -> None:
        if switches.in_flight == "success":
            machine.going_down.set()
            self._let_finish()
        with context.lab.lock:
            self._stop()
        machine.going_down.set()

    def on_power_off(self, machine: Machine) -> None:
        with context.lab.lock:
            self._stop()
            for work in self.work.values():
                work.processes.clear()

    def _let_finish(self) -> None:
        """The lucky order of a shutdown: what is about to end is still reported."""
        clock = context.lab.clock
        end = clock.monotonic() + context.lab.timing.shutdown * 0.5
        while self.work and clock.monotonic() < end:
            clock.sleep(0.02)

    def _start(self) -> None:
        self._session += 1
        self.running = True
        if not self.cut_off:
            self._connect()

    def _stop(self) -> None:
        self._disconnect()
        self._session += 1
        self.running = False

    def restart(self) -> None:
        """The agent restarts now (an update, systemd): documents in progress are begun again."""
        with context.lab.lock:
            if not self.running:
                return
            self._stop()
            session = self._session
            if switches.restart_kills_children:
                for work in self.work.values():
                    for process in work.processes:
                        process.signal_group(signal.SIGKILL)

        def again() -> None:
            with context.lab.lock:
                if self._session == session and self.machine.state == "up":
                    self._start()
                    for work in list(self.work.values()):
                        self._resume(work, "replay")

        context.lab.timers.after(switches.restart_seconds, again)

    def _resume(self, work: Work, outcome: str) -> None:
        command_id = work.invocation.command.id
        if outcome == "replay" and work.attempts < ATTEMPTS:
            self._begin(work)
            return
        self.work.pop(command_id, None)
        if outcome == "failed" or work.attempts >= ATTEMPTS:
            for plugin in work.invocation.plugins:
                plugin.status = plugin.details = "Failed"
            self._send(work.invocation, work.invocation.plugins, "Failed", "Failed")
        # `lost` and `drop`: nobody hears of it; SSM's own timeout ends what is not over

    # ── delivery and execution ─────────────────────────────────────────────────────────────────────────────────

    def poll(self, invocation: Invocation) -> None:
        """Hand over a queued invocation after the delivery time, if the agent is there then."""
        session = self._session

        def deliver() -> None:
            with context.lab.lock:
                if invocation not in self.queue:
                    return
                if invocation.over:
                    self.queue.remove(invocation)
                elif self.connected and session == self._session and len(self.work) < WORKERS:
                    self.queue.remove(invocation)
                    invocation.delivered = True
                    invocation.become("InProgress")
                    self._begin(Work(invocation))
                elif not self.connected:
                    invocation.become("Delayed")

        context.lab.timers.after(context.lab.timing.ssm_delivery, deliver)

    def enqueue(self, invocation: Invocation) -> None:
        self.queue.append(invocation)
        self.poll(invocation)

    def cancel(self, invocation: Invocation) -> None:
        """SSM's cancel message; without effect on a node that does not hear it."""
        work = self.work.get(invocation.command.id)
        if work and self.connected:
            work.cancelled = True
            for process in list(work.processes):
                process.signal_group(signal.SIGKILL)

    def _begin(self, work: Work) -> None:
        work.attempts += 1
        self.work[work.invocation.command.id] = work
        args = (work, self._session, self.machine.boot_id)
        threading.Thread(target=self._run, args=args, name=f"ssm-{self.machine.name}", daemon=True).start()

    def _run(self, work: Work, session: int, boot: str) -> None:
        """One execution of a document, on a thread of its own; steps run one after another."""
        results: list[Plugin] = []
        status = details = "Success"
        for script in work.invocation.command.scripts:
            if not script.applies:
                now = context.lab.clock.now()
                results.append(Plugin(script.name, "Success", "Success", 0, now, now))
                continue
            plugin = self._step(work, script, boot, results)
            if plugin is None or session != self._session or not self.machine.answers(boot):
                return  # the node or this agent is gone: nothing of it is reported
            if plugin.rc == REBOOT:
                work.reboot = True  # it stays in progress, and is begun again after the boot
                self.machine.os_shutdown(True)
                return
            results.append(plugin)
            if plugin.status != "Success":
                status, details = plugin.status, plugin.details
        with context.lab.lock:
            if session != self._session or not self.machine.answers(boot):
                return
            self.work.pop(work.invocation.command.id, None)
            self._last = work.invocation
            self._send(work.invocation, results, status, details)
            for waiting in list(self.queue):  # a worker is free
                self.poll(waiting)

    def _step(self, work: Work, script: Script, boot: str, earlier: list[Plugin]) -> Plugin | None:
        """Run one script to its end; None if it could not be started."""
        machine, lab = self.machine, context.lab
        directory = machine.root / "var/lib/amazon/ssm" / work.invocation.command.id / script.name
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / "_script.sh"
            path.write_text(script.text + "\n", encoding="utf-8")
            plugin = Plugin(script.name, "InProgress", "InProgress", -1, lab.clock.now())
            env = {
                "AWS_SSM_INSTANCE_ID": self.instance_id,
                "AWS_SSM_REGION_NAME": context.REGION,
                "LAB_BOOT": boot,
                "LAB_COMMAND_ID": work.invocation.command.id,  # tells a replay from a new order, for the oracles
                **script.env,
            }
            process = machine.spawn([*_interpreter(script.text), str(path)], env=env, cwd=script.cwd or str(directory))
        except (RuntimeError, OSError) as error:
            if not machine.answers(boot):
                return None
            now = lab.clock.now()
            return Plugin(script.name, "Failed", "Failed", 1, now, now, "", f"failed to run commands: {error}\n")
        with lab.lock:
            work.processes.append(process)
            if work.cancelled:
                process.signal_group(signal.SIGKILL)
            if not work.invocation.over:
                work.invocation.plugins = [*earlier, plugin]
        timed_out = False
        if process.wait(script.timeout) is None and not process.done.is_set():
            timed_out = True
            process.signal_group(signal.SIGKILL)
            # Real time: what it left in another session may hold the output open for ever.
            lab.clock.wait(process.done, lab.clock.lab(1))
        with lab.lock:
            if process in work.processes:
                work.processes.remove(process)
        plugin.finished = lab.clock.now()
        plugin.stdout = kept(process.stdout.decode("utf-8", "replace"), STDOUT_LIMIT)
        plugin.stderr = kept(process.stderr.decode("utf-8", "replace"), STDERR_LIMIT)
        rc = process.rc if process.rc is not None else -1
        plugin.rc = rc if rc >= 0 else 128 - rc
        if work.cancelled:
            plugin.status = plugin.details = "Cancelled"
        elif timed_out:
            plugin.status, plugin.details, plugin.rc = "TimedOut", "ExecutionTimedOut", -1
        else:
            plugin.status = plugin.details = "Success" if plugin.rc == 0 else "Failed"
            if plugin.rc:  # the agent's own line, as GetCommandInvocation shows it
                plugin.stderr = (plugin.stderr + f"failed to run commands: exit status {plugin.rc}")[:STDERR_LIMIT]
        return plugin

    def _send(self, invocation: Invocation, plugins: list[Plugin], status: str, details: str) -> None:
        if self.connected:
            self._report(invocation, plugins, status, details)
        else:
            self._outbox.append((invocation, plugins, status, details))

    def _report(self, invocation: Invocation, plugins: list[Plugin], status: str, details: str) -> None:
        if invocation.over:
            return  # a second run, or a late one: SSM has its result
        invocation.plugins = plugins
        invocation.become(status, details)


def _interpreter(text: str) -> list[str]:
    """The script's own shebang, as `sh -c path` would honour it; else sh. Not executed itself: see ETXTBSY."""
    first = text.split("\n", 1)[0]
    return first[2:].split() if first.startswith("#!") and first[2:].strip() else ["sh"]
