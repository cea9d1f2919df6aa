"""The audit trail of a million events: sealed and verified, and the memory for it."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Figure, megabytes, show
from leads_pipeline.settings import Settings, child_environment
from leads_pipeline.store import audit, embedded, migrations
from leads_pipeline.store.database import SYSTEM, Database, open_database

EVENTS = int(os.environ.get("LEADS_BENCHMARK_EVENTS", "1000000"))
AT_ONCE = 20_000


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home))  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrations.upgrade(database)
            begun = time.perf_counter()
            for first in range(0, EVENTS, AT_ONCE):
                _record(database, first)
                _seal(database)
            done = time.perf_counter()
            used = _verify(settings)
            verified = time.perf_counter()
            show(
                f"An audit trail of {EVENTS:,} events",
                [
                    Figure("recorded and sealed", f"{done - begun:.0f} s"),
                    Figure("`leads audit verify`", f"{verified - done:.1f} s"),
                    Figure("processor time of its process", f"{used.ru_utime + used.ru_stime:.1f} s"),
                    Figure("memory of its process, peak", megabytes(1024 * used.ru_maxrss), "at most 200 MB"),
                ],
            )
        embedded.wipe(Path(home))


def _record(database: Database, first: int) -> None:
    """Events as uploads leave them, of 40 organizations."""
    with database.transaction(SYSTEM) as transaction:
        transaction.run(
            """INSERT INTO audit_events (id, organization_id, actor_kind, actor, action, object_kind, object, network, details)
               SELECT uuidv7(), md5((n % 40)::text)::uuid, 'token', 'ab12CD34', 'upload.received', 'upload',
                      gen_random_uuid()::text, decode(md5((n % 200)::text), 'hex'), jsonb_build_object('size', n)
               FROM generate_series(:first, :last) AS n""",
            first=first,
            last=min(first + AT_ONCE, EVENTS) - 1,
        )


def _seal(database: Database) -> None:
    sealed = 1
    while sealed:
        with database.transaction(SYSTEM) as transaction:
            sealed = audit.seal(transaction)


def _verify(settings: Settings) -> resource.struct_rusage:
    """Verify as people do, in a process of its own; what it has used."""
    command = [sys.executable, "-m", "leads_pipeline", "audit", "verify"]
    process = subprocess.Popen(command, env=child_environment(settings), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit("The trail was not verified.")
    return used


if __name__ == "__main__":
    main()
