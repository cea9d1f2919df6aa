"""`leads erase`."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_pipeline.cli.common import AsJson, Yes, confirm, organization_named, progress, read_settings, ready

if TYPE_CHECKING:
    from uuid import UUID

    from leads_pipeline.store.erasures import Erasure, Kind

commands = typer.Typer(
    help="Forget a person, a file, or an organization, for good, and get a certificate of it.", no_args_is_help=True
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Look, and show what would go; erase nothing.")]
Organization = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only in this organization's data; the default is everybody's.")
]


@commands.command("person")
def erase_person(
    identifier: Annotated[str, typer.Argument(metavar="EMAIL|PHONE", help="ada@example.com, or +49 30 901820.")],
    *,
    also: Annotated[
        list[str] | None, typer.Option(metavar="EMAIL|PHONE", help="Another one of the same person; may be repeated.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Taken out of comments, headers and file names as well; may be repeated."),
    ] = None,
    organization: Organization = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Look through every file for a person; each that holds one loses its contents, its figures stay.

    Reaches contents, samples, file names, headers, comments, memory, examples, exports, logs and Dagster's records; models
    that learned from such a file are withdrawn, and trained again without it. docs/privacy.md tells all of it.
    """
    from leads_pipeline.spreadsheets import person, person_to_json

    given = [identifier, *(also or [])]
    wanted = person([each for each in given if "@" in each], [each for each in given if "@" not in each], name or [])
    settings = read_settings()
    with ready(settings) as database:
        owner = None if organization is None else organization_named(database, organization)
    if not dry_run:
        confirm("Every file that holds this person loses its contents, for good. Erase?", yes=yes)
    _erase(owner, "person", person_to_json(wanted), dry_run=dry_run, as_json=as_json)


@commands.command("upload")
def erase_upload(
    upload: Annotated[str, typer.Argument(metavar="ID", help="As `GET /uploads` shows it.")],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is in a file, its names, and what was learned from it; its figures stay."""
    from leads_pipeline.errors import NotFound
    from leads_pipeline.store import uploads
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        owner = uploads.owner_of(transaction, _id(upload, "`GET /uploads`"))
    if owner is None:
        raise NotFound(f"There is no upload {upload}.")
    if not dry_run:
        confirm(f"The contents and names of upload {upload} are deleted, for good. Erase?", yes=yes)
    _erase(owner, "upload", {"upload": upload}, dry_run=dry_run, as_json=as_json)


@commands.command("organization")
def erase_organization(
    name: Annotated[str, typer.Argument(help="As `leads organization list` shows it.")],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete an organization with everything that is its own: files, memory, models, tokens, keys. The certificate stays."""
    with ready(read_settings()) as database:
        owner = organization_named(database, name)
    if not dry_run:
        confirm(f"Everything of the organization {name} is deleted, for good. Erase?", yes=yes)
    _erase(owner, "organization", {"name": name}, dry_run=dry_run, as_json=as_json)


@commands.command("list")
def erase_list(*, limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50, as_json: AsJson = False) -> None:
    """Show what was erased, newest first."""
    from leads_pipeline.store import erasures
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = erasures.newest(transaction, limit=limit)
    if as_json:
        print(json.dumps({"erasures": [_shown(erasure) for erasure in found]}))
        return
    for erasure in found:
        kind = f"{erasure.kind}{' (dry run)' if erasure.dry_run else ''}"
        print(f"{erasure.id}  {erasure.created_at:%Y-%m-%d %H:%M}  {kind:<22} {erasure.state}")


@commands.command("show")
def erase_show(
    erasure: Annotated[str, typer.Argument(metavar="ID", help="As `leads erase list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a certificate again."""
    from leads_pipeline.store import erasures
    from leads_pipeline.store.database import SYSTEM

    wanted = _id(erasure, "`leads erase list`")
    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        _print(erasures.get(transaction, wanted), as_json=as_json)


def _id(text: str, shown_by: str) -> "UUID":
    from uuid import UUID

    from leads_pipeline.errors import RequestInvalid

    try:
        return UUID(text)
    except ValueError as error:
        raise RequestInvalid(f"{text} is no id; {shown_by} shows them.") from error


def _erase(organization: "UUID | None", kind: "Kind", subject: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Ask for it and do it here and now; a worker that was faster is waited for."""
    from leads_pipeline.defs.forgetting import erase_waiting
    from leads_pipeline.errors import LeadsError
    from leads_pipeline.store import erasures
    from leads_pipeline.store.database import SYSTEM

    settings = read_settings()
    with ready(settings) as database, progress() as step:
        with database.transaction(SYSTEM) as transaction:
            asked = erasures.ask(transaction, organization, kind, subject, dry_run=dry_run)
        erase_waiting(
            database,
            settings,
            "cli",
            only=asked,
            progress=lambda done: step(done, None, f"{done:,} files looked through"),
        )
        done = erasures.wait_for(database, asked)
    _print(done, as_json=as_json)
    if done.problem is not None:
        raise LeadsError(done.problem["detail"], code=done.problem["code"])


FIGURES = {
    "uploads": "uploads looked at",
    "erased": "uploads that lost their contents",
    "rows": "rows in them that held the person",
    "unreadable": "of them unreadable, so that nobody can tell",
    "headers": "columns that lost their header",
    "comments": "comments deleted",
    "examples": "training examples deleted",
    "reviewers": "answers that are nobody's now",
    "texts": "other stored texts cleaned",
    "dagster_texts": "of Dagster's records cleaned",
    "files_deleted": "files deleted",
    "files_overwritten": "logs and other files overwritten",
    "objects": "objects deleted from the store of files",
    "fine_tuned_models": "fine-tuned models given up",
    "not_looked_through": "uploads whose contents could not be looked through",
    "not_fully_searched": "uploads that were kept, and have pictures: what is drawn in them is not read",
}


def _print(erasure: "Erasure", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_shown(erasure)))
        return
    print(f"Erasure {erasure.id} of a{'' if erasure.kind == 'person' else 'n'} {erasure.kind}: {erasure.state}")
    print(f"asked for {erasure.created_at:%Y-%m-%d %H:%M:%S %Z}", end="")
    print("" if erasure.finished_at is None else f", ended {erasure.finished_at:%Y-%m-%d %H:%M:%S %Z}")
    print(f"about {erasure.subject_hash.hex()}, a keyed hash")
    if erasure.dry_run:
        print("A dry run, nothing was erased. An erasure would come to this:")
    for name, words in FIGURES.items():
        if erasure.outcome.get(name):
            print(f"{erasure.outcome[name]:>9,}  {words}")
    for name, words in {"datasets": "datasets withdrawn", "models": "models withdrawn"}.items():
        if erasure.outcome.get(name):
            print(f"{words}: {', '.join(erasure.outcome[name])}")
    if erasure.outcome.get("tables_not_rewritten"):
        print(f"vacuumed, and too large or busy to be rewritten: {', '.join(erasure.outcome['tables_not_rewritten'])}")
    _print_uploads(erasure)


def _print_uploads(erasure: "Erasure") -> None:
    gone = "would be erased" if erasure.dry_run else "erased"
    for name, words in {"erased_uploads": gone, "not_looked_through_uploads": "not looked through"}.items():
        for upload in erasure.outcome.get(name, ()):
            print(f"  {words}: {upload}")
    for upload, pictures in erasure.outcome.get("not_fully_searched_uploads", {}).items():
        print(f"  not fully searched: {upload}, {pictures:,} picture{'' if pictures == 1 else 's'}")


def _shown(erasure: "Erasure") -> dict[str, Any]:
    from leads_pipeline.api.erasures import ErasureShown

    return ErasureShown.of(erasure).model_dump(mode="json")
