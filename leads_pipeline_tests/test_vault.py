"""The bytes of files: encrypted, in PostgreSQL or in an object store, and never half-way."""

import base64
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from leads_pipeline.defs.processing import Processed, process
from leads_pipeline.errors import ContentsLost, ContentsUnavailable, SetupProblem, StaleState
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit, contents, queue, uploads
from leads_pipeline.store.contents import CHUNK_BYTES
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.vault import Vault, vault_of
from leads_pipeline_tests.builders import claim_for, drained
from leads_pipeline_tests.dying import CONTENT

NAME = b"Name,E-Mail\n"
OLD, NEW = (f"{year}:{base64.b64encode(letter * 32).decode()}" for year, letter in ((2025, b"o"), (2026, b"n")))


def settings_for(home: Path, *, keys: str | None = None, url: str | None = None) -> Settings:
    return Settings(LEADS_HOME=home, LEADS_CONTENTS_KEYS=keys, LEADS_CONTENTS_URL=url, LEADS_DRAIN_LINGER_SECONDS=0)  # pyright: ignore[reportCallIssue]


def a_file(size: int = 200) -> bytes:
    """A CSV of about this size that nobody has sent before."""
    rows = NAME + b"Ada Byron,%b@example.com\n" % os.urandom(8).hex().encode()
    return rows + b"Alan Turing,alan@example.org\n" * max(0, (size - len(rows)) // 29)


def keep(database: Database, vault: Vault, organization: UUID, content: bytes) -> UUID:
    with (
        vault.staged(database, organization, io.BytesIO(content)) as staged,
        database.transaction(organization) as transaction,
    ):
        return uploads.receive(
            transaction, io.BytesIO(content), filename="list.csv", kind="csv", source="rest", staged=staged
        ).upload.id


def fetched(database: Database, vault: Vault, organization: UUID, upload_id: UUID, tmp_path: Path) -> bytes:
    vault.fetch(database, organization, upload_id, tmp_path / "fetched")
    return (tmp_path / "fetched").read_bytes()


def stored(database: Database, upload_id: UUID) -> list[dict[str, object]]:
    with database.transaction(SYSTEM) as transaction:
        return transaction.all(
            "SELECT bytes, nonce, key_id, object FROM upload_contents WHERE upload_id = :id ORDER BY chunk",
            id=upload_id,
        )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture(autouse=True)
def no_file_in_a_store_that_is_gone(database: Database) -> Generator[None]:
    """What looks through all files would wait for it."""
    yield
    with database.transaction(SYSTEM) as transaction:
        transaction.run(
            "DELETE FROM file_uploads WHERE id IN (SELECT upload_id FROM upload_contents WHERE object IS NOT NULL)"
        )
        transaction.run("DELETE FROM content_objects")


def objects_in(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


# --- Encryption ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 5])
@pytest.mark.parametrize("kept_in", ["postgresql", "objects"])
def test_a_file_is_stored_so_that_only_the_key_opens_it(
    home: Path, database: Database, organization: UUID, tmp_path: Path, place: Path, kept_in: str, size: int
) -> None:
    vault = vault_of(settings_for(home, keys=NEW, url=None if kept_in == "postgresql" else f"file://{place}"))
    content = os.urandom(size // 2) + b"Ada Byron" * (size // 18) + b"x" * (size - size // 2 - 9 * (size // 18))
    assert len(content) == size
    upload_id = keep(database, vault, organization, content)
    rows = stored(database, upload_id)
    if kept_in == "postgresql":
        everything = b"".join(bytes(row["bytes"]) for row in rows)  # pyright: ignore[reportArgumentType]
        assert len(rows) == -(-size // CHUNK_BYTES)
    else:
        (found,) = objects_in(place)
        everything = found.read_bytes()
        assert [(row["bytes"], row["object"]) for row in rows] == [(b"", f"{organization}/{found.name}")]
    assert rows[0]["key_id"] == "2026"
    assert b"Ada Byron" not in everything
    assert fetched(database, vault, organization, upload_id, tmp_path) == content


def test_blocks_that_were_changed_moved_or_cut_off_do_not_open(
    home: Path, database: Database, organization: UUID, tmp_path: Path
) -> None:
    vault = vault_of(settings_for(home, keys=NEW))
    harm = {
        "changed": "UPDATE upload_contents SET bytes = set_byte(bytes, 7, 1 - get_byte(bytes, 7) % 2) WHERE upload_id = :id",
        "cut off": "DELETE FROM upload_contents WHERE upload_id = :id AND chunk = 2",
        "exchanged": """UPDATE upload_contents c SET bytes = o.bytes, nonce = o.nonce FROM upload_contents o
                        WHERE c.upload_id = :id AND o.upload_id = :id AND c.chunk + o.chunk = 1""",
        "laid bare": "UPDATE upload_contents SET nonce = NULL WHERE upload_id = :id",
        "of another upload": """UPDATE upload_contents c SET wrapped_key = o.wrapped_key FROM upload_contents o
                                WHERE c.upload_id = :id AND o.upload_id = :other AND c.chunk = 0 AND o.chunk = 0""",
    }
    other = keep(database, vault, organization, a_file())
    for what, statement in harm.items():
        upload_id = keep(database, vault, organization, a_file(2 * CHUNK_BYTES + 100))
        with database.transaction(SYSTEM) as transaction:
            values = {"other": other} if ":other" in statement else {}
            assert transaction.run(statement, id=upload_id, **values), what
        with pytest.raises(ContentsLost):
            fetched(database, vault, organization, upload_id, tmp_path)


def test_without_a_key_files_are_stored_as_they_came_and_that_is_said_once(
    home: Path,
    database: Database,
    organization: UUID,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One that writes here and now: the room's own may have been bound to another test's output.
    monkeypatch.setattr("leads_pipeline.vault.log", structlog.wrap_logger(structlog.PrintLogger()))
    plain, sealed = vault_of(settings_for(home)), vault_of(settings_for(home, keys=NEW))
    content = a_file()
    upload_id = keep(database, plain, organization, content)
    assert bytes(stored(database, upload_id)[0]["bytes"]) == content  # pyright: ignore[reportArgumentType]
    # A deployment that begins to encrypt goes on reading what is there.
    assert fetched(database, sealed, organization, upload_id, tmp_path) == content
    capsys.readouterr()
    sealed.warn()
    assert capsys.readouterr().out == ""
    plain.warn()
    assert "not encrypted" in capsys.readouterr().out


def test_keys_are_rotated_in_batches_and_the_old_one_may_go(
    home: Path, database: Database, organization: UUID, tmp_path: Path
) -> None:
    before, between = vault_of(settings_for(home, keys=OLD)), vault_of(settings_for(home, keys=f"{NEW},{OLD}"))
    afterwards = vault_of(settings_for(home, keys=NEW))
    files = {keep(database, before, organization, content): content for content in (a_file() for _ in range(7))}
    first = next(iter(files))
    with pytest.raises(ContentsLost) as missing:
        fetched(database, afterwards, organization, first, tmp_path)
    assert (missing.value.code, missing.value.status) == ("contents_key_missing", 503)
    bytes_before = stored(database, first)[0]["bytes"]
    batches = list(between.rewrap(database, at_a_time=3))
    assert sum(batches) == 7
    assert max(batches) == 3
    with database.transaction(SYSTEM) as transaction:
        noted = audit.events(transaction, limit=3, action="contents.rewrapped")
    assert [event.details for event in noted] == [{"uploads": count, "key": "2026"} for count in (1, 3, 3)]
    assert list(between.rewrap(database)) == []
    for upload_id, content in files.items():
        assert fetched(database, afterwards, organization, upload_id, tmp_path) == content
    assert stored(database, first)[0]["bytes"] == bytes_before


def test_a_file_whose_key_is_missing_fails_with_that_word_and_is_mapped_once_the_key_is_there(
    home: Path, database: Database, organization: UUID
) -> None:
    content = a_file()
    upload_id = keep(database, vault_of(settings_for(home, keys=OLD)), organization, content)
    done = process(database, settings_for(home, keys=NEW), claim_for(database, upload_id))
    assert isinstance(done, Processed)
    assert done.error == "contents_key_missing"
    with database.transaction(organization) as transaction:
        problem = uploads.upload(transaction, upload_id).problem
        assert problem is not None
        assert "under the key 2025, which LEADS_CONTENTS_KEYS does not hold" in problem["detail"]
        uploads.request_remap(transaction, upload_id)
    done = process(database, settings_for(home, keys=f"{NEW},{OLD}"), claim_for(database, upload_id))
    assert isinstance(done, Processed)
    assert done.error is None


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("secretsecret", "id:key"),
        ("a:c2VjcmV0c2VjcmV0", "the key a is not 32 bytes"),
        ("a:secret!secret", "the key a is not 32 bytes"),
        (f"{OLD},{OLD}", "two keys have the id 2025"),
        ("a b:secretsecret", "id:key"),
    ],
)
def test_a_wrong_key_is_explained_and_not_quoted(home: Path, keys: str, what: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings_for(home, keys=keys)
    assert what in str(error.value)
    assert keys.partition(":")[2] not in str(error.value) or ":" not in keys
    assert "secretsecret" not in str(error.value)


# --- Objects -------------------------------------------------------------------------------------------------------


def test_an_object_goes_when_its_upload_does_and_not_before(
    home: Path, database: Database, organization: UUID, other_organization: UUID, tmp_path: Path, place: Path
) -> None:
    vault = vault_of(settings_for(home, url=f"file://{place}"))
    content = a_file()
    kept = keep(database, vault, organization, content)
    deleted = keep(database, vault, organization, a_file())
    theirs = keep(database, vault, other_organization, a_file())
    vault.sweep(database)
    assert len(objects_in(place)) == 3
    with database.transaction(organization) as transaction:
        uploads.delete(transaction, deleted)
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM organizations WHERE id = :id", id=other_organization)
    assert vault.sweep(database) == 2
    assert len(objects_in(place)) == 1
    assert fetched(database, vault, organization, kept, tmp_path) == content
    with pytest.raises(ContentsLost):
        fetched(database, vault, other_organization, theirs, tmp_path)


def test_what_is_refused_or_known_leaves_no_object(
    home: Path, database: Database, organization: UUID, place: Path
) -> None:
    vault = vault_of(settings_for(home, url=f"file://{place}"))
    content = io.BytesIO(a_file())

    def receive() -> None:
        with (
            vault.staged(database, organization, content) as staged,
            database.transaction(organization) as transaction,
        ):
            uploads.receive(transaction, content, filename="a.csv", kind="csv", source="rest", staged=staged)

    receive()
    assert len(objects_in(place)) == 1
    receive()  # known by now, though nobody asked before the object was written
    assert len(objects_in(place)) == 1
    with vault.staged(database, organization, content, needless=lambda: True):
        assert len(objects_in(place)) == 1

    def refuse() -> None:
        with vault.staged(database, organization, io.BytesIO(a_file())):
            assert len(objects_in(place)) == 2
            with database.transaction(organization) as transaction:
                transaction.run("SELECT 1 / 0")

    with pytest.raises(DBAPIError):
        refuse()
    assert len(objects_in(place)) == 1


@pytest.mark.parametrize(
    "where",
    ["in_the_middle_of_the_object", "before_the_upload_is_stored", "before_the_upload_is_committed", "afterwards"],
)
def test_a_process_that_is_killed_leaves_a_whole_upload_or_nothing(
    home: Path, database: Database, organization: UUID, tmp_path: Path, place: Path, where: str
) -> None:
    vault = vault_of(settings_for(home, url=f"file://{place}"))
    kill(where, home, organization, place)
    with database.transaction(organization) as transaction:
        found = uploads.uploads(transaction, limit=10)
    assert len(objects_in(place)) == 1
    vault.sweep(database)
    assert len(objects_in(place)) == 1  # it might still be at work
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE content_objects SET announced_at = now() - interval '2 hours'")
    vault.sweep(database)
    if where == "afterwards":
        (whole,) = found
        assert fetched(database, vault, organization, whole.id, tmp_path) == CONTENT
    else:
        assert found == []
        assert objects_in(place) == []
    with database.transaction(SYSTEM) as transaction:
        assert contents.abandoned_count(transaction) == 0


def test_a_sweep_that_is_killed_is_finished_by_the_next(
    home: Path, database: Database, organization: UUID, place: Path
) -> None:
    vault = vault_of(settings_for(home, url=f"file://{place}"))
    deleted, kept = (keep(database, vault, organization, a_file()) for _ in range(2))
    with database.transaction(organization) as transaction:
        uploads.delete(transaction, deleted)
    kill("while_sweeping", home, organization, place)
    with database.transaction(SYSTEM) as transaction:
        assert contents.abandoned_count(transaction) == 1
    assert vault.sweep(database) == 1
    assert vault.sweep(database) == 0
    (left,) = objects_in(place)
    assert stored(database, kept)[0]["object"] == f"{organization}/{left.name}"


def kill(where: str, home: Path, organization: UUID, place: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "leads_pipeline_tests.dying",
        where,
        str(home),
        str(organization),
        f"file://{place}",
    ]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_an_upload_that_comes_too_late_for_its_object_is_refused(
    home: Path, database: Database, organization: UUID, place: Path
) -> None:
    vault = vault_of(settings_for(home, url=f"file://{place}"))
    content = io.BytesIO(a_file())

    def receive_late() -> None:
        with vault.staged(database, organization, content) as staged:
            with database.transaction(SYSTEM) as transaction:
                transaction.run("UPDATE content_objects SET announced_at = now() - interval '2 hours'")
            vault.sweep(database)
            with database.transaction(organization) as transaction:
                uploads.receive(transaction, content, filename="a.csv", kind="csv", source="rest", staged=staged)

    with pytest.raises(StaleState, match="took too long"):
        receive_late()
    assert objects_in(place) == []


def test_files_move_to_where_new_ones_go_and_are_encrypted_on_the_way(
    home: Path, database: Database, organization: UUID, tmp_path: Path, place: Path
) -> None:
    plain = vault_of(settings_for(home))
    elsewhere = vault_of(settings_for(home, keys=NEW, url=f"file://{place}"))
    back = vault_of(settings_for(home, keys=NEW, url=f"postgresql,file://{place}"))
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM upload_contents")  # of other tests, whose places are gone
    content = a_file(CHUNK_BYTES + 100)
    upload_id = keep(database, plain, organization, content)
    assert list(elsewhere.move(database)) == [upload_id]
    assert list(elsewhere.move(database)) == []
    (found,) = objects_in(place)
    assert b"example" not in found.read_bytes()
    assert fetched(database, elsewhere, organization, upload_id, tmp_path) == content
    with pytest.raises(ContentsUnavailable, match="which LEADS_CONTENTS_URL does not name"):
        fetched(database, vault_of(settings_for(home, keys=NEW)), organization, upload_id, tmp_path)
    assert list(back.move(database)) == [upload_id]
    back.sweep(database)
    assert objects_in(place) == []
    assert len(stored(database, upload_id)) == 2
    assert fetched(database, back, organization, upload_id, tmp_path) == content


def test_a_drain_stops_for_a_store_that_does_not_answer_and_no_file_pays_for_it(
    home: Path, database: Database, organization: UUID, place: Path
) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM processing_jobs")
    settings = settings_for(home, url=f"file://{place}")
    upload_id = keep(database, vault_of(settings), organization, a_file())
    place.rename(place.with_name("away"))
    place.write_text("no directory")
    for _ in range(4):
        assert drained(database, settings).stopped_because == "the store of files does not answer"
    place.unlink()
    place.with_name("away").rename(place)
    assert drained(database, settings).uploads == 1
    with database.transaction(organization) as transaction:
        assert uploads.upload(transaction, upload_id).status == "mapped"
    (found,) = objects_in(place)
    found.unlink()
    with database.transaction(organization) as transaction:
        uploads.request_remap(transaction, upload_id)
    assert drained(database, settings).errors == {"contents_missing": 1}
    with database.transaction(SYSTEM) as transaction:
        assert queue.waiting(transaction).jobs == 0


def test_a_store_without_its_driver_is_named_with_what_to_install(home: Path) -> None:
    with pytest.raises(SetupProblem, match="driver for gs"):
        vault_of(settings_for(home, url="gs://bucket/folder"))
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from leads_pipeline.providers.objects import Objects\n"
        "Objects('s3://bucket/folder')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "pip install 'leads-pipeline[s3]'" in done.stderr.splitlines()[-1]


# --- S3 ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A bucket of an S3 server on loopback; the address of the server."""
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as output:
        # Port 0: the server takes a free one, and says which.
        command = [sys.executable, "-u", "-m", "moto.server", "-p", "0"]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        limit = time.monotonic() + 30
        while "Running on http://127.0.0.1:" not in log.read_text():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < limit
            time.sleep(0.05)
        address = "http://127.0.0.1:" + log.read_text().partition("Running on http://127.0.0.1:")[2].split()[0]
        httpx.put(
            f"{address}/bucket", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/s3/aws4_request"}
        ).raise_for_status()
        yield address
    finally:
        server.kill()
        server.wait()


def keys_in(s3: str) -> list[str]:
    listed = httpx.get(f"{s3}/bucket").raise_for_status().text
    return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]


def test_s3_keeps_files_encrypted_and_forgets_them(
    home: Path, database: Database, organization: UUID, tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ENDPOINT_URL": s3,
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "b",
        "DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    vault = vault_of(settings_for(home, keys=NEW, url="s3://bucket/leads"))
    # More than a part of the driver's, so that it is a multipart upload.
    files = [a_file(), a_file(17 * CHUNK_BYTES)]
    kept = [keep(database, vault, organization, content) for content in files]
    for upload_id, content in zip(kept, files, strict=True):
        assert fetched(database, vault, organization, upload_id, tmp_path) == content
    names = keys_in(s3)
    assert len(names) == 2
    assert all(name.startswith(f"leads/{organization}/") for name in names)
    assert not any(b"example" in httpx.get(f"{s3}/bucket/{name}").content for name in names)
    for upload_id in kept:
        with database.transaction(organization) as transaction:
            uploads.delete(transaction, upload_id)
    assert vault.sweep(database) == 2
    assert keys_in(s3) == []
    absent = vault_of(settings_for(home, url="s3://no-such-bucket/leads"))
    with pytest.raises(ContentsUnavailable):
        keep(database, absent, organization, a_file())
