"""Definitions of fields are amended by reviewed mistakes, and only where that proves to help."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from leads_pipeline.defs.refining import refine
from leads_pipeline.errors import UnexpectedAnswer
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, llm
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.types import NO_FIELD
from leads_pipeline_tests.builders import drained, received, stored_mappings
from leads_pipeline_tests.llm_server import LlmServer, Status, llm_server

HEADERS = [f"Zorb {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


@pytest.fixture
def server() -> Generator[LlmServer]:
    """A model that takes such columns for seniorities."""
    with llm_server() as server:
        server.answers = lambda _header, _choices: ("Seniority", 0.9)
        yield server


@pytest.fixture
def settings(home: Path, server: LlmServer, database: Database) -> Settings:
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM processing_jobs")
    given: dict[str, Any] = {
        "LEADS_HOME": home, "LEADS_DRAIN_LINGER_SECONDS": 0, "AUTO_APPLY_THRESHOLD": 100, "LEADS_LLM_RETRIES": 0,
        "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.url,
    }  # fmt: skip
    return Settings(**given)


@pytest.fixture
def mistaken(database: Database, settings: Settings, organization: UUID) -> UUID:
    """An organization whose people said that such columns have no target."""
    upload = received(database, organization, f"{','.join(HEADERS)}\n{','.join('xyz' for _ in HEADERS)}\n".encode())
    drained(database, settings)
    found = stored_mappings(database, organization, upload)
    said = [Correction(each.id, None) for each in found.values()]
    with database.transaction(organization) as transaction:
        corrections.review(transaction, upload, said, rest_confirmed=True, single_valued=())
    return organization


def told_of(server: LlmServer, field: str) -> str:
    document = json.loads(server.requests[-1][1]["input"][1]["content"])
    return next(each["is"] for each in document["fields"] if each["name"] == field)


def listens(server: LlmServer) -> None:
    """From now on the model heeds what a definition says of such columns."""
    server.answers = lambda _header, _choices: (
        (NO_FIELD, 0.9) if "no field holds them" in told_of(server, "Seniority") else ("Seniority", 0.9)
    )


def test_an_amendment_that_helps_is_used_from_then_on(
    database: Database, settings: Settings, server: LlmServer, mistaken: UUID
) -> None:
    listens(server)
    done = refine(database, settings, mistaken)
    assert done.applied
    assert done.gain is not None
    assert (done.gain.before, done.gain.after) == (0, done.gain.columns)
    (amendment,) = done.amendments
    assert amendment.field == "Seniority"
    assert amendment.text.startswith("Not columns such as “Zorb ")
    # It was measured on columns that it does not name.
    assert done.gain.columns + len(amendment.evidence) == len(HEADERS)
    upload = received(database, mistaken, b"Other,E-Mail\nabc,x@example.com\n")
    drained(database, settings)
    assert "no field holds them" in told_of(server, "Seniority")
    with database.transaction(mistaken) as transaction:
        (version,) = llm.versions(transaction)
        definitions = transaction.value("SELECT llm_definitions FROM processing_jobs WHERE upload_id = :id", id=upload)
    assert (version.version, version.status, version.definitions) == (1, "applied", definitions)
    assert version.gain["after"] == done.gain.after


def test_an_amendment_that_does_not_help_is_kept_and_not_used(
    database: Database, settings: Settings, server: LlmServer, mistaken: UUID
) -> None:
    done = refine(database, settings, mistaken)
    assert (done.version, done.applied) == (1, False)
    with database.transaction(mistaken) as transaction:
        assert [version.status for version in llm.versions(transaction)] == ["rejected"]
        assert llm.amendments(transaction) == {}
    assert server.requests


def test_a_proposal_alone_asks_nothing_and_changes_nothing(
    database: Database, settings: Settings, server: LlmServer, mistaken: UUID
) -> None:
    before = len(server.requests)
    done = refine(database, settings, mistaken, measure=False)
    assert (len(done.amendments), done.gain, done.version) == (1, None, None)
    assert len(server.requests) == before


def test_a_model_that_cannot_be_asked_changes_nothing(
    database: Database, settings: Settings, server: LlmServer, mistaken: UUID
) -> None:
    server.script.append(Status(500))
    with pytest.raises(UnexpectedAnswer, match="nothing was changed"):
        refine(database, settings, mistaken)
    with database.transaction(mistaken) as transaction:
        assert llm.versions(transaction) == []


def test_another_organizations_mistakes_amend_nothing_here(
    database: Database, settings: Settings, mistaken: UUID, other_organization: UUID
) -> None:
    assert refine(database, settings, other_organization).amendments == ()
    assert mistaken != other_organization
