"""The sealer: a thread of the web process that chains new events of the audit trail, a second after they came at the latest.

While events come it seals ten times a second: chaining is work of this process, and those of a whole second at once would
hold up whoever is being answered.

Every web process runs one, and an advisory lock lets one of them work at a time; so none is elected, and none is missed.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from leads_pipeline.logs import where
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM, Database

log = structlog.get_logger()

QUIET_SECONDS, BUSY_SECONDS = 1.0, 0.1
"""How long it pauses when nothing waited, and when something did."""
LONGEST_PAUSE_SECONDS = 30.0


@contextmanager
def sealing(database: Database) -> Generator[None]:
    """Seal until left; what came last is sealed on the way out."""
    over = threading.Event()
    sealer = threading.Thread(target=_keep_sealing, args=[database, over], name="audit-sealer", daemon=True)
    sealer.start()
    try:
        yield
    finally:
        over.set()
        sealer.join(LONGEST_PAUSE_SECONDS)


def _keep_sealing(database: Database, over: threading.Event) -> None:
    pause, last = QUIET_SECONDS, False
    while not last:
        last = over.wait(pause)
        try:
            sealed = seal_waiting(database)
        except SQLAlchemyError as error:
            # Nothing is lost: the events are there, and wait.
            log.warning("audit trail not sealed", error=where(error))
            pause = min(2 * max(pause, QUIET_SECONDS), LONGEST_PAUSE_SECONDS)
        else:
            pause = BUSY_SECONDS if sealed else QUIET_SECONDS


def seal_waiting(database: Database) -> int:
    """Seal whatever waits, and return how much that was."""
    sealed = 0
    while True:
        with database.transaction(SYSTEM) as transaction:
            more = audit.seal(transaction)
        sealed += more
        if more < audit.MOST_AT_ONCE:
            return sealed
