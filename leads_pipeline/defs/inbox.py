"""The sensor that takes files in from the inbox: once each, when nobody is writing them any more."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import structlog

from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import ContentsUnavailable, LeadsError, NotFound
from leads_pipeline.providers.inbox import Claim, Inbox, InboxFile, observation, stable
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Limits, inspect, safe_filename
from leads_pipeline.store import organizations, quotas, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.vault import vault_of
from leads_pipeline.wording import counted

log = structlog.get_logger()

LONGEST_TICK_SECONDS = 30.0
"""A tick that lasts longer than a minute is given up by Dagster; what is left over waits for the next."""


@dg.sensor(
    name="inbox_files",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Takes in files that lie in the inbox (`LEADS_INBOX`), one subfolder for each organization, once their size has "
        "not changed from one look to the next. Moves them to `done/`, or to `failed/` with the reason beside them."
    ),
)
def inbox_files(context: dg.SensorEvaluationContext, leads: Leads) -> dg.SkipReason:
    """Asks for no run: a file that was taken in is an upload that waits, which `new_uploads` sees."""
    if leads.settings.inbox is None:
        return dg.SkipReason("LEADS_INBOX is not set.")
    inbox = Inbox(leads.settings.inbox)
    found = inbox.scan()
    ready = stable(json.loads(context.cursor) if context.cursor else {}, found)
    context.update_cursor(json.dumps(observation(found)))
    taken = refused = 0
    until = time.monotonic() + LONGEST_TICK_SECONDS
    for claim in _claims(inbox, ready):
        if take_in(leads.database, leads.settings, inbox, claim):
            taken += 1
        else:
            refused += 1
        if time.monotonic() > until:
            break
    outcome = f"{counted(taken, 'file')} taken in, {refused} refused, {len(found) - len(ready)} still being written."
    if homeless := inbox.homeless():
        outcome += f" {homeless} lie in no organization's folder, and stay: put them into one that is named like it."
    return dg.SkipReason(outcome)


def take_in(database: Database, settings: Settings, inbox: Inbox, claim: Claim) -> bool:
    """Store a claimed file as an upload of its organization; says whether it was accepted.

    A crash at any point loses nothing: the claim is found again, and its key is stored once.
    """
    try:
        with TemporaryDirectory(prefix="leads-inbox-") as directory:
            path = Path(directory) / "upload"
            with inbox.open(claim) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
            filename = safe_filename(claim.name)
            kind = inspect(path, filename, Limits(**settings.file_limits()))
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.organization_of_folder(transaction, claim.organization)
            if organization is None:
                raise NotFound(
                    "There is no organization of the folder's name: rename the folder, or make the organization with "
                    "`leads organization create NAME`, and put the file back."
                )
            with (
                path.open("rb") as content,
                vault_of(settings).staged(database, organization, content) as staged,
                database.transaction(organization) as transaction,
            ):
                received = uploads.receive(
                    transaction,
                    content,
                    filename=filename,
                    kind=kind,
                    source="inbox",
                    source_key=claim.key,
                    staged=staged,
                )
                if received.duplicate_of is None:
                    quotas.require_room(transaction, organizations.settings_for(transaction, settings))
    except FileNotFoundError:
        return True  # another look at the inbox has finished with it
    except ContentsUnavailable:
        raise  # not the file's fault: the claim is found again
    except LeadsError as problem:
        inbox.failed(claim, problem)
        log.info("inbox file refused", code=problem.code)
        return False
    inbox.done(claim)
    return True


def _claims(inbox: Inbox, ready: list[InboxFile]) -> Iterator[Claim]:
    yield from inbox.abandoned()
    for file in ready:
        if (claim := inbox.take(file)) is not None:
            yield claim
