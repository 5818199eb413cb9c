"""A stack with a KMS key of the operator's, and one without.

The lab's CloudFormation hands a table's and a topic's key on to nobody;
tests/procedure/test_encryption_key.py has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from scenario import deployment

WITH_KEY = f"{deployment.STACK}-keyed"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(scale=10) as made:
        deployment.prepare(made, lambda _: None)
        yield made


def keys(lab: Lab, stack: str) -> dict[str, Any]:
    """What encrypts the stack's queues and logs, as the services say it."""
    found: dict[str, Any] = {}
    resources = lab.boto("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    for each in resources:
        name = each["PhysicalResourceId"]
        match each["ResourceType"]:
            case "AWS::SQS::Queue":
                queue = lab.boto("sqs").get_queue_attributes(QueueUrl=name, AttributeNames=["All"])["Attributes"]
                found[f"queue {name}"] = queue.get("KmsMasterKeyId")
            case "AWS::Logs::LogGroup":
                groups = lab.boto("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
                found[f"log {name}"] = groups[0].get("kmsKeyId")
            case "AWS::IAM::Policy":
                found["policy"] = True
    return found


def test_a_stack_with_a_key_encrypts_by_it_and_one_without_is_as_before(lab: Lab) -> None:
    template = deployment.packed(lab)
    key = lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    assert deployment.put(lab, template) == "CREATE_COMPLETE"
    assert deployment.put(lab, template, WITH_KEY, EncryptionKey=key) == "CREATE_COMPLETE"
    without, encrypted = keys(lab, deployment.STACK), keys(lab, WITH_KEY)
    assert encrypted.pop("policy") and "policy" not in without
    assert len(encrypted) == len(without) > 15
    assert {name: by for name, by in encrypted.items() if by != key} == {}
    assert {name: by for name, by in without.items() if by == key} == {}
