"""The web process under load: 300 requests a second through tokens, rate limits and the request log."""

import http.client
import sys
import tempfile
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from uuid import UUID

import httpx

from benchmarks import load
from benchmarks.history import corrections_of, fill, free_port
from benchmarks.table import show
from leads_pipeline import processes
from leads_pipeline.settings import Settings, child_environment
from leads_pipeline.store import embedded, organizations
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.system import migrate

RATE = 300
SECONDS = 30
TOKENS = 3
"""Each has the rate that a token has by default; together they ask for what one may."""
READS = ("/training/summary", "/uploads?limit=20", "/uploads/{upload}", "/uploads/{upload}/mappings")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home), PORT=free_port())  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrate(settings, database)
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.ensure_organization(transaction, "Benchmark")
                tokens = [organizations.create_token(transaction, organization) for _ in range(TOKENS)]
            fill(database, organization)
            _measure(settings, database, organization, tokens)
        embedded.wipe(Path(home))


def _measure(settings: Settings, database: Database, organization: UUID, tokens: list[str]) -> None:
    with database.transaction(organization) as transaction:
        upload = transaction.value("SELECT id FROM file_uploads ORDER BY id LIMIT 1")
        # Those of a file lie together, and would wait for each other.
        rows = transaction.all(
            "SELECT id FROM field_mappings WHERE column_index = 3 ORDER BY id LIMIT :n", n=RATE * SECONDS
        )
    corrections = corrections_of([row["id"] for row in rows], tokens)
    reads = [
        load.Request("GET", f"/api/v1{path.replace('{upload}', str(upload))}", token)
        for path, token in islice(zip(cycle(READS), cycle(tokens)), RATE * SECONDS)
    ]
    with (settings.home / "web.log").open("wb") as log:
        command = [sys.executable, "-m", "leads_pipeline", "serve"]
        server = processes.start(
            command, child_environment(settings), directory=Path.cwd(), grace=5, output=log.fileno()
        )
        try:
            _wait(f"http://127.0.0.1:{settings.port}/api/v1/health/ready", server)
            load.settle(server.pid)
            figures = [
                *load.send(settings.port, reads, RATE, pid=server.pid).figures("reads"),
                *load.send(settings.port, corrections, RATE, pid=server.pid).figures(
                    "POST /training/corrections", "at most 25 ms"
                ),
            ]
        finally:
            processes.stop([server])
    show(f"HTTP, {RATE} requests a second for {SECONDS} s each, 1,000,020 mappings stored", figures)


def _wait(address: str, server: processes.Group) -> None:
    while server.exit_code() is None:
        with suppress(httpx.TransportError):
            if httpx.get(address).status_code == http.client.OK:
                return
        time.sleep(0.2)
    sys.exit("The web process ended before it was ready.")


if __name__ == "__main__":
    main()
