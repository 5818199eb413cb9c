"""A queue that is not empty raises the alarm on its visible messages, and one that is emptied ends it."""

from __future__ import annotations

from lab.client import Lab


def test_an_alarm_follows_a_queue_s_messages(lab: Lab) -> None:
    sqs, cloudwatch = lab.boto("sqs"), lab.boto("cloudwatch")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("metered", "idle")]
    for name in ("metered", "idle"):
        cloudwatch.put_metric_alarm(
            AlarmName=f"{name}-not-empty", Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": name}], Statistic="Maximum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
        )  # fmt: skip

    def state(name: str) -> str:
        return cloudwatch.describe_alarms(AlarmNames=[f"{name}-not-empty"])["MetricAlarms"][0]["StateValue"]

    sqs.send_message(QueueUrl=urls[0], MessageBody="{}")
    lab.wait_for(lambda: state("metered") == "ALARM", 300, "the alarm")
    (message,) = sqs.receive_message(QueueUrl=urls[0])["Messages"]
    sqs.delete_message(QueueUrl=urls[0], ReceiptHandle=message["ReceiptHandle"])
    lab.wait_for(lambda: state("metered") == "OK", 600, "its end")
    assert state("idle") != "ALARM"
