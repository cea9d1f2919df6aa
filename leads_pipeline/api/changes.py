"""What a GraphQL document would change in Dagster, for those who must refuse it or note it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.types import Scope

NOTHING_DONE = frozenset({"logTelemetry", "setNuxSeen"})
"""Mutations that the UI sends by itself, and that change nothing anybody cares for."""

_NAME = re.compile(r"[A-Za-z_]{1,60}")
_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is asked of Dagster: the mutation's name, and the job and the run that it names, if any."""

    name: str
    job: str | None = None
    run: str | None = None


Note = Callable[[Scope, Change], None]


def nobody_is_told(_scope: Scope, _change: Change) -> None:
    """For where no trail is kept."""


def changes_something(query: object) -> bool:
    """Whether a document holds a mutation, whatever else stands in it. What is no document is for Dagster to refuse."""
    return any(_mutations(query))


def changes(query: object, variables: Mapping[str, Any] | None) -> list[Change]:
    """What a document asks for, a change for each field of its mutations."""
    names = [
        field.name.value
        for mutation in _mutations(query)
        for field in mutation.selection_set.selections
        if isinstance(field, FieldNode)
    ]
    job, run = _named(variables, "pipelineName", "jobName"), _named(variables, "runId", "parentRunId")
    return [
        Change(name if _NAME.fullmatch(name) else "other", job, run)
        for name in dict.fromkeys(names)
        if name not in NOTHING_DONE
    ]


def _mutations(query: object) -> Iterator[OperationDefinitionNode]:
    document = _document(query)
    for node in document.definitions if document is not None else ():
        if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION:
            yield node


def _document(query: object) -> DocumentNode | None:
    if not isinstance(query, str):
        return None
    try:
        return parse(query)
    except GraphQLError:
        return None


def _named(variables: object, *names: str) -> str | None:
    """What the first of these names holds, wherever in the variables it stands."""
    if isinstance(variables, Mapping):
        for name in names:
            value = variables.get(name)
            if isinstance(value, str) and _VALUE.fullmatch(value):
                return value
        inner: Sequence[object] = list(variables.values())
    elif isinstance(variables, list):
        inner = variables
    else:
        return None
    return next((found for each in inner if (found := _named(each, *names)) is not None), None)
