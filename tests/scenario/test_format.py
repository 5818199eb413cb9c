"""The scenario format accepts what the documentation shows, and nothing that it does not."""

from __future__ import annotations

import pytest

from scenario.format import Scenario, ScenarioError, parse

EXAMPLE = """
name: reply to CreateSnapshots is lost
cluster: {active: server1, platform: xen, timing: {boot: 2}, config: {max_outage_seconds: 120}}
scale: 3
steps:
  - write: {file: a, text: hello}
  - backup: {}
    as: first
    background: true
    faults:
      - {call: "ec2:CreateSnapshots", nth: 1, effect: lose_reply}
      - {node: standby, at: StopStandby, effect: power_off}
      - {command: "clpgrp -t", node: active, effect: {done_but_exit: 1}}
      - {execution: abort, at: Split}
      - {event: EBS Snapshot Notification, effect: {late: 5}}
      - {function: create-snapshots, effect: crash_after}
  - backup: {}
    at: {step: first, phase: Split}
    expect: {status: FAILED, error: OperationInProgress}
  - join: first
  - delete: {file: a}
  - restore: {backup: latest, confirm: orders}
    expect: {outage_below: 30, healthy_within: 20, valid_backups: 1}
  - check: {file: a, text: hello}
  - check: {file: b, absent: true}
  - wait: {seconds: 3}
  - wait: healthy
  - set: {auto_recovery: false}
  - restore: {backup: {step: first}, confirm: orders, on_device_mismatch: wait}
    as: second
    expect: {violations: [3, 4]}
  - wait: asked
  - answer: continue
  - backup: {consistency: frozen}
    as: third
    background: true
    expect: {outage_below: 0, pause_below: 10, failed_writes: 0}
  - wait: frozen
  - set: {freeze: true}
  - set: {exchange: {node: server2, disk: md1, backup: {step: first}}}
  - restore: {rollback: {step: second}, confirm: orders}
"""


def steps(text: str) -> Scenario:
    return parse(f"name: x\nsteps:\n{text}")


def test_reads_the_documented_example() -> None:
    scenario = parse(EXAMPLE)
    assert [s.kind for s in scenario.steps] == [
        *("write", "backup", "backup", "join", "delete", "restore", "check", "check", "wait", "wait", "set"),
        *("restore", "wait", "answer", "backup", "wait", "set", "set", "restore"),
    ]
    assert scenario.steps[1].background
    assert len(scenario.steps[1].faults) == 6
    assert scenario.steps[1].expect.status == "SUCCEEDED"
    assert scenario.steps[2].at == {"step": "first", "phase": "Split"}
    assert scenario.steps[2].expect.error == "OperationInProgress"
    assert scenario.steps[8].value == {"seconds": 3.0}
    assert scenario.steps[9].value == {"healthy": 60.0}
    assert scenario.steps[11].expect.violations == [3, 4]
    assert scenario.steps[12].value == {"asked": 0.0}
    assert scenario.steps[13].value == "continue"
    frozen = scenario.steps[14].expect
    assert (frozen.outage_below, frozen.pause_below, frozen.failed_writes) == (0.0, 10.0, 0)
    assert scenario.scale == 3
    assert scenario.steps[15].value == {"frozen": 0.0}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  - {backup: {}, restore: {}}", "steps[0]"),
        ("  - {backup: {}}\nscale: 0", "scale"),
        ("  - {backup: {}, expects: {}}", "expects"),
        ("  - {backup: {}, expect: {state: FAILED}}", "state"),
        ("  - {backup: {}, expect: {status: BROKEN}}", "BROKEN"),
        ("  - {backup: {}, expect: {outage_below: soon}}", "outage_below"),
        ("  - {backup: {}, expect: {valid_backups: true}}", "valid_backups"),
        ("  - {backup: {}, expect: {failed_writes: false}}", "failed_writes"),
        ("  - {backup: {}, expect: {pause_below: short}}", "pause_below"),
        ("  - {backup: {}, expect: {violations: 3}}", "violations"),
        ("  - {backup: {}, expect: {mails: 3}}", "mails"),
        ("  - {backup: {}, expect: {mails: [3]}}", "mails"),
        ("  - {backup: {}, expect: {violations: [11]}}", "[11]"),
        ("  - {backup: {}, expect: {violations: [true]}}", "[True]"),
        ("  - answer: perhaps", "perhaps"),
        ("  - restore: {backup: {step: later}, confirm: orders}", "backup"),
        ("  - restore: {rollback: {step: later}, confirm: orders}", "rollback"),
        ("  - restore: {release: {stop: a}, confirm: orders}", "release"),
        ("  - set: {fsr: {backup: {step: later}, az: a}}", "set.fsr.backup"),
        ("  - set: {abort: nobody}", "nobody"),
        ("  - {backup: {}, background: true}", "needs a name"),
        ("  - {backup: {}, at: {step: a, phase: Split}}", "'a'"),
        ("  - {backup: {}, as: a}\n  - {backup: {}, at: {step: a, phase: Splitt}}", "Splitt"),
        ("  - {backup: {}, as: a}\n  - {backup: {}, as: a}", "new name"),
        ("  - {backup: {}, faults: [{execution: abort, at: Nowhere}]}", "Nowhere"),
        ("  - {backup: {}, faults: [{call: x, effect: boom}]}", "boom"),
        ("  - {backup: {}, faults: {call: x}}", "list"),
        ("  - {write: {file: a}}", "text"),
        ("  - {check: {file: a}}", "absent"),
        ("  - {check: {file: a, text: b, absent: true}}", "absent"),
        ("  - {wait: {seconds: 1, healthy: 2}}", "either"),
        ("  - {wait: {seconds: -1}}", "seconds"),
        ("  - {join: nobody}", "nobody"),
        ("  - backup", "mapping"),
    ],
)
def test_refuses_what_it_does_not_know_and_says_where(text: str, place: str) -> None:
    with pytest.raises(ScenarioError) as error:
        steps(text)
    assert place in str(error.value)


NO_SCENARIOS = [
    "",
    "[]",
    "name: x",
    "name: x\nsteps: []",
    "steps: [{backup: {}}]",
    "name: x\ncluster: {colour: red}\nsteps: [{backup: {}}]",
    "a: [",
]


@pytest.mark.parametrize("text", NO_SCENARIOS)
def test_refuses_a_file_that_is_no_scenario(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse(text)
