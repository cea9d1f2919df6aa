"""The home page and every chart with 1,000,000 mappings stored, none of them kept from before."""

import http.client
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from benchmarks import load
from benchmarks.history import fill, free_port
from benchmarks.table import Figure, milliseconds, quantile, show
from leads_pipeline.api.charts import CHARTS
from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded, organizations
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.supervisor import System
from leads_pipeline.system import migrate

TIMES = 50
TARGET = "at most 300 ms"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home), PORT=free_port())  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrate(settings, database)
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.ensure_organization(transaction, "Benchmark")
                tokens = {
                    "of an organization": organizations.create_token(transaction, organization),
                    "of all organizations": organizations.create_token(
                        transaction, None, scopes=(organizations.ADMIN,)
                    ),
                }
            fill(database, organization)
            _add_jobs(database, organization)
            measure_performance(database, target_seconds=60, today=datetime.now(UTC).date())
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                # Measuring has changed every upload; the server tidies up after that by itself, in a minute.
                connection.exec_driver_sql("VACUUM ANALYZE")
            figures = _charts(settings, database)
            with System(settings) as system:
                system.wait_ready()
                load.settle(system.pids["web"])
                for whose, token in tokens.items():
                    figures.append(Figure(f"the page at / {whose}, p99", _p99(_page(settings.port, token)), TARGET))
            show("The dashboard, with 1,000,020 mappings stored", figures)
        embedded.wipe(Path(home))


def _add_jobs(database: Database, organization: UUID) -> None:
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO processing_jobs (id, organization_id, upload_id, kind, state, created_at, started_at, finished_at,
                   llm_calls, llm_tokens, llm_cost_usd)
               SELECT gen_random_uuid(), organization_id, id, 'map', 'done', received_at, received_at,
                   received_at + interval '7 seconds', 1, 900, 0.0005 FROM file_uploads
               WHERE organization_id = :organization""",
            organization=organization,
        )


def _charts(settings: Settings, database: Database) -> list[Figure]:
    def draw(name: str) -> Callable[[], object]:
        def drawn() -> None:
            with database.transaction(SYSTEM) as transaction:
                CHARTS[name](transaction, datetime.now(UTC), settings)

        return drawn

    return [Figure(f"the chart {name}, p99", _p99(draw(name)), TARGET) for name in CHARTS]


def _page(port: int, token: str) -> Callable[[], object]:
    def opened() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == http.client.OK, answer.status

    return opened


def _p99(act: Callable[[], object]) -> str:
    seconds: list[float] = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - begun)
    return milliseconds(quantile(seconds, 0.99))


if __name__ == "__main__":
    main()
