"""Assign: a state's own new values are seen by the states after it, not by its own Output.

"Step Functions evaluates Assign and Output in parallel" (developer guide, variables); moto assigns first. Here what a
state assigns waits until the state is left, and is dropped if the attempt fails.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.variable_store import IllegalOuterScopeWrite, VariableStore
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from .pins import replace


def _set(self: VariableStore, variable_identifier: str, variable_value: Any) -> None:
    if variable_identifier in self._outer_scope:
        raise IllegalOuterScopeWrite(variable_identifier=variable_identifier, variable_value=variable_value)
    self.lab_pending[variable_identifier] = variable_value


def _assigned(self: VariableStore) -> dict[str, str]:
    """What the state assigned, as its Exited event shows it: each value as JSON."""
    return {name: to_json_str(value, separators=(",", ":")) for name, value in self.lab_pending.items()}


def _forget(self: VariableStore) -> None:
    self.lab_pending.clear()


def install() -> None:
    original_init = replace(VariableStore, "__init__", lambda self: init(self))

    def init(self: VariableStore) -> None:
        original_init(self)
        self.lab_pending: dict[str, Any] = {}

    replace(VariableStore, "set", _set)
    replace(VariableStore, "get_assigned_variables", _assigned)
    VariableStore.lab_forget = _forget
    original_body = replace(CommonStateField, "_eval_body", lambda self, env: state_body(self, env))

    def state_body(self: CommonStateField, env: Environment) -> None:
        env.variable_store.lab_forget()
        original_body(self, env)
        env.variable_store._inner_scope.update(env.variable_store.lab_pending)
        env.variable_store.lab_forget()
