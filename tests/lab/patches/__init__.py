"""Patches of ministack and moto, each in a module of its own with its reason.

`install()` installs those of the Step Functions engine; the others are parts of their own in server.PARTS.
"""

from __future__ import annotations

import importlib

# In the order in which they are installed: later ones wrap what earlier ones have replaced.
ENGINE = (
    "sfn_time",
    "sfn_interrupts",
    "sfn_runs",
    "sfn_history",
    "sfn_jsonata",
    "sfn_jsonpath",
    "sfn_casing",
    "sfn_definitions",
    "sfn_executions",
    "sfn_callbacks",
    "sfn_errors",
    "sfn_assign",
    "sfn_nested",
    "sfn_distributed",
    "sfn_clients",
)


def install() -> None:
    from . import pins

    pins.check_versions()
    for name in ENGINE:
        importlib.import_module(f".{name}", __name__).install()
    pins.replace_everywhere("moto.stepfunctions", "TMP_THREADS", _Forgetful(), _threads())


class _Forgetful(list):
    """moto keeps a reference to every thread that it starts, without an end."""

    def append(self, _: object) -> None:
        pass


def _threads() -> list:
    from moto.stepfunctions.parser import utils

    return utils.TMP_THREADS
