"""What handlers are given: the database, the settings, and who is calling."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import StringConstraints
from pydantic.json_schema import SkipJsonSchema

from leads_pipeline.errors import InsufficientScope, RequestInvalid, Unauthorized
from leads_pipeline.mapping import LeadSchema, default_schema
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Limits
from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.organizations import ADMIN, Token

Absent = SkipJsonSchema[None]
"""An optional parameter is left out, not sent as null; OpenAPI shall say so."""


@dataclass(frozen=True)
class Services:
    """The parts of the web process that requests share."""

    settings: Settings
    database: Database
    scratch: Path
    reading: BoundedSemaphore = field(repr=False)

    @property
    def limits(self) -> Limits:
        return Limits(**self.settings.file_limits())

    @contextmanager
    def workplace(self) -> Generator[Path]:
        """A private directory that is gone afterwards, whatever happens."""
        with TemporaryDirectory(dir=self.scratch) as directory:
            yield Path(directory)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and for which organization."""

    organization: UUID
    token: Token


def services(request: Request) -> Services:
    return request.app.state.services


Shared = Annotated[Services, Depends(services)]
_bearer = HTTPBearer(auto_error=False, description="A token from `leads token create`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def needs(scope: str) -> Callable[..., Caller]:
    """A dependency: the caller, whose token must hold `scope`."""

    def caller(request: Request, shared: Shared, credentials: Bearer) -> Caller:
        token = holder(shared.database, credentials.credentials) if credentials else None
        if token is None:
            raise Unauthorized(
                "Send a valid token as `Authorization: Bearer leads_...`; `leads token create` makes one."
            )
        request.state.token_prefix = token.prefix
        if token.organization_id is None or scope not in token.scopes:
            held = ", ".join(token.scopes)
            raise InsufficientScope(
                f"This needs a token of an organization with the scope {scope}; yours holds {held}."
            )
        return Caller(token.organization_id, token)

    return caller


def holder(database: Database, token: str) -> Token | None:
    """Whose token this is, None for one that is not good."""
    with database.transaction(SYSTEM) as transaction:
        return organizations.token_holder(transaction, token)


def is_admin(database: Database, token: str) -> bool:
    """Whether the token opens the dashboard."""
    found = holder(database, token)
    return found is not None and ADMIN in found.scopes


UploadReader = Annotated[Caller, Depends(needs("uploads:read"))]
UploadWriter = Annotated[Caller, Depends(needs("uploads:write"))]
Corrector = Annotated[Caller, Depends(needs("corrections:write"))]
SchemaWriter = Annotated[Caller, Depends(needs("schema:write"))]
Analyst = Annotated[Caller, Depends(needs("training:read"))]


def current_schema(transaction: Transaction) -> tuple[int, LeadSchema]:
    """The organization's lead schema and its version, 0 for the default."""
    found = organizations.lead_schema(transaction)
    return (0, default_schema()) if found is None else (found[0], LeadSchema.from_json(found[1]))


def single_valued(schema: LeadSchema) -> frozenset[str]:
    return frozenset(lead_field.name for lead_field in schema.fields if lead_field.single_valued)


def require_fields(schema: LeadSchema, targets: Iterable[str | None]) -> None:
    """Raise `RequestInvalid` for a target that the schema has not."""
    for target in targets:
        if target is not None and target not in schema:
            raise RequestInvalid(
                f"The lead schema has no field {target}; GET /schema lists them.", code="field_unknown"
            )


def if_match(
    value: Annotated[
        Annotated[str, StringConstraints(pattern=r'^((W/)?"v[0-9]{1,9}"|\*)$')] | Absent, Header(alias="If-Match")
    ] = None,
) -> int | None:
    """The version that `If-Match` names, None for any."""
    if value is None or value == "*":
        return None
    return int(value.removeprefix("W/").strip('"').removeprefix("v"))


Searched = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
"""A text to look for. PostgreSQL knows no NUL, and no text of a person has one."""

IfMatch = Annotated[int | Absent, Depends(if_match)]
