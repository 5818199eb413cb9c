"""The functions and the command line are compiled with one aws-sdk-ec2, which takes minutes and 8 GB."""

from __future__ import annotations

from compiled import HEAVY, compiled_with


def test_aws_sdk_ec2_is_compiled_once_for_the_functions_and_the_command_line() -> None:
    functions, command_line = compiled_with("mirrorsnap"), compiled_with("mirrorsnap-cli")
    assert any(name.startswith(HEAVY) for name in functions)
    differing = {name for name in {*functions, *command_line} if functions.get(name) != command_line.get(name)}
    assert not differing
