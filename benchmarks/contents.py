"""The bytes of files: how fast they are kept and fetched, as they are or encrypted, in PostgreSQL or in a directory."""

import io
import os
import resource
import tempfile
import time
from pathlib import Path
from uuid import UUID

from benchmarks.table import Figure, milliseconds, show
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded, migrations, organizations, uploads
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.store.sealing import new_key
from leads_pipeline.vault import Vault, vault_of

SMALL = 200
LARGE_BYTES = 50 * 2**20


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(LEADS_HOME=Path(home))  # pyright: ignore[reportCallIssue]
        with open_database(settings) as database:
            migrations.upgrade(database)
            with database.transaction(SYSTEM) as transaction:
                organization = organizations.ensure_organization(transaction, "Benchmark")
            figures: list[Figure] = []
            for where, url in (("PostgreSQL", None), ("a directory", f"file://{home}/objects")):
                for how, keys in (("as it came", None), ("encrypted", f"a:{new_key()}")):
                    chosen = Settings(LEADS_HOME=Path(home), LEADS_CONTENTS_KEYS=keys, LEADS_CONTENTS_URL=url)  # pyright: ignore[reportCallIssue]
                    figures += _measure(database, vault_of(chosen), organization, f"{where}, {how}", Path(home))
            figures += _rotation(database, organization, Path(home))
            peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            figures.append(Figure("this process, its largest memory by the end", f"{peak / 1e6:,.0f} MB"))
            show("Contents of files", figures)
        embedded.wipe(Path(home))


def _measure(database: Database, vault: Vault, organization: UUID, what: str, home: Path) -> list[Figure]:
    small = [_keep(database, vault, organization, io.BytesIO(os.urandom(2_000))) for _ in range(SMALL)]
    path = home / "large"
    with path.open("wb") as file:
        for _ in range(LARGE_BYTES // 2**20):
            file.write(os.urandom(2**20))
    with path.open("rb") as file:
        large = _keep(database, vault, organization, file)
    begun = time.perf_counter()
    vault.fetch(database, organization, large[1], home / "fetched")
    fetched = time.perf_counter() - begun
    begun = time.perf_counter()
    for _, upload in small:
        vault.fetch(database, organization, upload, home / "fetched")
    rate = LARGE_BYTES / 1e6
    return [
        Figure(f"{what}: a file of 2 kB, received", milliseconds(sorted(seconds for seconds, _ in small)[SMALL // 2])),
        Figure(f"{what}: the same, fetched", milliseconds((time.perf_counter() - begun) / SMALL)),
        Figure(f"{what}: {rate:,.0f} MB received", f"{rate / large[0]:,.0f} MB/s"),
        Figure(f"{what}: the same, fetched", f"{rate / fetched:,.0f} MB/s"),
    ]


def _keep(database: Database, vault: Vault, organization: UUID, content: io.IOBase) -> tuple[float, UUID]:
    begun = time.perf_counter()
    with (
        vault.staged(database, organization, content) as staged,  # pyright: ignore[reportArgumentType]
        database.transaction(organization) as transaction,
    ):
        upload = uploads.receive(
            transaction,
            content,  # pyright: ignore[reportArgumentType]
            filename="list.csv",
            kind="csv",
            source="rest",
            staged=staged,
        ).upload
    return time.perf_counter() - begun, upload.id


def _rotation(database: Database, organization: UUID, home: Path) -> list[Figure]:
    old, new = f"old:{new_key()}", f"new:{new_key()}"
    before = vault_of(Settings(LEADS_HOME=home, LEADS_CONTENTS_KEYS=old))  # pyright: ignore[reportCallIssue]
    after = vault_of(Settings(LEADS_HOME=home, LEADS_CONTENTS_KEYS=f"{new},{old}"))  # pyright: ignore[reportCallIssue]
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM file_uploads")
    for _ in range(SMALL):
        _keep(database, before, organization, io.BytesIO(os.urandom(2_000)))
    begun = time.perf_counter()
    count = sum(after.rewrap(database))
    return [Figure("data keys wrapped anew a second", f"{count / (time.perf_counter() - begun):,.0f}")]


if __name__ == "__main__":
    main()
