"""An operator's mail: a queue that is subscribed to the stack's alarm topic, and the answer to a question in it."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.client import Lab

QUEUE = "an-operator"
TOKEN = re.compile(r"task token ([A-Za-z0-9+/=_-]+)")


class Mailbox:
    """Subscribed when it is made: nobody gets mail from before."""

    def __init__(self, lab: Lab, topic: str) -> None:
        self.sqs, self.sfn, sns = lab.boto("sqs"), lab.boto("stepfunctions"), lab.boto("sns")
        self.url = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        (full,) = [t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith(f":{topic}")]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        allow |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": full}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=full, Protocol="sqs", Endpoint=arn)
        self.token: str | None = None

    def asked(self) -> bool:
        """Read on; whether there is a question that has not been answered."""
        if self.token is None:
            for mail in self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=mail["ReceiptHandle"])
                self.token = token_of(mail["Body"]) or self.token
        return self.token is not None

    def answer(self, word: str) -> None:
        """Answer the question that was asked."""
        token, self.token = self.token, None
        self.sfn.send_task_success(taskToken=token, output=json.dumps({"answer": word}))


def token_of(body: str) -> str | None:
    """The task token in a message of the topic, if it is a question."""
    message: Any = json.loads(body).get("Message", "")
    found = TOKEN.search(message)
    return found.group(1) if found else None
