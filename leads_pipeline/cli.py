"""The `leads` command. Thin: reads its arguments, calls the rooms, prints; heavy imports happen in the commands.

An error of ours is one line on standard error and exit code 2; with `--json`, standard output holds one object alone.
"""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import typer

from leads_pipeline.errors import FileRejected, LeadsError, NotFound, RequestInvalid, SetupProblem

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import BaseModel

    from leads_pipeline.settings import Settings
    from leads_pipeline.store.database import Database
    from leads_pipeline.store.datasets import Dataset
    from leads_pipeline.store.organizations import Organization as StoredOrganization

T = TypeVar("T", bound="BaseModel")

app = typer.Typer(
    help="From a lead spreadsheet to mapped leads, with honest confidence, learning from every correction.",
    epilog="Try `leads map FILE` first: it needs nothing running. `leads demo` shows everything.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
db = typer.Typer(help="The database: bring it up to date, look at it, begin anew.", no_args_is_help=True)
dataset = typer.Typer(help="Training datasets: frozen versions of what a model learns from.", no_args_is_help=True)
schema = typer.Typer(help="An organization's lead schema, as YAML.", no_args_is_help=True)
token = typer.Typer(help="Tokens for the REST API and the dashboard.", no_args_is_help=True)
admin = typer.Typer(help="Who may log in to the dashboard, and who is.", no_args_is_help=True)
organization = typer.Typer(help="Organizations, and what is set for each.", no_args_is_help=True)
language_model = typer.Typer(help="What the language model is told that fields are.", no_args_is_help=True)
app.add_typer(db, name="db")
app.add_typer(organization, name="organization")
app.add_typer(token, name="token")
app.add_typer(admin, name="admin")
app.add_typer(schema, name="schema")
app.add_typer(language_model, name="llm")
app.add_typer(dataset, name="dataset")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def main() -> None:
    """Run the command; an error of ours ends it with one line and exit code 2."""
    try:
        app()
    except LeadsError as error:
        _give_up(error)


# --- The system ----------------------------------------------------------------------------------------------------


@app.command()
def up() -> None:
    """Run the whole system on this machine until Ctrl-C: PostgreSQL if none is given, migrations, web, worker.

    Keeps what is stored. Prints where the dashboard is and how to log in.
    """
    from leads_pipeline.system import run_system

    raise typer.Exit(run_system(_settings()))


@app.command()
def demo(
    *,
    stay: Annotated[
        bool | None, typer.Option(help="Stay up at the end until Ctrl-C. The default: only on a terminal.")
    ] = None,
) -> None:
    """Show the main job, end to end: real spreadsheets through the running system, corrected, exported."""
    from leads_pipeline.system import run_demo_system

    raise typer.Exit(run_demo_system(_settings(), stay=sys.stdout.isatty() if stay is None else stay))


@app.command()
def serve(
    *, host: Annotated[str | None, typer.Option(help="The address to listen on; the default is LEADS_HOST.")] = None
) -> None:
    """Run the web process: REST under /api/v1, the dashboard under /admin. What the Procfile's `web` does."""
    from leads_pipeline.api.serve import serve as run

    settings = _settings()
    run(settings if host is None else settings.model_copy(update={"host": host}))


@app.command()
def worker() -> None:
    """Run the worker: the Dagster daemon with its sensors, schedules and runs. What the Procfile's `worker` does."""
    from leads_pipeline.defs.worker import run_worker

    settings = _settings()
    with _database(settings) as database:
        raise typer.Exit(run_worker(settings, database.url))


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASSED_ON)
def dagster(context: typer.Context) -> None:
    """Pass on to the `dagster` command, with the environment of this deployment: `leads dagster run list`."""
    _pass_on([sys.executable, "-m", "dagster", *context.args])


@app.command(context_settings=_PASSED_ON)
def dg(context: typer.Context) -> None:
    """Pass on to Dagster's newer command, where it is installed: `leads dg check defs`."""
    import shutil

    program = shutil.which("dg", path=str(Path(sys.executable).parent)) or shutil.which("dg")
    if program is None:
        raise SetupProblem("The command dg is not installed; `pip install dagster-dg-cli` brings it.")
    _pass_on([program, *context.args])


def _pass_on(command: list[str]) -> NoReturn:
    import subprocess

    from leads_pipeline.settings import CHECKOUT, dagster_environment
    from leads_pipeline.system import migrate

    settings = _settings()
    with _database(settings) as database:
        migrate(settings, database)
        environment = dagster_environment(settings, database.url)
        raise typer.Exit(subprocess.run(command, env=environment, cwd=CHECKOUT, check=False).returncode)  # noqa: S603


# --- Mapping without a system --------------------------------------------------------------------------------------


@app.command("map")
def map_files(
    files: Annotated[list[Path], typer.Argument(help="Spreadsheets: .xlsx .xlsm .xls .xlsb .ods .csv .tsv")],
    *,
    as_json: AsJson = False,
    why: Annotated[bool, typer.Option("--why", help="Say what decided about each column, too.")] = False,
) -> None:
    """Map files here and now: no server, no database, the shipped model alone."""
    from leads_pipeline.mapping import default_schema, load_model, map_sheet
    from leads_pipeline.spreadsheets import read

    results: list[dict[str, Any]] = []
    for path in files:
        try:
            workbook = read(_existing(path), path.name)
        except (FileRejected, NotFound) as error:
            results.append({"file": str(path), "error": {"code": error.code, "detail": error.detail}})
            continue
        sheets = [(sheet, map_sheet(sheet, default_schema(), load_model())) for sheet in workbook.sheets]
        results.append(
            {
                "file": str(path),
                "sheets": [
                    {
                        "name": sheet.name,
                        "header_row": sheet.header_row,
                        "rows": sheet.rows,
                        "columns": [
                            {
                                "index": mapping.index,
                                "header": mapping.header,
                                "target": mapping.target,
                                "confidence": mapping.confidence,
                                "method": mapping.method.value,
                                "alternatives": [
                                    {"target": other.target, "confidence": other.confidence}
                                    for other in mapping.alternatives
                                ],
                                "explanation": mapping.explanation,
                                "transform": mapping.transform,
                                "sample_shapes": list(sheet.columns[mapping.index].profile.shapes),
                            }
                            for mapping in mappings
                        ],
                        "warnings": [notice.detail for notice in sheet.notices],
                    }
                    for sheet, mappings in sheets
                ],
                "warnings": [notice.detail for notice in workbook.notices],
            }
        )
    if as_json:
        print(json.dumps({"files": results}, ensure_ascii=False))
    else:
        _print_mapped(results, why=why)
    if any("error" in result for result in results):
        raise typer.Exit(2)


@app.command()
def benchmark(
    corpus: Annotated[Path, typer.Argument(help="A corpus of labelled header rows, one JSON object a line.")],
    *,
    as_json: AsJson = False,
    predictions: Annotated[bool, typer.Option(help="With --json: every prediction too, in corpus order.")] = False,
    cross_validate: Annotated[
        str | None, typer.Option(metavar="family", help="Train anew for each part, with whole families held out.")
    ] = None,
) -> None:
    """Measure the shipped model, or its training recipe, on labelled header rows."""
    from leads_pipeline.training.benchmark import benchmark as run

    if cross_validate not in (None, "family"):
        raise RequestInvalid("--cross-validate takes `family`: single files of one system are too alike to hold out.")
    with _progress(quiet=as_json) as step:
        result = run(
            _existing(corpus), cross_validate=cross_validate is not None, predictions=predictions, progress=step
        )
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_benchmark(result)


# --- The database --------------------------------------------------------------------------------------------------


@db.command("upgrade")
def db_upgrade() -> None:
    """Create or update all tables, ours and Dagster's. Safe to run again."""
    from leads_pipeline.system import migrate

    settings = _settings()
    with _database(settings) as database:
        print(f"The database is at revision {migrate(settings, database)}.")


@db.command("status")
def db_status(*, as_json: AsJson = False) -> None:
    """Show the schema's revision, and about how many rows each table holds."""
    from leads_pipeline.store import migrations

    with _database(_settings()) as database:
        status = migrations.status(database)
        place = database.url.render_as_string(hide_password=True)
    if as_json:
        print(json.dumps({"revision": status.revision, "newest": status.newest, "rows": status.rows}))
        return
    print(f"database  {place}")
    print(f"revision  {status.revision or 'none'}" + ("" if status.current else f" (newest: {status.newest})"))
    for table, rows in status.rows.items():
        print(f"  {table:<20} {rows:>12,}")
    if not status.current:
        print("Run `leads db upgrade`.")


@db.command("check")
def db_check() -> None:
    """Check the connection, the revision, the role and the row-level security. Exit code 2 if anything is wrong."""
    from leads_pipeline.store import migrations

    with _database(_settings()) as database:
        problems = migrations.check(database)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(2)
    print("All is well: reachable, up to date, ordinary role, row-level security forced on every table.")


@db.command("reset")
def db_reset(*, yes: Yes = False) -> None:
    """Delete everything stored, and make empty tables. Asks first."""
    from leads_pipeline.store import migrations
    from leads_pipeline.system import migrate

    settings = _settings()
    with _database(settings) as database:
        place = database.url.render_as_string(hide_password=True)
        _confirm(f"Delete every upload, mapping, correction and run in {place}?", yes=yes)
        migrations.reset(database)
        print(f"Everything is deleted; the database is at revision {migrate(settings, database)}.")


# --- Organizations -------------------------------------------------------------------------------------------------

Choices = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SETTING=VALUE]...",
        help="auto_apply_threshold, min_confidence_threshold, training_data_retention_days, llm_monthly_budget_usd, "
        "max_daily_uploads, max_storage_bytes, share_training, share_memory, salesforce_organization, name. Nothing after "
        "the `=` goes back to the deployment's setting.",
    ),
]


# --- The language model --------------------------------------------------------------------------------------------


@language_model.command("refine")
def llm_refine(
    organization: Annotated[str, typer.Option(metavar="NAME", help="Whose reviewed answers are learned from.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be proposed; ask and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Amend the definitions of fields by the language model's reviewed mistakes, if that proves to help.

    Amendments are drawn from half of the headers and measured on the other half, with two calls for each sheet, within
    the organization's budget. They are used only if more columns become right than chance would explain.
    """
    from dataclasses import asdict

    from leads_pipeline.defs.refining import refine

    settings = _settings()
    if settings.openai_api_key is None and not dry_run:
        raise SetupProblem("Set OPENAI_API_KEY, or say --dry-run to see what would be proposed.")
    with _database(settings) as database:
        done = refine(database, settings, _owner(database, organization), measure=not dry_run)
    if as_json:
        print(json.dumps({**asdict(done), "applied": done.applied}))
        return
    print(f"{done.reviewed} reviewed answers, {done.mistakes} of them wrong.")
    for each in done.amendments:
        print(f"{each.field}: {each.text}")
    if not done.amendments:
        print("No mistake was made often enough to amend a definition.")
    elif done.gain is not None:
        gain = done.gain
        print(f"Measured on {gain.columns} other columns: {gain.before} right before, {gain.after} after.")
        print(f"Version {done.version} is in use." if done.applied else "Not used: that is no gain beyond chance.")


@language_model.command("definitions")
def llm_definitions(
    organization: Annotated[str, typer.Option(metavar="NAME", help="Whose definitions are shown.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List the versions of an organization's amendments, with what they were measured to gain."""
    from dataclasses import asdict

    from leads_pipeline.store import llm

    with _database(_settings()) as database, database.transaction(_owner(database, organization)) as transaction:
        versions = llm.versions(transaction)
    if as_json:
        print(json.dumps({"versions": [asdict(each) for each in versions]}, default=str))
        return
    for each in versions:
        gain = f"{each.gain['before']} -> {each.gain['after']} of {each.gain['columns']}"
        print(f"{each.version}  {each.status:8}  {each.created_at:%Y-%m-%d}  {gain}  {', '.join(each.amendments)}")
    if not versions:
        print("No definition was amended; `leads llm refine` proposes.")


@organization.command("create")
def organization_create(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    choices: Choices = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an organization: `leads organization create "Acme" auto_apply_threshold=80`."""
    from leads_pipeline.api.models import OrganizationMade
    from leads_pipeline.store import migrations, organizations
    from leads_pipeline.store.database import SYSTEM

    made = _chosen(OrganizationMade, [f"name={name}", *(choices or [])])
    with _database(_settings()) as database:
        migrations.require_current(database)
        with database.transaction(SYSTEM) as transaction:
            created = organizations.create_organization(transaction, made.name)
            shown = organizations.change_organization(transaction, created, made.changes())
    _print_organization(shown, as_json=as_json)


@organization.command("list")
def organization_list(*, as_json: AsJson = False) -> None:
    """Show all organizations."""
    from leads_pipeline.api.models import OrganizationList, OrganizationShown
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = organizations.organizations(transaction)
    if as_json:
        print(OrganizationList(organizations=[OrganizationShown.of(item) for item in found]).model_dump_json())
        return
    for item in found:
        print(f"{item.id}  {item.created_at:%Y-%m-%d}  {item.name}")


@organization.command("show")
def organization_show(
    name: Annotated[str, typer.Argument(help="As `leads organization list` shows it.")], *, as_json: AsJson = False
) -> None:
    """Show what is set for an organization."""
    from leads_pipeline.store import organizations

    with _database(_settings()) as database:
        owner = _owner(database, name)
        with database.transaction(owner) as transaction:
            shown = organizations.organization(transaction, owner)
    _print_organization(shown, as_json=as_json)


@organization.command("set")
def organization_set(
    name: Annotated[str, typer.Argument(help="As `leads organization list` shows it.")],
    choices: Choices = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Change what is named: `leads organization set "Acme" training_data_retention_days=30 llm_monthly_budget_usd=`."""
    from leads_pipeline.api.models import OrganizationChanged
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    made = _chosen(OrganizationChanged, choices or [])
    with _database(_settings()) as database:
        owner = _owner(database, name)
        with database.transaction(SYSTEM) as transaction:
            shown = organizations.change_organization(transaction, owner, made.changes())
    _print_organization(shown, as_json=as_json)


# --- Tokens --------------------------------------------------------------------------------------------------------


@token.command("create")
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
    from leads_pipeline.store import migrations, organizations
    from leads_pipeline.store.database import SYSTEM

    if admin == (organization is not None):
        raise RequestInvalid("Say either --organization NAME or --admin.")
    wanted = [organizations.ADMIN] if admin else list(organizations.SCOPES)
    if scopes is not None and not admin:
        wanted = [scope.strip() for scope in scopes.split(",")]
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with _database(_settings()) as database:
        migrations.require_current(database)
        with database.transaction(SYSTEM) as transaction:
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


@token.command("rotate")
def token_rotate(
    prefix: Annotated[str, typer.Argument(help="The eight characters after `leads_`.")],
    *,
    overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="How long the old token stays good.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a token in place of another and show it, once. The old one stays good for a while, so nobody is cut off."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
        made = organizations.rotate_token(
            transaction, prefix.removeprefix("leads_")[:8], overlap=timedelta(hours=overlap_hours)
        )
    if as_json:
        print(json.dumps({"token": made}))
    else:
        print(made)
        print(f"Keep it well: it is not shown again. The old one is good for {overlap_hours:g} hours.", file=sys.stderr)


@token.command("list")
def token_list(*, as_json: AsJson = False) -> None:
    """Show all tokens, without their secrets."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
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
        print(
            f"{row['prefix']}  {row['state']:<8} {row['created_at']}  {owner:<24} {','.join(row['scopes'])}  {row['label']}"
        )


@token.command("revoke")
def token_revoke(prefix: Annotated[str, typer.Argument(help="The eight characters after `leads_`.")]) -> None:
    """Make a token worthless, at once."""
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
        organizations.revoke_token(transaction, prefix.removeprefix("leads_")[:8])
    print("Revoked.")


# --- Logging in ----------------------------------------------------------------------------------------------------


@admin.command("reset-password")
def admin_reset_password() -> None:
    """Make another password for the local administrator and show it, once. Whoever logged in by the old one is out."""
    from leads_pipeline.api import passwords
    from leads_pipeline.store import migrations

    with _database(_settings()) as database:
        migrations.require_current(database)
        print(passwords.reset_password(database))
    print("Keep it well: it is not shown again.", file=sys.stderr)


@admin.command("sessions")
def admin_sessions(*, as_json: AsJson = False) -> None:
    """Show who is logged in, the last seen first."""
    from leads_pipeline.api.access import idle_time
    from leads_pipeline.store import sessions
    from leads_pipeline.store.database import SYSTEM

    settings = _settings()
    with _database(settings) as database, database.transaction(SYSTEM) as transaction:
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


@admin.command("log-out")
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
    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
        ended = sessions.end_all(transaction, name=name)
    print(f"Ended {ended} {'session' if ended == 1 else 'sessions'}.")


# --- Lead schemas --------------------------------------------------------------------------------------------------

Organization = Annotated[str, typer.Option(metavar="NAME", help="Whose schema it is.")]


@schema.command("show")
def schema_show(*, organization: Organization) -> None:
    """Print the present schema as YAML, to edit and `set`."""
    import yaml

    from leads_pipeline.mapping import default_schema
    from leads_pipeline.store import organizations

    with _database(_settings()) as database, database.transaction(_owner(database, organization)) as transaction:
        found = organizations.lead_schema(transaction)
    fields = default_schema().as_json()["fields"] if found is None else found[1]["fields"]
    print(f"# The lead schema of {organization}, version {found[0] if found else 0}.")
    print(yaml.safe_dump({"fields": fields}, allow_unicode=True, sort_keys=False), end="")


@schema.command("set")
def schema_set(
    file: Annotated[
        Path, typer.Argument(help="YAML with `fields`; with `extends: default`, only what is added or changed.")
    ],
    *,
    organization: Organization,
) -> None:
    """Store a new version from a YAML file. Files that come from now on are mapped onto it."""
    from leads_pipeline.mapping import LeadSchema
    from leads_pipeline.store import organizations

    made = LeadSchema.from_yaml(_existing(file).read_text("utf-8"))
    with _database(_settings()) as database, database.transaction(_owner(database, organization)) as transaction:
        found = organizations.lead_schema(transaction)
        version = organizations.save_lead_schema(transaction, made.as_json(), after=found[0] if found else 0)
    print(f"Stored as version {version}, with {len(made.fields)} fields.")


# --- Training datasets ---------------------------------------------------------------------------------------------


@dataset.command("generate")
def dataset_generate(
    *,
    organization: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="The organization that it is for; with --scope shared, take these alone."),
    ] = None,
    scope: Annotated[
        str | None, typer.Option(help="`shared` or `organization`; the default is `organization` where one is named.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=100, help="Confidence from which unreviewed mappings count.")
    ] = None,
    evidence: Annotated[
        str, typer.Option(help="What counts, of corrected, confirmed, reviewed, unreviewed.")
    ] = "corrected,confirmed,reviewed,unreviewed",
    unreviewed_weight: Annotated[
        float, typer.Option(help="How much an unreviewed mapping weighs, above 0 up to 1.")
    ] = 0.3,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only answers from this day on, 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Only answers up to this day.")] = None,
    max_per_field: Annotated[int | None, typer.Option(min=1, help="Most examples of one lead field.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the next version now, as the dashboard's job does, and wait for it.

    Brings the examples of reviewed files up to date first. Where nothing is new, the newest version is named.
    """
    from pydantic import ValidationError

    from leads_pipeline.defs.datasets import DatasetConfig, ask, generate_training_dataset, run_config
    from leads_pipeline.defs.execution import run_job
    from leads_pipeline.store import dataset_requests, datasets
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.system import migrate

    asked: dict[str, Any] = {
        "scope": scope or ("organization" if organization else "shared"),
        "organizations": organization or [],
        "min_confidence": min_confidence,
        "evidence": [each.strip() for each in evidence.split(",")],
        "unreviewed_weight": unreviewed_weight,
        "since": since,
        "until": until,
        "max_per_field": max_per_field,
    }
    try:
        config = DatasetConfig(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestInvalid(f"{where or 'parameters'}: {first['msg']}.") from error
    settings = _settings()
    with _database(settings) as database:
        migrate(settings, database)
        request = ask(database, config)
        with _progress(quiet=as_json) as step:
            step(0, 1, "building the dataset")
            run_job(settings, database.url, generate_training_dataset.name, run_config(DatasetConfig(requested=True)))
        with database.transaction(SYSTEM) as transaction:
            outcome = dataset_requests.wait_for(transaction, request)
            if outcome.dataset_id is None:
                problem = outcome.problem or {
                    "detail": "Another run is still building it; `leads dataset list` shows it."
                }
                raise RequestInvalid(problem["detail"], code=problem.get("code", "still_building"))
            built = datasets.dataset(transaction, outcome.dataset_id)
    if as_json:
        print(json.dumps({**_dataset_row(built), "unchanged": outcome.unchanged}, default=str))
        return
    print(f"Version {built.version} ({built.organization or 'shared'}): {built.example_count:,} examples, "
          f"quality {built.quality_score}" + (", the same as before." if outcome.unchanged else "."))  # fmt: skip
    for reason in built.quality_reasons:
        print(f"  -{reason['points']:g}  {reason['detail']}")


@dataset.command("list")
def dataset_list(*, as_json: AsJson = False) -> None:
    """Show the versions of every scope, newest first."""
    from leads_pipeline.store import datasets
    from leads_pipeline.store.database import SYSTEM

    with _database(_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = datasets.datasets(transaction)
    if as_json:
        print(json.dumps({"datasets": [_dataset_row(each) for each in found]}, default=str))
        return
    for each in found:
        splits = " ".join(f"{name} {count:,}" for name, count in each.counts.get("splits", {}).items())
        quality = "" if each.quality_score is None else f"{each.quality_score:.1f}"
        print(
            f"{each.organization or 'shared':<24} {each.version:>4}  {each.status:<9} {each.created_at:%Y-%m-%d %H:%M}  "
            f"{each.example_count:>9,} examples  quality {quality:>5}  {splits}"
        )
    if not found:
        print("There is none yet. `leads dataset generate` builds the first.")


@dataset.command("download")
def dataset_download(
    version: Annotated[int, typer.Argument(min=1, help="The version's number in its scope.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    organization: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose version; left out: a shared one.")
    ] = None,
    file_format: Annotated[
        Literal["jsonl", "parquet", "chat", "preference"],
        typer.Option("--format", help="`chat` and `preference` are for fine-tuning services."),
    ] = "jsonl",
    split: Annotated[Literal["train", "validation", "test"] | None, typer.Option(help="Only this part.")] = None,
) -> None:
    """Write a version to a file."""
    from leads_pipeline.defs.building import rows_of
    from leads_pipeline.store import datasets
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.training import dataset_files

    with _database(_settings()) as database:
        owner = None if organization is None else _owner(database, organization)
        with database.transaction(SYSTEM) as transaction:
            found = datasets.dataset_numbered(transaction, owner, version)
            datasets.require_in_force(found)
            dataset_files.require_enough(found.counts, file_format, split)
            with file.open("wb") as target:
                for block in dataset_files.write(rows_of(transaction, found.id), file_format, split=split):
                    target.write(block)
    print(f"{file}: version {version}, {file.stat().st_size:,} bytes.")


def _dataset_row(found: "Dataset") -> dict[str, Any]:
    return {
        "id": found.id,
        "scope": "shared" if found.organization_id is None else "organization",
        "organization": found.organization,
        "version": found.version,
        "status": found.status,
        "examples": found.example_count,
        "quality": found.quality_score,
        "quality_reasons": list(found.quality_reasons),
        "splits": found.counts.get("splits", {}),
        "content_hash": None if found.content_hash is None else found.content_hash.hex(),
        "created_at": found.created_at,
    }


# --- Small parts ---------------------------------------------------------------------------------------------------


def _settings() -> "Settings":
    from pydantic import ValidationError

    from leads_pipeline.logs import configure
    from leads_pipeline.settings import Settings

    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - it reads the environment
    except ValidationError as error:
        first = error.errors()[0]
        raise SetupProblem(
            f"The setting {'.'.join(str(part) for part in first['loc'])} is wrong: {first['msg']}."
        ) from error
    configure(settings.log_level)
    return settings


@contextmanager
def _database(settings: "Settings") -> "Generator[Database]":
    from leads_pipeline.store.database import open_database

    with open_database(settings) as database:
        yield database


def _owner(database: "Database", name: str) -> "UUID":
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with database.transaction(SYSTEM) as transaction:
        found = organizations.organization_named(transaction, name)
    if found is None:
        raise NotFound(f"There is no organization {name}; `leads organization create NAME` makes one.")
    return found


def _chosen(kind: type[T], choices: list[str]) -> T:
    """A model of `SETTING=VALUE` words."""
    from pydantic import ValidationError

    values: dict[str, str | None] = {}
    for choice in choices:
        name, equals, value = choice.partition("=")
        if not equals or name not in kind.model_fields:
            raise RequestInvalid(
                f"{choice}: say SETTING=VALUE, where SETTING is one of {', '.join(kind.model_fields)}."
            )
        values[name] = value or None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestInvalid(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.") from error


def _print_organization(shown: "StoredOrganization", *, as_json: bool) -> None:
    from leads_pipeline.api.models import OrganizationShown

    organization_ = OrganizationShown.of(shown)
    if as_json:
        print(organization_.model_dump_json())
        return
    for name, value in organization_.model_dump().items():
        print(f"{name:<30} {'(as the deployment is set)' if value is None else value}")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", code="file_not_found")
    return path


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise RequestInvalid("This deletes data. Say --yes to mean it.")
    typer.confirm(question, abort=True)


def _give_up(error: LeadsError) -> NoReturn:
    print(f"leads: {error.detail}", file=sys.stderr)
    sys.exit(2)


def _state(revoked_at: datetime | None, expires_at: datetime | None) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= datetime.now(UTC) else "active"


@contextmanager
def _progress(*, quiet: bool) -> "Generator[Any]":
    from rich.console import Console
    from rich.progress import Progress

    # On standard error: with --json, standard output belongs to the object.
    with Progress(console=Console(stderr=True), disable=quiet and not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("working", total=None)

        def step(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, total=total, description=what)

        yield step


def _print_mapped(results: list[dict[str, Any]], *, why: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from leads_pipeline.mapping.transforms import transform_line

    console = Console()
    for result in results:
        if "error" in result:
            print(f"leads: {result['file']}: {result['error']['detail']}", file=sys.stderr)
            continue
        for sheet in result["sheets"]:
            where = f"header in row {sheet['header_row']}" if sheet["header_row"] else "no header"
            console.print(
                f"[bold]{escape(result['file'])}[/] · {escape(sheet['name'])} · {where}, {sheet['rows']:,} rows"
            )
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
            table.add_column("column", overflow="fold", ratio=3)
            table.add_column("looks like", overflow="ellipsis", no_wrap=True, ratio=2)
            table.add_column("lead field", no_wrap=True)
            table.add_column("confidence", justify="right")
            for column in sheet["columns"]:
                shape = next(iter(column["sample_shapes"]), "")
                name = column["target"] or "none"
                style = None if column["target"] else "dim"
                table.add_row(escape(column["header"]), escape(shape), name, f"{column['confidence']:.1f}", style=style)
            console.print(table)
            if why:
                for column in sheet["columns"]:
                    name = column["target"] or "none"
                    console.print(f"  [bold]{escape(column['header'])}[/] → {name}: {escape(column['explanation'])}")
                    if column["transform"]:
                        console.print(f"    {escape(transform_line(column['transform']))}")
            for warning in [*result["warnings"], *sheet["warnings"]]:
                console.print(f"  [yellow]![/] {escape(warning)}")
            console.print()


def _or_none(share: float | None) -> str:
    return "none " if share is None else f"{share:.3f}"


def _print_benchmark(result: dict[str, Any]) -> None:
    for warning in result.get("warnings", []):
        print(f"! {warning}", file=sys.stderr)
    accuracy = result["accuracy_by_family"]
    print(
        f"accuracy, mean over families   {_or_none(accuracy['all'])}   English {_or_none(accuracy['en'])}   "
        f"other {_or_none(accuracy['other'])}"
    )
    print(
        f"mapped precision, recall       {_or_none(result['mapped_precision'])}   {_or_none(result['mapped_recall'])}"
    )
    print(f"columns without target mapped  {result['empty_mapped']} of {result['empty_total']}")
    for each in result["risk_coverage"]:
        print(
            f"at {each['threshold']:g} % and above            coverage {_or_none(each['coverage'])}   "
            f"precision {_or_none(each['precision'])}"
        )
    print(f"expected calibration error     {result['ece']:.3f}")
    print(f"seconds a file                 {result['seconds_per_file']:.4f}")
