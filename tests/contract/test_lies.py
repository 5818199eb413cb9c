"""A lab tells the lies that it was started with, and no others."""

from __future__ import annotations

import pytest
import yaml
from botocore.exceptions import ClientError

from lab.client import TESTS, Lab
from lab.lies import mutations

ALL = [row["id"] for row in yaml.safe_load((TESTS / "lies" / "lies.yaml").read_text(encoding="utf-8"))]


def _kind(lab: Lab) -> str:
    return lab.boto("ec2").create_volume(AvailabilityZone=f"{lab.region}a", Size=1)["VolumeType"]


def test_a_lie_is_told_where_it_is_named():
    with Lab(scale=10) as honest, Lab(scale=10, options=["--lie", "volume-default-gp3"]) as lying:
        assert (_kind(honest), _kind(lying)) == ("gp2", "gp3")


def test_several_at_once():
    with Lab(scale=10, options=[word for each in ALL for word in ("--lie", each)]) as lab:
        assert _kind(lab) == "gp3"
        with pytest.raises(ClientError) as refused:
            lab.boto("ssm").get_command_invocation(CommandId="0" * 36, InstanceId="i-" + "0" * 17)
        assert refused.value.response["Error"]["Code"] == "InvalidCommandId"


def test_one_that_is_not_known_is_refused():
    with pytest.raises(RuntimeError, match="no lie is called nonsense"):
        Lab(options=["--lie", "nonsense"])


def test_a_seed_draws_one_change():
    drawn = {mutations.drawn(seed) for seed in range(200)}
    assert len(drawn) > 40 and mutations.drawn(7) == mutations.drawn(7)
    code = mutations.Mutation("ec2:AttachVolume", "!", "changed")
    assert mutations.mutated("<Code>VolumeInUse</Code>", code, True) == "<Code>VolumeInUsex</Code>"
    member = mutations.Mutation("ssm:GetDocument", "Content", "left out")
    assert mutations.mutated('{"Content": "a", "Name": "b"}', member, False) == '{"Name": "b"}'
