"""The sealer: a thread of the web process that chains new events of the audit trail, once a second.

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

EVERY_SECONDS = 1.0
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
    pause, last = EVERY_SECONDS, False
    while not last:
        last = over.wait(pause)
        try:
            seal_waiting(database)
        except SQLAlchemyError as error:
            # Nothing is lost: the events are there, and wait.
            log.warning("audit trail not sealed", error=where(error))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            pause = EVERY_SECONDS


def seal_waiting(database: Database) -> int:
    """Seal whatever waits, and return how much that was."""
    sealed = 0
    while True:
        with database.transaction(SYSTEM) as transaction:
            more = audit.seal(transaction)
        if not more:
            return sealed
        sealed += more
