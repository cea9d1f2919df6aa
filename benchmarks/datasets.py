"""A training dataset of a million reviewed columns: how long it takes to freeze, and the memory for it."""

import os
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.table import Figure, megabytes, show
from leads_pipeline.defs.building import build, rows_of
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded, migrations, organizations
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.training import dataset_files
from leads_pipeline.training.examples import FEATURE_VERSION
from leads_pipeline.training.parameters import DatasetParameters

UPLOADS = int(os.environ.get("LEADS_BENCHMARK_UPLOADS", "33334"))
COLUMNS = 30
ORGANIZATIONS = 40


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home))  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrations.upgrade(database)
            _fill(database)
            before = _resident()
            begun = time.perf_counter()
            built = build(database, settings, DatasetParameters(scope="shared"), owner=None)
            frozen = time.perf_counter()
            again = build(database, settings, DatasetParameters(scope="shared"), owner=None)
            found = time.perf_counter()
            peak = _resident()
            with database.transaction(SYSTEM) as transaction:
                size = sum(len(block) for block in dataset_files.write(rows_of(transaction, built.dataset.id), "jsonl"))
            written = time.perf_counter()
            assert again.unchanged
            show(
                f"A dataset from {UPLOADS * COLUMNS:,} reviewed columns",
                [
                    Figure("selected, scored, split, hashed, frozen", f"{frozen - begun:.1f} s", "at most 60 s"),
                    Figure("its examples, after deduplication", f"{built.dataset.example_count:,}"),
                    Figure("asked for again, nothing new", f"{found - frozen:.1f} s"),
                    Figure("memory of the building process, peak", megabytes(peak), "at most 500 MB"),
                    Figure("the same, for this alone", megabytes(peak - before)),
                    Figure(f"written as JSON lines, {megabytes(size)}", f"{written - found:.1f} s"),
                ],
            )
        embedded.wipe(Path(home))


def _fill(database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        for number in range(ORGANIZATIONS):
            organizations.ensure_organization(transaction, f"Benchmark {number}", share_training=True)
        transaction.run(
            """INSERT INTO organization_keys (organization_id, pseudonym_key)
               SELECT id, sha256(name::bytea) FROM organizations"""
        )
        transaction.run(
            """INSERT INTO file_uploads (id, organization_id, filename, kind, size_bytes, sha256, source, status, generation)
               SELECT gen_random_uuid(), o.id, 'f.csv', 'csv', 1000, sha256(n::text::bytea), 'rest', 'reviewed', 1
               FROM generate_series(1, :uploads) n
               JOIN (SELECT id, row_number() OVER () AS k FROM organizations) o ON o.k = n % :organizations + 1""",
            uploads=UPLOADS,
            organizations=ORGANIZATIONS,
        )
        transaction.run(
            """INSERT INTO field_mappings (id, organization_id, upload_id, generation, sheet_index, column_index, header,
                   profile, predicted, target, confidence, method, auto_applied, applied, header_key, value_class, neighbours,
                   model_version, schema_version)
               SELECT gen_random_uuid(), u.organization_id, u.id, 1, 0, c, 'Header ' || (c * 100 + n % 100), '{}', 'Email',
                   'Email', 90, 'model', true, true, 'header ' || (c * 100 + n % 100), 'text', 'n', 'm', 0
               FROM (SELECT id, organization_id, row_number() OVER () AS n FROM file_uploads) u,
                    generate_series(0, :columns - 1) c""",
            columns=COLUMNS,
        )
        # Nine of ten files have a layout of their own, the worst case: nothing to deduplicate.
        transaction.run(
            """INSERT INTO training_examples (id, organization_id, upload_id, mapping_id, sheet_index, column_index, template,
                   family, language, header, header_key, value_class, profile, surrogates, feature_version, content_hash,
                   predicted, target, confidence, method, evidence, reviewer, answered_at)
               SELECT gen_random_uuid(), m.organization_id, m.upload_id, m.id, 0, m.column_index, t.template, t.template, 'en',
                   m.header, m.header_key, (ARRAY['text', 'email', 'phone', 'date', 'number'])[m.column_index % 5 + 1],
                   '{"rows": 100, "filled": 90, "kinds": {"one_name": 0.5, "unique": 1.0}, "shapes": ["Aaaa Aaaa", "Aaaaa"]}',
                   '["Zilu Movma", "Dafi Rollu", "Madu Gelav"]', :feature, sha256(m.id::text::bytea), 'Email',
                   CASE WHEN hashtext(m.header_key) % 3 = 0 THEN NULL ELSE 'Field' || m.column_index END, 90, 'model',
                   (ARRAY['corrected', 'confirmed', 'reviewed', 'reviewed'])[abs(hashtext(m.id::text)) % 4 + 1],
                   'r_' || abs(hashtext(m.upload_id::text)) % 7,
                   now() - abs(hashtext(m.upload_id::text)) % 400 * interval '1 day'
               FROM field_mappings m JOIN (
                   SELECT id, substr(sha256((CASE WHEN row_number() OVER () % 10 = 0 THEN '0' ELSE id::text END)::bytea),
                                     1, 16) AS template FROM file_uploads) t ON t.id = m.upload_id""",
            feature=FEATURE_VERSION,
        )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
