"""An instance that a test launches with an instance profile has a guest with an SSM agent and its volumes' bytes."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lab.client import Lab, eventually

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CONTENT = {
    "schemaVersion": "2.2",
    "parameters": {"script": {"type": "String"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "script", "inputs": {"runCommand": ["{{ script }}"]}}],
}


def _profile(lab: Lab) -> str:
    iam = lab.boto("iam")
    iam.create_role(RoleName="agent", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName="agent")
    iam.add_role_to_instance_profile(InstanceProfileName="agent", RoleName="agent")
    return "agent"


def test_it_runs_commands_on_its_disks(lab: Lab):
    ec2, ssm = lab.boto("ec2"), lab.boto("ssm")
    image = ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
    launch = {"ImageId": image["Parameter"]["Value"], "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ClientError):
        ec2.run_instances(**launch, IamInstanceProfile={"Name": "nobody"})
    made = ec2.run_instances(**launch, IamInstanceProfile={"Name": _profile(lab)})["Instances"][0]
    zone, instance = made["Placement"]["AvailabilityZone"], made["InstanceId"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    eventually(lambda: _state(ec2, volume) == "available", "the volume")
    eventually(lambda: _online(ssm, instance), "the agent")
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    eventually(lambda: _attached(ec2, volume), "the attachment")
    ssm.create_document(Name="own", Content=json.dumps(CONTENT), DocumentType="Command")
    disk = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
    assert _run(ssm, instance, f"printf hello > f; dd if=f of={disk} bs=4096 count=1 conv=sync") == ""
    assert _run(ssm, instance, f"dd if={disk} bs=4096 count=1 | tr -d '\\000'") == "hello"
    assert _run(ssm, instance, "printf abc | dd bs=1 count=2 2>/dev/null") == "ab"


def _state(ec2, volume: str) -> str:
    return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"]


def _attached(ec2, volume: str) -> bool:
    return [a["State"] for a in ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"]] == ["attached"]


def _online(ssm, instance: str) -> bool:
    wanted = [{"Key": "InstanceIds", "Values": [instance]}]
    found = ssm.describe_instance_information(Filters=wanted)["InstanceInformationList"]
    return [each["PingStatus"] for each in found] == ["Online"]


def _run(ssm, instance: str, script: str) -> str:
    sent = ssm.send_command(DocumentName="own", InstanceIds=[instance], Parameters={"script": [script]})
    command = sent["Command"]["CommandId"]

    def done():
        try:
            found = ssm.get_command_invocation(CommandId=command, InstanceId=instance)
        except ssm.exceptions.InvocationDoesNotExist:
            return None
        return found if found["Status"] in ("Success", "Failed", "TimedOut") else None

    found = eventually(done, script)
    assert found["Status"] == "Success", found
    return found["StandardOutputContent"]
