"""Systems Manager: Command documents, Run Command and its agents. Parameter Store stays ministack's."""

from __future__ import annotations


def install() -> None:
    from . import documents

    documents.install()
