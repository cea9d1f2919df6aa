"""Connections and transactions. A transaction belongs to one organization, or says that it is the system's.

Row-level security reads the two settings that `Database.transaction` makes, so a query that forgets its organization
finds nothing of anybody else's.
"""

import errno
import hashlib
import json
import re
import threading
import time
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR, TRANSACTION_STATUS_INTRANS
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event, text
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded
from leads_pipeline.types import Actor

log = structlog.get_logger()

OLDEST_POSTGRESQL = 14
AWAY = (OperationalError, InterfaceError)
"""What is raised while the server is away; the second where a connection is found broken as it is given back."""
KEEP_UP_SECONDS = 2.0
"""How often a process looks whether the embedded server is still there; looking costs less than a millisecond."""
SURE_SECONDS = 0.2
"""How long a connection that was of use is taken to be still there."""


class SystemScope(Enum):
    SYSTEM = "system"


SYSTEM: Final = SystemScope.SYSTEM
"""The scope of drains, migrations and token look-ups: sees every organization."""


@dataclass(frozen=True, slots=True)
class Planned:
    """SQL that PostgreSQL plans once for a connection, not each time, and for no values in particular: for statements that
    take longer to plan than to carry out, and that one plan is right for.
    """

    sql: str

    @property
    def name(self) -> str:
        """What a connection calls the plan."""
        return f"leads_{_digest(self.sql)}"


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()[:16]


Sql = str | Planned
Statement = tuple[Sql, Mapping[str, Any]]
"""SQL, and the values that stand for its names."""

THE_SYSTEM: Final = Actor("system")
"""Who acts where nobody said on whose behalf."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A database transaction, whose it is, and who acts in it. Statements take their values by name.

    What is put off with `later` is sent together with the next statement, in its order: a conversation of one message, where
    each statement by itself would be one. Beginning and committing are put off likewise.
    """

    _connection: Connection
    scope: UUID | SystemScope
    actor: Actor = THE_SYSTEM
    _waiting: list[Statement] = field(default_factory=list[Statement], repr=False)

    @property
    def connection(self) -> Connection:
        """For what the methods below cannot do."""
        self.send()
        return self._connection

    @property
    def organization(self) -> UUID:
        """The organization that this transaction belongs to."""
        assert isinstance(self.scope, UUID), "this needs an organization's transaction"
        return self.scope

    def within(self, organization: UUID) -> "Transaction":
        """The same transaction, as statements about one organization take it. Of the system's scope: it still sees all."""
        return replace(self, scope=organization)

    def all(self, sql: Sql, **values: Any) -> list[dict[str, Any]]:
        result = self._execute(sql, values)
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result]

    def first(self, sql: Sql, **values: Any) -> dict[str, Any] | None:
        row = self._execute(sql, values).mappings().first()
        return None if row is None else dict(row)

    def one(self, sql: Sql, **values: Any) -> dict[str, Any]:
        return dict(self._execute(sql, values).mappings().one())

    def value(self, sql: Sql, **values: Any) -> Any:
        return self._execute(sql, values).scalar()

    def run(self, sql: Sql, **values: Any) -> int:
        """Execute, and return the number of rows that it touched."""
        return self._execute(sql, values).rowcount

    def later(self, sql: Sql, **values: Any) -> None:
        """Execute before whatever is executed next, or at the end. What is wrong with it is raised there."""
        self._waiting.append((sql, values))

    def send(self) -> None:
        """Execute now what was put off."""
        if self._waiting:
            sql, values = self._waiting.pop()
            self._execute(sql, values)

    def commit(self) -> None:
        """Execute what was put off, and end. Whoever has the transaction from `Database.transaction` leaves that to it."""
        if self._waiting != [_BEGIN, _entering(self.scope)]:  # Else nothing was asked, and nothing was begun.
            self.later("COMMIT")
            self.send()

    def plan(self, statements: Iterable[Planned]) -> None:
        """Have these planned on this connection, and carry none of them out."""
        self._prepare(statements)
        for each in statements:
            self.later(f"EXPLAIN EXECUTE {each.name} ({', '.join('NULL' for _ in _values(each))})")
        self.send()

    def stream(self, sql: str, *, block: int = 5_000, **values: Any) -> Generator[Sequence[Sequence[Any]]]:
        """The rows in blocks, through a cursor of the server's: no more than a block is ever in memory."""
        cursor = f"leads_{_digest(sql)}"
        self.run(f"DECLARE {cursor} NO SCROLL CURSOR FOR {sql}", **values)
        try:
            while rows := self._execute(f"FETCH FORWARD {block} FROM {cursor}", {}).all():
                yield rows
        finally:
            self.later(f"CLOSE {cursor}")

    def _execute(self, sql: Sql, values: Mapping[str, Any]) -> CursorResult[Any]:
        statements = [*self._waiting, (sql, values)]
        self._waiting.clear()
        self._prepare(each for each, _ in statements)
        message = ";\n".join(_for_driver(each, number) for number, (each, _) in enumerate(statements))
        named = {f"{name}_{n}": value for n, (_, values) in enumerate(statements) for name, value in values.items()}
        return self._connection.exec_driver_sql(message, named)

    def _prepare(self, statements: Iterable[Sql]) -> None:
        """Have those planned that this connection has not been told of yet."""
        known: set[Planned] = self._connection.info.setdefault("planned", set())
        unknown = {each for each in statements if isinstance(each, Planned)} - known
        if unknown:
            self._connection.exec_driver_sql(";\n".join(_preparing(each) for each in unknown))
            known |= unknown


@dataclass(frozen=True, slots=True)
class Database:
    """One process's small pool of connections, and who acts through it unless a transaction says otherwise."""

    engine: Engine
    actor: Actor = THE_SYSTEM

    @property
    def url(self) -> URL:
        return self.engine.url

    def acting(self, actor: Actor) -> "Database":
        """The same connections on behalf of `actor`."""
        return replace(self, actor=actor)

    @contextmanager
    def transaction(self, scope: UUID | SystemScope, *, by: Actor | None = None) -> Generator[Transaction]:
        """Commit on leaving, roll back on an exception. `by` is who acts, for the audit trail."""
        with self._plainly() as connection:
            transaction = Transaction(connection, scope, by or self.actor, [_BEGIN, _entering(scope)])
            yield transaction
            transaction.commit()

    @contextmanager
    def question(self, scope: UUID | SystemScope) -> Generator[Transaction]:
        """For one statement that is its own transaction, in a single round trip. Another one would see nobody's rows."""
        with self._plainly() as connection:
            yield Transaction(connection, scope, self.actor, [_entering(scope)])

    def warm_up(self, statements: Collection[Planned]) -> None:
        """Open all connections of the pool, and have these planned on each, so that nobody has to wait for it."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool), "`connect` makes no other"
        with ExitStack() as stack:
            for _ in range(pool.size() - pool.checkedout()):
                stack.enter_context(self.transaction(SYSTEM)).plan(statements)

    @contextmanager
    def _plainly(self) -> Generator[Connection]:
        """A connection whose driver begins and commits nothing: it would send either as a message of its own, and wait."""
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None, "a connection that was just opened is there"
            driver.autocommit = True
            try:
                yield connection
            finally:
                _leave(connection, driver)


def _leave(connection: Connection, driver: Any) -> None:
    """Roll back what is still open, and give up a connection that cannot even do that."""
    if driver.get_transaction_status() in (TRANSACTION_STATUS_INTRANS, TRANSACTION_STATUS_INERROR):
        with suppress(DBAPIError):
            connection.exec_driver_sql("ROLLBACK")
    if driver.closed or driver.get_transaction_status() != TRANSACTION_STATUS_IDLE:
        connection.invalidate()
    else:
        driver.autocommit = False


_BEGIN: Final[Statement] = ("BEGIN", {})


def _entering(scope: UUID | SystemScope) -> Statement:
    """What makes row-level security let a transaction see what is of this scope."""
    return "SELECT set_config('leads.organization', :organization, true), set_config('leads.scope', :scope, true)", {
        "organization": str(scope) if isinstance(scope, UUID) else "",
        "scope": "organization" if isinstance(scope, UUID) else scope.value,
    }


@contextmanager
def database_url(settings: Settings) -> Generator[URL]:
    """Where the database is: `DATABASE_URL`, or the embedded server, which runs at least until this is left."""
    external = settings.external_database()
    if external is not None:
        yield external
    else:
        with embedded.server(settings.home) as url:
            yield url


@contextmanager
def open_database(settings: Settings) -> Generator[Database]:
    """Connect, starting or joining the embedded server where no URL is set.

    Raises `SetupProblem` when the database cannot be reached or is older than PostgreSQL 14.
    """
    with database_url(settings) as url, connect(url, pool=settings.database_pool) as database:
        check_reachable(database)
        with _kept_up(settings):
            yield database


@contextmanager
def connect(url: URL, *, pool: int = 4) -> Generator[Database]:
    """A pool of at most `pool` connections to `url`. Nothing is connected yet."""
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        # Parameters are headers and file names; an error's text goes to logs and to Dagster.
        hide_parameters=True,
        connect_args={"application_name": "leads", "connect_timeout": 10},
    )
    _notice_restarts(engine)
    _plan_once(engine)
    try:
        yield Database(engine)
    finally:
        engine.dispose()


def _notice_restarts(engine: Engine) -> None:
    """A server that was restarted under us is noticed before a request is. Asking costs a round trip, so one that has
    answered a moment ago is not asked.
    """

    @event.listens_for(engine, "checkin")
    def _used(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if "used" not in record.info or time.monotonic() - record.info["used"] < SURE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _plan_once(engine: Engine) -> None:
    """Plans that are kept are made for no values in particular; else PostgreSQL plans anew where it thinks that it pays."""

    @event.listens_for(engine, "connect")
    def _settle(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.close()
        connection.commit()


@contextmanager
def _kept_up(settings: Settings) -> Generator[None]:
    """Start the embedded server again should somebody kill it under us. A server by URL is its operator's to keep up."""
    if settings.database_url is not None:
        yield
        return
    over = threading.Event()

    def keep() -> None:
        said = None
        while not over.wait(KEEP_UP_SECONDS):
            try:
                with embedded.server(settings.home):
                    said = None
            except SetupProblem as problem:
                # A full disk stays full for a while: its reason is told once, not at every attempt.
                if problem.detail != said:
                    said = problem.detail
                    log.error("the embedded PostgreSQL does not run", detail=said)  # noqa: TRY400

    keeper = threading.Thread(target=keep, name="embedded-postgresql", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def check_reachable(database: Database) -> None:
    """Raise `SetupProblem`, in a sentence, unless the server answers and is new enough."""
    place = shown(database.url)
    try:
        with database.engine.connect() as connection:
            version = connection.execute(text("SHOW server_version_num")).scalar_one()
    except OperationalError as error:
        raise SetupProblem(
            f"The database {place} cannot be reached: {reason(error)}. "
            "Check DATABASE_URL, or unset it to use the embedded one."
        ) from error
    if int(version) < OLDEST_POSTGRESQL * 10_000:
        raise SetupProblem(
            f"The database {place} is PostgreSQL {int(version) // 10_000}; {OLDEST_POSTGRESQL} or newer is needed."
        )


def shown(url: URL) -> str:
    """The URL as people write it, without the password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def reason(error: DBAPIError) -> str:
    """What PostgreSQL or its library said, in one line and without a full stop."""
    return str(error.orig).strip().splitlines()[0].rstrip(".")


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk was full: ours, or the one of PostgreSQL (`53100`)."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "pgcode", None) == "53100"
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def as_json(value: Any) -> str:
    """JSON text for a `jsonb` parameter. PostgreSQL stores no NUL in text, so none gets there."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).replace("\\u0000", "")


_PLACE = re.compile(r"%\((\w+)\)s")


@cache
def _for_driver(sql: Sql, number: int) -> str:
    """A statement as the driver wants it, its values named apart from those of others in the same message."""
    if isinstance(sql, Planned):
        compiled = f"EXECUTE {sql.name} ({', '.join(f'%({name})s' for name in _values(sql))})"
    else:
        compiled = _compiled(sql)
    return _PLACE.sub(rf"%(\1_{number})s", compiled)


def _preparing(sql: Planned) -> str:
    """What has a statement planned, so that it can be named."""
    places = {name: f"${place}" for place, name in enumerate(_values(sql), 1)}
    return f"PREPARE {sql.name} AS {_PLACE.sub(lambda found: places[found[1]], _compiled(sql.sql))}"


def _values(sql: Planned) -> list[str]:
    """The names of its values, each once, in the order of their first places."""
    return list(dict.fromkeys(_PLACE.findall(_compiled(sql.sql))))


@cache
def _compiled(sql: str) -> str:
    return str(text(sql).compile(dialect=psycopg2.dialect()))
