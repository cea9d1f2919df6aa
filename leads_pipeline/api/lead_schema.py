"""The lead schema that requests are held to: remembered, since a version of it never changes."""

import time
from collections.abc import Iterable
from uuid import UUID

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.mapping import LeadSchema, Wish, default_schema, may
from leads_pipeline.store import organizations
from leads_pipeline.store.database import Transaction

MOST_SCHEMAS = 100
RECENT_SECONDS = 1.0
_schemas: dict[tuple[UUID, int], LeadSchema] = {}
_recent: dict[UUID, tuple[float, LeadSchema]] = {}


def current_schema(transaction: Transaction) -> tuple[int, LeadSchema]:
    """The organization's lead schema and its version, 0 for the default. A version never changes, so it is read once."""
    version = organizations.newest_lead_schema(transaction)
    schema = default_schema() if version == 0 else _schema(transaction, version)
    if len(_recent) >= MOST_SCHEMAS:
        _recent.clear()
    _recent[transaction.organization] = time.monotonic() + RECENT_SECONDS, schema
    return version, schema


def recent_schema(transaction: Transaction) -> LeadSchema:
    """The organization's lead schema as it was a moment ago: who answers many columns need not ask each time."""
    until, schema = _recent.get(transaction.organization, (0.0, None))
    return schema if schema is not None and time.monotonic() < until else current_schema(transaction)[1]


def forget_schema(organization: UUID) -> None:
    """Ask for the organization's lead schema anew: it has changed."""
    _recent.pop(organization, None)


def require_fields(schema: LeadSchema, targets: Iterable[str | None]) -> None:
    """Raise `RequestInvalid` for a target that the schema has not."""
    for target in targets:
        if target is not None and target not in schema:
            raise RequestInvalid(
                f"The lead schema has no field {target}; GET /schema lists them.", code="field_unknown"
            )


def require_transforms(schema: LeadSchema, wishes: Iterable[tuple[str | None, Wish | None]]) -> None:
    """Raise `RequestInvalid` for a transform that its target does not allow."""
    for target, wish in wishes:
        if wish is not None and not may(wish, target, schema):
            raise RequestInvalid(
                f"{target or 'A column without a target'} cannot have the transform {wish}: names and addresses are split "
                "(FullName, Street), long texts merged, fields with a pick-list or yes and no normalised.",
                code="transform_unfit",
            )


def _schema(transaction: Transaction, version: int) -> LeadSchema:
    key = transaction.organization, version
    known = _schemas.get(key)
    if known is None:
        found = organizations.lead_schema(transaction, version)
        assert found is not None, "a version that was the newest is there"
        if len(_schemas) >= MOST_SCHEMAS:
            _schemas.clear()
        known = _schemas[key] = LeadSchema.from_json(found[1])
    return known
