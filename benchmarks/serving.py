"""The web process under load: 300 requests a second through tokens, rate limits and the request log.

The load is open: a request is sent when its time has come, whether the one before was answered or not, and its latency counts
from then. So a server that falls behind shows it.
"""

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import httpx

from benchmarks.history import fill
from benchmarks.table import Figure, milliseconds, quantile, show
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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = Settings(LEADS_HOME=Path(home), PORT=port)  # pyright: ignore[reportCallIssue]
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
        rows = transaction.all("SELECT id FROM field_mappings LIMIT :n", n=RATE * SECONDS)
    corrections = [
        ("/training/corrections", {"corrections": [{"mapping_id": str(row["id"]), "target": "Email"}]}) for row in rows
    ]
    reads = [(READS[n % len(READS)].replace("{upload}", str(upload)), None) for n in range(RATE * SECONDS)]
    with (settings.home / "web.log").open("wb") as log:
        command = [sys.executable, "-m", "leads_pipeline", "serve"]
        server = processes.start(
            command, child_environment(settings), directory=Path.cwd(), grace=5, output=log.fileno()
        )
        try:
            base = f"http://127.0.0.1:{settings.port}/api/v1"
            _wait(base)
            figures = [
                *_figures("reads", asyncio.run(_load(base, tokens, reads)), ""),
                *_figures("POST /training/corrections", asyncio.run(_load(base, tokens, corrections)), "at most 25 ms"),
            ]
        finally:
            processes.stop([server])
    show(f"HTTP, {RATE} requests a second for {SECONDS} s each, 1,000,020 mappings stored", figures)


def _wait(base: str) -> None:
    while True:
        try:
            if httpx.get(f"{base}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)


async def _load(base: str, tokens: list[str], requests: Sequence[tuple[str, object]]) -> list[tuple[float, int]]:
    """Seconds and status of each request, sent `RATE` a second."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client:
        begun = time.perf_counter() + 0.5

        async def one(number: int, path: str, body: object) -> tuple[float, int]:
            due = begun + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
            if body is None:
                answer = await client.get(base + path, headers=headers)
            else:
                headers["Content-Type"] = "application/json"
                answer = await client.post(base + path, headers=headers, content=json.dumps(body))
            return time.perf_counter() - due, answer.status_code

        return list(await asyncio.gather(*(one(number, *each) for number, each in enumerate(requests))))


def _figures(what: str, answers: list[tuple[float, int]], target: str) -> list[Figure]:
    seconds = [each for each, _ in answers]
    statuses = Counter(status for _, status in answers)
    return [
        Figure(f"{what}: answered with {', '.join(map(str, sorted(statuses)))}", f"{len(answers):,}"),
        Figure(f"{what}: median", milliseconds(quantile(seconds, 0.5))),
        Figure(f"{what}: p99", milliseconds(quantile(seconds, 0.99)), target),
    ]


if __name__ == "__main__":
    main()
