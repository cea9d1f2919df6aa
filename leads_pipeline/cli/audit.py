"""`leads audit`."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from leads_pipeline.cli.common import AsJson, organization_named, progress, read_settings, ready
from leads_pipeline.wording import be, counted

if TYPE_CHECKING:
    from uuid import UUID

    from leads_pipeline.store.database import Database

commands = typer.Typer(
    help="The audit trail: who did what, and whether anybody changed it since.", no_args_is_help=True
)

Whose = Annotated[str | None, typer.Option("--organization", metavar="NAME", help="Only this organization's events.")]


@commands.command("verify")
def audit_verify(
    *,
    anchor: Annotated[
        str | None,
        typer.Option(
            metavar="N:HASH", help="A head that was printed earlier and kept elsewhere: the chain must hold it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow the chain of hashes from its beginning: one changed byte, or a missing event, is found. Exit code 1 then.

    Prints the head of the chain. Keep it somewhere else now and then, and give it as --anchor later: who rewrites the whole
    chain in the database cannot rewrite that.
    """
    from leads_pipeline.store import audit
    from leads_pipeline.store.audit import Anchor
    from leads_pipeline.store.database import SYSTEM

    known = None if anchor is None else Anchor.parse(anchor)
    with (
        ready(read_settings()) as database,
        database.transaction(SYSTEM) as transaction,
        progress() as step,
    ):
        found = audit.verify(transaction, known, progress=lambda done, of: step(done, of, f"{done:,} events looked at"))
    if as_json:
        shown = {"whole": found.whole, "sealed": found.sealed, "head": str(found.head), "waiting": found.waiting}
        print(json.dumps({**shown, "oldest_seconds": round(found.oldest_seconds, 1), "problems": found.problems}))
    else:
        for problem in found.problems:
            print(problem, file=sys.stderr)
        print(
            f"{counted(found.sealed, 'event')}, {'each as it was sealed' if found.whole else 'and the chain is broken'}."
        )
        print(f"head  {found.head}")
        if found.waiting:
            wait = be(found.waiting, "waits for its seal", "wait for their seals")
            print(f"{counted(found.waiting, 'event')} {wait}, the oldest for {found.oldest_seconds:.0f} s.")
        if found.oldest_seconds > 60:
            print("The web process seals, once a second: is it running?", file=sys.stderr)
    if not found.whole:
        raise typer.Exit(1)


@commands.command("list")
def audit_list(
    *,
    organization: Whose = None,
    action: Annotated[
        str | None, typer.Option(help="Only `upload.received`, say, or `upload` for all that is done to uploads.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
) -> None:
    """Show what was done last, newest first."""
    from leads_pipeline.store import audit
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database:
        owner = _owner(database, organization)
        with database.transaction(SYSTEM) as transaction:
            found = audit.events(transaction, limit=limit, organization=owner, action=action)
    for event in found:
        who = f"{event.actor_kind} {event.actor}".strip()
        about = "" if event.object is None else f"{event.object_kind} {event.object}"
        details = " ".join(f"{name}={json.dumps(value)}" for name, value in event.details.items())
        print(f"{event.happened_at:%Y-%m-%d %H:%M:%S}  {who:<24} {event.action:<22} {about}  {details}".rstrip())


@commands.command("export")
def audit_export(
    into: Annotated[Path | None, typer.Argument(help="A file to write; the default is standard output.")] = None,
    *,
    organization: Whose = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only what was done since then (UTC)."),
    ] = None,
) -> None:
    """Write events as JSON lines, oldest first, each with its place in the chain and its hash."""
    from leads_pipeline.store import audit
    from leads_pipeline.store.database import SYSTEM

    moment = None if since is None else since.replace(tzinfo=UTC)
    with ready(read_settings()) as database:
        owner = _owner(database, organization)
        with database.transaction(SYSTEM) as transaction:
            audit.record(transaction, "audit.exported", organization=owner)
        written = 0
        with database.transaction(SYSTEM) as transaction, _writing(into) as file:
            for event in audit.every_event(transaction, organization=owner, since=moment):
                file.write(event.as_line())
                written += 1
    if into is not None:
        print(f"{counted(written, 'event')}.")


@contextmanager
def _writing(into: Path | None) -> Generator[IO[str]]:
    if into is None:
        yield sys.stdout
    else:
        with into.open("w", encoding="utf-8") as file:
            yield file


def _owner(database: "Database", name: str | None) -> "UUID | None":
    return None if name is None else organization_named(database, name)
