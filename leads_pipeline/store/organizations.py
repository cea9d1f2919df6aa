"""Organizations, their settings, their versions of the lead schema, and their tokens."""

import hashlib
import secrets
import string
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound, RequestInvalid, StaleState
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit
from leads_pipeline.store.database import Planned, Transaction, as_json
from leads_pipeline.store.ids import new_id

ADMIN = "admin"
SCOPES = (
    "uploads:read",
    "uploads:write",
    "corrections:write",
    "schema:write",
    "training:read",
    "audit:read",
    "erasures:write",
)
"""What an organization's token may be narrowed to; it holds all of them unless it is."""


OVERRIDES = (
    "auto_apply_threshold",
    "min_confidence_threshold",
    "training_data_retention_days",
    "llm_monthly_budget_usd",
    "max_daily_uploads",
    "max_storage_bytes",
)
"""What an organization may set for itself: the names of our settings, each None for the deployment's."""


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization and what is set for it: `settings` by the names in `OVERRIDES`."""

    id: UUID
    name: str
    created_at: datetime
    share_training: bool
    share_memory: bool
    salesforce_organization: str | None
    settings: Mapping[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Token:
    """A stored token, without its secret. `organization_id` is None for an administrator's.

    `replaced_by` is the prefix of the token that it was rotated to.
    """

    id: UUID
    organization_id: UUID | None
    organization: str | None
    prefix: str
    scopes: tuple[str, ...]
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None


# --- Organizations -------------------------------------------------------------------------------------------------


def ensure_organization(
    transaction: Transaction, name: str, *, share_training: bool = False, share_memory: bool = False
) -> UUID:
    """The organization of that name, made if it is new. Sharing is switched on, never off."""
    fresh = new_id()
    found: UUID = transaction.value(
        """INSERT INTO organizations (id, name, share_training, share_memory) VALUES (:id, :name, :training, :memory)
           ON CONFLICT (name) DO UPDATE SET share_training = organizations.share_training OR excluded.share_training,
               share_memory = organizations.share_memory OR excluded.share_memory
           RETURNING id""",
        id=fresh,
        name=name,
        training=share_training,
        memory=share_memory,
    )
    if found == fresh or share_training or share_memory:
        action = "organization.created" if found == fresh else "organization.changed"
        shared = [what for what, on in (("training", share_training), ("memory", share_memory)) if on]
        audit.record(transaction, action, ("organization", found), organization=found, details={"shares": shared})
    return found


def organization_named(transaction: Transaction, name: str) -> UUID | None:
    return transaction.value("SELECT id FROM organizations WHERE name = :name", name=name)


def organization_of_folder(transaction: Transaction, folder: str) -> UUID | None:
    """The organization that a folder of the inbox is for: of this very name; else the only one whose name differs from it in
    nothing but case.
    """
    named = transaction.all(
        "SELECT id, name FROM organizations WHERE lower(name) = lower(:folder) ORDER BY name <> :folder LIMIT 2",
        folder=folder,
    )
    if not named or (len(named) > 1 and named[0]["name"] != folder):
        return None
    return named[0]["id"]


def organization(transaction: Transaction, organization_id: UUID) -> Organization:
    """Raises `NotFound` for an id that no organization has, or one that this transaction may not see."""
    row = transaction.first("SELECT * FROM organizations WHERE id = :id", id=organization_id)
    if row is None:
        raise NotFound(f"There is no organization {organization_id}.")
    return _organization(row)


def organizations(transaction: Transaction) -> list[Organization]:
    """All that this transaction may see, by name."""
    return [_organization(row) for row in transaction.all("SELECT * FROM organizations ORDER BY name")]


def create_organization(transaction: Transaction, name: str) -> UUID:
    """Raises `StaleState` when the name is taken."""
    made = transaction.value(
        "INSERT INTO organizations (id, name) VALUES (:id, :name) ON CONFLICT (name) DO NOTHING RETURNING id",
        id=new_id(),
        name=name,
    )
    if made is None:
        raise StaleState(f"There is an organization {name} already.", code="organization_exists")
    audit.record(transaction, "organization.created", ("organization", made), organization=made)
    return made


def change_organization(transaction: Transaction, organization_id: UUID, changes: Mapping[str, Any]) -> Organization:
    """Set what `changes` names: `name`, `share_training`, `share_memory`, `salesforce_organization`, or one of
    `OVERRIDES`.

    Raises `NotFound`, or `StaleState` for a name or a Salesforce organization that another one has.
    """
    unknown = set(changes) - {"name", "share_training", "share_memory", "salesforce_organization", *OVERRIDES}
    assert not unknown, unknown
    for column in ("name", "salesforce_organization"):
        if changes.get(column) is not None and transaction.value(
            f"SELECT 1 FROM organizations WHERE {column} = :value AND id <> :id",
            value=changes[column],
            id=organization_id,
        ):
            raise StaleState(f"Another organization has the {column} {changes[column]}.", code="organization_exists")
    if changes:
        assignments = ", ".join(f"{column} = :{column}" for column in sorted(changes))
        if transaction.run(f"UPDATE organizations SET {assignments} WHERE id = :id", id=organization_id, **changes):
            # A name is told to have changed, and not what it is now.
            told = {name: value for name, value in changes.items() if not isinstance(value, str)}
            audit.record(
                transaction,
                "organization.changed",
                ("organization", organization_id),
                organization=organization_id,
                details={"settings": sorted(changes), **told},
            )
    return organization(transaction, organization_id)


def settings_for(transaction: Transaction, settings: Settings) -> Settings:
    """The deployment's settings, with what the transaction's organization has set for itself in their place."""
    own = organization(transaction, transaction.organization).settings
    known = {name: value for name, value in own.items() if value is not None and name in Settings.model_fields}
    return settings.model_copy(update=known) if known else settings


def organization_of_salesforce(transaction: Transaction, salesforce_organization: str) -> UUID | None:
    """Whose people come from this Salesforce organization, by its id of 15 characters."""
    return transaction.value(
        "SELECT id FROM organizations WHERE salesforce_organization = :id", id=salesforce_organization
    )


def _organization(row: Mapping[str, Any]) -> Organization:
    return Organization(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        share_training=row["share_training"],
        share_memory=row["share_memory"],
        salesforce_organization=row["salesforce_organization"],
        settings={name: _number(row[name]) for name in OVERRIDES},
    )


def _number(value: Decimal | int | None) -> float | int | None:
    return float(value) if isinstance(value, Decimal) else value


# --- Lead schemas --------------------------------------------------------------------------------------------------


def lead_schema(transaction: Transaction, version: int | None = None) -> tuple[int, Mapping[str, Any]] | None:
    """The organization's newest lead schema, or a certain version; None when it uses the default."""
    row = transaction.first(
        """SELECT version, body FROM lead_schemas
           WHERE organization_id = :organization AND (CAST(:version AS integer) IS NULL OR version = :version)
           ORDER BY version DESC LIMIT 1""",
        organization=transaction.organization,
        version=version,
    )
    return None if row is None else (row["version"], row["body"])


def newest_lead_schema(transaction: Transaction) -> int:
    """The version of the organization's lead schema; 0 when it uses the default."""
    return transaction.value(
        NEWEST_LEAD_SCHEMA,
        organization=transaction.organization,
    )


NEWEST_LEAD_SCHEMA = Planned("SELECT coalesce(max(version), 0) FROM lead_schemas WHERE organization_id = :organization")


def save_lead_schema(transaction: Transaction, body: Mapping[str, Any], *, after: int) -> int:
    """Store a new version, which must follow version `after` (0: the default), and return its number.

    Somebody who stored one in between is not overwritten: the primary key refuses the second.
    """
    transaction.run(
        "INSERT INTO lead_schemas (organization_id, version, body) VALUES (:organization, :version, CAST(:body AS jsonb))",
        organization=transaction.organization,
        version=after + 1,
        body=as_json(body),
    )
    audit.record(transaction, "schema.changed", ("schema", after + 1))
    return after + 1


# --- Tokens --------------------------------------------------------------------------------------------------------
# leads_<8 characters to look it up by>_<32 secret characters><6 characters of checksum>. The checksum lets a scanner, or
# us, tell a mistyped token from an unknown one without asking the database.

_ALPHABET = string.ascii_letters + string.digits


def create_token(
    transaction: Transaction,
    organization: UUID | None,
    *,
    scopes: Sequence[str] = SCOPES,
    label: str = "",
    expires_at: datetime | None = None,
) -> str:
    """Make a token and return it: the only time that anybody sees it whole."""
    if unknown := sorted(set(scopes) - {*SCOPES, ADMIN}):
        raise RequestInvalid(
            f"Unknown scopes: {', '.join(unknown)}. There are {', '.join(SCOPES)}.", code="scope_unknown"
        )
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    body = f"leads_{prefix}_{secret}"
    token = body + _checksum(body)
    transaction.run(
        """INSERT INTO api_tokens (id, organization_id, prefix, hash, scopes, label, expires_at)
           VALUES (:id, :organization, :prefix, :hash, :scopes, :label, :expires_at)""",
        id=new_id(),
        organization=organization,
        prefix=prefix,
        hash=_hash(token),
        scopes=list(scopes),
        label=label,
        expires_at=expires_at,
    )
    audit.record(
        transaction,
        "token.created",
        ("token", prefix),
        organization=organization,
        details={"scopes": list(scopes), "expires": expires_at is not None},
    )
    return token


def token_holder(transaction: Transaction, token: str) -> Token | None:
    """Whose token this is; None when it is garbled, unknown, expired or revoked."""
    body, checksum = token[:-6], token[-6:]
    parts = body.split("_")
    if len(parts) != 3 or parts[0] != "leads" or checksum != _checksum(body):
        return None
    row = transaction.first(
        _TOKENS
        + " WHERE t.prefix = :prefix AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())",
        prefix=parts[1],
    )
    if row is None or not secrets.compare_digest(bytes(row["hash"]), _hash(token)):
        return None
    return _token(row)


def rotate_token(transaction: Transaction, prefix: str, *, overlap: timedelta) -> str:
    """Make a token that may do what this one may and lives as long, and return it. The old one is good for `overlap` more.

    Raises `NotFound`, or `StaleState` for a token that is not good any more.
    """
    row = transaction.first(_TOKENS + " WHERE t.prefix = :prefix FOR UPDATE OF t", prefix=prefix)
    if row is None:
        raise _no_token(prefix)
    old = _token(row)
    now = transaction.value("SELECT now()")
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise StaleState(f"The token {prefix} is not good any more; make a new one.", code="token_ended")
    fresh = create_token(
        transaction,
        old.organization_id,
        scopes=old.scopes,
        label=old.label,
        expires_at=None if old.expires_at is None else now + (old.expires_at - old.created_at),
    )
    transaction.run(
        """UPDATE api_tokens SET expires_at = least(expires_at, now() + :overlap),
                  replaced_by = (SELECT id FROM api_tokens WHERE prefix = :fresh)
           WHERE id = :id""",
        overlap=overlap,
        fresh=fresh.split("_")[1],
        id=old.id,
    )
    audit.record(
        transaction,
        "token.rotated",
        ("token", prefix),
        organization=old.organization_id,
        details={"replaced_by": fresh.split("_")[1], "overlap_hours": overlap.total_seconds() / 3600},
    )
    return fresh


def tokens(transaction: Transaction) -> list[Token]:
    """All that this transaction may see, oldest first."""
    return [_token(row) for row in transaction.all(_TOKENS + " ORDER BY t.created_at")]


def revoke_token(transaction: Transaction, prefix: str) -> None:
    """Raises `NotFound` for a prefix that no token has."""
    revoked = transaction.first(
        """UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE prefix = :prefix
           RETURNING organization_id""",
        prefix=prefix,
    )
    if revoked is None:
        raise _no_token(prefix)
    audit.record(transaction, "token.revoked", ("token", prefix), organization=revoked["organization_id"])


def _no_token(prefix: str) -> NotFound:
    return NotFound(f"There is no token with the prefix {prefix}; `leads token list` shows them.")


_TOKENS = """
SELECT t.*, o.name AS organization, r.prefix AS replaced_by_prefix
FROM api_tokens t LEFT JOIN organizations o ON o.id = t.organization_id LEFT JOIN api_tokens r ON r.id = t.replaced_by
"""


def _token(row: Mapping[str, Any]) -> Token:
    return Token(
        id=row["id"],
        organization_id=row["organization_id"],
        organization=row["organization"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        label=row["label"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        replaced_by=row["replaced_by_prefix"],
    )


def _hash(token: str) -> bytes:
    # The secret has 190 random bits: a slow password hash would add nothing but time to every request.
    return hashlib.sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text
