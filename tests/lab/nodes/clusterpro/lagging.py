"""The tables as they were some seconds ago: a daemon that learns late of a change shows the old state just after it.

With the switch `clpstat_lags`, each question that has been asked of a node before is answered as of that many seconds
ago. The answers are taken down when something changes. What a boot ends is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ... import context

if TYPE_CHECKING:
    from .cluster import Cluster, Node

COMMANDS = frozenset({"clpstat", "clpmdstat"})
Question = tuple[str, ...]  # the node's name, the command and its arguments


@dataclass
class _Answer:
    since: float
    life: int  # of the node
    result: Any


class Lagging:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._answers: dict[Question, list[_Answer]] = {}
        self._renderers: dict[Question, tuple[Node, Callable[[], Any]]] = {}
        self._due = False
        cluster.watchers.append(lambda what, fields: self._changed())

    def answer(self, question: Question, node: Node, render: Callable[[], Any]) -> Any:
        """What `render` would have said `clpstat_lags` seconds ago, or says now if it was never asked in this boot."""
        lag = self._cluster.switches.clpstat_lags
        if not lag:
            return render()
        with context.lab.lock:
            self._renderers[question] = (node, render)
            self._take_down(question)
            past = [a for a in self._answers[question] if a.life == node.life]
            then = context.lab.clock.monotonic() - lag
            return next((a for a in reversed(past) if a.since <= then), past[0]).result

    def _changed(self) -> None:
        if self._renderers and not self._due:
            self._due = True
            # Later: the change may not be whole yet.
            context.lab.timers.after(0, self._take_all_down)

    def _take_all_down(self) -> None:
        with context.lab.lock:
            self._due = False
            for question in self._renderers:
                self._take_down(question)

    def _take_down(self, question: Question) -> None:
        node, render = self._renderers[question]
        answers = self._answers.setdefault(question, [])
        result = render()
        if not answers or (answers[-1].life, answers[-1].result) != (node.life, result):
            answers.append(_Answer(context.lab.clock.monotonic(), node.life, result))
            del answers[:-200]
