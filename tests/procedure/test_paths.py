"""Which way each state machine goes: when all is well, and when any of its tasks fails.

The item of lock and intent is kept as DynamoDB keeps it (procedure_world.py), so that each end can be held against it.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from machine_run import Run, TaskError
from procedure_world import (
    ACTS,
    ANSWERS,
    BACKUP,
    CHANGED,
    DEAD,
    DOES_NOT_START,
    EVENT,
    HEALTHY,
    INPUTS,
    INTENT,
    KEPT,
    MACHINES,
    MORNING,
    ON_BOTH,
    SENTENCE,
    UNFINISHED,
    World,
    converge,
    run,
    step,
)

from scenario.report import APART, POLLS

NOT_BACK = "Failed, and the cluster is not back"


def free(world: World) -> bool:
    return not {"holder", "intent"} & world.item.keys()


@pytest.mark.parametrize("what", INPUTS)
def test_when_all_is_well_the_lock_is_released(what: str) -> None:
    done, world = run(what)
    assert done.error is None and free(world), (done.error, world.item)


def test_the_phases_of_a_backup_follow_one_another() -> None:
    done, _ = run("backup")
    phases = list(dict.fromkeys(name.partition(":")[0] for name in done.path))
    wanted = ("Inspect", "Quiesce", "Split", "Resume", "EnterBackupMode", "StopStandby", "Snapshot", "StartStandby")
    assert [phase for phase in phases if phase in (*wanted, "MarkValid")] == [*wanted, "MarkValid"]


def test_a_plain_backup_takes_at_most_45_state_transitions() -> None:
    """As `make bench` counts them: with its children, and without the waits for completion, the proof and the copy."""
    done, _ = run("backup", World(**{"CheckSnapshots mark": {"copy": False}}), occurrence="")
    documents = ("leave-backup-mode", "resume-monitors")
    acts = [{"verdict": "act", "action": "start", "input": {"node": "server2"}}]
    acts += [{"verdict": "act", "action": "step", "input": {"step": step(each)}} for each in documents]
    children = converge(*acts, HEALTHY).path + converge(HEALTHY).path
    assert done.error is None and {"StartStandby: converge", "MarkValid: the last look"} <= set(done.path)
    own = [name for name in done.path if not name.startswith((*POLLS, *APART))]
    assert len([*own, *children]) <= 45, [*own, *children]


def test_a_backup_notes_that_the_cluster_is_back_before_its_snapshots_are_complete() -> None:
    """Until the release, and only if it is back: the patrol counts no time without redundancy then."""
    noted = []

    def progress(_: Any) -> dict[str, Any]:
        noted.append("back_at" in world.item)
        return {"complete": True}

    world = World(**{"CheckSnapshots progress": progress})
    done, _ = run("backup", world)
    assert done.error is None and noted == [True] and "back_at" not in world.item
    for fails, kept in (("StartStandby: converge", False), ("MarkValid: the last look", True)):
        done, world = run("backup", World(fails=fails))
        assert done.path[-1] == NOT_BACK and ("back_at" in world.item) is kept, fails
        # The recover that follows counts from the operation's beginning again.
        recovered = World(world.item | {"holder": {"S": DEAD}, "intent": {"S": INTENT}}, fails="Converge")
        Run(MACHINES["recover"], recovered).start(INPUTS["recover"])
        assert "intent" in recovered.item and "back_at" not in recovered.item, fails


def test_an_end_without_the_note_has_the_same_report() -> None:
    ended = [
        next(
            arguments["Payload"]["healthy_at"] for name, arguments in run("backup", world)[0].calls if name == "Report"
        )
        for world in (World(), World(fails="StartStandby: note that it is back"))
    ]
    assert ended[0] == ended[1] is not None


def test_a_backup_keeps_a_description_and_its_report_says_what_it_lacks() -> None:
    def reported(world: World) -> tuple[Any, list[dict[str, Any]]]:
        done, _ = run("backup", world)
        assert done.error is None
        kept = [arguments for name, arguments in done.calls if name == "StartStandby: keep the description"]
        return next(a["Payload"]["description"] for name, a in done.calls if name == "Report"), kept

    said, (kept,) = reported(World())
    assert said == {"kept": True, "missing": ["server2: it was silent"]}
    assert kept["Item"] == {"cluster": {"S": "orders"}, "backup": {"S": BACKUP}, "description": {"S": "{}"}}
    for fails in ("StartStandby: describe the nodes", "StartStandby: keep the description"):
        said, _ = reported(World(fails=fails))
        assert said == {"kept": False, "why": "as it broke"}, fails


def tasks(what: str) -> list[str]:
    return list(dict.fromkeys(name for name, _ in run(what)[0].calls))


EVERY = [(what, name) for what in INPUTS for name in tasks(what)]
# Tasks whose failure is no failure of the operation.
FORGIVEN = re.compile(
    r"Expire|Report|Release the|Forget|forget|switch fast|PostProcess: one|Clean up|Stop the child|Read the"
    r"|Cancel what|Start the proof|Start the copy|StartBoth: (active|standby)|Keep the schedules|note that it is back"
    r"|^Say |describe the nodes|keep the description"
)


@pytest.mark.parametrize(("what", "fails"), EVERY)
def test_whichever_task_fails_the_end_says_whether_the_cluster_is_back(what: str, fails: str) -> None:
    """Every end is one of the named ones; the lock and the intent are kept in just those that say so."""
    item = UNFINISHED | {"intent": {"S": INTENT}} if what == "recover" else None
    done, world = run(what, World(item, fails=fails))
    end = done.path[-1]
    if done.error is None:
        assert FORGIVEN.search(fails), (fails, end)
        assert free(world) or fails.startswith("Release the lock"), world.item
    else:
        assert end in {"Failed", *KEPT}, end
        kept = "intent" in world.item
        assert kept == (end in KEPT) or fails.startswith(("Release", "Read", "Describe", "May it", "Take")), (
            end,
            fails,
        )
        assert done.error["Cause"], done.error


@pytest.mark.parametrize("what", ["backup", "restore", "rollback"])
def test_what_cannot_be_brought_back_is_said(what: str) -> None:
    """The way back ends in an error: the error that began it is named first, and both in the cause."""
    begun = {"backup": "Snapshot", "restore": "Detach", "rollback": ""}[what]

    class Stuck(World):
        def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
            if arguments.get("StateMachineArn") == "${ConvergeStateMachine}":
                raise TaskError("States.TaskFailed", '{"Error": "Stuck", "Cause": "md1 is RED."}')
            return super().__call__(name, arguments)

    answers = {"Report": lambda payload: {"cause": payload.get("cause")}}
    done, world = run(what, Stuck(fails=begun, error="Broken", **answers))
    assert done.path[-1] == NOT_BACK and "intent" in world.item
    first = {"Error": "Broken", "Cause": "as it broke THE CLUSTER IS NOT BACK: Stuck: md1 is RED."}
    assert done.error == (first if begun else {"Error": "Stuck", "Cause": "THE CLUSTER IS NOT BACK: md1 is RED."})


def test_a_release_takes_the_lock_and_heeds_a_hold() -> None:
    done, world = run("release")
    assert done.path.index("Take the lock") < done.path.index("Release the volumes") and free(world)
    done, world = run("release", World({"hold": {"S": "disk change"}}))
    assert (done.path[-1], done.error and done.error["Error"]) == ("On hold", "OperatorHold")
    assert "Release the volumes" not in done.path
    busy = World(UNFINISHED)
    busy.answers["Assess claim"] = lambda payload: (_ for _ in ()).throw(TaskError("OperationInProgress", "it runs"))
    done, world = run("release", busy)
    assert done.error == {"Error": "OperationInProgress", "Cause": "it runs"}
    assert "Release the volumes" not in done.path and world.item == UNFINISHED


def test_an_unfinished_intent_is_brought_to_its_end_first() -> None:
    done, _ = run("backup", World(UNFINISHED | {"intent": {"S": INTENT}}))
    assert "Recover first" in done.path and done.path[-1] == "Busy"  # this recover has changed nothing


def test_a_lock_that_changes_all_the_time_ends_the_wait() -> None:
    class Moving(World):
        def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
            raise TaskError(CHANGED, "it moves")

    done, _ = run("backup", Moving())
    assert done.path[-1] == "Busy" and done.path.count("Take the lock") == 11


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_event_is_better_proof_than_a_description(status: str) -> None:
    """The execution's event has come; DescribeExecution could still say RUNNING, and is not asked."""
    world = World(UNFINISHED | {"intent": {"S": INTENT}})
    proved = {"cluster": "orders", "proved": {"holder": DEAD, "status": status}}
    world.answers["Patrol find"] = {"found": proved}
    done = Run(MACHINES["recover"], world).start(EVENT)
    assert done.error is None and free(world)
    assert "Describe the holder" not in done.path
    find = next(arguments["Payload"] for name, arguments in done.calls if name == "Find the cluster")
    assert find.pop("trace")["state"] == "Find the cluster"
    assert find == {"mode": "find", "event": EVENT, "recover": RECOVER}
    claim = next(arguments["Payload"] for name, arguments in done.calls if name == "May it be taken over")
    assert claim["holder_status"] == status


def test_without_an_event_the_holder_is_described() -> None:
    done, _ = run("recover")
    assert "Describe the holder" in done.path


RECOVER = "arn:aws:states:eu-west-1:0:stateMachine:mirrorsnap-recover"
# Recover as it is started without an event: by hand, and by the end of a hold or the patrol that could not describe.
NO_EVENT: list[dict[str, Any]] = [{"cluster": "orders"}, {"cluster": "orders", "holder": DEAD}]


def described(*statuses: str) -> World:
    """A holder that is described as these, and as the last one for ever."""
    left = list(statuses)

    class Late(World):
        def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
            if "ExecutionArn" in arguments and "Error" not in arguments:
                return {"Status": left.pop(0) if len(left) > 1 else left[0]}
            return super().__call__(name, arguments)

    return Late(UNFINISHED | {"intent": {"S": INTENT}})


@pytest.mark.parametrize("value", NO_EVENT)
def test_running_is_read_again_for_two_minutes(value: dict[str, Any]) -> None:
    world = described(*["RUNNING"] * 12, "ABORTED")
    done = Run(MACHINES["recover"], world).start(value)
    assert done.error is None and free(world) and done.path.count("Wait for what is shown late") == 12
    world = described("RUNNING")
    done = Run(MACHINES["recover"], world).start(value)
    assert (done.error, done.path[-1]) == (None, "The holder is at work")
    assert done.path.count("Wait for what is shown late") == 12 and "intent" in world.item
    assert "Take it over" not in done.path


@pytest.mark.parametrize("statuses", [["RUNNING", "FAILED"], ["RUNNING"]])
def test_the_end_of_a_hold_reads_running_again_too(statuses: list[str]) -> None:
    world = described(*statuses)
    shown = {"CommandInvocations": [{"InstanceId": "i-1", "Status": "Success"}]}

    class Nodes:
        def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
            if name == "Unhold the lock":
                return {"Attributes": world.item}
            answers = {"Tell the nodes": {"Command": {"CommandId": "c"}}, "Ask the nodes": shown}
            answers["Start recover"] = {"ExecutionArn": "arn:recover"}
            return answers[name] if name in answers else world(name, arguments)

    done = Run(MACHINES["hold"], Nodes()).start({"cluster": "orders", "unhold": True})
    started = [arguments["Input"] for name, arguments in done.calls if name == "Start recover"]
    assert done.error is None
    assert [{key: each[key] for key in ("cluster", "holder", "status")} for each in started] == (
        [{"cluster": "orders", "holder": DEAD, "status": "FAILED"}] if statuses[-1] == "FAILED" else []
    )
    waits = done.path.count("Wait for what is shown late")
    assert waits == (1 if statuses[-1] == "FAILED" else 12)


def test_an_event_about_no_cluster_ends_well() -> None:
    world = World(**{"Patrol find": {"found": None}})
    done = Run(MACHINES["recover"], world).start(EVENT)
    assert (done.error, done.path[-1]) == (None, "No lock is held")


def test_a_recover_that_was_aborted_early_is_followed_by_one_that_describes() -> None:
    """Its event names the cluster, and proves nothing of the lock's holder."""
    world = described("ABORTED")
    world.answers["Patrol find"] = {"found": {"cluster": "orders", "proved": None}}
    done = Run(MACHINES["recover"], world).start(EVENT)
    assert done.error is None and free(world) and "Describe the holder" in done.path


def test_of_two_recovers_the_loser_ends_well() -> None:
    class Quicker(World):
        def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
            raise TaskError(CHANGED, "another one has it")

    for item in (UNFINISHED, {"epoch": {"N": "6"}}):
        done = Run(MACHINES["recover"], Quicker(item | {"intent": {"S": INTENT}})).start({"cluster": "orders"})
        assert (done.error, done.path[-1]) == (None, "Somebody was quicker")


def test_a_healthy_fleet_is_looked_at_and_nothing_else() -> None:
    done, _ = run("patrol")
    assert done.error is None and [name for name, _ in done.calls] == ["Look", "Keep the schedules"]


@pytest.mark.parametrize("stranded", [[], [{"cluster": "accounts", "holder": None}]])
def test_schedules_that_cannot_be_kept_do_not_fail_the_patrol(stranded: list[dict[str, Any]]) -> None:
    fleet = {**ANSWERS["Patrol fleet"], "stranded": stranded}
    world = World(fails="Keep the schedules", **{"Patrol fleet": fleet, "child": {"ExecutionArn": "arn:recover"}})
    done = Run(MACHINES["patrol"], world).start({})
    assert done.error is None
    assert done.output["schedules"] == {"not_looked_at": "as it broke"}
    assert len(done.output["unfinished"]) == len(stranded)


STRANDED = [{"cluster": "orders", "holder": DEAD}, {"cluster": "accounts", "holder": None}]


def patrol(stranded: list[dict[str, Any]] = STRANDED, **answers: Any) -> tuple[Run, dict[str, dict[str, Any]]]:
    """A patrol that finds these, and with what it started recover, by cluster."""
    fleet = {"stranded": stranded, "overdue": [], "findings": [], "counts": {}}
    world = World(**{"Patrol fleet": fleet, "child": {"ExecutionArn": "arn:recover"}, **answers})
    done = Run(MACHINES["patrol"], world).start({})
    starts = [arguments["Input"] for name, arguments in done.calls if name == "Start recover"]
    return done, {each.pop("cluster"): each for each in copy.deepcopy(starts)}


def test_the_patrol_starts_recover_for_a_dead_holder_and_for_none() -> None:
    done, started = patrol(status="ABORTED")
    by = {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:eu-west-1:0:execution:mirrorsnap:me"}
    assert done.error is None
    assert started == {"orders": {"holder": DEAD, "status": "ABORTED"} | by, "accounts": by}
    asked = [arguments["Payload"] for name, arguments in done.calls if name.startswith("Is recover due")]
    assert [each.get("holder_status") for each in asked] == ["ABORTED", None]
    names = [arguments["Name"] for name, arguments in done.calls if name == "Start recover"]
    assert len(set(names)) == 2 and all(len(name) <= 80 for name in names)


def test_the_patrol_leaves_what_is_not_due() -> None:
    done, started = patrol(**{"Patrol stranded": {"recover": False, "why": "it is at work"}})
    assert (done.error, started) == (None, {})


@pytest.mark.parametrize("fails", ["Describe the holder", "Is recover due", "Is recover due without a holder"])
def test_a_cluster_that_cannot_be_looked_at_does_not_keep_the_others(fails: str) -> None:
    fleet = {"stranded": STRANDED, "overdue": [], "findings": [], "counts": {}}
    world = World(fails=fails, **{"Patrol fleet": fleet, "child": {"ExecutionArn": "arn:recover"}})
    done = Run(MACHINES["patrol"], world).start({})
    assert done.error is None
    assert [name for name, _ in done.calls].count("Start recover") == 1


def test_the_patrol_takes_fifty_at_most() -> None:
    many = [{"cluster": f"c{number}", "holder": None} for number in range(60)]
    assert len(patrol(many)[1]) == 50
    assert len(patrol(many[:1])[1]) == 1


LATE = {
    "StopBoth: wait for stopped": ("Assess down", "RestoreOverdue"),
    "Detach": ("SwapVolumes detach", "RestoreOverdue"),
    "CheckDevices": ("Assess ready", "RestoreOverdue"),
    "PrepareVolumes: are they there": ("CreateVolumes check", "VolumeFailed"),
}


@pytest.mark.parametrize("poll", LATE)
def test_a_poll_that_never_succeeds_has_an_end(poll: str) -> None:
    """Time stands still here, so that no deadline comes: the number of looks ends it."""
    key, error = LATE[poll]
    never = {"over": False, "ready": False, "why": "not yet", "off": False, "memory": {}, "tell": None}
    done, world = run("restore", World(**{key: never}))
    assert done.error is not None and done.error["Error"] == error and free(world)
    assert 70 < done.path.count(poll) < 200


def test_a_node_that_never_stays_up_is_started_a_few_times() -> None:
    off = {"over": False, "why": "server1 is off", "off": True, "memory": {}, "tell": None}
    done, _ = run("restore", World(**{"Assess ready": off}))
    assert done.error is not None and done.error["Error"] == "NodeUnreachable"
    assert done.path.count("StartBoth") == 60


def test_a_snapshot_is_waited_for_through_days() -> None:
    looks = iter([False] * 400 + [True])
    done, world = run("backup", World(**{"CheckSnapshots progress": lambda _: {"complete": next(looks)}}))
    assert done.error is None and free(world) and done.path.count("Snapshot: progress") == 401
    done, _ = run("backup", World(**{"CheckSnapshots progress": {"complete": False}}))
    assert done.error is not None and done.error["Error"] == "SnapshotFailed"


def payloads(done: Run, state: str) -> list[dict[str, Any]]:
    return [arguments["Payload"] for name, arguments in done.calls if name == state]


def mails(done: Run, state: str) -> list[str]:
    return [arguments["Message"] for name, arguments in done.calls if name == state]


@pytest.mark.parametrize("role", ["active", "standby"])
@pytest.mark.parametrize("error", ["CapacityLacking", "AwsRefused", "NodeUnreachable"])
def test_a_start_that_is_refused_in_one_branch_of_a_restore_does_not_cancel_the_other(role: str, error: str) -> None:
    looks = iter([{"tell": "EC2's reason", "memory": {"tries": {"start server1": 1}}}, {"off": True}, {"over": True}])

    def ready(_: dict[str, Any]) -> dict[str, Any]:
        return {**ANSWERS["Assess ready"], "over": False, "memory": {}, **next(looks)}

    done, world = run("restore", World(fails=f"StartBoth: {role}", error=error, **{"Assess ready": ready}))
    assert done.error is None and free(world)
    # Each branch is ordered, at first and when a node is off again.
    assert done.path.count("StartBoth") == 2
    assert all(len(payloads(done, f"StartBoth: {each}")) == 2 for each in ("active", "standby"))
    told = [[one.get("error") for one in each["starts"]] for each in payloads(done, "CheckDevices")]
    refused = [error if each == role else None for each in ("active", "standby")]
    assert told == [refused, [], refused]
    assert [each["memory"] for each in payloads(done, "CheckDevices")] == [{}, {"tries": {"start server1": 1}}, {}]
    assert mails(done, "CheckDevices: tell that a node does not start") == [f"EC2's reason{DOES_NOT_START}"]


def test_a_restore_that_lost_the_cluster_starts_nothing_more() -> None:
    done, _ = run("restore", World(fails="StartBoth: standby", error="Fenced"))
    assert done.error is not None and done.error["Error"] == "Fenced" and "CheckDevices" not in done.path


@pytest.mark.parametrize(("answer", "state"), ACTS)
def test_converge_does_what_assess_says(answer: dict[str, Any], state: str) -> None:
    world = World({"holder": {"S": "me"}})
    done = converge(answer, HEALTHY, world=world)
    assert done.path == ["Begin", "Assess", "What is next?", state, "Assess", "What is next?", "Healthy"]


@pytest.mark.parametrize("error", ["StepTimedOut", "Fenced", "States.Timeout"])
@pytest.mark.parametrize(("answer", "state", "branch"), ON_BOTH)
def test_converge_orders_both_nodes_at_once_and_neither_branch_ends_the_other(
    answer: dict[str, Any], state: str, branch: str, error: str
) -> None:
    ended = branch.partition(":")[0] + ": one ended"
    for world, way in ((World(), [branch]), (World(fails=branch, error=error), [branch, ended])):
        done = converge(answer, HEALTHY, world=world)
        assert done.path[3] == state and done.path[-3:] == ["Assess", "What is next?", "Healthy"]
        assert [name for name in done.path[4:-3] if name in way] == way * 2
        assert {payload["step"]["node"] for payload in payloads(done, branch)} == {"server1", "server2"}


def test_converge_does_not_order_both_nodes_without_end() -> None:
    done = converge(ON_BOTH[0][0], world=World())
    assert done.error is not None and done.error["Error"] == "Stuck"
    assert done.path.count(ON_BOTH[0][1]) == 12


def test_converge_counts_looks_that_fail_and_goes_on() -> None:
    class Flaky(World):
        left = 100

        def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
            if name == "Assess" and self.left:
                self.left -= 1
                raise TaskError("Lambda.ServiceException", "try again")
            return super().__call__(name, arguments)

    done = converge(HEALTHY, world=Flaky())
    assert done.error is None and done.path.count("Assess") == 101
    lasting = Flaky()
    lasting.left = 10_000
    done = converge(HEALTHY, world=lasting)
    assert done.error == {"Error": "Lambda.ServiceException", "Cause": "try again"}
    assert done.path[-1] == NOT_BACK


def test_converge_ends_after_so_many_looks() -> None:
    done = converge({"verdict": "wait"})
    assert done.error is not None and done.error["Error"] == "Stuck" and done.path.count("Assess") == 580


@pytest.mark.parametrize("error", ["CapacityLacking", "AwsRefused"])
def test_converge_says_to_assess_what_became_of_a_start_and_tells_what_assess_says(error: str) -> None:
    start = {"verdict": "act", "action": "start", "input": {"node": "server1"}}
    refused = {"verdict": "wait", "tell": "EC2's reason"}
    world = World(fails="StartStandby: start the instance", error=error)
    done = converge(start, refused, start, {"verdict": "wait", "tell": None}, HEALTHY, world=world)
    assert done.path[-1] == "Healthy"
    words = [{"node": "server1", "error": error, "cause": "as it broke"}]
    assert [each["starts"] for each in payloads(done, "Assess")] == [[], words, [], words, []]
    assert mails(done, "StartStandby: tell that it does not start") == [f"EC2's reason{DOES_NOT_START}"]
    assert done.path.count("Wait") == 2


def test_a_message_that_cannot_be_sent_does_not_end_converge() -> None:
    state = "StartStandby: tell that it does not start"
    done = converge({"verdict": "wait", "tell": "EC2's reason"}, HEALTHY, world=World(fails=state))
    assert done.path[-1] == "Healthy"


def test_converge_ends_at_once_when_it_is_fenced() -> None:
    done = converge(HEALTHY, world=World(fails="Assess", error="Fenced"))
    assert done.error == {"Error": "Fenced", "Cause": "as it broke"} and done.path.count("Assess") == 1


def test_the_morning_is_told_once_and_the_next_one_knows_what_was_told() -> None:
    world, asked = World(), []

    def look(payload: dict[str, Any]) -> dict[str, Any]:
        asked.append(payload["newest"])
        return ANSWERS["Patrol morning"]

    world.answers["Patrol morning"] = look
    assert run("patrol", world, **MORNING)[0].output == {"morning": True}
    assert run("patrol", world, **MORNING)[0].output == {"morning": False}  # a second delivery
    assert run("patrol", world, morning="2026-11-27T23:00:00Z")[0].output == {"morning": True}
    assert world.mails == ["all is well"] * 2
    assert asked == [{}, ANSWERS["Patrol morning"]["newest"]]


def test_a_fleet_without_clusters_gets_no_morning_s_message() -> None:
    done, world = run("patrol", World(**{"Patrol morning": {"message": None, "newest": {}}}), **MORNING)
    assert done.output == {"morning": False} and world.mails == [] and world.morning == {}


@pytest.mark.parametrize("fails", ["Read what was told", "Look who has a new backup", "Tell who has a new backup"])
def test_a_morning_that_fails_is_a_failure_of_the_patrol(fails: str) -> None:
    done, world = run("patrol", World(fails=fails), **MORNING)
    assert done.path[-1] == "Failed" and world.morning == {}


def test_a_morning_that_is_told_and_not_noted_is_no_failure() -> None:
    done, world = run("patrol", World(fails="Note what was told"), **MORNING)
    assert done.output == {"morning": True} and len(world.mails) == 1


def test_a_backup_starts_the_proof_and_does_not_wait_for_it() -> None:
    done, _ = run("backup")
    assert done.error is None and done.output["proof"] == {"execution": "arn:prove"}
    asked = dict(done.calls)["Start the proof"]
    assert asked["Input"] | {"cluster": "orders", "backup": BACKUP} == asked["Input"]
    order = [name for name, _ in done.calls]
    assert order.index("MarkValid") < order.index("Start the proof") < order.index("Release the lock")


def test_a_proof_that_cannot_be_started_fails_no_backup() -> None:
    done, world = run("backup", World(fails="Start the proof"))
    assert done.error is None and done.output["proof"]["error"] == "Broken"
    assert "holder" not in world.item


def test_an_image_that_is_not_clean_is_told_and_is_no_failure_of_its_proof() -> None:
    message = {"subject": "an image of orders is not clean", "text": "restore the one before it"}
    answer = {"id": BACKUP, "verdict": "torn", "message": message}
    for fails in ("", "Tell that it is not clean"):
        done, world = run("prove", World(fails=fails, Prove=answer))
        assert done.error is None and done.output == answer
        assert world.mails == ([] if fails else ["an image of orders is not clean"])
    done, world = run("prove")
    assert done.error is None and world.mails == []
    done, _ = run("prove", World(fails="Prove"))
    assert done.error and done.error["Error"] == "Broken"


@pytest.mark.parametrize("wrong", [{"backup": 7}, {"backup": ""}, {"cluster": "Orders"}, {"more": 1}])
def test_a_proof_is_of_one_backup_of_one_cluster(wrong: dict[str, Any]) -> None:
    done, _ = run("prove", **wrong)
    assert done.error and done.error["Error"] == "InputInvalid" and not done.calls


def test_the_patrol_starts_the_proofs_of_the_week_and_one_that_is_there_already_is_no_failure() -> None:
    due = [{"cluster": each, "backup": f"{each}-1", "name": f"weekly-{each}-1"} for each in ("accounts", "orders")]
    fleet = {"Patrol fleet": {**ANSWERS["Patrol fleet"], "prove": due}}
    done, _ = run("patrol", World(**fleet))
    started = [asked for name, asked in done.calls if name == "Start the proof"]
    assert [asked["Name"] for asked in started] == ["weekly-accounts-1", "weekly-orders-1"]
    assert [each["started"] for each in done.output["proofs"]] == ["arn:prove"] * 2
    done, _ = run(
        "patrol", World(fails="Start the proof", error="StepFunctions.ExecutionAlreadyExistsException", **fleet)
    )
    assert done.error is None and [each["failed"] for each in done.output["proofs"]] == ["as it broke"] * 2


def test_a_dry_run_hands_on_the_plan_in_both_forms() -> None:
    """The texts, which are the contract, and the sentences that they are made of, for the operator's language."""
    for what, count in [("backup", 2), ("restore", 1), ("rollback", 1)]:
        output = run(what, dry_run=True)[0].output
        assert (len(output["plan"]), output["sentences"]) == (count, [SENTENCE] * count), output
