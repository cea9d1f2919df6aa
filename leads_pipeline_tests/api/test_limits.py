"""How much and how often one may ask: rates shared by all web processes, quotas, bodies."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import InterfaceError

from leads_pipeline.api.holders import REMEMBERED_SECONDS
from leads_pipeline.api.problems import RequestLog, install
from leads_pipeline.settings import Settings
from leads_pipeline.store import organizations, quotas
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, running, token_for
from leads_pipeline_tests.api.test_uploads import CSV, problem


def set_for(database: Database, organization: UUID, **settings: int) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, organization, settings)


# --- Rates ---------------------------------------------------------------------------------------------------------


def test_a_token_that_asks_too_often_is_told_when_to_come_back_by_every_web_process(
    settings: Settings, database: Database, organization: UUID, other_organization: UUID
) -> None:
    slow = settings.model_copy(update={"rate_limit": 2.0, "rate_burst": 10})
    headers = {"Authorization": f"Bearer {token_for(database, organization)}"}
    with running(slow, database) as one, running(slow, database) as two:
        begun = time.monotonic()
        with httpx.Client(headers=headers) as client:
            answers = [client.get(f"{url}/api/v1/uploads") for url in [one, two] * 15]
        statuses = Counter(answer.status_code for answer in answers)
        refused = next(answer for answer in answers if answer.status_code != 200)
        assert problem(refused) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "1"
        # What was there, and what came meanwhile; a process may hold back a handful that is of no use to the other.
        most = 10 + 2 * (time.monotonic() - begun)
        assert 6 <= statuses[200] <= most
        assert statuses[200] + statuses[429] == 30
        other = {"Authorization": f"Bearer {token_for(database, other_organization)}"}
        assert httpx.get(f"{one}/api/v1/uploads", headers=other).status_code == 200


def test_a_token_that_was_revoked_elsewhere_is_worthless_within_a_second(
    client: Client, database: Database, organization: UUID
) -> None:
    token = token_for(database, organization)

    def answer() -> int:
        return client.get("/uploads", headers={"Authorization": f"Bearer {token}"}).status_code

    assert answer() == 200
    with database.transaction(SYSTEM) as transaction:
        organizations.revoke_token(transaction, token.split("_")[1])
    begun = time.monotonic()
    while answer() == 200:
        assert time.monotonic() - begun < REMEMBERED_SECONDS + 5
    assert answer() == 401


def test_a_bucket_gives_what_is_in_it_and_fills_again(database: Database) -> None:
    key = uuid4()

    def take(want: int, returned: int = 0, rate: float = 0.001) -> quotas.Grant:
        with database.transaction(SYSTEM) as transaction:
            return quotas.take(transaction, key, rate=rate, burst=10, want=want, returned=returned)

    assert [take(4).granted, take(4).granted, take(4).granted] == [4, 4, 2]
    empty = take(1)
    assert empty.granted == 0
    assert 0 < empty.wait <= 1000
    assert take(4, returned=3).granted == 3
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE rate_buckets SET updated_at = now() - interval '1 day' WHERE key = :key", key=key)
    assert take(10, rate=1).granted == 10
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE rate_buckets SET updated_at = now() + interval '1 day' WHERE key = :key", key=key)
    assert take(1, rate=1).granted == 0  # A clock that went back fills nothing.


def test_many_at_once_take_no_more_than_there_is(database: Database) -> None:
    key = uuid4()

    def take(_: int) -> int:
        with database.transaction(SYSTEM) as transaction:
            return quotas.take(transaction, key, rate=0.001, burst=50, want=3, returned=0).granted

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(40))) == 50


# --- Quotas --------------------------------------------------------------------------------------------------------


def test_a_daily_quota_ends_with_the_day_and_forgives_the_same_file(
    client: Client, database: Database, organization: UUID
) -> None:
    set_for(database, organization, max_daily_uploads=1)
    assert client.send_file("leads.csv", CSV).status_code == 202
    assert client.send_file("leads.csv", CSV).status_code == 200
    refused = client.send_file("more.csv", CSV + b"Eve,Adams,eve@example.com,Other\n")
    assert problem(refused) == (429, "quota_exceeded")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    with database.transaction(SYSTEM) as transaction:
        transaction.run(
            "UPDATE file_uploads SET received_at = now() - interval '1 day' WHERE organization_id = :id",
            id=organization,
        )
    assert client.send_file("more.csv", CSV + b"Eve,Adams,eve@example.com,Other\n").status_code == 202


def test_a_quota_holds_for_uploads_that_come_together(client: Client, database: Database, organization: UUID) -> None:
    set_for(database, organization, max_daily_uploads=3)

    def send(number: int) -> int:
        return client.send_file(f"{number}.csv", CSV + f"A,B,c{number}@example.com,D\n".encode()).status_code

    with ThreadPoolExecutor(8) as threads:
        assert Counter(threads.map(send, range(8))) == {202: 3, 429: 5}
    assert len(client.get("/uploads").json()["uploads"]) == 3


def test_a_storage_quota_is_given_back_with_what_is_deleted(
    client: Client, database: Database, organization: UUID
) -> None:
    set_for(database, organization, max_storage_bytes=len(CSV) + 10)
    first = client.send_file("leads.csv", CSV).json()["id"]
    more = CSV.replace(b"Ada", b"Eva")
    refused = client.send_file("more.csv", more)
    assert problem(refused) == (429, "quota_exceeded")
    assert "retry-after" not in refused.headers
    client.delete(f"/uploads/{first}").raise_for_status()
    assert client.send_file("more.csv", more).status_code == 202


# --- Bodies --------------------------------------------------------------------------------------------------------

LARGE = 9 * 2**20


def blocks() -> Iterator[bytes]:
    for _ in range(LARGE // 65536):
        yield b" " * 65536


def test_json_over_the_limit_is_refused_announced_or_not(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b" " * LARGE, blocks()):
        answer = client.post("/training/corrections", content=content, headers=headers)
        assert problem(answer) == (413, "body_too_large")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_form_over_the_limit_is_refused_at_the_door(base_url: str, kind: str) -> None:
    headers = {"Content-Type": kind, "Origin": base_url}
    head = (
        b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n'
        if "multipart" in kind
        else b"password="
    )

    def body() -> Iterator[bytes]:
        yield head
        yield from blocks()

    assert httpx.post(f"{base_url}/login", content=body(), headers=headers).status_code in (400, 413)


def test_a_silent_sender_of_json_is_not_waited_for_for_ever(client: Client) -> None:
    url = client.base_url
    lines = [
        "POST /api/v1/training/corrections HTTP/1.1",
        f"Host: {url.host}",
        f"Authorization: {client.headers['authorization']}",
        "Content-Type: application/json",
        "Content-Length: 100",
    ]
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", "{"]).encode())
        assert b" 408 " in connection.recv(65536).splitlines()[0]


# --- The disk ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("whose", ["ours", "postgresql"])
def test_a_full_disk_is_a_problem_of_the_deployment_and_no_mystery(database: Database, whose: str) -> None:
    app = FastAPI()
    install(app)
    app.add_middleware(RequestLog)

    @app.get("/")
    def fill() -> None:
        if whose == "ours":
            Path("/dev/full").write_bytes(b"x")
        with database.transaction(SYSTEM) as transaction:
            transaction.run("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$")

    assert problem(TestClient(app).get("/")) == (507, "storage_full")  # pyright: ignore[reportArgumentType]


# --- The database --------------------------------------------------------------------------------------------------


def test_a_connection_that_is_found_broken_as_it_is_given_back_is_a_database_that_is_away() -> None:
    app = FastAPI()
    install(app)
    app.add_middleware(RequestLog)

    @app.get("/")
    def give_back() -> None:
        # What SQLAlchemy makes of an error while it handles another: it does not say that the connection is lost.
        raise InterfaceError("SELECT 1", {}, psycopg2.InterfaceError("connection already closed"))

    answer = TestClient(app).get("/")
    assert problem(answer) == (503, "database_unavailable")  # pyright: ignore[reportArgumentType]
    assert answer.headers["retry-after"] == "5"
