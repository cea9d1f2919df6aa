"""Where the bytes of received files are kept: in PostgreSQL or in an object store, encrypted where there is a key.

    announce the object          a row, committed            a crash from here on leaves a row that the sweep finds
    write the object             outside of any transaction, so that a slow store holds no connection
    store the upload             one transaction: its row, and whose object it is
    ...
    delete the upload            one transaction: the key goes, and a trigger abandons the object
    delete the object, then its row                          the sweep, every minute

So an upload never names an object that is not whole, and no object is ever without a row. In PostgreSQL, the bytes are
stored and deleted in the upload's own transactions.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Protocol
from uuid import UUID

import structlog
from pydantic import SecretStr

from leads_pipeline.errors import ContentsUnavailable
from leads_pipeline.providers.objects import Objects
from leads_pipeline.settings import Settings, contents_keys
from leads_pipeline.store import contents
from leads_pipeline.store.contents import CHUNK_BYTES, Kept, Staged
from leads_pipeline.store.database import AWAY, SYSTEM, Database
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.sealing import NONCE_BYTES, DataKey, Keyring, Sealed, damaged

log = structlog.get_logger()

POSTGRESQL = "postgresql"
TAG_BYTES = 16
AT_A_TIME = 500


class Store(Protocol):
    """What is needed of an object store; `providers.objects.Objects` is one."""

    place: str

    def write(self, name: str, blocks: Iterator[bytes]) -> None: ...
    def read(self, name: str, size: int) -> Iterator[bytes]: ...
    def delete(self, names: list[str]) -> None: ...


@dataclass(frozen=True)
class Vault:
    """The keys, and the object stores: `writes_to` takes what is new (None: PostgreSQL), `stores` are those by place."""

    keyring: Keyring
    writes_to: Store | None
    stores: dict[str, Store]

    @contextmanager
    def staged(
        self,
        database: Database,
        organization: UUID,
        content: IO[bytes],
        *,
        upload_id: UUID | None = None,
        needless: Callable[[], bool] | None = None,
    ) -> Generator[Staged]:
        """Make ready to keep a file: its key and, where objects are written, its object, already written.

        Store the upload within; an object that no upload has by the end is deleted. `upload_id` is the upload's, a new
        one's unless given. `needless` tells, before anything is written, that nothing will be stored; should something be
        all the same, it is stored in PostgreSQL.
        """
        upload_id = upload_id or new_id()
        key = None if self.keyring.newest is None else DataKey(upload_id)
        wrapped = None if key is None else self.keyring.wrap(key)
        if self.writes_to is None or (needless is not None and needless()):
            yield Staged(upload_id, key, wrapped)
            return
        name = f"{organization}/{new_id()}"
        with database.transaction(organization) as transaction:
            contents.announce(transaction, name, self.writes_to.place)
        try:
            self.writes_to.write(name, _as_object(content, key))
            yield Staged(upload_id, key, wrapped, name)
        finally:
            self._give_up(database, organization, name, self.writes_to)

    def fetch(self, database: Database, organization: UUID, upload_id: UUID, into: Path) -> None:
        """Write an upload's bytes to a file, a block at a time.

        Raises `ContentsLost` when they are missing, changed, or under a key that is not set, and `ContentsUnavailable`
        when their store does not answer.
        """
        with into.open("wb") as file:
            with database.transaction(organization) as transaction:
                kept = contents.locate(transaction, upload_id, self.keyring)
                if kept.object is None:
                    for block in contents.blocks(transaction, kept):
                        file.write(block)
            if kept.object is not None:
                for block in self._read(kept, kept.object):
                    file.write(block)
            if file.tell() != kept.size:
                raise damaged(upload_id)

    def warn(self) -> None:
        """Say in the log, where a deployment starts, that files are not encrypted."""
        if self.keyring.newest is None:
            log.warning(
                "contents of files are stored as they came, not encrypted",
                do="leads contents new-key makes a key for LEADS_CONTENTS_KEYS",
            )

    def sweep(self, database: Database, *, limit: int = AT_A_TIME) -> int:
        """Delete up to `limit` objects that nobody needs, and those of processes that died; how many were deleted."""
        with database.transaction(SYSTEM) as transaction:
            contents.give_up_unclaimed(transaction)
            found = contents.abandoned(transaction, list(self.stores), limit)
        for place, store in self.stores.items():
            names = [name for name, where in found if where == place]
            if names:
                # The objects first: a crash in between leaves rows, and deleting twice does no harm.
                store.delete(names)
                with database.transaction(SYSTEM) as transaction:
                    contents.forget(transaction, names)
        return len(found)

    def empty(self, database: Database) -> None:
        """Delete every object: nothing that is stored is to stay."""
        with database.transaction(SYSTEM) as transaction:
            contents.abandon_all(transaction)
        while self.sweep(database):
            pass

    def rewrap(self, database: Database, *, at_a_time: int = AT_A_TIME) -> Iterator[int]:
        """Wrap every data key by the newest key, in transactions of `at_a_time`; yields how many each has changed."""
        after: UUID | None = None
        while True:
            with database.transaction(SYSTEM) as transaction:
                changed, after = contents.rewrap(transaction, self.keyring, limit=at_a_time, after=after)
            if not changed:
                return
            yield changed

    def move(self, database: Database, *, at_a_time: int = AT_A_TIME) -> Iterator[UUID]:
        """Bring every file to where new ones go, and encrypt it where there is a key; yields each upload that was moved.

        One transaction an upload: at any moment its bytes are whole, in the old place or in the new one.
        """
        after: UUID | None = None
        place = None if self.writes_to is None else self.writes_to.place
        while True:
            with database.transaction(SYSTEM) as transaction:
                waiting = contents.kept_otherwise(
                    transaction, place=place, sealed=self.keyring.newest is not None, limit=at_a_time, after=after
                )
            if not waiting:
                return
            for upload_id, organization in waiting:
                if self._move(database, organization, upload_id):
                    yield upload_id
            after = waiting[-1][0]

    def _move(self, database: Database, organization: UUID, upload_id: UUID) -> bool:
        with TemporaryDirectory(prefix="leads-contents-") as directory:
            path = Path(directory) / "upload"
            self.fetch(database, organization, upload_id, path)
            with (
                path.open("rb") as content,
                self.staged(database, organization, content, upload_id=upload_id) as staged,
                database.transaction(organization) as transaction,
            ):
                return contents.replace(transaction, content, staged)

    def _read(self, kept: Kept, name: str) -> Iterator[bytes]:
        store = self.stores.get(kept.place or "")
        if store is None:
            raise ContentsUnavailable(
                f"The contents of upload {kept.upload_id} lie in {kept.place}, which LEADS_CONTENTS_URL does not name. Add it "
                "after the others, separated by a comma."
            )
        try:
            if kept.key is None:
                yield from store.read(name, CHUNK_BYTES)
                return
            ahead: bytes | None = None
            number = 0
            for block in store.read(name, NONCE_BYTES + CHUNK_BYTES + TAG_BYTES):
                if ahead is not None:
                    yield _opened(kept.key, ahead, number, last=False)
                    number += 1
                ahead = block
            if ahead is not None:
                yield _opened(kept.key, ahead, number, last=True)
        except FileNotFoundError as error:
            raise contents.missing(kept.upload_id) from error

    def _give_up(self, database: Database, organization: UUID, name: str, store: Store) -> None:
        try:
            with database.transaction(organization) as transaction:
                unneeded = contents.give_up(transaction, name)
            if unneeded:
                store.delete([name])
                with database.transaction(organization) as transaction:
                    contents.forget(transaction, [name])
        except (*AWAY, ContentsUnavailable):
            log.warning("an object that nobody needs is left to the sweep", place=store.place)


def vault_of(settings: Settings) -> Vault:
    """The vault that the settings describe. Raises `SetupProblem` for a store that cannot be opened."""
    return _vault(settings.contents_url, settings.contents_keys)


@cache
def _vault(urls: str | None, keys: SecretStr | None) -> Vault:
    places = [url.strip() for url in (urls or POSTGRESQL).split(",") if url.strip()]
    stores: list[Store | None] = [None if url == POSTGRESQL else Objects(url) for url in places]
    return Vault(
        Keyring({} if keys is None else contents_keys(keys.get_secret_value())),
        stores[0],
        {store.place: store for store in stores if store is not None},
    )


def _as_object(content: IO[bytes], key: DataKey | None) -> Iterator[bytes]:
    """The blocks of an object: the file's, or for each its nonce and the sealed block."""
    for number, block, last in contents.chunks_of(content):
        if key is None:
            yield block
        else:
            sealed = key.seal(block, number, last=last)
            yield sealed.nonce + sealed.bytes


def _opened(key: DataKey, stored: bytes, number: int, *, last: bool) -> bytes:
    return key.open(Sealed(stored[:NONCE_BYTES], stored[NONCE_BYTES:]), number, last=last)
