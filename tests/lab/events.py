"""AWS's own events on the default event bus: one place where they are recorded, lost, doubled and delayed.

`emit()` only queues; a thread of its own hands the events to ministack's EventBridge, in order. So it may be called
with `lab.lock` held, and an emitter never waits for a target, as on AWS, where every one of these events is best
effort. An execution that a rule starts carries the event in its name, so that `event_of()` finds its cause.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import queue
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from . import context
from .control import op

_log = logging.getLogger("lab.events")
_queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
_undelivered = 0  # events that have not reached all their targets, late ones included
_counting = threading.Lock()
_emitted: dict[str, dict[str, Any]] = {}
_current: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("lab_event", default=None)


@contextlib.contextmanager
def under_way() -> Iterator[None]:
    """While this is entered, an event counts as not delivered yet."""
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _undelivered
    with _counting:
        _undelivered += change


@op("undelivered_events")
def undelivered_events() -> int:
    """How many events have not reached all their targets; 0: nothing that has happened will start anything any more."""
    return _undelivered


def execution_name() -> dict[str, str]:
    """The `name` of an execution that a rule starts: `<event id>_<uuid>`, as EventBridge names them. Empty outside."""
    event = _current.get()
    return {"name": f"{event['id']}_{uuid.uuid4()}"} if event else {}


def event_of(name: str) -> dict[str, Any] | None:
    """The event that started the execution called `name`: {id, source, detail_type, detail, resources}."""
    return _emitted.get(name.partition("_")[0])


def emit(source: str, detail_type: str, detail: dict[str, Any], resources: Sequence[str] = ()) -> None:
    """Put one event on the default bus, as `source` (aws.ec2, aws.ssm, aws.states, …) would.

    Faults `{event: <detail-type>, effect: lost | twice | {late: <lab seconds>}}` act here.
    """
    lab = context.lab
    event = {"source": source, "detail_type": detail_type, "detail": detail, "resources": list(resources)}
    event["id"] = str(uuid.uuid4())
    _emitted[event["id"]] = event
    effect = lab.faults.take("event", lambda spec: spec["event"] == detail_type, event=detail_type)
    late = float(effect["late"]) if isinstance(effect, dict) else None
    fate = "delivered" if effect is None else "late" if late is not None else effect
    _record(event, fate)
    if late is not None:

        def deliver_late() -> None:
            _record(event, "delivered")
            _queue.put(event)

        _count(1)
        lab.timers.after(late, deliver_late)
    elif effect != "lost":
        for _ in range(2 if effect == "twice" else 1):
            _count(1)
            _queue.put(event)


def _record(event: dict[str, Any], fate: str) -> None:
    context.lab.record.add(
        "event",
        source=event["source"],
        detail_type=event["detail_type"],
        detail=event["detail"],
        resources=event["resources"],
        fate=fate,
    )


def _deliver() -> None:
    from ministack.services import eventbridge

    while (event := _queue.get()) is not None:
        token = _current.set(event)
        try:
            entry = {
                "Source": event["source"],
                "DetailType": event["detail_type"],
                "Detail": json.dumps(event["detail"], default=str),
                "Resources": event["resources"],
            }
            status, _, body = eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
            if status != 200 or json.loads(body).get("FailedEntryCount"):
                raise RuntimeError(f"EventBridge refused the event: {body!r}")
        except Exception:
            _log.exception("an event could not be delivered: %s", event["detail_type"])
        finally:
            _current.reset(token)
            _count(-1)


def install():
    """Start the delivery; events carry the lab's time."""
    from ministack.services import eventbridge

    from .patches.pins import replace

    replace(eventbridge, "_now_ts", lambda: context.lab.clock.time())
    thread = threading.Thread(target=_deliver, name="lab-events", daemon=True)
    thread.start()

    def stop() -> None:
        _queue.put(None)
        thread.join(5)

    return stop
