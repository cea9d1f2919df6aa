"""`leads admin`."""

import json
import sys
from typing import Annotated

import typer

from leads_pipeline.cli.common import AsJson, read_settings, ready
from leads_pipeline.errors import RequestInvalid

commands = typer.Typer(help="Who may log in to the dashboard, and who is.", no_args_is_help=True)


@commands.command("reset-password")
def admin_reset_password() -> None:
    """Make another password for the local administrator and show it, once. Whoever logged in by the old one is out."""
    from leads_pipeline.api import passwords

    with ready(read_settings()) as database:
        print(passwords.reset_password(database))
    print("Keep it well: it is not shown again.", file=sys.stderr)


@commands.command("sessions")
def admin_sessions(*, as_json: AsJson = False) -> None:
    """Show who is logged in, the last seen first."""
    from leads_pipeline.api.access import idle_time
    from leads_pipeline.store import sessions
    from leads_pipeline.store.database import SYSTEM

    settings = read_settings()
    with ready(settings) as database, database.transaction(SYSTEM) as transaction:
        found = sessions.open_sessions(transaction, idle=idle_time(settings))
    if as_json:
        rows = [
            {
                "name": item.name,
                "role": item.role,
                "source": item.source,
                "since": item.created_at.isoformat(),
                "seen": item.seen_at.isoformat(),
                "until": item.expires_at.isoformat(),
            }
            for item in found
        ]
        print(json.dumps({"sessions": rows}))
        return
    for item in found:
        print(f"{item.name:<32} {item.role:<12} since {item.created_at:%Y-%m-%d %H:%M}, seen {item.seen_at:%H:%M}")


@commands.command("log-out")
def admin_log_out(
    name: Annotated[str | None, typer.Argument(help="As `leads admin sessions` shows it.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody.")] = False,
) -> None:
    """End the sessions of somebody, or of everybody, at once."""
    from leads_pipeline.store import sessions
    from leads_pipeline.store.database import SYSTEM

    if everybody == (name is not None):
        raise RequestInvalid("Say either a name or --all.")
    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        ended = sessions.end_all(transaction, name=name)
    print(f"Ended {ended} {'session' if ended == 1 else 'sessions'}.")
