"""The bytes of received files: where each file's lie, under which key, and which objects nobody needs any more.

    upload_contents   a row for each MiB, sealed or not; or one row that names an object, for a file in an object store
    content_objects   a row for each object from before it is written until after it is deleted

The rows of `upload_contents` are the file: with them goes the key, and a trigger abandons the object.
Object stores themselves are not known here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from leads_pipeline.errors import ContentsLost, StaleState
from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.sealing import DataKey, Keyring, Sealed, Wrapped, damaged

CHUNK_BYTES = 2**20
"""psycopg2 turns a bytea of 20 MB into 207 MB of memory; a chunk of 1 MiB stays small."""
UNCLAIMED_FOR = timedelta(hours=1)
"""How long a process may take from announcing an object to storing its upload; after that it is taken for dead."""


@dataclass(frozen=True, slots=True)
class Staged:
    """How an upload's bytes are to be kept: under which key, if any, and in which object, if it is written already."""

    upload_id: UUID = field(default_factory=new_id)
    key: DataKey | None = None
    wrapped: Wrapped | None = None
    object: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an upload's bytes lie. `object` None: in `chunks` rows of PostgreSQL; `place` names the object's store."""

    upload_id: UUID
    size: int
    chunks: int
    key: DataKey | None
    object: str | None
    place: str | None


@dataclass(frozen=True, slots=True)
class Total:
    """Uploads and bytes kept in one place under one key. `place` None: PostgreSQL; `key_id` None: not encrypted."""

    place: str | None
    key_id: str | None
    uploads: int
    bytes: int


def chunks_of(content: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """The file in chunks from its beginning: number, bytes, and whether it is the last."""
    content.seek(0)
    number, block = 0, content.read(CHUNK_BYTES)
    while block:
        following = content.read(CHUNK_BYTES)
        yield number, block, not following
        number, block = number + 1, following


def keep(transaction: Transaction, content: IO[bytes], staged: Staged) -> None:
    """Store an upload's bytes, or the word that its object is the file. The upload's row is there already.

    Raises `StaleState` when the object has been given up meanwhile.
    """
    wrapped = staged.wrapped
    key_of_first = {
        "key_id": None if wrapped is None else wrapped.key_id,
        "wrapped": None if wrapped is None else wrapped.bytes,
    }
    if staged.object is not None:
        if not transaction.run(
            """UPDATE content_objects SET upload_id = :upload
               WHERE name = :name AND upload_id IS NULL AND abandoned_at IS NULL""",
            upload=staged.upload_id,
            name=staged.object,
        ):
            raise StaleState("Storing the file took too long, so it was given up. Send it again.", code="too_slow")
        _insert(transaction, staged, 0, Sealed(b"", b""), object=staged.object, **key_of_first)
        return
    for number, block, last in chunks_of(content):
        sealed = Sealed(b"", block) if staged.key is None else staged.key.seal(block, number, last=last)
        _insert(transaction, staged, number, sealed, **(key_of_first if number == 0 else {}))


def replace(transaction: Transaction, content: IO[bytes], staged: Staged) -> bool:
    """Keep the same bytes elsewhere or under a key; False when they have been deleted meanwhile."""
    if not transaction.run(
        """SELECT FROM upload_contents WHERE organization_id = :organization AND upload_id = :id AND chunk = 0
           FOR UPDATE""",
        organization=transaction.organization,
        id=staged.upload_id,
    ):
        return False
    delete(transaction, staged.upload_id)
    keep(transaction, content, staged)
    audit.record(
        transaction,
        "upload.moved",
        ("upload", staged.upload_id),
        details={
            "to_objects": staged.object is not None,
            "key": None if staged.wrapped is None else staged.wrapped.key_id,
        },
    )
    return True


def locate(transaction: Transaction, upload_id: UUID, keyring: Keyring) -> Kept:
    """Where the bytes are, with their key. Raises `ContentsLost` when they are not there, or their key is not."""
    row = transaction.first(
        """SELECT u.size_bytes, c.key_id, c.wrapped_key, c.object, o.place,
                  (SELECT count(*) FROM upload_contents n WHERE n.organization_id = u.organization_id
                     AND n.upload_id = u.id)::int AS chunks
           FROM file_uploads u JOIN upload_contents c ON c.upload_id = u.id AND c.chunk = 0
           LEFT JOIN content_objects o ON o.name = c.object
           WHERE u.organization_id = :organization AND u.id = :id""",
        organization=transaction.organization,
        id=upload_id,
    )
    if row is None:
        raise missing(upload_id)
    key = None
    if row["wrapped_key"] is not None:
        key = keyring.unwrap(Wrapped(row["key_id"], bytes(row["wrapped_key"])), upload_id)
    return Kept(upload_id, row["size_bytes"], row["chunks"], key, row["object"], row["place"])


def blocks(transaction: Transaction, kept: Kept) -> Iterator[bytes]:
    """The bytes that lie in PostgreSQL, a chunk at a time. Raises `ContentsLost` for a chunk that was changed."""
    for number in range(kept.chunks):
        row = transaction.first(
            """SELECT bytes, nonce FROM upload_contents
               WHERE organization_id = :organization AND upload_id = :id AND chunk = :chunk""",
            organization=transaction.organization,
            id=kept.upload_id,
            chunk=number,
        )
        if row is None or (row["nonce"] is None) != (kept.key is None):
            raise damaged(kept.upload_id)
        if kept.key is None:
            yield row["bytes"]
        else:
            sealed = Sealed(bytes(row["nonce"]), bytes(row["bytes"]))
            yield kept.key.open(sealed, number, last=number == kept.chunks - 1)


def missing(upload_id: UUID) -> ContentsLost:
    return ContentsLost(
        f"The contents of upload {upload_id} are not where they were stored. Send the file again.",
        code="contents_missing",
    )


def delete(transaction: Transaction, upload_id: UUID) -> None:
    """Delete an upload's bytes, and its key with them; an object is abandoned, and deleted by the next sweep."""
    transaction.run(
        "DELETE FROM upload_contents WHERE organization_id = :organization AND upload_id = :id",
        organization=transaction.organization,
        id=upload_id,
    )


def delete_with_samples(transaction: Transaction, upload_id: UUID) -> None:
    """Delete an upload's bytes, and the masked samples of its cells."""
    delete(transaction, upload_id)
    transaction.run(
        """UPDATE field_mappings SET profile = profile - 'shapes'
           WHERE organization_id = :organization AND upload_id = :id AND profile ? 'shapes'""",
        organization=transaction.organization,
        id=upload_id,
    )


# --- Objects -------------------------------------------------------------------------------------------------------


def announce(transaction: Transaction, name: str, place: str) -> None:
    """Say that an object is going to be written. Committed before its first byte is."""
    transaction.run(
        "INSERT INTO content_objects (name, place, organization_id) VALUES (:name, :place, :organization)",
        name=name,
        place=place,
        organization=transaction.organization,
    )


def give_up(transaction: Transaction, name: str) -> bool:
    """Abandon an announced object unless an upload has it; says whether it was abandoned."""
    return bool(
        transaction.run(
            "UPDATE content_objects SET abandoned_at = coalesce(abandoned_at, now()) WHERE name = :name AND upload_id IS NULL",
            name=name,
        )
    )


def give_up_unclaimed(transaction: Transaction) -> int:
    """Abandon what was announced over an hour ago and is nobody's: its process is dead. Needs the system's scope."""
    return transaction.run(
        """UPDATE content_objects SET abandoned_at = now()
           WHERE upload_id IS NULL AND abandoned_at IS NULL AND announced_at < now() - :patience""",
        patience=UNCLAIMED_FOR,
    )


def abandoned(transaction: Transaction, places: Sequence[str], limit: int) -> list[tuple[str, str]]:
    """Objects that are to be deleted, in these places, oldest first: name and place. Needs the system's scope."""
    rows = transaction.all(
        """SELECT name, place FROM content_objects
           WHERE upload_id IS NULL AND abandoned_at IS NOT NULL AND place = ANY(:places)
           ORDER BY announced_at LIMIT :limit""",
        places=list(places),
        limit=limit,
    )
    return [(row["name"], row["place"]) for row in rows]


def abandoned_count(transaction: Transaction) -> int:
    return transaction.value(
        "SELECT count(*) FROM content_objects WHERE upload_id IS NULL AND abandoned_at IS NOT NULL"
    )


def forget(transaction: Transaction, names: Sequence[str]) -> None:
    """Forget abandoned objects that are deleted."""
    transaction.run(
        "DELETE FROM content_objects WHERE name = ANY(:names) AND upload_id IS NULL AND abandoned_at IS NOT NULL",
        names=list(names),
    )


def abandon_all(transaction: Transaction) -> None:
    """Abandon every object: nothing that is stored is to stay."""
    transaction.run("UPDATE content_objects SET upload_id = NULL, abandoned_at = now() WHERE abandoned_at IS NULL")


# --- Upkeep --------------------------------------------------------------------------------------------------------


def totals(transaction: Transaction) -> list[Total]:
    """What is kept where, under which key. Needs the system's scope."""
    rows = transaction.all(
        """SELECT o.place, c.key_id, count(*)::int AS uploads, coalesce(sum(u.size_bytes), 0)::bigint AS bytes
           FROM upload_contents c JOIN file_uploads u ON u.id = c.upload_id
           LEFT JOIN content_objects o ON o.name = c.object
           WHERE c.chunk = 0 GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2 NULLS FIRST"""
    )
    return [Total(**row) for row in rows]


def rewrap(transaction: Transaction, keyring: Keyring, *, limit: int, after: UUID | None) -> tuple[int, UUID | None]:
    """Wrap up to `limit` data keys anew by the newest key, those after the id `after`; how many, and the last one's id.

    The id is None when none is left. Needs the system's scope. Raises `ContentsLost` for a key that the ring lacks.
    """
    rows = transaction.all(
        """SELECT upload_id, key_id, wrapped_key FROM upload_contents
           WHERE chunk = 0 AND key_id <> :newest AND (CAST(:after AS uuid) IS NULL OR upload_id > :after)
           ORDER BY upload_id LIMIT :limit FOR UPDATE""",
        newest=keyring.newest,
        after=after,
        limit=limit,
    )
    if not rows:
        return 0, None
    changed: list[dict[str, Any]] = []
    for row in rows:
        key = keyring.unwrap(Wrapped(row["key_id"], bytes(row["wrapped_key"])), row["upload_id"])
        wrapped = keyring.wrap(key)
        changed.append({"id": str(row["upload_id"]), "key_id": wrapped.key_id, "key": wrapped.bytes.hex()})
    transaction.run(
        """UPDATE upload_contents c SET key_id = n.key_id, wrapped_key = decode(n.key, 'hex')
           FROM jsonb_to_recordset(CAST(:changed AS jsonb)) AS n (id uuid, key_id text, key text)
           WHERE c.upload_id = n.id AND c.chunk = 0""",
        changed=as_json(changed),
    )
    audit.record(transaction, "contents.rewrapped", details={"uploads": len(rows), "key": keyring.newest})
    return len(rows), rows[-1]["upload_id"]


def kept_otherwise(
    transaction: Transaction, *, place: str | None, sealed: bool, limit: int, after: UUID | None
) -> list[tuple[UUID, UUID]]:
    """Uploads after the id `after` whose bytes lie elsewhere, or are not encrypted though they should be: ids and
    organizations. Needs the system's scope.
    """
    rows = transaction.all(
        """SELECT c.upload_id, c.organization_id FROM upload_contents c LEFT JOIN content_objects o ON o.name = c.object
           WHERE c.chunk = 0 AND (CAST(:after AS uuid) IS NULL OR c.upload_id > :after)
             AND (o.place IS DISTINCT FROM :place OR (:sealed AND c.wrapped_key IS NULL))
           ORDER BY c.upload_id LIMIT :limit""",
        place=place,
        sealed=sealed,
        limit=limit,
        after=after,
    )
    return [(row["upload_id"], row["organization_id"]) for row in rows]


def _insert(
    transaction: Transaction,
    staged: Staged,
    number: int,
    sealed: Sealed,
    *,
    key_id: str | None = None,
    wrapped: bytes | None = None,
    object: str | None = None,  # noqa: A002 - the column's name
) -> None:
    transaction.run(
        """INSERT INTO upload_contents (upload_id, organization_id, chunk, bytes, nonce, key_id, wrapped_key, object)
           VALUES (:upload, :organization, :chunk, :bytes, :nonce, :key_id, :wrapped, :object)""",
        upload=staged.upload_id,
        organization=transaction.organization,
        chunk=number,
        bytes=sealed.bytes,
        nonce=sealed.nonce or None,
        key_id=key_id,
        wrapped=wrapped,
        object=object,
    )
