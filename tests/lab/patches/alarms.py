"""CloudWatch's alarms: the metric with exactly the alarm's dimensions, one datapoint a period, M of N periods.

What a missing datapoint counts for is in the CloudWatch User Guide, "Using Amazon CloudWatch alarms" and "Configuring
how alarms treat missing data". ministack takes all metrics of a name together, whatever their dimensions, and all
periods as one. As there, an alarm is evaluated when a metric arrives. Periods are lab time; what callers read is real
time, by their own clocks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ministack.services import cloudwatch

from .. import context
from .pins import replace

# An alarm looks at so many more periods than it needs, before it takes a datapoint for missing (the guide's table).
MORE = 2
COMPARE = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def judge(breaching: list[bool | None], periods: int, needed: int, missing: str, old: str) -> str:
    """The alarm's state. `breaching`: each period of the evaluation range, newest last; None: no datapoint."""
    real = [each for each in breaching if each is not None]
    if not real and missing == "missing":
        return "INSUFFICIENT_DATA"
    if not real and missing == "ignore":
        return old
    if len(real) >= periods:
        counted = real[-periods:]
    elif missing in ("breaching", "notBreaching"):
        counted = [missing == "breaching"] * (periods - len(real)) + real
    else:
        counted = real
    return "ALARM" if sum(counted) >= needed else "OK"


def evaluate(alarm: dict[str, Any]) -> None:
    namespace, name = alarm.get("Namespace"), alarm.get("MetricName")
    compare = COMPARE.get(alarm.get("ComparisonOperator", ""))
    if not namespace or not name or compare is None:
        return
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    period, periods = int(alarm.get("Period") or 60), int(alarm.get("EvaluationPeriods") or 1)
    now = context.lab.clock.monotonic()
    newest = int(now // period)
    slots = defaultdict(list)
    for point in cloudwatch._metrics.get((namespace, name, dimensions)) or []:
        slots[int(point.get("lab", now) // period)].append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"

    def at(slot: int) -> bool | None:
        value = (
            cloudwatch._stat_value(cloudwatch._calc_stats(slots[slot]), statistic, slots[slot]) if slots[slot] else None
        )
        return None if value is None else compare(value, float(alarm.get("Threshold") or 0))

    seen = [at(slot) for slot in range(newest - periods - MORE + 1, newest + 1)]
    old, needed = alarm["StateValue"], int(alarm.get("DatapointsToAlarm") or periods)
    new = judge(seen, periods, needed, alarm.get("TreatMissingData") or "missing", old)
    if new == old:
        return
    reason = f"Threshold Crossed: {sum(map(bool, seen))} of the datapoints of {name} breach {alarm.get('Threshold')}"
    alarm |= {"StateValue": new, "StateReason": reason, "StateUpdatedTimestamp": int(cloudwatch.time.time())}
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def install() -> None:
    replace(cloudwatch, "_evaluate_alarm", evaluate)
    record = replace(cloudwatch, "record_metric", lambda *args, **more: stamped(*args, **more))

    def stamped(namespace: str, name: str, value: float, unit: str = "None", dimensions: dict | None = None) -> None:
        record(namespace, name, value, unit, dimensions)
        bucket = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions or {})))
        bucket[-1]["lab"] = context.lab.clock.monotonic()
