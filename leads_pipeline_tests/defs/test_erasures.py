"""Erasure: whoever is forgotten leaves no trace, what is nobody's stays, and a killed one goes on where it stopped."""

import io
import json
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import openpyxl
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.building import Built, build_requested
from leads_pipeline.defs.erasures import erasures_asked_for
from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.defs.forgetting import erase_waiting
from leads_pipeline.defs.inbox import take_in
from leads_pipeline.defs.processing import process
from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import NotFound, StaleClaim, StaleState
from leads_pipeline.providers.inbox import Inbox
from leads_pipeline.settings import Settings, dagster_environment
from leads_pipeline.spreadsheets import person, person_to_json
from leads_pipeline.store import (
    audit,
    corrections,
    dataset_requests,
    datasets,
    erasures,
    models,
    organizations,
    sessions,
    uploads,
)
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.erasures import Erasure
from leads_pipeline.system import migrate
from leads_pipeline_tests.builders import claim_for, received, stored_mappings
from leads_pipeline_tests.defs.test_datasets import Files
from leads_pipeline_tests.models import trained

PEOPLE = 50


@dataclass(frozen=True)
class Canary:
    """A person whom nobody else is like."""

    number: int

    @property
    def word(self) -> str:
        """A word of letters that stands for the person in every name."""
        return "".join(chr(ord("a") + int(digit)) for digit in f"{self.number:02d}")

    @property
    def given(self) -> str:
        return f"Qwyla{self.word}"

    @property
    def family(self) -> str:
        return f"Zorbnik{self.word}"

    @property
    def email(self) -> str:
        return f"{self.given}.{self.family}@vexmail{self.word}.com".lower()

    @property
    def phone(self) -> str:
        return f"+49 30 77{self.number:02d}5193"

    @property
    def row(self) -> list[str]:
        return [self.given, self.family, self.email.title(), f"030/77{self.number:02d}5193"]

    @property
    def traces(self) -> tuple[str, ...]:
        """What must be nowhere afterwards, in lower case."""
        return (self.given.lower(), self.family.lower(), f"vexmail{self.word}", f"77{self.number:02d}5193")


class Deployment:
    """A deployment with a home, an inbox and a Dagster of its own, in which one organization's people have worked."""

    def __init__(self, database: Database, organization: UUID, home: Path) -> None:
        self.database, self.organization, self.home = database, organization, home
        with database.transaction(SYSTEM) as transaction:
            self.name = organizations.organization(transaction, organization).name
        # The server is the session's; the files of a home are this test's.
        chosen: dict[str, Any] = {
            "LEADS_HOME": home,
            "LEADS_INBOX": str(home / "inbox"),
            "LEADS_DRAIN_LINGER_SECONDS": 0,
            "DATABASE_URL": database.url.render_as_string(hide_password=False),
        }
        self.settings = Settings(**chosen)
        (home / "inbox" / self.name).mkdir(parents=True)

    def file(self, content: str | bytes, name: str = "leads.csv") -> UUID:
        """An upload that was mapped."""
        with self.database.transaction(self.organization) as transaction:
            upload = uploads.receive(
                transaction,
                io.BytesIO(content.encode() if isinstance(content, str) else content),
                filename=name,
                kind=name.rpartition(".")[2],
                source="rest",
            ).upload.id
        process(self.database, self.settings, claim_for(self.database, upload))
        return upload

    def reviewed(self, upload: UUID, comment: str | None = None, reviewer: str | None = None) -> None:
        rows = stored_mappings(self.database, self.organization, upload)
        with self.database.transaction(self.organization) as transaction:
            corrections.review(
                transaction,
                upload,
                [
                    Correction(row.id, "Description", comment=comment, reviewer=reviewer)
                    for row in list(rows.values())[:1]
                ],
                rest_confirmed=True,
                single_valued=frozenset(),
                reviewer=reviewer,
            )

    def ask(self, *canaries: Canary, by: str = "email", everywhere: bool = False) -> UUID:
        wanted = person(
            [each.email for each in canaries if "email" in by], [each.phone for each in canaries if "phone" in by]
        )
        with self.database.transaction(SYSTEM) as transaction:
            return erasures.ask(
                transaction, None if everywhere else self.organization, "person", person_to_json(wanted)
            )

    def erase(self, erasure: UUID) -> Erasure:
        (done,) = erase_waiting(self.database, self.settings, "run", only=erasure)
        assert done.problem is None, done.problem
        return done

    def dump(self) -> Iterator[tuple[str, str]]:
        """Every row of every table of both schemas, as text, and every file below the home with its name."""
        with self.database.transaction(SYSTEM) as transaction:
            tables = transaction.all(
                """SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind = 'r' AND n.nspname IN ('public', 'dagster')"""
            )
            for table in tables:
                # Bytes as letters, one for each, so that what is not encrypted is seen.
                transaction.run("SET LOCAL bytea_output = 'escape'")
                for block in transaction.stream(f"SELECT t::text FROM {table['name']} t"):
                    for (row,) in block:
                        yield table["name"], row
        for path in self.home.rglob("*"):
            if path.is_file():
                yield str(path), str(path.name) + path.read_bytes().decode("latin-1")
                if path.suffix == ".xlsx":
                    for cells in openpyxl.load_workbook(path).active.values:  # pyright: ignore[reportOptionalMemberAccess]
                        yield str(path), str(cells)

    def traces_of(self, canaries: list[Canary]) -> dict[str, list[str]]:
        """What is left of these people, by where."""
        wanted = {trace for canary in canaries for trace in canary.traces}
        left: dict[str, list[str]] = {}
        for place, row in self.dump():
            lowered = row.lower()
            if "zorbnik" in lowered or "qwyla" in lowered or "vexmail" in lowered or "5193" in lowered:
                found = [trace for trace in wanted if trace in lowered]
                if found:
                    left.setdefault(place, []).extend(found)
        return left


@pytest.fixture
def deployment(database: Database, organization: UUID, home: Path, tmp_path: Path, leads: Leads) -> Deployment:
    del leads  # nothing waits
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM erasures")
    return Deployment(database, organization, tmp_path / "home")


@pytest.fixture
def dagster(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Generator[dg.DagsterInstance]:
    """Dagster's own tables, in the same database."""
    migrate(deployment.settings, deployment.database)
    for name, value in dagster_environment(deployment.settings, deployment.database.url).items():
        if name in ("DAGSTER_HOME", "LEADS_DAGSTER_DATABASE_URL"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEADS_HOME", str(deployment.home))
    monkeypatch.setenv("DATABASE_URL", deployment.database.url.render_as_string(hide_password=False))
    with dg.DagsterInstance.get() as instance:
        yield instance


def workbook(rows: list[list[str]], title: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


HEADERS = ["Vorname", "Nachname", "E-Mail", "Telefon"]
OTHERS = ["Grace", "Hopper", "grace@example.com", "030 1234567"]


def csv_of(rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def plant(at: Deployment, people: list[Canary], instance: dg.DagsterInstance) -> dict[str, UUID]:
    """Put people into everything that keeps something; returns uploads by what is in them."""
    made: dict[str, UUID] = {}
    made["many"] = at.file(csv_of([HEADERS, *(each.row for each in people[:20]), OTHERS]))
    at.reviewed(made["many"], comment=f"{people[0].given} {people[0].family} called", reviewer=people[1].email)
    made["workbook"] = at.file(
        workbook([HEADERS, *(each.row for each in people[20:30])], f"{people[20].given} {people[20].family}"),
        f"{people[21].given}_{people[21].family}.xlsx",
    )
    at.reviewed(made["workbook"])
    # A file without a header, whose first row is a person's: the person is in headers, patterns and memory.
    made["headless"] = at.file(csv_of([people[30].row, people[31].row, OTHERS]), f"{people[30].email}.csv")
    at.reviewed(made["headless"], reviewer="ann")
    made["quoted"] = at.file(csv_of([[f"Mail {people[32].email}", people[33].phone, "Frobnik"], ["x@y.de", "1", "2"]]))
    at.reviewed(made["quoted"])
    made["mentioned"] = at.file(csv_of([["Name", "Firma", "Wunsch"], ["Grace", "Navy", "no"]]), "mentioned.csv")
    at.reviewed(made["mentioned"], comment=f"ask {people[34].email} or {people[35].phone}")
    made["damaged"] = at.file(b"PK\3\4" + people[36].email.encode() + b" " * 50, "damaged.xlsx")
    made["untouched"] = at.file(
        csv_of([HEADERS, OTHERS, ["Ada", "Byron", "ada@example.com", "030 7654321"]]), "mine.csv"
    )
    at.reviewed(made["untouched"], comment="all is well", reviewer="ann")
    make_waiting_examples(at.database, at.settings)
    (at.home / "inbox" / at.name / "dropped.csv").write_text(csv_of([HEADERS, people[37].row]))
    inbox = Inbox(str(at.home / "inbox"))
    for file in inbox.scan():
        claim = inbox.take(file)
        assert claim is not None
        assert take_in(at.database, at.settings, inbox, claim)
    with at.database.transaction(at.organization) as transaction:
        made["dropped"] = uploads.uploads(transaction, limit=1)[0].id
    process(at.database, at.settings, claim_for(at.database, made["dropped"]))
    plant_elsewhere(at, people, instance)
    return made


def plant_elsewhere(at: Deployment, people: list[Canary], instance: dg.DagsterInstance) -> None:
    """What no upload holds: advice, summaries, kept answers, Dagster's records, exports, logs."""
    with at.database.transaction(at.organization) as transaction:
        transaction.run(
            """INSERT INTO recommendations (id, organization_id, kind, key, rank, title, because, evidence, effort_minutes,
                   steps, watch)
               VALUES (gen_random_uuid(), :id, 'k', :key, 1, :title, 'b', CAST(:evidence AS jsonb), 1, '[]', '{}')""",
            id=at.organization,
            key=f"header:{people[38].email}",
            title=f"Agree on what '{people[38].email}' is",
            evidence=json.dumps({"note": f"first\n{people[39].email}", "phone": people[40].phone}),
        )
        transaction.run(
            """INSERT INTO weekly_summaries (id, organization_id, monday, body, figures)
               VALUES (gen_random_uuid(), :id, '2026-11-23', :body, '{}')""",
            id=at.organization,
            body=f"People ask about {people[41].email.upper()}.",
        )
        transaction.run(
            """INSERT INTO idempotency_keys (organization_id, key, operation, status, body, locked_until)
               VALUES (:id, :key, 'POST', 200, CAST(:body AS jsonb), now())""",
            id=at.organization,
            key=str(at.organization),
            body=json.dumps({"filename": f"{people[42].email}.csv"}),
        )

    @dg.op
    def tells(context: dg.OpExecutionContext) -> None:
        context.log.info("It went wrong for %s", people[43].email)
        context.log_event(
            dg.AssetMaterialization("things", metadata={"headers": dg.MetadataValue.md(f"| {people[44].email} | 1 |")})
        )
        context.log.warning("%s does not answer", people[45].phone)

    @dg.job(tags={"who": people[46].email})
    def telling() -> None:
        tells()

    assert telling.execute_in_process(instance=instance).success
    exports = at.home / "demo"
    exports.mkdir()
    (exports / "leads.csv").write_text(csv_of([HEADERS, people[47].row]))
    (exports / "leads.xlsx").write_bytes(workbook([HEADERS, people[48].row], "Leads"))
    (exports / "others.csv").write_text(csv_of([HEADERS, OTHERS]))
    (at.home / "logs").mkdir()
    (at.home / "logs" / "web.log").write_text(f"one\nerror=jürgen {people[49].email} and {people[49].phone}\nthree\n")


def test_fifty_people_are_erased_and_not_one_trace_is_left(deployment: Deployment, dagster: dg.DagsterInstance) -> None:
    people = [Canary(number) for number in range(PEOPLE)]
    made = plant(deployment, people, dagster)
    before = deployment.traces_of(people)
    planted = {trace for found in before.values() for trace in found}
    # Those who stand in a workbook alone are packed, in the database as well.
    in_sight = [each for each in people if each.number not in range(22, 30)]
    assert all(any(trace in planted for trace in canary.traces) for canary in in_sight)
    tables = ("file_uploads", "upload_contents", "field_mappings", "user_corrections", "memory_entries", "field_patterns",
              "sheets", "recommendations", "weekly_summaries", "idempotency_keys")  # fmt: skip
    assert {*(f"public.{table}" for table in tables), "dagster.event_logs", "dagster.runs"} <= set(before)
    with deployment.database.transaction(deployment.organization) as transaction:
        facts = transaction.all(_FACTS)

    asked = [
        deployment.ask(*people[:20]),
        deployment.ask(*people[20:30], by="phone"),
        deployment.ask(*people[30:], by="email and phone"),
    ]
    done = [deployment.erase(each) for each in asked]
    # The first takes the damaged file along, of which nobody can say whom it holds.
    assert [each.outcome["erased"] for each in done] == [2, 1, 3]
    assert done[0].outcome["unreadable"] == 1
    assert [each.outcome["rows"] for each in done] == [20, 10, 4]
    assert all(each.outcome["uploads"] == len(made) for each in done)

    assert deployment.traces_of(people) == {}
    with deployment.database.transaction(deployment.organization) as transaction:
        assert transaction.all(_FACTS) == facts
        shown = {name: uploads.upload(transaction, upload) for name, upload in made.items()}
        kept = transaction.one(
            "SELECT reviewer, comment FROM user_corrections WHERE upload_id = :id LIMIT 1", id=made["untouched"]
        )
        remembered = transaction.value("SELECT count(*) FROM memory_entries WHERE header_key LIKE '%mail%'")
        events = audit.events(transaction, limit=200, action="erasure")
    assert {name for name, upload in shown.items() if upload.status != "erased"} == {"untouched", "mentioned"}
    assert shown["many"].filename == "erased.csv"
    assert kept == {"reviewer": "ann", "comment": "all is well"}
    assert remembered
    assert (deployment.home / "demo" / "others.csv").exists()
    assert (deployment.home / "logs" / "web.log").read_text().splitlines()[0] == "one"
    assert not list((deployment.home / "inbox").rglob("*.csv"))
    assert sum(event.action == "erasure.done" for event in events) == 3
    with deployment.database.transaction(SYSTEM) as transaction:
        while audit.seal(transaction):
            pass
        assert audit.verify(transaction).whole
    # Dagster still reads what it has written.
    run = dagster.get_runs(limit=1)[0]
    assert len(dagster.all_logs(run.run_id)) > 5


_FACTS = """SELECT u.id, u.row_count, u.column_count, u.mapped_count, u.reviewed_count, u.corrected_count, u.status,
    (SELECT jsonb_agg(jsonb_build_array(m.sheet_index, m.column_index, m.target, m.confidence, m.review)
            ORDER BY m.generation, m.sheet_index, m.column_index) FROM field_mappings m WHERE m.upload_id = u.id) AS mappings,
    (SELECT count(*) FROM processing_jobs j WHERE j.upload_id = u.id) AS jobs
    FROM file_uploads u ORDER BY u.id"""


@pytest.fixture
def made(deployment: Deployment) -> UUID:
    """A reviewed file of two people."""
    upload = deployment.file(csv_of([HEADERS, Canary(1).row, OTHERS]), "two.csv")
    deployment.reviewed(upload, reviewer="ann")
    return upload


def test_a_dry_run_tells_what_would_go_and_erases_nothing(deployment: Deployment, made: UUID) -> None:
    with deployment.database.transaction(SYSTEM) as transaction:
        wanted = person_to_json(person([Canary(1).email]))
        asked = erasures.ask(transaction, deployment.organization, "person", wanted, dry_run=True)
    done = deployment.erase(asked)
    assert (done.outcome["erased"], done.outcome["rows"], done.outcome["erased_uploads"]) == (1, 1, [str(made)])
    assert (done.dry_run, done.subject) == (True, None)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, made).filename == "two.csv"
        assert transaction.value("SELECT count(*) FROM upload_contents WHERE upload_id = :id", id=made) == 1


def test_an_organization_erases_in_its_own_data_alone_and_the_deployment_everywhere(
    deployment: Deployment, made: UUID, other_organization: UUID
) -> None:
    content = csv_of([HEADERS, Canary(1).row]).encode()
    theirs = received(deployment.database, other_organization, content)
    process(deployment.database, deployment.settings, claim_for(deployment.database, theirs))
    assert deployment.erase(deployment.ask(Canary(1))).outcome["erased"] == 1
    with deployment.database.transaction(other_organization) as transaction:
        assert uploads.upload(transaction, theirs).status == "mapped"
    assert deployment.erase(deployment.ask(Canary(1), everywhere=True)).outcome["erased"] == 1
    with deployment.database.transaction(other_organization) as transaction:
        assert uploads.upload(transaction, theirs).status == "erased"


def test_an_erasure_that_was_killed_goes_on_where_it_stopped_and_counts_nothing_twice(
    deployment: Deployment, made: UUID
) -> None:
    for number in range(4):
        deployment.file(csv_of([HEADERS, Canary(1).row, [f"P{number}", "Q", "p@example.com", ""]]))
    asked = deployment.ask(Canary(1))
    seen: list[int] = []

    def dies(done: int) -> None:
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_waiting(deployment.database, deployment.settings, "first", only=asked, progress=dies)
    assert erase_waiting(deployment.database, deployment.settings, "second", only=asked) == []
    with deployment.database.transaction(SYSTEM) as transaction:
        assert erasures.waiting(transaction) == 0
        transaction.run("UPDATE erasures SET lease_until = now() - interval '1 second' WHERE id = :id", id=asked)
        assert erasures.waiting(transaction) == 1
    seen.clear()
    (done,) = erase_waiting(deployment.database, deployment.settings, "third", only=asked, progress=seen.append)
    assert seen == [3, 4, 5]
    assert (done.outcome["uploads"], done.outcome["erased"], done.outcome["rows"]) == (5, 5, 5)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert len(audit.events(transaction, limit=20, action="upload.erased")) == 5


def test_who_was_overtaken_changes_nothing_any_more(deployment: Deployment, made: UUID) -> None:
    asked = deployment.ask(Canary(1))
    with deployment.database.transaction(SYSTEM) as transaction:
        late = erasures.claim(transaction, "late", asked)
        assert late is not None
        transaction.run("UPDATE erasures SET lease_until = now() - interval '1 second' WHERE id = :id", id=asked)
    deployment.erase(asked)
    with deployment.database.transaction(SYSTEM) as transaction, pytest.raises(StaleClaim):
        erasures.finish(transaction, late, {})


def test_the_same_wish_twice_is_one_erasure(deployment: Deployment) -> None:
    assert deployment.ask(Canary(1)) == deployment.ask(Canary(1)) != deployment.ask(Canary(2))


def test_an_upload_is_erased_with_its_names_and_what_memory_learned_from_it(deployment: Deployment) -> None:
    upload = deployment.file("E-Mail,Frobnikation\nada@example.com,1\n", "Frobnikation of May.csv")
    deployment.reviewed(upload, comment="odd", reviewer="ann")
    make_waiting_examples(deployment.database, deployment.settings)
    with deployment.database.transaction(SYSTEM) as transaction:
        asked = erasures.ask(transaction, deployment.organization, "upload", {"upload": str(upload)})
    done = deployment.erase(asked)
    assert (done.outcome["headers"], done.outcome["examples"], done.outcome["comments"]) == (2, 2, 1)
    with deployment.database.transaction(deployment.organization) as transaction:
        found = uploads.upload(transaction, upload)
        assert (found.status, found.filename, found.row_count, found.reviewed_count) == ("erased", "erased.csv", 1, 2)
        assert transaction.value("SELECT count(*) FROM memory_entries") == 0
        assert transaction.value("SELECT count(*) FROM field_patterns") == 0
        with pytest.raises(StaleState):
            uploads.request_remap(transaction, upload)
    # Sent again, it is a new file.
    again = deployment.file("E-Mail,Frobnikation\nada@example.com,1\n")
    assert again != upload


def test_an_upload_that_is_being_mapped_is_erased_and_its_outcome_refused(deployment: Deployment) -> None:
    upload = received(deployment.database, deployment.organization, csv_of([HEADERS, Canary(1).row]).encode())
    job = claim_for(deployment.database, upload)
    deployment.erase(deployment.ask(Canary(1)))
    process(deployment.database, deployment.settings, job)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, upload).status == "erased"
        assert transaction.value("SELECT count(*) FROM field_mappings WHERE upload_id = :id", id=upload) == 0


def test_contents_that_cannot_be_had_are_named_and_kept(deployment: Deployment, made: UUID) -> None:
    with deployment.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE upload_contents SET key_id = 'lost', wrapped_key = 'x' WHERE upload_id = :id", id=made)
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["not_looked_through_uploads"] == [str(made)]
    assert "erased" not in done.outcome
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, made).status == "reviewed"


def test_what_had_learned_from_an_erased_file_is_withdrawn_and_asked_for_again(
    deployment: Deployment, settings: Settings
) -> None:
    files = Files(deployment.database, settings, deployment.organization)
    files.lists(3)
    first = files.build().dataset
    files.reviewed(csv_of([HEADERS, Canary(1).row]))
    second = files.build().dataset
    with deployment.database.transaction(SYSTEM) as transaction:
        owner = deployment.organization
        kept, lost = (
            models.save(
                transaction,
                owner,
                replace(trained(f"{name} {owner}", {"Frobnik": "Company"}), dataset_id=dataset.id),
                rejected=None,
                run_id="r",
            )
            for name, dataset in (("kept", first), ("lost", second))
        )
        models.promote(transaction, kept)
        models.promote(transaction, lost)
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["datasets"] == [f"{owner}:{second.version}"]
    assert done.outcome["models"] == [str(lost.version)]
    with deployment.database.transaction(SYSTEM) as transaction:
        assert datasets.dataset(transaction, first.id).status == "frozen"
        assert datasets.dataset(transaction, second.id).status == "withdrawn"
        champion = models.champion(transaction, owner)
        assert champion is not None
        assert champion.id == kept.id
        assert models.lost_its_champion(transaction, owner)
        gone = models.get(transaction, lost.id)
        assert (gone.status, gone.artifact_bytes) == ("rejected", 0)
        with pytest.raises(NotFound):
            models.artifact(transaction, lost.id)
        request = dataset_requests.take(transaction, "run")
    assert request is not None
    assert request.organization_id == owner
    files.reviewed("E-Mail,Branche,Land\nzoe@example.com,Beta,Chile\n")
    make_waiting_examples(deployment.database, settings)
    built = build_requested(deployment.database, settings, request)
    assert isinstance(built, Built)
    assert built.dataset.version == second.version + 1
    with deployment.database.transaction(SYSTEM) as transaction:
        news = {row["organization_id"]: row for row in models.news(transaction)}
    assert owner not in news or news[owner]["withdrawn"]
    assert not any("qwyla" in row.header.lower() for row in files.rows(built))


def test_an_organization_ends_with_all_that_is_its_own_and_the_certificate_stays(
    deployment: Deployment, made: UUID, other_organization: UUID
) -> None:
    owner, database = deployment.organization, deployment.database
    make_waiting_examples(database, deployment.settings)
    with database.transaction(SYSTEM) as transaction:
        token = organizations.create_token(transaction, owner)
        sessions.begin(
            transaction, role="organization", name="Ann", source="issuer", lasts=timedelta(hours=1), organization=owner
        )
        asked = erasures.ask(transaction, owner, "organization", {"name": deployment.name})
    (deployment.home / "inbox" / deployment.name / "done").mkdir(parents=True)
    (deployment.home / "inbox" / deployment.name / "done" / "old.csv").write_text("x")
    done = deployment.erase(asked)
    assert (done.outcome["uploads"], done.outcome["files_deleted"]) == (1, 1)
    with database.transaction(SYSTEM) as transaction:
        left = transaction.all(
            """SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organization_id'"""
        )
        there = {
            row["name"]: transaction.value(f"SELECT count(*) FROM {row['name']} WHERE organization_id = :id", id=owner)
            for row in left
        }
        assert {name for name, count in there.items() if count} <= {"erasures", "audit_events", "audit_seals"}
        assert organizations.token_holder(transaction, token) is None
        with pytest.raises(NotFound):
            organizations.organization(transaction, owner)
        organizations.organization(transaction, other_organization)
        events = audit.events(transaction, limit=9, organization=owner, action="erasure.done")
    assert [event.details["kind"] for event in events] == ["organization"]
    assert deployment.name not in json.dumps(events[0].as_json())


def test_the_sensor_asks_for_a_run_that_does_what_waits(
    deployment: Deployment, made: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_HOME", str(deployment.home))
    monkeypatch.setenv("DATABASE_URL", deployment.database.url.render_as_string(hide_password=False))
    asked = deployment.ask(Canary(1))
    with dg.instance_for_test() as instance:
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(erasures_asked_for(context), dg.RunRequest)
        result = build_definitions().resolve_job_def("erase").execute_in_process(instance=instance)
        assert result.success
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(erasures_asked_for(context), dg.SkipReason)
    (made_of,) = result.asset_materializations_for_node("erasures")
    assert made_of.metadata["erased"].value == 1
    with deployment.database.transaction(SYSTEM) as transaction:
        assert erasures.get(transaction, asked).state == "done"


def test_what_a_killed_process_left_in_the_folder_for_temporary_files_goes(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old, young = tmp_path / "leads-abc" / "upload", tmp_path / "leads-def" / "upload"
    socket = tmp_path / "leads-ghi" / ".s.PGSQL.5432.lock"
    for path in (old, young, socket):
        path.parent.mkdir()
        path.write_text("Ada")
    for path in (old, socket):
        os.utime(path, (1, 1))
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["files_deleted"] == 1
    assert (old.exists(), young.exists(), socket.exists()) == (False, True, True)


def test_an_upload_that_is_deleted_while_others_are_looked_through_is_passed_over(
    deployment: Deployment, made: UUID
) -> None:
    second = deployment.file(csv_of([HEADERS, Canary(1).row, ["P", "Q", "p@example.com", ""]]))
    asked = deployment.ask(Canary(1))

    seen: list[int] = []

    def delete_the_second(looked_at: int) -> None:
        seen.append(looked_at)
        if len(seen) == 1:
            with deployment.database.transaction(deployment.organization) as transaction:
                uploads.delete(transaction, second)

    (done,) = erase_waiting(deployment.database, deployment.settings, "run", only=asked, progress=delete_the_second)
    assert seen == [1, 1]
    assert (done.state, done.outcome["uploads"], done.outcome["erased"]) == ("done", 1, 1)
