"""One data folder and its server: made, started, looked at, stopped, deleted.

Who uses the server, and when it may be stopped, belongs to `embedded`, whose lock must be held around every call here.

How a server is known to live. Every process of it inherits a locked file (`server.lock`), which the kernel unlocks when
the last of them is gone, so neither a stale pid file, nor a reused pid, nor a zombie can be taken for a server, and an
orphaned backend cannot be overlooked. Only when the lock is held is `postmaster.pid` believed, and only for a process of
the right account that was started on this very data folder.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leads_pipeline.errors import SetupProblem
from leads_pipeline.store.embedded_programs import Account, Programs, account, carried, reachable

if TYPE_CHECKING:
    import psycopg2.extensions

OWNER = "leads"
SUPERUSER = "postgres"
DATABASE = "leads"
PORT = 5432  # names the socket; nothing listens on the network

ROOTS_SHELF = Path("/var/lib/leads_pipeline")
"""Where root keeps what `nobody` must reach: a folder for each home, and copies of the programs."""

START_SECONDS = 120  # a crashed server replays its log first
STOP_SECONDS = 60
POLL_SECONDS = 0.01
LOG_BYTES = 4 * 2**20
LONGEST_SOCKET = 103  # bytes of a socket's path: 107 on Linux, 103 on macOS

# The built-in provider sorts by code point and knows Unicode's letters by PostgreSQL's own tables: the same on every
# machine, and no index goes bad when the system's C library changes its collations.
INITDB = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A deployment of a few processes on a small machine.
    "max_connections": "60",
    "shared_buffers": "96MB",
    "max_wal_size": "512MB",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "synchronous_commit": "on",
    # No replicas, so less to log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A file of the log that is used again holds what was in it, somebody's deleted rows among that, until it is overwritten.
    "wal_recycle": "off",
    "max_logical_replication_workers": "0",
    # Parallel workers share memory through /dev/shm, of which a container has 64 MB.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    # An error's message, detail or statement may quote a cell: the client gets it, the log does not.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the server of one home keeps its things.

    `desk` belongs to the caller: passwords, locks, the log. `place` belongs to `account`, whom the server runs as: the
    data, and usually the socket. They are one folder unless the caller is root.
    """

    desk: Path
    place: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def log(self) -> Path:
        return self.desk / "server.log"

    @property
    def server_lock(self) -> Path:
        return self.desk / "server.lock"

    @property
    def prepared(self) -> Path:
        """There when the role and the database are."""
        return self.desk / "prepared"

    @property
    def socket_note(self) -> Path:
        """Names the folder of the socket when it is not in `place`."""
        return self.desk / "socket-folder"

    def password(self, role: str) -> str:
        """The password of `role`. Raises FileNotFoundError before the cluster is made."""
        return self._password_file(role).read_text(encoding="ascii")

    def has_password(self, role: str) -> bool:
        return self._password_file(role).exists()

    def ensure_password(self, role: str) -> str:
        if not self.has_password(role):
            _write_privately(self._password_file(role), secrets.token_urlsafe(24))
        return self.password(role)

    def forget_passwords(self) -> None:
        for role in (OWNER, SUPERUSER):
            self._password_file(role).unlink(missing_ok=True)

    def _password_file(self, role: str) -> Path:
        return self.desk / f"{role}.password"


def cluster_of(home: Path) -> Cluster:
    """The cluster that belongs to `home`, made or not."""
    desk = home.expanduser().resolve() / "postgres"
    runner = account()
    if runner.is_me:
        return Cluster(desk=desk, place=desk, account=runner)
    name = hashlib.sha256(os.fsencode(desk)).hexdigest()[:16]
    return Cluster(desk=desk, place=ROOTS_SHELF / name, account=runner)


def alive(cluster: Cluster) -> bool:
    """Whether any process of the server lives, one that is starting, stopping or orphaned included."""
    descriptor = os.open(cluster.server_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def socket_folder(cluster: Cluster) -> Path | None:
    """Where the server answers; None while it does not."""
    postmaster = _postmaster(cluster)
    return postmaster.socket if postmaster is not None and postmaster.ready else None


def usable(cluster: Cluster) -> bool:
    """Whether the owner, whose password is known, and its database are there, once the server runs."""
    return cluster.prepared.exists() and cluster.has_password(OWNER)


def ensure_started(cluster: Cluster) -> Path:
    """Start the server, making its data first, unless it runs. Returns the folder of its socket.

    Raises `SetupProblem` when it cannot be started.
    """
    _limit_log(cluster)
    deadline = time.monotonic() + START_SECONDS
    while alive(cluster):
        folder = socket_folder(cluster)
        if folder is not None:
            break
        # Somebody began to start or stop it and was killed, or its last backends have not noticed yet that it was.
        if time.monotonic() > deadline:
            raise SetupProblem(
                f"Processes of an earlier PostgreSQL still use {cluster.data}, and it does not answer. "
                f"End them (`ps -fu {cluster.account.name}` lists them) and start again."
            )
        time.sleep(POLL_SECONDS)
    else:
        if cluster.place != cluster.desk and cluster.data.exists() and not cluster.has_password(SUPERUSER):
            # The home was deleted, and the passwords with it: nobody can use this data any more.
            shutil.rmtree(cluster.data)
        folder = _start(cluster)
    if not usable(cluster):
        _prepare(cluster, folder)
    return folder


def stop(cluster: Cluster) -> None:
    """Stop the server and wait until its last process is gone. Open transactions are rolled back."""
    for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10)):
        deadline = time.monotonic() + seconds
        told = False
        while time.monotonic() < deadline:
            if not alive(cluster):
                return
            postmaster = None if told else _postmaster(cluster)
            if postmaster is not None:
                os.kill(postmaster.pid, how)
                told = True
            time.sleep(POLL_SECONDS)
    raise SetupProblem(
        f"PostgreSQL in {cluster.data} does not stop. End its processes (`ps -fu {cluster.account.name}` lists them)."
    )


def delete(cluster: Cluster) -> None:
    """Delete the data, the passwords and the log of a stopped server. The locks stay: others may wait for them."""
    cluster.prepared.unlink(missing_ok=True)
    for folder in (cluster.data, _unfinished(cluster), _own_socket_folder(cluster), _noted_socket_folder(cluster)):
        if folder is not None and folder.exists():
            shutil.rmtree(folder)
    if cluster.place != cluster.desk and cluster.place.exists():
        shutil.rmtree(cluster.place)
    cluster.forget_passwords()
    for path in (cluster.socket_note, cluster.log, _older_log(cluster)):
        path.unlink(missing_ok=True)


def clear_log(cluster: Cluster) -> None:
    """Have a running server's write-ahead log begin a new file and delete all earlier ones."""
    folder = socket_folder(cluster)
    if folder is None:
        return
    with _as_superuser(cluster, folder) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("CHECKPOINT")


# --- Starting ------------------------------------------------------------------------------------------------------


def _start(cluster: Cluster) -> Path:
    _ensure_place(cluster)
    programs = _programs(cluster)
    if not cluster.data.exists():
        _create(cluster, programs)
    folder = _ensure_socket_folder(cluster)
    for stale in (cluster.data / "postmaster.pid", folder / f".s.PGSQL.{PORT}.lock"):
        _disown(stale)
    log_begins = cluster.log.stat().st_size if cluster.log.exists() else 0
    _launch(cluster, programs, folder)
    deadline = time.monotonic() + START_SECONDS
    while socket_folder(cluster) is None:
        if not alive(cluster):
            raise _failure("PostgreSQL did not start.", cluster.log, log_begins, cluster)
        if time.monotonic() > deadline:
            raise _failure(f"PostgreSQL was not ready in {START_SECONDS} seconds.", cluster.log, log_begins, cluster)
        time.sleep(POLL_SECONDS)
    return folder


def _launch(cluster: Cluster, programs: Programs, folder: Path) -> None:
    """Start the server as nobody's child, with the lock by which it is known to live and no other open file of ours."""
    settings = {**SETTINGS, "unix_socket_directories": str(folder), "port": str(PORT)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    lock = os.open(cluster.server_lock, os.O_RDWR | os.O_CREAT, 0o600)
    log = os.open(cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The shell leaves at once, so that whoever adopts orphans reaps the server, and no caller keeps its zombie.
        cluster.account.run(
            ["/bin/sh", "-c", '"$0" "$@" &', programs.path("postgres"), "-D", cluster.data, *options],
            output=log,
            keep=(lock,),
        )
    finally:
        # Closed, not unlocked: the server shares this lock.
        os.close(lock)
        os.close(log)


def _programs(cluster: Cluster) -> Programs:
    """The newest programs for new data, and those of the same major version for data that are there."""
    installed = carried()
    version_file = cluster.data / "PG_VERSION"
    if not cluster.data.exists():
        return reachable(installed[0], cluster.account, ROOTS_SHELF)
    try:
        major = version_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise SetupProblem(
            f"{cluster.data} is not a data folder of PostgreSQL: it has no PG_VERSION. "
            "Restore it from a backup, or begin anew with `leads db reset`."
        ) from None
    for programs in installed:
        if str(programs.major) == major:
            return reachable(programs, cluster.account, ROOTS_SHELF)
    versions = " and ".join(str(programs.major) for programs in installed)
    raise SetupProblem(
        f"The data in {cluster.data} were written by PostgreSQL {major}, and the installed package carries {versions}. "
        f"Install the release of leads_pipeline that came with PostgreSQL {major} to keep working, and move the data with "
        "pg_dump; or begin anew with `leads db reset`."
    )


def _ensure_place(cluster: Cluster) -> None:
    if cluster.account.is_me:
        return
    if not cluster.place.parent.exists():
        cluster.place.parent.mkdir(parents=True, exist_ok=True)
        cluster.place.parent.chmod(0o755)
    if not cluster.place.exists():
        cluster.place.mkdir(mode=0o700)
        # For whoever cleans up after a checkout that was deleted.
        _write_privately(cluster.place / "belongs-to", f"{cluster.desk}\n")
        cluster.account.own(cluster.place)


def _create(cluster: Cluster, programs: Programs) -> None:
    """Make the data folder, under another name until it is complete."""
    cluster.prepared.unlink(missing_ok=True)
    unfinished = _unfinished(cluster)
    if unfinished.exists():
        shutil.rmtree(unfinished)
    password = cluster.place / "initdb.password"
    password.unlink(missing_ok=True)
    with tempfile.TemporaryFile() as output:
        try:
            _write_privately(password, cluster.ensure_password(SUPERUSER))
            cluster.account.own(password)
            command = [programs.path("initdb"), *INITDB, f"--pwfile={password}", f"--pgdata={unfinished}"]
            code = cluster.account.run(command, output=output.fileno())
        finally:
            password.unlink(missing_ok=True)
        if code != 0:
            output.seek(0)
            raise _explain("PostgreSQL could not make its data folder.", output.read(), cluster)
    unfinished.rename(cluster.data)


def _prepare(cluster: Cluster, folder: Path) -> None:
    """Make the owner and its database: no superuser, so that row-level security holds for it."""
    import psycopg2

    passwords = {role: cluster.ensure_password(role) for role in (SUPERUSER, OWNER)}
    try:
        with _as_superuser(cluster, folder) as connection:
            _make_owner_and_database(connection, passwords[OWNER])
    except psycopg2.Error as error:
        raise SetupProblem(
            f"The embedded PostgreSQL could not be set up: {str(error).strip()} If its disk is full, free some space; "
            f"if files in {cluster.desk} were lost, restore them, or begin anew with `leads db reset`."
        ) from error
    cluster.prepared.touch(mode=0o600)


@contextmanager
def _as_superuser(cluster: Cluster, folder: Path) -> "Generator[psycopg2.extensions.connection]":
    """A connection for what no role of ours may do, without transactions."""
    import psycopg2

    password = cluster.password(SUPERUSER)
    with closing(
        psycopg2.connect(host=str(folder), port=PORT, user=SUPERUSER, password=password, dbname="postgres")
    ) as connection:
        connection.autocommit = True
        yield connection


def _make_owner_and_database(connection: "psycopg2.extensions.connection", password: str) -> None:
    """Whatever of the two is missing; the owner's rights and password are set in any case."""
    from psycopg2 import sql
    from psycopg2.extensions import encrypt_password

    owner, database = sql.Identifier(OWNER), sql.Identifier(DATABASE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE {}").format(owner))
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        cursor.execute(
            sql.SQL("ALTER ROLE {} WITH " + rights + " PASSWORD %s").format(owner),
            [encrypt_password(password, OWNER, connection, "scram-sha-256")],
        )
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


# --- The socket ----------------------------------------------------------------------------------------------------


def _ensure_socket_folder(cluster: Cluster) -> Path:
    """A private folder for the socket: in `place` where its path is short and plain enough, else a temporary one,
    used again at every start so that the URLs of those who still run stay right.
    """
    own = _own_socket_folder(cluster)
    if _fits(own):
        folder = own
    else:
        folder = _noted_socket_folder(cluster)
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="leads-")).resolve()
            if not _fits(folder):
                folder.rmdir()
                raise SetupProblem(
                    f"PostgreSQL's socket needs a path of at most {LONGEST_SOCKET} bytes without commas or quotes, "
                    f"and neither {own} nor {folder.parent} is. Set LEADS_HOME to a shorter path."
                )
            _write_privately(cluster.socket_note, str(folder))
    if not folder.exists():
        folder.mkdir(mode=0o700)
        cluster.account.own(folder)
    return folder


def _own_socket_folder(cluster: Cluster) -> Path:
    return cluster.place / "socket"


def _noted_socket_folder(cluster: Cluster) -> Path | None:
    """The temporary folder that an earlier start made, if it is still there and nobody else's."""
    try:
        folder = Path(cluster.socket_note.read_text(encoding="utf-8"))
        status = folder.lstat()
    except FileNotFoundError:
        return None
    private = status.st_uid == cluster.account.uid and status.st_mode & 0o77 == 0 and not folder.is_symlink()
    return folder if private else None


def _fits(folder: Path) -> bool:
    text = str(folder)
    # PostgreSQL and its clients take a comma for the next of several folders.
    plain = text.isascii() and text.isprintable() and not set(text) & set(",'\"\\")
    return plain and len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET


# --- What the server says of itself --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Postmaster:
    pid: int
    socket: Path
    ready: bool


def _postmaster(cluster: Cluster) -> _Postmaster | None:
    """The server's first process, if it lives and is really ours."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid, socket, ready = int(lines[0]), lines[4], lines[7].strip() == "ready"
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        # Not there yet, or not written to its end yet.
        return None
    return _Postmaster(pid, Path(socket), ready) if _is_server(pid, cluster) else None


def _is_server(pid: int, cluster: Cluster) -> bool:
    """Whether `pid` is a process of the right account that was started on this data folder."""
    data = os.fsencode(cluster.data)
    process = Path("/proc", str(pid))
    if Path("/proc/self/cmdline").exists():
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            status = (process / "status").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        owner = next((line.split()[1] for line in status.splitlines() if line.startswith("Uid:")), "")
        return data in arguments and owner == str(cluster.account.uid)
    command = ["/bin/ps", "-ww", "-o", "uid=,command=", "-p", str(pid)]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout  # noqa: S603
    owner, _, arguments = listed.strip().partition(b" ")
    # macOS writes the id of `nobody` as -2, or as the same number without a sign.
    return data in arguments and int(owner) % 2**32 == cluster.account.uid % 2**32


def _disown(pid_file: Path) -> None:
    """Take the pid out of a pid file that a dead server left.

    PostgreSQL refuses to start while that pid lives, as whatever it is by now. The rest of the file stays: by it
    PostgreSQL finds shared memory still in use, should somebody have started a server on these data by hand.
    """
    try:
        descriptor = os.open(pid_file, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        pid, _, rest = file.read().partition("\n")
        if pid.isdecimal() and rest:
            file.seek(0)
            file.truncate()
            file.write(f"{_NO_PID}\n{rest}")
            return
    pid_file.unlink()


_NO_PID = 2**31 - 1  # above what any system gives


# --- Files ---------------------------------------------------------------------------------------------------------


def _unfinished(cluster: Cluster) -> Path:
    return cluster.place / "data.unfinished"


def _older_log(cluster: Cluster) -> Path:
    return cluster.log.with_suffix(".log.1")


def _limit_log(cluster: Cluster) -> None:
    """Set a long log aside. The server appends, so emptying its log under it is safe."""
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_BYTES:
        shutil.copyfile(cluster.log, _older_log(cluster))
        os.truncate(cluster.log, 0)


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner reads, complete or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _failure(what: str, log: Path, begin: int, cluster: Cluster) -> SetupProblem:
    with log.open("rb") as file:
        file.seek(begin)
        return _explain(what, file.read(), cluster)


def _explain(what: str, output: bytes, cluster: Cluster) -> SetupProblem:
    """What happened, and what to do, from what PostgreSQL wrote. It says nothing of anybody's rows."""
    text = output.decode("utf-8", errors="replace")
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return SetupProblem(f"{what} The disk that holds {cluster.place} is full: free some space and start again.")
    if "could not create shared memory segment" in text or "Cannot allocate memory" in text:
        return SetupProblem(f"{what} The machine has too little memory left for it: free some and start again.")
    if "could not look up effective user ID" in text:
        return SetupProblem(
            f"{what} The user id {cluster.account.uid} has no name on this machine, which PostgreSQL insists on: "
            "add it to /etc/passwd, or set DATABASE_URL to a server of your own."
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return SetupProblem(f"{what} Its last words: {' | '.join(lines[-6:]) or 'none'} (log: {cluster.log})")
