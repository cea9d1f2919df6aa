"""What is done about one erasure, step by step. Knows nothing of Dagster.

    each upload          fetched, decrypted, looked through in a reading child, and forgotten if it holds the person
    what was learned     models of the datasets that held its examples are withdrawn, and built again without them
    every text           of both schemas of the database, Dagster's events among them
    files                exports and logs below the home, the inbox, leftovers of processes that were killed
    the certificate      counts and versions, in the audit trail

How far it has come is written in the transaction of the step itself, so that an erasure whose process was killed goes on
where it stopped, and counts nothing twice.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import structlog

from leads_pipeline.defs import traces
from leads_pipeline.defs.traces import Cleaned
from leads_pipeline.errors import ContentsLost, ContentsUnavailable, LeadsError, StaleClaim
from leads_pipeline.providers.inbox import KeptFile
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Found, Limits, Person, find, person_from_json
from leads_pipeline.store import audit, erasures, forgetting, organizations, remains, uploads, withdrawal
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.erasures import Erasure
from leads_pipeline.store.forgetting import Kept, Pattern
from leads_pipeline.vault import vault_of

log = structlog.get_logger()

AT_A_TIME = 100
MOST_NAMED = 100
"""Uploads that a certificate names at most of a kind; all are counted."""
BEAT_SECONDS = 20.0
DAGSTER = "dagster"

Progress = Callable[[int], None]


def erase_waiting(
    database: Database,
    settings: Settings,
    run_id: str,
    *,
    only: UUID | None = None,
    progress: Progress = lambda _: None,
) -> list[Erasure]:
    """Do what waits, or the erasure `only`, one after the other; returns those that have ended.

    Raises `ContentsUnavailable` when the store of files does not answer: the erasure then waits for the next attempt.
    """
    ended: list[Erasure] = []
    while True:
        with database.transaction(SYSTEM) as transaction:
            erasure = erasures.claim(transaction, run_id, only)
        if erasure is None:
            return ended
        try:
            _erase(_Work(database, settings, erasure, progress))
        except StaleClaim:
            log.info("erasure taken over", erasure=str(erasure.id))
            continue
        except ContentsUnavailable:
            with database.transaction(SYSTEM) as transaction:
                erasures.give_back(transaction, erasure)
            raise
        except LeadsError as problem:
            log.warning("erasure failed", erasure=str(erasure.id), code=problem.code)
            with database.transaction(SYSTEM) as transaction:
                erasures.fail(transaction, erasure.id, problem)
        with database.transaction(SYSTEM) as transaction:
            ended.append(erasures.get(transaction, erasure.id))


class _Work:
    """An erasure under way: what has been done so far, and what is still to be looked for elsewhere."""

    def __init__(self, database: Database, settings: Settings, erasure: Erasure, progress: Progress) -> None:
        self.database, self.settings, self.erasure, self.progress = database, settings, erasure, progress
        self.outcome: dict[str, Any] = dict(erasure.outcome)
        self.texts = list(erasure.texts)
        self.looked_at = erasure.looked_at
        self.noted = time.monotonic()

    @property
    def subject(self) -> dict[str, Any]:
        return dict(self.erasure.subject or {})

    @property
    def dry_run(self) -> bool:
        return self.erasure.dry_run

    def count(self, **more: int) -> None:
        for name, by in more.items():
            self.outcome[name] = self.outcome.get(name, 0) + by

    def name(self, what: str, names: Iterable[object]) -> None:
        known = self.outcome.get(what, [])
        self.outcome[what] = [*known, *(each for each in map(str, names) if each not in known)][:MOST_NAMED]

    def kept_with_pictures(self, upload_id: UUID, pictures: int) -> None:
        """The upload does not hold the person as far as can be read; what is drawn in its pictures cannot."""
        self.count(not_fully_searched=1)
        named = self.outcome.setdefault("not_fully_searched_uploads", {})
        if len(named) < MOST_NAMED:
            named[str(upload_id)] = pictures

    def note(self, transaction: Transaction) -> None:
        """Write how far it has come. Raises `StaleClaim` when somebody else has taken over."""
        erasures.note(transaction, self.erasure, outcome=self.outcome, texts=self.texts, looked_at=self.looked_at)
        self.noted = time.monotonic()

    def beat(self) -> None:
        """Let the lease not run out where nothing is changed for long."""
        if time.monotonic() - self.noted > BEAT_SECONDS:
            with self.database.transaction(SYSTEM) as transaction:
                self.note(transaction)


def _erase(work: _Work) -> None:
    {"person": _erase_person, "upload": _erase_upload, "organization": _erase_organization}[work.erasure.kind](work)
    if not work.dry_run:
        vault = vault_of(work.settings)
        while swept := vault.sweep(work.database):
            work.count(objects=swept)
            work.beat()
        _cleaned(work, traces.clean_temporary_files())
        _clear_tables(work)
    for name in ("dataset_ids", "touched"):
        work.outcome.pop(name, None)
    with work.database.transaction(SYSTEM) as transaction:
        erasures.finish(transaction, work.erasure, work.outcome)
    # Whom it was about stood in its own row to the end.
    remains.clear_tables(work.database, ["erasures"])
    remains.clear_log(work.settings)


# --- A person ------------------------------------------------------------------------------------------------------


def _erase_person(work: _Work) -> None:
    person = person_from_json(work.subject)
    while True:
        with work.database.transaction(SYSTEM) as transaction:
            batch = forgetting.uploads_to_look_at(
                transaction,
                work.erasure.organization_id,
                after=work.looked_at,
                until=work.erasure.created_at,
                limit=AT_A_TIME,
            )
        for upload in batch:
            _look_at(work, upload, person)
            work.progress(work.outcome.get("uploads", 0))
        if not batch:
            break
    _withdraw(work)
    if not work.dry_run:
        with work.database.transaction(SYSTEM) as transaction:
            work.count(reviewers=forgetting.forget_reviewers(transaction, work.erasure.organization_id, person.is_in))
            work.note(transaction)
    words = [] if person.sql_words is None else [Pattern(person.sql_words, forgetting.MARK, person.literals)]
    # A figure in place of figures: where a number stands without quotes, what holds it stays JSON.
    numbers = [] if person.sql_numbers is None else [Pattern(person.sql_numbers, "0")]
    _clean_texts(work, [*words, *numbers, *_quoted(work)])
    files = traces.clean_home(work.settings, person, dry_run=work.dry_run, looked_at=work.beat)
    limits = Limits(**work.settings.file_limits())

    def holds(file: KeptFile, path: Path) -> bool:
        return _is_in_scope(work, file) and (person.is_in(file.name) or find(path, file.name, person, limits).held)

    _cleaned(work, files + traces.clean_inbox(work.settings, holds, dry_run=work.dry_run, looked_at=work.beat))


def _look_at(work: _Work, upload: Kept, person: Person) -> None:
    """Look through one upload and forget it if it holds the person; moves on to the next."""
    with work.database.transaction(SYSTEM) as transaction:
        texts = forgetting.texts_of(transaction, upload.upload_id)
    if texts is None:
        work.looked_at = upload.upload_id
        return work.beat()
    asked = list(dict.fromkeys([*texts.headers, *texts.sheets]))
    named = any(map(person.is_identified_in, [texts.filename, *asked]))
    found = _found_in(work, upload, person, asked)
    work.looked_at = upload.upload_id
    work.count(uploads=1)
    if found is not None and not found.readable and not found.held and not named and upload.failed:
        # Nobody can say that it holds nobody, and nobody has any use for it either.
        work.count(unreadable=1)
    elif found is None or (not found.readable and not found.held):
        work.count(not_looked_through=1)
        work.name("not_looked_through_uploads", [upload.upload_id])
        if not named:
            return work.beat()
    elif not (found.held or named):
        if found.pictures:
            work.kept_with_pictures(upload.upload_id, found.pictures)
        return work.beat()
    work.count(erased=1, rows=0 if found is None else found.rows)
    work.name("erased_uploads", [upload.upload_id])
    told = {text for at, text in enumerate(asked) if (found and at in found.told) or person.is_in(text)}
    with work.database.transaction(SYSTEM) as transaction:
        if not work.dry_run:
            _forget(work, transaction, upload.organization_id, upload.upload_id, told)
        work.note(transaction)
    return None


def _found_in(work: _Work, upload: Kept, person: Person, texts: Sequence[str]) -> Found | None:
    """What looking through the upload's bytes came to; None when they cannot be had."""
    if not upload.has_contents:
        return Found(held=False, readable=True)
    with TemporaryDirectory(prefix="leads-erasing-") as directory:
        path = Path(directory) / "upload"
        try:
            vault_of(work.settings).fetch(work.database, upload.organization_id, upload.upload_id, path)
        except ContentsLost as problem:
            log.warning("contents cannot be looked through", upload=str(upload.upload_id), code=problem.code)
            return None
        return find(path, upload.filename, person, Limits(**work.settings.file_limits()), texts=texts)


# --- An upload -----------------------------------------------------------------------------------------------------


def _erase_upload(work: _Work) -> None:
    upload_id, organization = UUID(work.subject["upload"]), work.erasure.organization_id
    assert organization is not None, "an upload is somebody's"
    with work.database.transaction(organization) as transaction:
        found = uploads.upload(transaction, upload_id)
        digest = uploads.digest_kept(transaction, upload_id)

    # Before the hash is gone by which its copy is known.
    def is_the_file(file: KeptFile, path: Path) -> bool:
        with path.open("rb") as content:
            return _is_in_scope(work, file) and file_digest(content, "sha256").digest() == digest

    _cleaned(work, traces.clean_inbox(work.settings, is_the_file, dry_run=work.dry_run, looked_at=work.beat))
    if work.looked_at is None:
        work.looked_at = upload_id
        work.count(uploads=1, erased=1)
        work.name("erased_uploads", [upload_id])
        with work.database.transaction(SYSTEM) as transaction:
            if not work.dry_run:
                work.texts += [found.filename]
                _forget(work, transaction, organization, upload_id, None)
            work.note(transaction)
    _withdraw(work)
    _clean_texts(work, _quoted(work))


# --- An organization -----------------------------------------------------------------------------------------------


def _erase_organization(work: _Work) -> None:
    organization, name = work.erasure.organization_id, str(work.subject["name"])
    assert organization is not None, "an organization has an id"
    _cleaned(
        work,
        traces.clean_inbox(
            work.settings, lambda file, _: file.organization == name, dry_run=work.dry_run, looked_at=work.beat
        ),
    )
    if work.dry_run:
        with work.database.transaction(organization) as transaction:
            work.count(uploads=forgetting.count_uploads(transaction), erased=forgetting.count_uploads(transaction))
        return
    with work.database.transaction(SYSTEM) as transaction:
        forgetting.shut_out(transaction, organization)
        work.name("dataset_ids", forgetting.datasets_holding(transaction, organization))
        work.note(transaction)
    deleted = 1
    while deleted:
        with work.database.transaction(SYSTEM) as transaction:
            deleted = forgetting.delete_some_uploads(transaction, organization, limit=AT_A_TIME)
            work.count(uploads=deleted, erased=deleted)
            work.note(transaction)
        work.progress(work.outcome["uploads"])
    _withdraw(work)
    with work.database.transaction(SYSTEM) as transaction:
        if forgetting.delete_organization(transaction, organization):
            audit.record(transaction, "organization.erased", ("organization", organization), organization=organization)
        work.note(transaction)
    _clean_texts(work, forgetting.naming(name))


# --- What all of them need -----------------------------------------------------------------------------------------


def _forget(work: _Work, transaction: Transaction, organization: UUID, upload_id: UUID, told: set[str] | None) -> None:
    gone = forgetting.forget_upload(transaction.within(organization), upload_id, told)
    work.count(headers=gone.headers, comments=gone.comments, examples=gone.examples)
    work.texts += [text for text in gone.texts if text not in work.texts]
    ids = work.outcome.setdefault("dataset_ids", [])
    ids += [str(each) for each in gone.datasets if str(each) not in ids]


def _withdraw(work: _Work) -> None:
    """Withdraw what was learned from the examples that are gone. It is built again without them when the erasure is done."""
    ids = [UUID(each) for each in work.outcome.get("dataset_ids", ())]
    if work.dry_run or not ids:
        return
    with work.database.transaction(SYSTEM) as transaction:
        withdrawal.settle(transaction)
        withdrawn = withdrawal.withdrawn(transaction, ids)
        work.name("datasets", withdrawn.datasets)
        work.name("models", withdrawn.models)
        work.count(fine_tuned_models=withdrawn.fine_tuned)
        del work.outcome["dataset_ids"]
        work.note(transaction)


def _quoted(work: _Work) -> list[Pattern]:
    pattern = forgetting.quoting(work.texts)
    return [] if pattern is None else [pattern]


def _clean_texts(work: _Work, patterns: Sequence[Pattern]) -> None:
    """Take the patterns out of every text of both schemas."""
    if work.dry_run or not patterns:
        return
    for schema, name in (("public", "texts"), (DAGSTER, "dagster_texts")):
        with work.database.transaction(SYSTEM) as transaction:
            tables = forgetting.tables_with_texts(transaction, schema)
        for table in tables:
            with work.database.transaction(SYSTEM) as transaction:
                changed = forgetting.take_out(transaction, table, patterns, organization=work.erasure.organization_id)
                work.count(**{name: changed})
                if changed:
                    work.name("touched", [f"{table.schema}.{table.name}".removeprefix("public.")])
                work.note(transaction)


def _cleaned(work: _Work, files: Cleaned) -> None:
    with work.database.transaction(SYSTEM) as transaction:
        work.count(files_deleted=files.deleted, files_overwritten=files.overwritten)
        work.note(transaction)


def _is_in_scope(work: _Work, file: KeptFile) -> bool:
    """Whether a file of the inbox lies in the folder of the organization that the erasure is for."""
    if work.erasure.organization_id is None:
        return True
    with work.database.transaction(SYSTEM) as transaction:
        return organizations.organization_of_folder(transaction, file.organization) == work.erasure.organization_id


def _clear_tables(work: _Work) -> None:
    """Have what was deleted cleared away where it lay; tables of which PostgreSQL keeps some for a while are named."""
    touched = list(work.outcome.get("touched", ()))
    if any(work.outcome.get(name) for name in ("erased", "reviewers")):
        touched += forgetting.TOUCHED
    if work.erasure.kind == "organization":
        touched += forgetting.OF_ORGANIZATION
    if touched and (left := remains.clear_tables(work.database, dict.fromkeys(touched), work.beat)):
        work.name("tables_not_rewritten", left)
