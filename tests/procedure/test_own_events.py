"""The events of our own: each fits its schema, and one that cannot be put changes nothing."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from procedure_world import ANSWERS, DEAD, INPUTS, INTENT, ROOT, UNFINISHED, World, run

SCHEMAS = {
    json.loads(file.read_text(encoding="utf-8"))["title"]: json.loads(file.read_text(encoding="utf-8"))
    for file in (ROOT / "infra" / "events").glob("*.schema.json")
}


def valid(events: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    for kind, detail in events:
        jsonschema.Draft202012Validator(SCHEMAS[kind]).validate(detail)
    return [detail for _, detail in events]


def states(world: World) -> list[tuple[str, str]]:
    return [(each["operation"], each["state"]) for each in valid(world.events)]


@pytest.mark.parametrize("what", ["backup", "restore", "rollback", "recover"])
def test_an_operation_begins_and_ends(what: str) -> None:
    done, world = run(what)
    assert done.error is None and states(world) == [(what, "started"), (what, "succeeded")]
    assert all(each["id"] for each in valid(world.events))


@pytest.mark.parametrize(
    ("what", "task"), [(w, t) for w in INPUTS for t in dict.fromkeys(n for n, _ in run(w)[0].calls)]
)
def test_whichever_task_fails_the_events_fit_their_schemas_and_say_how_it_ended(what: str, task: str) -> None:
    item = UNFINISHED | {"intent": {"S": INTENT}} if what == "recover" else None
    done, world = run(what, World(item, fails=task))
    said = [state for _, state in states(world)] if what != "patrol" else []
    ends = [state for state in said if state != "started"]
    assert len(ends) <= 1 and (not ends or said[-1] == ends[0])
    if task.startswith("Say "):
        assert done.error is None, (what, task)
    elif ends:
        wanted = {"Failed": {"failed", "refused"}, "Failed, and not cleaned up": {"failed"}}
        ok = (
            {"not-back"}
            if done.path[-1] == "Failed, and the cluster is not back"
            else wanted.get(done.path[-1], {"succeeded"})
        )
        assert ends[0] in ok, (what, task, done.path[-1])


def test_a_refused_backup_has_only_that_event_and_a_dry_run_none() -> None:
    _, world = run("backup", World(fails="Inspect", error="MirrorNotNormal"))
    assert states(world) == [("backup", "refused")]
    (event,) = valid(world.events)
    assert (event["error"], event["cause"], event["id"]) == ("MirrorNotNormal", "as it broke", None)
    assert run("backup", World(fails="Inspect only"), dry_run=True)[1].events == []
    assert run("backup", dry_run=True)[1].events == []


def test_a_backup_after_which_the_cluster_is_not_back_says_so_with_its_report() -> None:
    _, world = run("backup", World(fails="StartStandby: converge"))
    assert states(world) == [("backup", "started"), ("backup", "not-back")]
    assert valid(world.events)[-1]["report"] == ANSWERS["Report"]


def test_a_patrol_says_what_it_found_and_nothing_else() -> None:
    assert run("patrol")[1].events == []
    counts = {"clusters": 2, "stranded": 1, "overdue": 1, "findings": 1}
    seen = {
        "stranded": [{"cluster": "orders", "holder": DEAD}],
        "overdue": [{"cluster": "orders", "seconds": None, "overdue": True}],
        "findings": [{"what": "record-left", "restore": "orders-r-20260101T000000Z"}],
        "counts": counts,
    }
    child = {"child": {"ExecutionArn": "arn:r"}}
    for kept in ("stranded", "overdue", "findings"):
        part = {**seen, **{key: [] for key in ("stranded", "overdue", "findings") if key != kept}}
        done, world = run("patrol", World(**{"Patrol fleet": part}, **child))
        (event,) = valid(world.events)
        assert event[kept] == seen[kept] and event["counts"] == counts
        assert done.output["findings"] == part["findings"]


def test_a_long_cause_is_cut() -> None:
    world = World(UNFINISHED | {"intent": {"S": INTENT}}, fails="Converge")
    world.words = "x" * 9000
    run("recover", world)
    assert len(valid(world.events)[-1]["cause"]) == 4000


MUTANTS: dict[str, dict[str, Any]] = {
    "no cluster": {"cluster": ""},
    "an operation that is none": {"operation": "rename"},
    "a state that is none": {"state": "ended"},
    "a member too many": {"more": 1},
    "an error of a success": {"error": "Stuck"},
    "an execution that is none": {"execution": "x"},
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_fault_is_found(mutant: str) -> None:
    _, world = run("backup")
    kind, detail = world.events[-1]
    with pytest.raises(jsonschema.ValidationError):
        valid([(kind, detail | MUTANTS[mutant])])
