"""`leads token`."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from leads_pipeline.cli.common import AsJson, read_settings, ready
from leads_pipeline.errors import RequestInvalid

commands = typer.Typer(help="Tokens for the REST API and the dashboard.", no_args_is_help=True)


@commands.command("create")
def token_create(
    *,
    organization: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose token it is; the organization is made if it is new.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="A token for the dashboard instead, which sees everything.")
    ] = False,
    scopes: Annotated[str | None, typer.Option(help="Narrow it, for example `uploads:read,uploads:write`.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Let it expire after so many days.")] = None,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    share_training: Annotated[
        bool, typer.Option("--share-training", help="Opt the organization in to shared training.")
    ] = False,
    share_memory: Annotated[
        bool,
        typer.Option(
            "--share-memory",
            help="Let what its people confirm help others that share theirs, and the other way round; never custom fields.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it: the only time that anybody sees it."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    if admin == (organization is not None):
        raise RequestInvalid("Say either --organization NAME or --admin.")
    wanted = [organizations.ADMIN] if admin else list(organizations.SCOPES)
    if scopes is not None and not admin:
        wanted = [scope.strip() for scope in scopes.split(",")]
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        owner = None
        if organization is not None:
            owner = organizations.ensure_organization(
                transaction, organization, share_training=share_training, share_memory=share_memory
            )
        made = organizations.create_token(transaction, owner, scopes=wanted, label=label, expires_at=expires)
    if as_json:
        shown = {"organization_id": owner, "organization": organization, "scopes": wanted, "expires_at": expires}
        print(json.dumps({"token": made, **shown}, default=str))
    else:
        print(made)
        print("Keep it well: it is not shown again.", file=sys.stderr)


@commands.command("rotate")
def token_rotate(
    prefix: Annotated[str, typer.Argument(help="The eight characters after `leads_`.")],
    *,
    overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="How long the old token stays good.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a token in place of another and show it, once. The old one stays good for a while, so nobody is cut off."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        made = organizations.rotate_token(
            transaction, prefix.removeprefix("leads_")[:8], overlap=timedelta(hours=overlap_hours)
        )
    if as_json:
        print(json.dumps({"token": made}))
    else:
        print(made)
        print(f"Keep it well: it is not shown again. The old one is good for {overlap_hours:g} h.", file=sys.stderr)


@commands.command("list")
def token_list(*, as_json: AsJson = False) -> None:
    """Show all tokens, without their secrets."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = organizations.tokens(transaction)
    rows = [
        {
            "prefix": item.prefix,
            "organization": item.organization,
            "scopes": list(item.scopes),
            "label": item.label,
            "state": _state(item.revoked_at, item.expires_at),
            "created_at": f"{item.created_at:%Y-%m-%d %H:%M}",
            "expires_at": None if item.expires_at is None else f"{item.expires_at:%Y-%m-%d %H:%M}",
            "replaced_by": item.replaced_by,
        }
        for item in found
    ]
    if as_json:
        print(json.dumps({"tokens": rows}))
        return
    for row in rows:
        owner = row["organization"] or "(admin)"
        words = [",".join(row["scopes"]), row["label"]]
        words += [f"until {row['expires_at']}"] if row["expires_at"] and row["state"] == "active" else []
        words += [f"replaced by {row['replaced_by']}"] if row["replaced_by"] else []
        print(f"{row['prefix']}  {row['state']:<8} {row['created_at']}  {owner:<24} {'  '.join(filter(None, words))}")


@commands.command("revoke")
def token_revoke(prefix: Annotated[str, typer.Argument(help="The eight characters after `leads_`.")]) -> None:
    """Make a token worthless, at once."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        organizations.revoke_token(transaction, prefix.removeprefix("leads_")[:8])
    print("Revoked.")


def _state(revoked_at: datetime | None, expires_at: datetime | None) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= datetime.now(UTC) else "active"
