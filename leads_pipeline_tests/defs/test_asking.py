"""A drain that asks a language model: what becomes of the file, what it cost, and what happens when it goes wrong."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from leads_pipeline.defs.drain import Totals
from leads_pipeline.mapping.suggestions import NEEDED
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, organizations, summary, uploads
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.types import NO_FIELD
from leads_pipeline_tests.builders import drained, received, stored_mappings
from leads_pipeline_tests.conftest import new_organization
from leads_pipeline_tests.llm_server import Changed, Hang, LlmServer, Status, llm_server

FILE = b"""Zorb,Quux,E-Mail
blaugrau,Zeppelinflug,ada.byron@example.com
karminrot,Walfangboot,alan.turing@example.org
ockergelb,Tintenfisch,grace.hopper@example.net
"""
ANSWERS = {"Zorb": "Nickname", "Quux": "Seniority", "E-Mail": "Email"}
"""Nothing that the shipped model would say of the first two."""


@pytest.fixture
def server() -> Generator[LlmServer]:
    with llm_server() as server:
        server.answers = lambda header, _choices: (ANSWERS.get(header, NO_FIELD), 0.97)
        yield server


@pytest.fixture
def settings(home: Path, server: LlmServer, database: Database) -> Settings:
    """A deployment that asks about every column that people have not answered."""
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM processing_jobs")
    given: dict[str, Any] = {
        "LEADS_HOME": home,
        "LEADS_DRAIN_LINGER_SECONDS": 0,
        "AUTO_APPLY_THRESHOLD": 100,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": server.url,
        "LEADS_LLM_TIMEOUT_SECONDS": 20,
        "LEADS_LLM_RETRIES": 0,
    }
    return Settings(**given)


def changed(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


def job_of(database: Database, upload: UUID) -> dict[str, Any]:
    with database.transaction(SYSTEM) as transaction:
        return transaction.one("SELECT * FROM processing_jobs WHERE upload_id = :id", id=upload)


def warnings_of(database: Database, organization: UUID, upload: UUID) -> list[str]:
    with database.transaction(organization) as transaction:
        return [each["code"] for each in uploads.upload(transaction, upload).warnings]


def test_a_drain_asks_about_open_columns_and_accounts_for_it(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    upload = received(database, organization, FILE)
    totals = drained(database, settings)
    assert (totals.uploads, totals.figures.llm_calls, totals.errors.total()) == (1, 1, 0)
    found = stored_mappings(database, organization, upload)
    assert {header: each.target for header, each in found.items()} == ANSWERS
    assert {header: each.method for header, each in found.items()} == {"Zorb": "llm", "Quux": "llm", "E-Mail": "model"}
    assert not any(each.applied for each in found.values())
    assert "language model" in found["Zorb"].explanation
    job = job_of(database, upload)
    assert (job["llm_calls"], job["llm_tokens"], job["llm_failure"]) == (1, 1010, None)
    assert (job["llm_endpoint"], job["llm_model"]) == ("decisions", "gpt-6-luna")
    # A thousand tokens of input at $0.10 a million; the output of a decision is free.
    assert job["llm_cost_usd"] == Decimal("0.0001")
    assert job["llm_seconds"] > 0
    assert job["timings"]["llm"] == job["llm_seconds"]
    assert len(job["llm_definitions"]) == 12
    now = datetime.now(UTC)
    with database.transaction(organization) as transaction:
        total = summary.llm_totals(transaction, now.replace(year=now.year - 1), now.replace(year=now.year + 1))
    assert total == {"calls": 1, "tokens": 1010, "cost_usd": 0.0001, "unpriced_calls": 0}
    assert warnings_of(database, organization, upload) == []
    assert len(server.requests) == 1


def test_no_cell_leaves_for_the_language_model(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    received(database, organization, FILE)
    drained(database, settings)
    ((_, body),) = server.requests
    sent = json.dumps(body, ensure_ascii=False).lower()
    for line in FILE.decode().lower().splitlines()[1:]:
        for cell in line.split(","):
            assert cell not in sent
            assert not any(word in sent for word in cell.replace("@", " ").split() if len(word) > 4)
    assert "zorb" in sent


def test_what_people_confirmed_is_told_as_an_example_and_not_asked_again(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    upload = received(database, organization, FILE)
    drained(database, settings)
    zorb = stored_mappings(database, organization, upload)["Zorb"]
    with database.transaction(organization) as transaction:
        corrections.correct(transaction, [Correction(zorb.id, "Nickname")], single_valued={"Nickname"})
    received(database, organization, FILE + b"Example Ltd,Buyer,x@example.com\n")
    drained(database, settings)
    document = json.loads(server.requests[-1][1]["input"][1]["content"])
    asked = [column["header"] for sheet in document["sheets"] for column in sheet["columns"] if "question" in column]
    assert "Zorb" not in asked
    received(database, organization, FILE.replace(b"Zorb", b"Zorbix"))
    drained(database, settings)
    document = json.loads(server.requests[-1][1]["input"][1]["content"])
    assert {"header": "zorb", "values": "text", "field": "Nickname"} in document["confirmed"]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [(Status(500), "llm_server_error"), (Status(401), "llm_unauthorized"), (Hang(), "llm_timeout")],
    ids=["500", "401", "hang"],
)
def test_an_upload_never_fails_because_of_the_language_model(
    database: Database,
    settings: Settings,
    server: LlmServer,
    organization: UUID,
    other_organization: UUID,
    fault: Any,
    failure: str,
) -> None:
    server.script.append(fault)
    upload = received(database, organization, FILE)
    limit = 0.5 if isinstance(fault, Hang) else 20
    totals = drained(database, changed(settings, llm_timeout_seconds=limit))
    assert (totals.uploads, totals.errors.total()) == (1, 0)
    without = received(database, other_organization, FILE)
    drained(database, changed(settings, openai_api_key=None))
    assert _answers(database, organization, upload) == _answers(database, other_organization, without)
    assert warnings_of(database, organization, upload) == [failure]
    job = job_of(database, upload)
    assert (job["state"], job["llm_failure"], job["llm_tokens"]) == ("done", failure, 0)
    # What a call cost that never answered is not known, which is not nothing.
    assert job["llm_cost_usd"] == (None if failure == "llm_timeout" else 0)


def test_a_fault_of_our_own_in_asking_does_not_fail_an_upload(
    database: Database, settings: Settings, organization: UUID
) -> None:
    upload = received(database, organization, FILE)
    drained(database, changed(settings, llm_prices={"gpt-6-luna": ()}))
    assert warnings_of(database, organization, upload) == ["llm_failed"]
    assert stored_mappings(database, organization, upload)["E-Mail"].target == "Email"


def _answers(database: Database, organization: UUID, upload: UUID) -> list[tuple[str | None, float, str]]:
    found = stored_mappings(database, organization, upload)
    return [(each.target, each.confidence, each.method) for each in found.values()]


def test_other_files_are_read_while_one_waits_for_the_language_model(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    answered = threading.Event()
    server.script.append(Changed(lambda _: answered.wait(60) and None))
    waits = received(database, organization, FILE)
    # Of the others nothing is open: what is certain enough is not asked about.
    ours = changed(settings, auto_apply_threshold=90, llm_threshold=85, llm_timeout_seconds=60, readers=1)
    others = [
        received(database, organization, b"First Name,Last Name,E-Mail\nAda,Byron,ada%d@example.com\n" % number)
        for number in range(4)
    ]
    done: list[Totals] = []
    thread = threading.Thread(target=lambda: done.append(drained(database, ours)))
    begun = time.monotonic()
    thread.start()
    try:
        with database.transaction(SYSTEM) as transaction:
            count = "SELECT count(*) FROM processing_jobs WHERE upload_id = ANY(:ids) AND state = 'done'"
            while transaction.value(count, ids=others) < len(others):
                assert time.monotonic() - begun < 50, "the others wait, too"
                time.sleep(0.02)
            assert transaction.value(count, ids=[waits]) == 0
    finally:
        answered.set()
        thread.join()
    assert (done[0].uploads, len(server.requests)) == (5, 1)


def test_a_drain_knows_that_the_one_before_could_not_reach_the_language_model(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    server.script.extend([Status(500)] * 5)
    files = [received(database, organization, FILE + b"a,b,%d@example.com\n" % number) for number in range(6)]
    for _ in range(2):
        drained(database, changed(settings, llm_calls=1, drain_max_seconds=60))
        files.append(received(database, organization, FILE + b"a,b,%d@example.com\n" % len(files)))
    assert len(server.requests) == 5
    said = [warnings_of(database, organization, file) for file in files[:7]]
    assert sorted(said[:6]) == [["llm_circuit_open"], *[["llm_server_error"]] * 5]
    assert said[6] == ["llm_circuit_open"]


def test_a_spent_budget_stops_the_asking_and_nothing_else(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    upload = received(database, organization, FILE)
    drained(database, changed(settings, llm_monthly_budget_usd=0.0001))
    assert server.requests == []
    assert warnings_of(database, organization, upload) == ["llm_budget_exhausted"]
    assert job_of(database, upload)["llm_cost_usd"] == 0
    # Another organization has its own, and may have set it itself.
    other = received(database, new_organization(database), FILE)
    drained(database, changed(settings, llm_monthly_budget_usd=1.0))
    assert job_of(database, other)["llm_calls"] == 1
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, organization, {"llm_monthly_budget_usd": 0})
    third = received(database, organization, FILE + b"a,b,c@example.com\n")
    drained(database, settings)
    assert (job_of(database, third)["llm_calls"], warnings_of(database, organization, third)) == (0, [])


def test_a_budget_needs_a_known_price(
    database: Database, settings: Settings, server: LlmServer, organization: UUID
) -> None:
    own = changed(settings, llm_decisions_model="own-model", llm_endpoint="decisions")
    upload = received(database, organization, FILE)
    drained(database, changed(own, llm_monthly_budget_usd=1.0))
    assert server.requests == []
    assert warnings_of(database, organization, upload) == ["llm_price_unknown"]
    priced = received(database, organization, FILE + b"\n")
    drained(database, own)
    job = job_of(database, priced)
    assert (job["llm_calls"], job["llm_model"], job["llm_cost_usd"]) == (1, "own-model", None)


def test_an_organizations_own_calibration_lets_answers_through_the_gate(
    database: Database, settings: Settings, server: LlmServer, organization: UUID, other_organization: UUID
) -> None:
    gated = changed(settings, auto_apply_threshold=75)
    server.answers = lambda _header, _choices: (NO_FIELD, 0.97)
    wide = [f"Zorb {letter}{number}" for letter in "abcd" for number in range(NEEDED // 4 + 2)]
    for at in range(0, len(wide), 50):
        upload = received(database, organization, _csv(wide[at : at + 50]))
        drained(database, changed(settings, llm_threshold=100))
        with database.transaction(organization) as transaction:
            corrections.review(transaction, upload, [], rest_confirmed=True, single_valued=())
    server.answers = lambda header, _choices: (ANSWERS.get(header, NO_FIELD), 0.97)
    ours, others = received(database, organization, FILE), received(database, other_organization, FILE)
    drained(database, changed(gated, llm_threshold=100))
    zorb = stored_mappings(database, organization, ours)["Zorb"]
    assert (zorb.target, zorb.method, zorb.applied) == ("Nickname", "llm", True)
    assert "reviewed answers of this model" in zorb.explanation
    unproven = stored_mappings(database, other_organization, others)["Zorb"]
    assert not (unproven.method == "llm" and unproven.applied)


def _csv(headers: Sequence[str]) -> bytes:
    return (",".join(headers) + "\n" + ",".join("xyz" for _ in headers) + "\n").encode()


def test_without_a_key_the_library_is_not_even_imported() -> None:
    code = (
        "import sys, leads_pipeline.definitions, leads_pipeline.defs.drain, leads_pipeline.api.app, leads_pipeline.cli;"
        "print([name for name in sys.modules if name.split('.')[0] in ('openai', 'httpx2')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
