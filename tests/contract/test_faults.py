"""Faults: what is understood, what is refused with which words, and when one fires."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clock import Clock
from lab.faults import FaultError, Faults, parse
from lab.record import Record


@pytest.fixture
def faults() -> Faults:
    return Faults(Record(Clock(50)))


def take(faults: Faults, name: str, times: int) -> list[Any]:
    return [faults.take("call", lambda spec: spec["call"] == name, call=name) for _ in range(times)]


@pytest.mark.parametrize(
    "spec",
    [
        {"call": "ec2:StopInstances", "effect": "lose_reply"},
        {"call": "ec2:StopInstances", "nth": 2, "times": 3, "effect": {"error": "RequestLimitExceeded"}},
        {"function": "plan", "effect": "crash_after"},
        {"event": "EBS Snapshot Notification", "effect": {"late": 30}},
        {"command": "clpgrp -t", "node": "server1", "effect": {"done_but_exit": 1}},
        {"node": "server1", "at": "Split", "effect": "power_off"},
        {"execution": "abort", "at": "Snapshot"},
    ],
)
def test_what_is_understood(spec: dict[str, Any]) -> None:
    fault = parse(spec)
    assert fault.spec == spec and (fault.nth, fault.times) == (spec.get("nth", 1), spec.get("times", 1))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("text", "mapping"),
        ({}, "exactly one of"),
        ({"call": "a", "function": "b", "effect": "stale"}, "exactly one of"),
        ({"call": "a", "effect": "power_off"}, "call has no effect 'power_off'"),
        ({"call": "a"}, "call has no effect None"),
        ({"call": "a", "effect": {"error": "X", "delay": 1}}, "no effect"),
        ({"call": "a", "effect": {"late": 1}}, "no effect"),
        ({"function": "f", "effect": {"error": "X"}}, "no effect"),
        ({"call": "a", "effect": "stale", "colour": 1}, "unknown keys in a fault: colour"),
        ({"call": "a", "effect": "stale", "nth": 0}, "nth must be a whole number"),
        ({"call": "a", "effect": "stale", "times": True}, "times must be a whole number"),
        ({"call": "a", "effect": "stale", "times": "2"}, "times must be a whole number"),
        ({"execution": "pause"}, "can only be aborted"),
    ],
)
def test_what_is_refused(faults: Faults, spec: Any, words: str) -> None:
    with pytest.raises(FaultError, match=words):
        faults.add(spec)
    assert faults.listing() == []


def test_nth_and_times_are_a_window_over_the_matches(faults: Faults) -> None:
    faults.add({"call": "a", "nth": 3, "times": 2, "effect": "stale"})
    assert take(faults, "b", 5) == [None] * 5  # others do not count
    assert take(faults, "a", 6) == [None, None, "stale", "stale", None, None]
    assert [(f["seen"], f["fired"]) for f in faults.listing()] == [(6, 2)]


def test_counting_starts_when_the_fault_is_added(faults: Faults) -> None:
    take(faults, "a", 4)
    faults.add({"call": "a", "nth": 2, "effect": "stale"})
    assert take(faults, "a", 3) == [None, "stale", None]


def test_the_first_due_fault_wins_and_all_of_them_count(faults: Faults) -> None:
    faults.add({"call": "a", "effect": "stale"})
    faults.add({"call": "a", "times": 2, "effect": "lose_reply"})
    assert take(faults, "a", 3) == ["stale", "lose_reply", None]


def test_subjects_do_not_mix_and_an_abort_has_no_effect_key(faults: Faults) -> None:
    faults.add({"execution": "abort", "at": "Split"})
    assert take(faults, "a", 1) == [None]
    assert faults.take("execution", lambda spec: spec["at"] == "Split") == "abort"


def test_clearing_one_or_all(faults: Faults) -> None:
    first = faults.add({"call": "a", "effect": "stale"})
    second = faults.add({"call": "b", "effect": "stale"})
    faults.clear(first)
    assert [f["id"] for f in faults.listing()] == [second]
    faults.clear()
    assert faults.listing() == [] and take(faults, "b", 1) == [None]


def test_adding_and_firing_are_in_the_log() -> None:
    record = Record(Clock(50))
    faults = Faults(record)
    number = faults.add({"call": "a", "effect": "stale"})
    take(faults, "a", 2)
    log = [(e["action"], e["id"]) for e in record.since()]
    assert log == [("added", number), ("fired", number)]
    assert record.since()[-1]["effect"] == "stale" and record.since()[-1]["call"] == "a"


def test_with_a_phase_counting_begins_when_it_is_entered(faults: Faults) -> None:
    faults.add({"call": "ssm:SendCommand", "at": "StopStandby", "nth": 2, "effect": "lose_reply"})
    assert take(faults, "ssm:SendCommand", 3) == [None, None, None]
    faults.enter("Split")
    assert take(faults, "ssm:SendCommand", 3) == [None, None, None]
    faults.enter("StopStandby")
    assert take(faults, "ssm:SendCommand", 3) == [None, "lose_reply", None]
