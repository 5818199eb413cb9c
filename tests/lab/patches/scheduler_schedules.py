"""EventBridge Scheduler in lab time: at(), rate() and cron() with time zones, placeholders, retries, DLQ, duplicates.

Patches `ministack.services.scheduler`: `_tick_schedules` (ministack's ignores time zones and roles, substitutes nothing
and uses the machine's clock), `_now`, and create/update, which refuse what AWS refuses.
"""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
import zoneinfo
from typing import Any

import ministack.services.eventbridge as eventbridge
import ministack.services.scheduler as scheduler
from ministack.core.responses import set_request_account_id, set_request_region

from .. import context
from ..control import op
from .scheduler_delivery import Undelivered, client, count, deliver, group_arn, note, through_role

PRINCIPAL = "scheduler.amazonaws.com"
UTC = datetime.UTC
_log = logging.getLogger("lab.scheduler")
_due: dict[tuple, tuple[Any, float | None]] = {}  # schedule -> (what it was computed from, next occurrence)


def problem(body: dict[str, Any]) -> str | None:
    """What is wrong with a schedule's expression or time zone, None if nothing is."""
    expression = str(body.get("ScheduleExpression") or "")
    try:
        zone = zoneinfo.ZoneInfo(body.get("ScheduleExpressionTimezone") or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return f"Invalid Schedule Expression Timezone {body.get('ScheduleExpressionTimezone')}."
    if _at(expression, zone) is None and _rate(expression) is None and _cron(expression) is None:
        return f"Invalid Schedule Expression {expression}."
    return None


def _at(expression: str, zone: datetime.tzinfo) -> float | None:
    if not (expression.startswith("at(") and expression.endswith(")")):
        return None
    try:
        return datetime.datetime.strptime(expression[3:-1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).timestamp()
    except ValueError:
        return None


def _rate(expression: str) -> float | None:
    return eventbridge._parse_rate_seconds(expression) if expression.startswith("rate(") else None


def _cron(expression: str) -> Any:
    return eventbridge._parse_cron_fields(expression) if expression.startswith("cron(") else None


def next_occurrence(schedule: dict[str, Any], after: float | None) -> float | None:
    """The first occurrence later than `after` (epoch seconds), None for never; `after` None: it has not run yet.

    A rate without a StartDate begins at once ("Schedule types", rate-based schedules).
    """
    expression = schedule["ScheduleExpression"]
    zone = zoneinfo.ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    start = scheduler._to_epoch(schedule.get("StartDate"))
    end = scheduler._to_epoch(schedule.get("EndDate"))
    base = schedule.get("LastModificationDate") or schedule["CreationDate"]
    if (once := _at(expression, zone)) is not None:
        return once if after is None else None  # StartDate and EndDate are ignored for one-time schedules
    if (interval := _rate(expression)) is not None:
        found: float | None = (start or base) if after is None else after + interval
    else:
        floor = max(base, start or 0) if after is None else after
        local = datetime.datetime.fromtimestamp(floor, tz=zone)
        # ministack walks wall-clock fields; a time that a DST change skips comes out an hour later, as on AWS
        fire = eventbridge._cron_next_fire(_cron(expression), local.replace(tzinfo=UTC))
        found = fire.replace(tzinfo=zone).timestamp() if fire else None
    return None if found is None or (end is not None and found > end) else found


def tick() -> None:
    """Deliver every occurrence that is due now."""
    now = context.lab.clock.time()
    for key, schedule in list(scheduler._schedules._data.items()):
        basis = tuple(
            str(schedule.get(k))
            for k in ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "LastModificationDate")
        )
        known = _due.get(key)
        if known is None or known[0] != basis:
            known = _due[key] = (basis, next_occurrence(schedule, None))
        due = known[1]
        if due is None or due > now:
            continue
        _due[key] = (basis, next_occurrence(schedule, due))
        if schedule.get("State") != "ENABLED":
            continue  # an occurrence that falls into a disabled time is gone
        start_delivery(key, schedule, due)
        if schedule.get("ActionAfterCompletion") == "DELETE" and _due[key][1] is None:
            scheduler._schedules._data.pop(key, None)
    for key in set(_due) - set(scheduler._schedules._data):
        del _due[key]


def start_delivery(key: tuple, schedule: dict[str, Any], due: float) -> threading.Thread:
    thread = threading.Thread(target=run, args=(key, dict(schedule), due), name="lab-schedule", daemon=True)
    thread.start()
    return thread


def run(key: tuple, schedule: dict[str, Any], due: float) -> None:
    """One delivery of one occurrence: attempts until it is taken, its retry policy is used up, or it cannot work."""
    lab, target = context.lab, schedule["Target"]
    set_request_account_id(key[0])
    set_request_region(key[1])
    policy = target.get("RetryPolicy") or {}
    attempts = 1 + int(policy.get("MaximumRetryAttempts", 185))
    oldest = lab.clock.time() + float(policy.get("MaximumEventAgeInSeconds", 86_400))
    dimensions = {"ScheduleGroup": schedule["GroupName"]}
    for attempt in range(1, attempts + 1):
        execution = str(uuid.uuid4())
        payload = substitute(target.get("Input") or "{}", schedule["Arn"], due, execution, attempt)
        common = {"occurrence": stamp(due), "attempt": attempt}
        count("AWS/Scheduler", "InvocationAttemptCount", dimensions)
        try:
            credentials = through_role(
                target.get("RoleArn") or "", PRINCIPAL, group_arn(schedule["GroupName"]), execution
            )
            deliver(target["Arn"], payload, credentials, target.get("SqsParameters"))
            note("schedule", schedule["Name"], target["Arn"], "delivered", **common)
            return
        except Undelivered as error:
            failure = error
        count("AWS/Scheduler", "TargetErrorCount", dimensions)
        note("schedule", schedule["Name"], target["Arn"], "failed", error=failure.code, text=failure.message, **common)
        pause = min(60.0, 2.0 ** (attempt - 1))
        if not failure.again or attempt == attempts or lab.clock.time() + pause > oldest:
            break
        lab.clock.sleep(pause)
    drop(schedule, payload, failure, dimensions)


def drop(schedule: dict[str, Any], payload: str, failure: Undelivered, dimensions: dict[str, str]) -> None:
    """An occurrence that nobody took goes to the DLQ, which needs sqs:SendMessage of the same role, or is lost."""
    target = schedule["Target"]
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    dead: dict[str, Any] = {"dead_letter": None}
    if queue:
        texts = {
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "EXECUTION_TIME": stamp(context.lab.clock.time()),
            "IS_PAYLOAD_TRUNCATED": "false",
            "SCHEDULE_ARN": schedule["Arn"],
            "TARGET_ARN": target["Arn"],
        }
        attributes = {k: {"DataType": "String", "StringValue": v or "-"} for k, v in texts.items()}
        parts = queue.split(":")
        url = f"{context.lab.endpoint}/{parts[4]}/{parts[5]}"
        try:
            credentials = through_role(
                target.get("RoleArn") or "", PRINCIPAL, group_arn(schedule["GroupName"]), "dead-letter"
            )
            sqs = client("sqs", credentials)
            sqs.send_message(QueueUrl=url, MessageBody=payload, MessageAttributes=attributes)
            dead = {"dead_letter": queue}
            count("AWS/Scheduler", "InvocationsSentToDeadLetterCount", dimensions)
        except Exception as error:  # whatever it was, it is in the log and in the metric, as on AWS
            dead["dead_letter_error"] = str(error)
            count("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", dimensions)
    count("AWS/Scheduler", "InvocationDroppedCount", dimensions)
    note("schedule", schedule["Name"], target["Arn"], "dropped", error=failure.code, **dead)


def stamp(epoch: float) -> str:
    return datetime.datetime.fromtimestamp(int(epoch), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def substitute(text: str, arn: str, due: float, execution: str, attempt: int) -> str:
    """The four context attributes of Scheduler ("Using context attributes")."""
    for name, value in (
        ("schedule-arn", arn),
        ("scheduled-time", stamp(due)),
        ("execution-id", execution),
        ("attempt-number", str(attempt)),
    ):
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


@op("fire_schedule")
def fire_schedule(name: str, group: str = "default", twice: bool = False, scheduled_time: str | None = None) -> None:
    """Deliver an occurrence right now, whatever the expression says; `twice` delivers the same one a second time.

    `scheduled_time` ("2026-01-02T03:04:05Z") defaults to now. Returns when the deliveries have ended.
    """
    found = [(k, s) for k, s in scheduler._schedules._data.items() if (s["Name"], s["GroupName"]) == (name, group)]
    if not found:
        known = ", ".join(f"{s['GroupName']}/{s['Name']}" for s in scheduler._schedules._data.values()) or "none"
        raise ValueError(f"no schedule {name!r} in group {group!r}; known: {known}")
    due = context.lab.clock.time()
    if scheduled_time:
        due = datetime.datetime.fromisoformat(scheduled_time.replace("Z", "+00:00")).timestamp()
    for _ in range(2 if twice else 1):
        start_delivery(*found[0], due).join()


def _refusing(stock: Any) -> Any:
    def call(name: str, body: dict[str, Any]) -> Any:
        if body.get("ScheduleExpression") and (text := problem(body)):
            return scheduler._error(400, "ValidationException", text)
        return stock(name, body)

    return call


def _loop(stopped: threading.Event) -> None:
    while not context.lab.clock.wait(stopped, max(1.0, 0.05 * context.lab.clock.scale)):
        try:
            tick()
        except Exception:
            _log.exception("a schedule could not be worked out")


def install() -> Any:
    scheduler._now = context.lab.clock.time
    scheduler._create_schedule = _refusing(scheduler._create_schedule)
    scheduler._update_schedule = _refusing(scheduler._update_schedule)
    scheduler._tick_schedules = tick
    scheduler.start_scheduler = lambda: None  # ministack's own ticker; ours is this thread
    stopped = threading.Event()
    threading.Thread(target=_loop, args=(stopped,), name="lab-scheduler", daemon=True).start()
    return stopped.set
