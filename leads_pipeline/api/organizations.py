"""Routes on organizations, for administrators: make them, set what they may, hand out and take back their tokens.

An organization sees itself here, and nothing of another.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Response

from leads_pipeline.api.guard import ADMIN
from leads_pipeline.api.models import (
    OrganizationChanged,
    OrganizationList,
    OrganizationMade,
    OrganizationShown,
    RotationAsked,
    TokenAsked,
    TokenList,
    TokenMade,
    TokenShown,
)
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Administrator, Anybody, Shared
from leads_pipeline.errors import NotFound
from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Transaction

router = APIRouter(prefix="/organizations", tags=["organizations"])


@router.get("", responses=problems())
def list_organizations(caller: Administrator, shared: Shared) -> OrganizationList:
    """All organizations, by name."""
    del caller
    with shared.database.transaction(SYSTEM) as transaction:
        found = organizations.organizations(transaction)
    return OrganizationList(organizations=[OrganizationShown.of(organization) for organization in found])


@router.post("", status_code=201, responses=problems(409))
def create(made: OrganizationMade, caller: Administrator, shared: Shared, response: Response) -> OrganizationShown:
    """Make an organization. It has no token yet."""
    with shared.database.transaction(SYSTEM, by=caller) as transaction:
        organization_id = organizations.create_organization(transaction, made.name)
        changed = organizations.change_organization(transaction, organization_id, made.changes())
    response.headers["Location"] = f"/api/v1/organizations/{organization_id}"
    return OrganizationShown.of(changed)


@router.get("/{organization_id}", responses=problems(404))
def show(organization_id: UUID, caller: Anybody, shared: Shared) -> OrganizationShown:
    """An organization's settings; null is the deployment's. An organization may look at its own."""
    if caller.role != ADMIN and caller.organization != organization_id:
        raise NotFound(f"There is no organization {organization_id}.")
    with shared.database.transaction(organization_id) as transaction:
        return OrganizationShown.of(organizations.organization(transaction, organization_id))


@router.patch("/{organization_id}", responses=problems(404, 409))
def change(
    organization_id: UUID, made: OrganizationChanged, caller: Administrator, shared: Shared
) -> OrganizationShown:
    """Change what is named, and nothing else; null goes back to the deployment's setting."""
    with shared.database.transaction(SYSTEM, by=caller) as transaction:
        changed = organizations.change_organization(transaction, organization_id, made.changes())
    return OrganizationShown.of(changed)


@router.get("/{organization_id}/tokens", responses=problems(404))
def list_tokens(organization_id: UUID, caller: Administrator, shared: Shared) -> TokenList:
    """An organization's tokens, without their secrets."""
    del caller
    with shared.database.transaction(organization_id) as transaction:
        organizations.organization(transaction, organization_id)
        found = organizations.tokens(transaction)
    return TokenList(tokens=[TokenShown.of(token) for token in found])


@router.post("/{organization_id}/tokens", status_code=201, responses=problems(404))
def create_token(organization_id: UUID, asked: TokenAsked, caller: Administrator, shared: Shared) -> TokenMade:
    """Make a token. Nobody sees it again."""
    expires = None if asked.days is None else datetime.now(UTC) + timedelta(days=asked.days)
    with shared.database.transaction(organization_id, by=caller) as transaction:
        organizations.organization(transaction, organization_id)
        made = organizations.create_token(
            transaction, organization_id, scopes=asked.scopes, label=asked.label, expires_at=expires
        )
        return _made(transaction, made)


@router.post("/{organization_id}/tokens/{prefix}/rotate", status_code=201, responses=problems(404, 409))
def rotate_token(
    organization_id: UUID, prefix: str, asked: RotationAsked, caller: Administrator, shared: Shared
) -> TokenMade:
    """Make a token in place of this one, which stays good for the overlap, so that nobody has to change it at one moment."""
    with shared.database.transaction(organization_id, by=caller) as transaction:
        made = _made(
            transaction, organizations.rotate_token(transaction, prefix, overlap=timedelta(hours=asked.overlap_hours))
        )
    shared.holders.forget()
    return made


@router.delete("/{organization_id}/tokens/{prefix}", status_code=204, responses=problems(404))
def revoke_token(organization_id: UUID, prefix: str, caller: Administrator, shared: Shared) -> None:
    """Make a token worthless. Other web processes may take it for a second more."""
    with shared.database.transaction(organization_id, by=caller) as transaction:
        organizations.revoke_token(transaction, prefix)
    shared.holders.forget()


def _made(transaction: Transaction, secret: str) -> TokenMade:
    token = organizations.token_holder(transaction, secret)
    assert token is not None
    return TokenMade(token=secret, **TokenShown.of(token).model_dump())
