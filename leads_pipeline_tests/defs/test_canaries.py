"""Whoever is forgotten leaves no trace: fifty people are put into everything that keeps something, and erased."""

import json
from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.defs.inbox import take_in
from leads_pipeline.defs.processing import process
from leads_pipeline.providers.inbox import Inbox
from leads_pipeline.store import audit, embedded, migrations, uploads
from leads_pipeline.store.database import SYSTEM, connect
from leads_pipeline_tests.builders import claim_for
from leads_pipeline_tests.conftest import new_organization
from leads_pipeline_tests.defs.erasing import HEADERS, OTHERS, Canary, Deployment, csv_of, workbook

PEOPLE = 50


@pytest.fixture
def deployment(tmp_path: Path) -> Generator[Deployment]:
    """One with a PostgreSQL of its own, of which every byte may be looked at."""
    home = tmp_path / "home"
    with embedded.server(home) as url, connect(url) as database:
        migrations.upgrade(database)
        yield Deployment(database, new_organization(database), home, own_server=True)
    embedded.wipe(home)


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
    assert len(deployment.on_disk()) > PEOPLE
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
    assert deployment.on_disk() == set()
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
