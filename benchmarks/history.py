"""A long history: `GET /training/summary`, `GET /training/field-patterns` and corrections with 1,000,000 mappings stored."""

import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import event

from benchmarks.table import Figure, milliseconds, quantile, show
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, embedded, memory, migrations, organizations, summary
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.types import MemoryKey

UPLOADS = 33_334
COLUMNS = 30
TIMES = 100


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home))  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrations.upgrade(database)
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.ensure_organization(transaction, "Benchmark")
            _fill(database, organization)
            show("With 1,000,020 mappings stored", _measure(database, organization))
            _explain(database, organization)
        embedded.wipe(Path(home))


def _fill(database: Database, organization: UUID) -> None:
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO file_uploads (id, organization_id, filename, kind, size_bytes, sha256, source, status, generation,
                   row_count, column_count, mapped_count, decided_count, reviewed_count, corrected_count, received_at)
               SELECT gen_random_uuid(), :organization, 'f' || n || '.csv', 'csv', 1000, sha256(n::text::bytea), 'rest',
                   CASE WHEN n % 10 = 0 THEN 'reviewed' ELSE 'mapped' END, 1, 100, :columns, 20, 25,
                   CASE WHEN n % 10 = 0 THEN :columns ELSE 0 END, CASE WHEN n % 10 = 0 THEN 2 ELSE 0 END,
                   now() - n * interval '1 minute'
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


def _measure(database: Database, organization: UUID) -> list[Figure]:
    until = datetime.now(UTC)
    since = until - timedelta(days=90)

    def summarize() -> None:
        with database.transaction(organization) as transaction:
            summary.totals(transaction, since, until)
            summary.llm_totals(transaction, since, until)
            summary.storage_bytes(transaction)

    def patterns() -> None:
        with database.transaction(organization) as transaction:
            summary.header_patterns(transaction, per_field=20)

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

    event.listen(database.engine, "before_cursor_execute", note)
    until = datetime.now(UTC)
    with database.transaction(organization) as transaction:
        summary.totals(transaction, until - timedelta(days=90), until)
        summary.header_patterns(transaction, per_field=20)
        event.remove(database.engine, "before_cursor_execute", note)
        for statement, parameters in statements[1:]:
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
