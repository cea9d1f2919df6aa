"""A long history: summary, patterns, recommendations and corrections with 1,000,000 mappings stored, as statements and over
HTTP; and what measuring costs, at first and each day.
"""

import http.client
import json
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from uuid import UUID

from sqlalchemy import event

from benchmarks import load
from benchmarks.table import Figure, milliseconds, quantile, show
from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.defs.recommendations import advise
from leads_pipeline.settings import Settings
from leads_pipeline.store import (
    corrections,
    embedded,
    memory,
    organizations,
    performance,
    recommendations,
    summary,
)
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.supervisor import PROCFILE, System
from leads_pipeline.system import migrate
from leads_pipeline.types import MemoryKey

UPLOADS = 33_334
COLUMNS = 30
TIMES = 100
A_SECOND, SECONDS = 200, 60
"""Requests a second, and for how long."""


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home), PORT=free_port())  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrate(settings, database)
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.ensure_organization(transaction, "Benchmark")
                token = organizations.create_token(transaction, organization)
            fill(database, organization)
            show("Measuring 1,000,020 mappings", _measuring(database, organization, settings))
            show("Statements, with 1,000,020 mappings stored", _measure(database, organization))
            show("The disk alone", _flushes(Path(home)))
            asked = _mapping_ids(database, organization, 2 * A_SECOND * SECONDS)
            # A million rows written in a minute leave a gigabyte to be flushed, which a history of a year has behind it.
            embedded.clear_log(Path(home))
            for programs, beside, mappings in (
                (PROCFILE[:1], "the web process alone", asked[::2]),
                (PROCFILE, "the worker beside it", asked[1::2]),
            ):
                with System(settings, programs=programs) as system:
                    system.wait_ready()
                    figures = _requests(settings.port, token, system.pids["web"], mappings)
                    show(f"Requests, with 1,000,020 mappings stored, {beside}", figures)
            _explain(database, organization)
        embedded.wipe(Path(home))


def fill(database: Database, organization: UUID) -> None:
    """A thousand thousand mappings, in files of 30 columns."""
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO file_uploads (id, organization_id, filename, kind, size_bytes, sha256, source, status, generation,
                   row_count, column_count, mapped_count, decided_count, reviewed_count, corrected_count, received_at,
                   mapped_at, reviewed_at)
               SELECT gen_random_uuid(), :organization, 'f' || n || '.csv', 'csv', 1000, sha256(n::text::bytea), 'rest',
                   CASE WHEN n % 10 = 0 THEN 'reviewed' ELSE 'mapped' END, 1, 100, :columns, 20, 25,
                   CASE WHEN n % 10 = 0 THEN :columns ELSE 0 END, CASE WHEN n % 10 = 0 THEN 2 ELSE 0 END,
                   now() - n * interval '1 minute', now() - n * interval '1 minute',
                   CASE WHEN n % 10 = 0 THEN now() END
               FROM generate_series(1, :uploads) n""",
            organization=organization,
            uploads=UPLOADS,
            columns=COLUMNS,
        )
        transaction.run(
            """INSERT INTO field_mappings (id, organization_id, upload_id, generation, sheet_index, column_index, header,
                   profile, predicted, target, confidence, method, auto_applied, applied, header_key, value_class, neighbours,
                   model_version, schema_version)
               SELECT gen_random_uuid(), :organization, u.id, 1, 0, c, 'Header ' || (c * 100 + n % 100), '{}', f, f, 90,
                   'model', true, true, 'header ' || (c * 100 + n % 100), 'text', 'n', 'm', 0
               FROM (SELECT id, row_number() OVER () AS n FROM file_uploads WHERE organization_id = :organization) u,
                    generate_series(0, :columns - 1) c, LATERAL (SELECT 'Field' || c AS f) x""",
            organization=organization,
            columns=COLUMNS,
        )
        transaction.run(
            """INSERT INTO sheets (upload_id, organization_id, generation, sheet_index, name, row_count, column_count, layout)
               SELECT id, organization_id, 1, 0, 'Sheet1', 100, :columns, '{}' FROM file_uploads
               WHERE organization_id = :organization""",
            organization=organization,
            columns=COLUMNS,
        )
        transaction.run(
            """INSERT INTO field_patterns (organization_id, header_key, predicted, header, seen, confidence_sum)
               SELECT :organization, header_key, predicted, min(header), count(*), sum(confidence) FROM field_mappings
               WHERE organization_id = :organization GROUP BY header_key, predicted""",
            organization=organization,
        )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _measuring(database: Database, organization: UUID, settings: Settings) -> list[Figure]:
    """What the first measurement costs, which counts all days; and the one of a day that brought 1,000 reviewed files."""
    figures: list[Figure] = []
    today = datetime.now(UTC).date()

    def measure(what: str, target: str = "") -> None:
        begun = time.perf_counter()
        done = measure_performance(database, target_seconds=30, today=today)
        counted = time.perf_counter()
        advise(database, settings, today=today)
        advised = time.perf_counter()
        figures.append(Figure(f"{what}: {done.uploads:,} files of {done.days} days", _seconds(counted - begun), target))
        figures.append(Figure("its recommendations", _seconds(advised - counted)))

    measure("all that is stored")
    with database.transaction(organization) as transaction:
        transaction.run(
            """UPDATE file_uploads SET version = version + 1, status = 'reviewed', reviewed_at = now()
               WHERE id IN (SELECT id FROM file_uploads WHERE status = 'mapped' ORDER BY mapped_at DESC LIMIT 1000)"""
        )
    measure("a day of 1,000 reviews")
    measure("a day of nothing")
    return figures


def _flushes(place: Path) -> list[Figure]:
    """How long the disk takes to say that 8 KB are kept, as often as answers come: no answer is confirmed sooner."""
    seconds: list[float] = []
    with (place / "flushed").open("wb", buffering=0) as file:
        file.write(bytes(16 * 2**20))
        os.fsync(file.fileno())
        begun = time.perf_counter()
        for number in range(A_SECOND * SECONDS):
            time.sleep(max(0.0, begun + number / A_SECOND - time.perf_counter()))
            sent = time.perf_counter()
            file.seek(number % 2_000 * 8_192)
            file.write(bytes(8_192))
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - sent)
    return [
        Figure(f"a flush of 8 KB, {A_SECOND} a second: {what}", milliseconds(quantile(seconds, share)))
        for what, share in (("p99", 0.99), ("the slowest", 1.0))
    ]


def _requests(port: int, token: str, pid: int, mappings: Sequence[UUID]) -> list[Figure]:
    """Latency over HTTP, logging on: one correction a request at 200 a second, and what is read beside that."""
    load.settle(pid)
    figures = load.send(port, corrections_of(mappings, [token]), A_SECOND, pid=pid).figures(
        "POST training/corrections", "at most 25 ms"
    )
    for path in ("summary", "field-patterns", "recommendations"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        request = load.Request("GET", f"/api/v1/training/{path}", token)
        seconds: list[float] = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            assert load.ask(connection, request) == http.client.OK
            seconds.append(time.perf_counter() - begun)
        figures.append(Figure(f"GET training/{path}, p99", milliseconds(quantile(seconds, 0.99)), "at most 100 ms"))
    return figures


def corrections_of(mappings: Sequence[UUID], tokens: Sequence[str]) -> list[load.Request]:
    """A correction for each of these mappings, by one token after the other."""
    return [
        load.Request(
            "POST",
            "/api/v1/training/corrections",
            token,
            json.dumps({"corrections": [{"mapping_id": str(mapping), "target": "Email"}]}).encode(),
        )
        for mapping, token in zip(mappings, cycle(tokens), strict=False)
    ]


def _mapping_ids(database: Database, organization: UUID, count: int) -> list[UUID]:
    """Mappings of as many different files."""
    with database.transaction(organization) as transaction:
        rows = transaction.all(
            """SELECT m.id FROM file_uploads u JOIN field_mappings m ON m.upload_id = u.id AND m.generation = u.generation
               WHERE u.organization_id = :organization AND m.column_index = 3 ORDER BY u.id LIMIT :n""",
            organization=organization,
            n=count,
        )
    return [row["id"] for row in rows]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _measure(database: Database, organization: UUID) -> list[Figure]:
    until = datetime.now(UTC)
    since = until - timedelta(days=90)

    def summarize() -> None:
        with database.transaction(organization) as transaction:
            summary.totals(transaction, since, until)
            summary.llm_totals(transaction, since, until)

    def patterns() -> None:
        with database.transaction(organization) as transaction:
            summary.header_patterns(transaction, per_field=20)
            performance.confusions_between(transaction, since.date(), until.date())

    def recommended() -> None:
        with database.transaction(organization) as transaction:
            recommendations.newest(transaction, limit=20)
            recommendations.checked(transaction, limit=20)
            recommendations.made_at(transaction)

    def recall() -> None:
        with database.transaction(organization) as transaction:
            memory.recall(transaction, [MemoryKey(f"header {n}", "text", "n") for n in range(COLUMNS)])

    with database.transaction(organization) as transaction:
        ids = [
            row["id"]
            for row in transaction.all(
                "SELECT id FROM field_mappings WHERE organization_id = :organization LIMIT :n",
                organization=organization,
                n=TIMES,
            )
        ]

    def correct() -> None:
        with database.transaction(organization) as transaction:
            corrections.correct(transaction, [Correction(ids.pop(), "Email")], single_valued={"Email"})

    figures: list[Figure] = []
    for what, act, target in (
        ("training/summary, p99", summarize, "at most 100 ms"),
        ("training/field-patterns, p99", patterns, "at most 100 ms"),
        ("training/recommendations, p99", recommended, "at most 100 ms"),
        ("one correction, p99", correct, "at most 25 ms"),
        ("memory of a 30-column sheet, p99", recall, ""),
    ):
        seconds: list[float] = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - begun)
        figures.append(Figure(what, milliseconds(quantile(seconds, 0.99)), target))
    return figures


def _explain(database: Database, organization: UUID) -> None:
    """Print the plans of the two queries, as PostgreSQL carried them out."""
    statements: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        statements.append((statement, parameters))

    until = datetime.now(UTC)
    with database.transaction(organization) as transaction:
        transaction.send()
        event.listen(database.engine, "before_cursor_execute", note)
        summary.totals(transaction, until - timedelta(days=90), until)
        summary.header_patterns(transaction, per_field=20)
        event.remove(database.engine, "before_cursor_execute", note)
        for statement, parameters in statements:
            plan = transaction.connection.exec_driver_sql(
                "EXPLAIN (ANALYZE, FORMAT JSON) " + statement,
                parameters,  # pyright: ignore[reportArgumentType]
            ).scalar_one()
            found = plan if isinstance(plan, list) else json.loads(plan)
            print(f"\n{statement.split('FROM')[0][:60].strip()} ...: {found[0]['Execution Time']:.1f} ms")
            _print_plan(found[0]["Plan"])


def _print_plan(node: dict[str, object], depth: int = 1) -> None:
    on = node.get("Index Name") or node.get("Relation Name") or ""
    print(f"{'  ' * depth}{node['Node Type']} {on} ({node['Actual Rows']} rows, {node['Actual Total Time']} ms)")
    for child in node.get("Plans", []):  # pyright: ignore[reportGeneralTypeIssues]
        _print_plan(child, depth + 1)


if __name__ == "__main__":
    main()
