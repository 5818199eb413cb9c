"""One time scale: the same machine has the same order at any scale, and its waits shrink with it."""

from __future__ import annotations

import datetime
import time

from fixtures.machines import Engine, chain, jsonata, one

PASS = {"Type": "Pass"}


def busy():
    """Branches that wait, retry and fail against one another, in about twelve seconds of lab time."""
    boom = {"Type": "Parallel", "Branches": [one({"Type": "Fail", "Error": "X"}, "Boom")]}
    boom["Retry"] = [{"ErrorEquals": ["X"], "IntervalSeconds": 6, "MaxAttempts": 1}]
    boom["Catch"] = [{"ErrorEquals": ["X"], "Next": "Tried"}]
    tries = {"StartAt": "Try", "States": {"Try": {**boom, "End": True}, "Tried": {**PASS, "End": True}}}
    waits = one({"Type": "Wait", "Seconds": 12, "End": True}, "Twelve seconds")
    soon = "{% $fromMillis($toMillis($states.context.State.EnteredTime) + 3000) %}"
    clock = one({"Type": "Wait", "Timestamp": soon, "QueryLanguage": "JSONata", "End": True}, "Three seconds")
    return one({"Type": "Parallel", "Branches": [tries, waits, clock], "End": True})


def late_timestamp(seconds):
    return jsonata(
        chain(
            {**PASS, "Assign": {"t": f"{{% $fromMillis($millis() + {seconds * 1000}) %}}"}},
            {"Type": "Wait", "Timestamp": "{% $t %}"},
            {**PASS, "Output": "{% $millis() >= $toMillis($t) %}"},
        )
    )


def test_same_order_and_shrinking_waits_at_scale_1_and_20(fresh_lab):
    orders, real = {}, {}
    for scale in (1, 20):
        lab = fresh_lab(scale=scale)
        engine = Engine(lab)
        machine = engine.make(busy())
        engine.run(machine)  # parsing a machine for the first time takes real time
        started, began = time.monotonic(), lab.now()
        execution = engine.start(machine)
        assert engine.end(execution)["status"] == "SUCCEEDED"
        real[scale] = time.monotonic() - started
        # Of real time only what a busy host withheld is not in here: 4 s of work, beside the waits at scale 1.
        assert lab.now() - began < 12 + 4 * scale
        orders[scale] = [
            event.get("state")
            for event in engine.events(execution)
            if event["event"] in ("WaitStateExited", "FailStateEntered", "PassStateEntered")
        ]
        assert 12 <= engine.took(execution) < 12 + 2 * scale
    assert orders[1] == orders[20] == ["Boom", "Three seconds", "Boom", "Tried", "Twelve seconds"]
    assert real[1] >= 12


def test_dates_are_lab_time(engine, lab):
    """A lab runs ahead of the wall clock: every date of an execution is on the lab's side."""
    lab.sleep(60)
    before = lab.control("time")["epoch"]
    machine = chain({**PASS, "Output": "{% [$now(), $states.context.State.EnteredTime] %}"}, PASS)
    execution = engine.start(jsonata(machine))
    result = engine.end(execution)
    after = lab.control("time")["epoch"]
    history = engine.sfn.get_execution_history(executionArn=execution)["events"]
    made = engine.sfn.describe_state_machine(stateMachineArn=result["stateMachineArn"])["creationDate"]
    texts = [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in result["output"]]
    for moment in [made, result["startDate"], result["stopDate"], *texts, *(event["timestamp"] for event in history)]:
        assert before - 0.01 <= moment.timestamp() <= after + 0.01
    assert after > time.time() + 30


def test_waiting_for_a_timestamp(engine, lab):
    execution = engine.start(late_timestamp(7))
    assert engine.end(execution)["output"] is True
    assert 7 <= engine.took(execution) < 7 + lab.scale


def test_sixty_transitions_are_quick(fresh_lab):
    """Apart from its waits, a machine of sixty states takes well under two seconds."""
    lab = fresh_lab(scale=50)
    engine = Engine(lab)
    states = [{**PASS, "Assign": {"n": "{% $states.context.State.Name %}"}} for _ in range(26)]
    machine = engine.make(jsonata(chain(*states)))
    engine.run(machine)
    began = lab.now()
    executions = [engine.start(machine) for _ in range(3)]
    for execution in executions:
        assert engine.end(execution)["status"] == "SUCCEEDED"
    assert sum(engine.listed(execution)["transitions"] for execution in executions) == 78
    assert lab.now() - began < 2 * lab.scale  # real seconds, less what a busy host withheld
