"""A process that dies while it keeps or deletes a file: `python -m leads_pipeline_tests.dying WHERE HOME ORGANIZATION URL`.

It is killed by itself, as a kernel out of memory would: nothing is unwound.
"""

import io
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from leads_pipeline.settings import Settings
from leads_pipeline.store import contents, uploads
from leads_pipeline.store.database import Database, open_database
from leads_pipeline.vault import CHUNK_BYTES, Vault, vault_of

CONTENT = b"Name\n" + b"Ada Byron\n" * (CHUNK_BYTES // 4)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    where, home, organization, url = sys.argv[1:]
    settings = Settings(LEADS_HOME=Path(home), LEADS_CONTENTS_URL=url)  # pyright: ignore[reportCallIssue]
    with open_database(settings) as database:
        if where == "while_sweeping":
            sweep(database, vault_of(settings))
        else:
            receive(where, database, vault_of(settings), UUID(organization))


def receive(where: str, database: Database, vault: Vault, organization: UUID) -> None:
    content = _Dying(CONTENT, after=CHUNK_BYTES) if where == "in_the_middle_of_the_object" else io.BytesIO(CONTENT)
    with vault.staged(database, organization, content) as staged:
        if where == "before_the_upload_is_stored":
            die()
        with database.transaction(organization) as transaction:
            uploads.receive(
                transaction, content, filename="list.csv", kind="csv", source="rest", staged=staged, even_if_known=True
            )
            if where == "before_the_upload_is_committed":
                die()
        die()


def sweep(database: Database, vault: Vault) -> None:
    """Die once the objects are deleted, with their rows still there."""
    contents.forget = lambda *_: die()
    vault.sweep(database)


class _Dying(io.BytesIO):
    """A file that is the end of whoever reads further than `after` bytes."""

    def __init__(self, content: bytes, *, after: int) -> None:
        super().__init__(content)
        self.after = after

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > self.after:
            die()
        return super().read(size)


if __name__ == "__main__":
    main()
