"""What the machines are run against here: the item of lock and intent as DynamoDB keeps it, and the functions' answers.

payloads.py takes from these runs what each function is called with: the answers have the shapes of docs/functions.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from machine_run import NOW, Run, TaskError

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build_statemachines  # noqa: E402
import catalogue  # noqa: E402
from check_statemachines import KEPT  # noqa: E402, F401
from machine_flow import flows  # noqa: E402, F401

MACHINES = build_statemachines.machines()
CHANGED = "DynamoDB.ConditionalCheckFailedException"
# What stands in a mail below EC2's reason.
DOES_NOT_START = catalogue.mail("node-does-not-start")
CLUSTER = {"Self": "server1", "Peer": "server2", "Groups": "failover1"}
MONITORS = {"Nodes": "server1 server2", "Monitors": "mdw1 mdw1"}
MIRROR = {"Disks": "md1", "Monitors": "mdw1", "Partitions": "/dev/xvdb2"}
# What each document takes besides the run (functions/domain/src/document.rs reads exactly these).
PARAMETERS: dict[str, dict[str, str]] = {
    "fence": {"ExpectedBootId": "boot"},
    "suspend-monitors": MONITORS,
    "resume-monitors": MONITORS,
    "break-unit": CLUSTER
    | MIRROR
    | {"WaitSeconds": "60", "SpanSeconds": "10", "ActiveWithinSeconds": "30", "StopSeconds": "20", "BatonSeconds": "5"}
    | {"Consistency": "frozen"},
    "quiesce": CLUSTER
    | MIRROR
    | {"StopSeconds": "20", "BatonSeconds": "5", "BreakSeconds": "15", "StartSeconds": "30", "MaxOutageSeconds": "120"}
    | {"Consistency": "frozen", "Devices": "/dev/NMP1", "MaxPauseSeconds": "10", "HookSeconds": "30"},
    "quiesce-restore": CLUSTER | {"Disks": "md1", "StopSeconds": "20", "StartSeconds": "30", "MaxOutageSeconds": "120"},
    "start-group": CLUSTER,
    "stop-group": CLUSTER,
    "start-cluster": {},
    "leave-backup-mode": {},
    "recover-mirror": {"Disks": "md1"},
    "enter-backup-mode": CLUSTER | {"Disks": "md1", "Monitors": "mdw1"},
    "enter-restore-mode": CLUSTER | {"PrepareSeconds": "300", "Anew": "no", "Recorded": "yes"},
    "post-process-restore": {"SkipCopy": "yes", "Disks": "md1"},
    "enable-services": {"Reboot": "yes"},
}


def step(document: str, node: str = "server1") -> dict[str, Any]:
    """A step as assess and the plans give it, but for its guard."""
    parameters = {"Run": "orders-20261126T030000Z", **PARAMETERS[document]}
    if "Self" in parameters and node == CLUSTER["Peer"]:
        parameters |= {"Self": node, "Peer": CLUSTER["Self"]}
    return {"document": document, "node": node, "parameters": parameters}


DEAD = "arn:aws:states:eu-west-1:0:execution:mirrorsnap-backup:dead"
STEPS = {
    "suspend_monitors": step("suspend-monitors"),
    "split": step("break-unit"),
    "quiesce": step("quiesce"),
    "enter_backup_mode": step("enter-backup-mode"),
    "prepare_active": step("enter-restore-mode"),
    "prepare_standby": step("enter-restore-mode"),
}
PLACE = {"node": "server1", "device": "/dev/sdb", "old": "vol-0a1", "new": "vol-0a2"} | {
    "snapshot": "snap-0a1",
    "delete_on_termination": False,
}
BACKUP, RESTORE = "orders-20261126T030000Z", "orders-r-20261126T120000Z"
STOPPED = {
    "instance": "i-0a1",
    "reason": "Client.InstanceInitiatedShutdown",
    "launched": NOW,
    "volumes": {"md1": "vol-0a1"},
}
VOLUME = {
    "node": "server1",
    "device": "/dev/sdb",
    "disks": ["md1"],
    "zone": "ap-northeast-1a",
    "old": "vol-0a1",
    "snapshot": "snap-0a1",
    "gib": 20,
    "kind": "gp3",
    "tags": {},
    "token": "token",
    "delete_on_termination": False,
}
PAIR = {"snapshot": "snap-0a1", "zone": "ap-northeast-1a", "gib": 20, "volumes": 2}
INTENT = (
    '{"id": "orders-1", "operation": "restore", "active": "server1", "standby": "server2", "disturbances":'
    ' [{"kind": "attachment", "node": "server1", "device": "/dev/sdb", "old": "vol-0a1", "new": "vol-0a2"}]}'
)
SENTENCE = {"is": "no-redundancy"}
# What the functions answer, by function and mode, when all is well.
ANSWERS: dict[str, Any] = {
    "Assess inspect": {
        "id": BACKUP,
        "plan": {"steps": STEPS, "words": ["a step"], "sentences": [SENTENCE], "volumes": {}, "consistency": "frozen"},
        "intent_json": INTENT,
    },
    "Assess doctor": {
        "report": {"findings": []},
        "recording": {"nodes": []},
        "words": ["a belief"],
        "sentences": [SENTENCE],
        "key_roles": {},
    },
    "Assess describe": {"description_json": "{}", "missing": ["server2: it was silent"]},
    "Assess section": {
        "over": True,
        "section": {
            "epoch": 7,
            "consistent_at": NOW,
            "consistency": "frozen",
            "outage_seconds": 0,
            "pause_seconds": 3.5,
        },
    },
    "Assess stopped": {"over": True, "stopped": STOPPED},
    "Assess down": {"over": True, "why": None},
    "Assess ready": {
        "over": True,
        "why": None,
        "off": False,
        "memory": {},
        "tell": None,
        "steps": [step("post-process-restore")] * 2,
        "intent_json": INTENT,
    },
    "Assess claim": {"epoch": 8},
    "CheckSnapshots progress": {"complete": True},
    "CheckSnapshots mark": {"copy": True},
    "CopySnapshots copy": {
        "wanted": True,
        "complete": True,
        "region": "ap-northeast-3",
        "copies": {"snap-0a1": "snap-0c1"},
        "asked": {"snap-0a1": {"copy": "snap-0c1", "at": NOW}},
    },
    "CopySnapshots expire": {"deleted": [], "kept": [], "valid_copies": 1},
    "PlanRestore plan": {
        "id": RESTORE,
        "plan": {
            "words": ["a step"],
            "sentences": [SENTENCE],
            "backup": BACKUP,
            "volumes": [VOLUME],
            "fast_restores": [],
            "fast_needed": [],
            "initialization": {"initialization": "none", "give_up_seconds": 0, "mib_per_second": 100},
        },
        "intent_json": INTENT,
    },
    "PlanRestore disturb": {
        "intent_json": INTENT,
        "record_json": "{}",
        "steps": STEPS,
        "stops_groups": True,
        "deadline": "2026-11-26T13:00:00Z",
    },
    "PlanRestore rollback": {
        "id": "orders-r-20261126T130000Z",
        "intent_json": INTENT,
        "words": ["a step"],
        "sentences": [SENTENCE],
        "record": {"source": "server1", "attachments": [PLACE]},
    },
    "CreateVolumes create": {"made": [PLACE]},
    "CreateVolumes check": {"ready": True, "fast_restored": True, "slow": []},
    "CreateVolumes clean": {"deleted": [], "kept": [], "in_place": ["vol-0a2"]},
    "ReleaseVolumes": {"released": ["vol-0a1"], "in_place": ["vol-0a2"]},
    "SwapVolumes detach": {"over": True, "why": None},
    "SwapVolumes attach": {"over": True, "why": None},
    "FastRestore check": {"ready": True, "why": None},
    "CreateSnapshots": {"snapshots": [{"snapshot": "snap-0a1", "volume": "vol-0a1"}], "after": STOPPED},
    "Report": {"cause": "as reported"},
    "Patrol fleet": {
        "stranded": [],
        "overdue": [],
        "findings": [],
        "prove": [],
        "counts": {"clusters": 1, "stranded": 0},
    },
    "Prove": {"id": BACKUP, "verdict": "clean", "message": None},
    "Patrol morning": {"message": {"subject": "all is well", "text": "yes"}, "newest": {"orders": BACKUP}},
    "KeepSchedules": {"created": [], "updated": [], "deleted": [], "failed": []},
    "Patrol stranded": {"recover": True, "why": "nobody works on it"},
    "Patrol find": {"found": {"cluster": "orders", "proved": {"holder": DEAD, "status": "ABORTED"}}},
}
CONVERGED = {
    "Output": {"prepared": {"boot_id": "6f1c0b5e-0000-4000-8000-000000000001"}, "unprepared": None, "turned": None}
}
INPUTS = {
    "backup": {"cluster": "orders", "occurrence": "tonight"},
    "restore": {"cluster": "orders", "backup": "latest", "confirm": "orders"},
    "rollback": {"cluster": "orders", "rollback": RESTORE, "confirm": "orders"},
    "release": {"cluster": "orders", "release": RESTORE, "confirm": "orders"},
    "recover": {"cluster": "orders"},
    "patrol": {},
    "prove": {"cluster": "orders", "backup": BACKUP},
    "copy": {"cluster": "orders", "backup": BACKUP},
}
MORNING = {"morning": "2026-11-26T23:00:00Z"}
# The event of an execution that ended, as EventBridge delivers it whole.
EVENT = {
    "source": "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    "detail": {
        "executionArn": DEAD,
        "stateMachineArn": "arn:aws:states:eu-west-1:0:stateMachine:mirrorsnap-backup",
        "status": "ABORTED",
        "input": '{"cluster": "orders"}',
    },
}


class World:
    """Answers every Task: DynamoDB by one item, the functions by ANSWERS; `fails` names a state that fails."""

    def __init__(
        self, item: dict[str, Any] | None = None, fails: str = "", error: str = "Broken", **answers: Any
    ) -> None:
        self.item, self.fails, self.error = dict(item or {}), fails, error
        self.answers = {**ANSWERS, **answers}
        self.morning: dict[str, Any] = {}
        self.words = "as it broke"
        self.mails: list[str] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == self.fails:
            raise TaskError(self.error, self.words)
        if "UpdateExpression" in arguments:
            return self._update(arguments)
        if arguments.get("Key", {}).get("id") == {"S": "morning"}:
            return {"Item": self.morning} if self.morning else {}
        if arguments.get("Item", {}).get("id") == {"S": "morning"}:
            self.morning = arguments["Item"]
            return {}
        if "Entries" in arguments:
            self.events += [(each["DetailType"], each["Detail"]) for each in arguments["Entries"]]
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}
        if "Message" in arguments:
            self.mails.append(arguments["Subject"])
        if "ConsistentRead" in arguments:
            return {"Item": self.item} if self.item else {}
        if "ExecutionArn" in arguments:
            return {"Status": self.answers.get("status", "FAILED")}
        if "ProveStateMachine" in arguments.get("StateMachineArn", ""):
            return {"ExecutionArn": "arn:prove", "StartDate": NOW}
        if "StateMachineArn" in arguments:
            return self.answers.get("child", CONVERGED)
        if "FunctionName" in arguments:
            function = arguments["FunctionName"].removeprefix("${").removesuffix("Function}")
            part = arguments["Payload"].get("mode", arguments["Payload"].get("part", ""))
            answer = self.answers.get(f"{function} {part}".strip(), {})
            return {"Payload": answer(arguments["Payload"]) if callable(answer) else answer}
        return {}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """As far as our own conditions go: who holds the lock, whether there is an intent."""
        values = arguments["ExpressionAttributeValues"]
        change, condition = arguments["UpdateExpression"], arguments["ConditionExpression"]
        mine, free = self.item.get("holder") == values[":me"], "holder" not in self.item
        if not free and not mine and ":dead" not in values:
            raise TaskError(CHANGED, "the holder is another")
        if "attribute_not_exists(intent)" in condition and "intent" in self.item:
            raise TaskError(CHANGED, "there is an intent")
        if "(#hold)" in condition and "hold" in self.item:
            raise TaskError(CHANGED, "there is a hold")
        if change.startswith("SET holder"):
            self.item |= {"holder": values[":me"], "epoch": values.get(":epoch", {"N": "7"})}
            if "REMOVE back_at" in change:
                self.item.pop("back_at", None)
        elif change.startswith("SET epoch"):
            self.item["epoch"] = values[":next"]
        elif change.startswith("SET intent"):
            self.item["intent"] = values[":intent"]
        elif change.startswith("SET back_at"):
            self.item["back_at"] = values[":now"]
        else:
            gone = change.removeprefix("REMOVE ").split(", ")
            self.item = {key: value for key, value in self.item.items() if key not in gone}
        return {"Attributes": dict(self.item)}


UNFINISHED = {"holder": {"S": DEAD}, "epoch": {"N": "6"}}


def run(what: str, world: World | None = None, **more: Any) -> tuple[Run, World]:
    world = world or World(UNFINISHED | {"intent": {"S": INTENT}} if what == "recover" else None)
    machine = MACHINES["restore" if what in ("rollback", "release") else what]
    return Run(machine, world).start({**INPUTS[what], **more}), world


def converge(*answers: dict[str, Any], world: World | None = None) -> Run:
    queue = list(answers)
    world = world or World()
    last = queue[-1]
    world.answers["Assess converge"] = lambda _: {"memory": {}, **(queue.pop(0) if queue else last)}
    value = {"cluster": "orders", "lock": {"holder": "me", "epoch": 7}}
    return Run(MACHINES["converge"], world).start(value)


HEALTHY = {"verdict": "healthy", "prepared": None, "unprepared": None, "course": None, "turned": None}

# What converge is told, and the state that does it.
ACTS: list[tuple[dict[str, Any], str]] = [
    ({"verdict": "wait"}, "Wait"),
    ({"verdict": "act", "action": "start", "input": {"node": "server1"}}, "StartStandby: start the instance"),
    ({"verdict": "act", "action": "stop", "input": {"node": "server1"}}, "StopStandby: stop the instance"),
    ({"verdict": "act", "action": "swap", "input": {"node": "server1"}}, "Rollback: put the volumes back"),
    ({"verdict": "turn", "intent_json": "{}"}, "Rollback: write the intent"),
    *(
        ({"verdict": "act", "action": "step", "input": {"step": step(document)}}, state)
        for document, state in {
            "fence": "Fence",
            "start-group": "Resume: start the groups",
            "stop-group": "StopBoth: stop the groups",
            "quiesce-restore": "StopBoth: stop the groups",
            "leave-backup-mode": "LeaveBackupMode",
            "start-cluster": "Resync: start the cluster service",
            "resume-monitors": "Resync: resume the monitors",
            "recover-mirror": "Resync: recover the mirror",
            "enter-restore-mode": "StopBoth: enter restore mode",
            "post-process-restore": "PostProcess",
            "enable-services": "Rollback: enable the services",
        }.items()
    ),
]
# What it is told to do on both nodes at once: the state, and the state of each branch.
ON_BOTH: list[tuple[dict[str, Any], str, str]] = [
    (
        {"verdict": "act", "action": "steps", "inputs": [{"step": step(document, f"server{at}")} for at in (1, 2)]},
        f"{state} on both",
        f"{state} on one",
    )
    for document, state in {
        "enter-restore-mode": "StopBoth: enter restore mode",
        "enable-services": "Rollback: enable the services",
    }.items()
]
