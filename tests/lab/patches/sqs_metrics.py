"""SQS's own metric of a queue's visible messages, each minute, and the alarms on it.

SQS reports a queue while it is active: for up to six hours after it last had messages (SQS Developer Guide, "Available
CloudWatch metrics for Amazon SQS"). ministack has none of its metrics. Minutes are lab time.
"""

from __future__ import annotations

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import cloudwatch, sqs

from .. import context

NAMESPACE, NAME = "AWS/SQS", "ApproximateNumberOfMessagesVisible"
MINUTE, ACTIVE = 60.0, 6 * 3600.0
ACCOUNT = "000000000000"
_had_messages: dict[str, float] = {}  # by the queue's URL: when


def look() -> None:
    """One point of each active queue."""
    set_request_account_id(ACCOUNT)
    set_request_region(context.REGION)
    now, reported = context.lab.clock.monotonic(), False
    for url, queue in list(sqs._queues.items()):
        sqs._refresh_counts(queue)
        visible = int(queue["attributes"]["ApproximateNumberOfMessages"])
        if visible:
            _had_messages[url] = now
        if now - _had_messages.get(url, -ACTIVE) < ACTIVE:
            reported = True
            cloudwatch.record_metric(NAMESPACE, NAME, visible, "Count", {"QueueName": url.rpartition("/")[2]})
    if reported:
        for alarm in cloudwatch._alarms.values():
            if alarm.get("Namespace") == NAMESPACE:
                cloudwatch._evaluate_alarm(alarm)


def _again() -> None:
    try:
        look()
    finally:
        context.lab.timers.after(MINUTE, _again)


def install() -> None:
    context.lab.timers.after(MINUTE, _again)
