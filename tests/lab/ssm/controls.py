"""Run Command's switches and node faults: control op `ssm`, and the node effects that concern the agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..control import op
from ..ec2.model import store
from ..nodes import life
from ..nodes.machine import Machine
from .agent import AGENTS, Agent
from .invocations import switches

ALLOWED = {"in_flight": ("replay", "success", "failed", "lost")}


@op("ssm")
def ssm(values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Set some switches (invocations.Switches) and return all of them."""
    known = {f.name: type(f.default) for f in fields(switches)}
    for name, value in (values or {}).items():
        if name not in known:
            raise ValueError(f"unknown switch {name!r}; known: {', '.join(known)}")
        if known[name] is float and isinstance(value, int):
            value = float(value)
        if type(value) is not known[name] or value not in ALLOWED.get(name, (value,)):
            raise ValueError(f"switch {name!r} cannot be {value!r}")
        setattr(switches, name, value)
    return vars(switches)


def agent_of(machine: Machine) -> Agent:
    if machine.instance_id not in AGENTS:
        raise ValueError(f"{machine.name} has no SSM agent")
    return AGENTS[machine.instance_id]


def _plug(machine: Machine) -> None:
    instance = store.instances.get(machine.instance_id)
    if instance is None or instance.ssm_managed:
        Agent(machine)


def _replay(machine: Machine) -> None:
    """At its next boot the node runs again what was in progress, or else the command that ended last."""
    agent_of(machine).replay_next = True


def install() -> None:
    effects: dict[str, Callable[[Machine], None]] = {
        "ssm_lost": lambda machine: agent_of(machine).lose(),
        "ssm_back": lambda machine: agent_of(machine).back(),
        "agent_restart": lambda machine: agent_of(machine).restart(),
        "replay_command": _replay,
    }
    life.EFFECTS.update(effects)
    life.new_machine.append(_plug)
