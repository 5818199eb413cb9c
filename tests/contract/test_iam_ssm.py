"""IAM on Run Command: the document and every instance, each with its own tags."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from fixtures.identity import ACCOUNT, REGION, allow, arn, filled, make_may, make_world, refused  # noqa: F401  (make_*: fixtures)

DOCUMENT = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Mirror-*"
SHELL = f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript"
BY_TAG = {"StringEquals": {"ssm:resourceTag/mirrorsnap:cluster": "orders"}}
RUN = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}

GOOD = [allow("ssm:SendCommand", SHELL), allow("ssm:SendCommand", arn("instance"), **BY_TAG)]

SSM_CASES = [
    ("document and own instance", GOOD, {"InstanceIds": ["{instance}"]}, True),
    ("foreign instance", GOOD, {"InstanceIds": ["{other_instance}"]}, False),
    ("both", GOOD, {"InstanceIds": ["{instance}", "{other_instance}"]}, False),
    ("instance alone", [allow("ssm:SendCommand", arn("instance"))], {"InstanceIds": ["{instance}"]}, False),
    ("document alone", [allow("ssm:SendCommand", SHELL)], {"InstanceIds": ["{instance}"]}, False),
    (
        "one statement, tag for both",
        [allow("ssm:SendCommand", [SHELL, arn("instance")], **BY_TAG)],
        {"InstanceIds": ["{instance}"]},
        False,
    ),
    (
        "only our documents",
        [allow("ssm:SendCommand", [DOCUMENT, arn("instance")])],
        {"InstanceIds": ["{instance}"]},
        False,
    ),
    ("by tag, own", GOOD, {"Targets": [{"Key": "tag:Name", "Values": ["server1"]}]}, True),
    ("by tag, foreign among them", GOOD, {"Targets": [{"Key": "tag:Name", "Values": ["server1", "server2"]}]}, False),
]


@pytest.mark.parametrize("statements, arguments, allowed", [c[1:] for c in SSM_CASES], ids=[c[0] for c in SSM_CASES])
def test_send_command(lab, world, may, statements, arguments, allowed):
    client = may("ssm", *statements)
    code = refused(client.send_command, **RUN, **filled(arguments, world))
    assert (code == "AccessDeniedException") is not allowed, code


def test_send_command_denial_names_the_resource(world, may):
    client = may("ssm", allow("ssm:SendCommand", SHELL))
    with pytest.raises(ClientError) as caught:
        client.send_command(**RUN, InstanceIds=[world["instance"]])
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert arn("instance", world["instance"]) in error["Error"]["Message"]


def test_reading_commands_needs_a_star(may, world):
    scoped = may("ssm", allow("ssm:GetCommandInvocation", arn("instance")))
    ask = {"CommandId": "11111111-1111-1111-1111-111111111111", "InstanceId": world["instance"]}
    assert refused(scoped.get_command_invocation, **ask) == "AccessDeniedException"
    assert (
        refused(may("ssm", allow("ssm:GetCommandInvocation")).get_command_invocation, **ask) != "AccessDeniedException"
    )
