"""The embedded PostgreSQL: one server for each home, shared by all processes of a checkout.

The first process that needs the server starts it, the others join, the last to leave stops it. Nobody counts: each
holds a shared lock on a file for as long as it uses the server, and whoever leaves tries to get that lock for itself
alone. The kernel drops the lock of a process that dies, however it dies. When all of them are killed the server stays
up, and the next one joins it.

How a server is made, started and recognised belongs to `embedded_cluster`, where its programs lie to
`embedded_programs`. Tables and roles' rights on them belong to the migrations.
"""

import errno
import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from leads_pipeline.errors import SetupProblem
from leads_pipeline.store import embedded_cluster
from leads_pipeline.store.embedded_cluster import DATABASE, OWNER, PORT, Cluster, cluster_of

TURN_SECONDS = 200  # longer than the longest start or stop of somebody else


@contextmanager
def server(home: Path) -> Generator[URL]:
    """Use the server of `home` until this is left, starting it if nobody has.

    Yields the URL of the database `leads` for its owner, a role without any special right. Processes, threads and
    nested calls may all use it at once. A child that is forked without an exec keeps the server up as its parent does.

    Raises `SetupProblem`, saying what to do, when the server cannot be had.
    """
    cluster = cluster_of(home)
    with _plainly(cluster):
        _ensure_desk(cluster)
        with _turn(cluster):
            presence = os.open(_users(cluster), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(presence, fcntl.LOCK_SH)
                url = _url(cluster, embedded_cluster.ensure_started(cluster))
            except BaseException:
                _leave(cluster, presence)
                raise
    try:
        yield url
    finally:
        with _plainly(cluster), _turn(cluster):
            _leave(cluster, presence)


def running(home: Path) -> URL | None:
    """The URL of the server of `home`, or None when it does not run. Starts nothing and keeps nothing up."""
    cluster = cluster_of(home)
    if not cluster.desk.exists():
        return None
    with _plainly(cluster), _turn(cluster):
        folder = embedded_cluster.socket_folder(cluster) if embedded_cluster.alive(cluster) else None
        return _url(cluster, folder) if folder is not None and embedded_cluster.usable(cluster) else None


def stop(home: Path) -> None:
    """Stop the server of `home`, whoever uses it. Does nothing when it does not run."""
    cluster = cluster_of(home)
    if cluster.desk.exists():
        with _plainly(cluster), _turn(cluster):
            embedded_cluster.stop(cluster)


def clear_log(home: Path) -> None:
    """Delete what the server of `home` has written to its write-ahead log so far. Does nothing when it does not run."""
    cluster = cluster_of(home)
    if cluster.desk.exists():
        embedded_cluster.clear_log(cluster)


def wipe(home: Path) -> None:
    """Stop the server of `home` and delete its data, for good.

    Raises `SetupProblem`, and deletes nothing, while any process uses the server.
    """
    cluster = cluster_of(home)
    if not cluster.desk.exists():
        return
    with _plainly(cluster), _turn(cluster):
        presence = os.open(_users(cluster), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _is_alone(presence):
                raise SetupProblem(
                    f"The embedded PostgreSQL in {cluster.desk} is in use. Stop the processes that use it "
                    "(`leads up`, runs, notebooks), then delete its data."
                )
            embedded_cluster.stop(cluster)
            embedded_cluster.delete(cluster)
        finally:
            os.close(presence)


def _url(cluster: Cluster, folder: Path) -> URL:
    # The port is named, so that a PGPORT in the environment changes nothing.
    return URL.create(
        "postgresql+psycopg2",
        username=OWNER,
        password=cluster.password(OWNER),
        database=DATABASE,
        query={"host": str(folder), "port": str(PORT)},
    )


def _users(cluster: Cluster) -> Path:
    return cluster.desk / "users.lock"


def _leave(cluster: Cluster, presence: int) -> None:
    """Give `presence` back, and stop the server if nobody else is present. The caller has the turn."""
    try:
        if _is_alone(presence):
            embedded_cluster.stop(cluster)
    finally:
        os.close(presence)


def _is_alone(presence: int) -> bool:
    try:
        fcntl.flock(presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _turn(cluster: Cluster) -> Generator[None]:
    """Only one process at a time starts, joins, leaves or stops."""
    descriptor = os.open(cluster.desk / "turn.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + TURN_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SetupProblem(
                        f"Another process has been starting or stopping the PostgreSQL in {cluster.desk} "
                        f"for {TURN_SECONDS} seconds. Is it suspended? End it and try again."
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _ensure_desk(cluster: Cluster) -> None:
    cluster.desk.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cluster.desk.stat().st_uid != os.geteuid():
        raise SetupProblem(
            f"{cluster.desk} belongs to another user ({cluster.desk.owner()}): "
            "run as that user, or set LEADS_HOME to a folder of your own."
        )


@contextmanager
def _plainly(cluster: Cluster) -> Generator[None]:
    """Say what the operating system refused in a sentence."""
    try:
        yield
    except OSError as error:
        place = error.filename or cluster.desk
        advice = {
            errno.ENOSPC: "Free some space on its disk and start again.",
            errno.EDQUOT: "Free some space on its disk and start again.",
            errno.EACCES: "Set LEADS_HOME to a folder that you may write to, or run as its owner.",
            errno.EPERM: "Set LEADS_HOME to a folder that you may write to, or run as its owner.",
            errno.EROFS: "It is on a read-only file system: set LEADS_HOME to a folder that you may write to.",
        }.get(error.errno or 0, "Set LEADS_HOME to a folder on a local disk, or DATABASE_URL to a server of your own.")
        raise SetupProblem(
            f"The embedded PostgreSQL cannot use {place}: {error.strerror or error}. {advice}"
        ) from error
