"""What tests of erasures share: people whom nobody else is like, and a deployment in which they left traces."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl

from leads_pipeline.defs.forgetting import erase_waiting
from leads_pipeline.defs.processing import process
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import person, person_to_json
from leads_pipeline.store import corrections, erasures, organizations, uploads
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.embedded_cluster import cluster_of
from leads_pipeline.store.erasures import Erasure
from leads_pipeline_tests.builders import claim_for, stored_mappings


@dataclass(frozen=True)
class Canary:
    """A person whom nobody else is like."""

    number: int

    @property
    def word(self) -> str:
        """A word of letters that stands for the person in every name."""
        return "".join(chr(ord("a") + int(digit)) for digit in f"{self.number:02d}")

    @property
    def given(self) -> str:
        return f"Qwyla{self.word}"

    @property
    def family(self) -> str:
        return f"Zorbnik{self.word}"

    @property
    def email(self) -> str:
        return f"{self.given}.{self.family}@vexmail{self.word}.com".lower()

    @property
    def phone(self) -> str:
        return f"+49 30 77{self.number:02d}5193"

    @property
    def row(self) -> list[str]:
        return [self.given, self.family, self.email.title(), f"030/77{self.number:02d}5193"]

    @property
    def traces(self) -> tuple[str, ...]:
        """What must be nowhere afterwards, in lower case."""
        return (self.given.lower(), self.family.lower(), f"vexmail{self.word}", f"77{self.number:02d}5193")


class Deployment:
    """A deployment with a home, an inbox and a Dagster of its own, in which one organization's people have worked.

    `own_server`: PostgreSQL runs below this home, and not for all tests.
    """

    def __init__(self, database: Database, organization: UUID, home: Path, *, own_server: bool = False) -> None:
        self.database, self.organization, self.home = database, organization, home
        with database.transaction(SYSTEM) as transaction:
            self.name = organizations.organization(transaction, organization).name
        chosen: dict[str, Any] = {
            "LEADS_HOME": home,
            "LEADS_INBOX": str(home / "inbox"),
            "LEADS_DRAIN_LINGER_SECONDS": 0,
        }
        if not own_server:
            chosen["DATABASE_URL"] = database.url.render_as_string(hide_password=False)
        self.settings = Settings(**chosen)
        (home / "inbox" / self.name).mkdir(parents=True)

    def file(self, content: str | bytes, name: str = "leads.csv") -> UUID:
        """An upload that was mapped."""
        with self.database.transaction(self.organization) as transaction:
            upload = uploads.receive(
                transaction,
                io.BytesIO(content.encode() if isinstance(content, str) else content),
                filename=name,
                kind=name.rpartition(".")[2],
                source="rest",
            ).upload.id
        process(self.database, self.settings, claim_for(self.database, upload))
        return upload

    def reviewed(self, upload: UUID, comment: str | None = None, reviewer: str | None = None) -> None:
        rows = stored_mappings(self.database, self.organization, upload)
        with self.database.transaction(self.organization) as transaction:
            corrections.review(
                transaction,
                upload,
                [
                    Correction(row.id, "Description", comment=comment, reviewer=reviewer)
                    for row in list(rows.values())[:1]
                ],
                rest_confirmed=True,
                single_valued=frozenset(),
                reviewer=reviewer,
            )

    def ask(self, *canaries: Canary, by: str = "email", everywhere: bool = False) -> UUID:
        wanted = person(
            [each.email for each in canaries if "email" in by], [each.phone for each in canaries if "phone" in by]
        )
        with self.database.transaction(SYSTEM) as transaction:
            return erasures.ask(
                transaction, None if everywhere else self.organization, "person", person_to_json(wanted)
            )

    def erase(self, erasure: UUID) -> Erasure:
        (done,) = erase_waiting(self.database, self.settings, "run", only=erasure)
        assert done.problem is None, done.problem
        return done

    def dump(self) -> Iterator[tuple[str, str]]:
        """Every row of every table of both schemas, as text, and every file below the home with its name."""
        with self.database.transaction(SYSTEM) as transaction:
            tables = transaction.all(
                """SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind = 'r' AND n.nspname IN ('public', 'dagster')"""
            )
            for table in tables:
                # Bytes as letters, one for each, so that what is not encrypted is seen.
                transaction.run("SET LOCAL bytea_output = 'escape'")
                for block in transaction.stream(f"SELECT t::text FROM {table['name']} t"):
                    for (row,) in block:
                        yield table["name"], row
        for path in self.home.rglob("*"):
            if path.is_file() and self.home / "postgres" not in path.parents:
                yield str(path), str(path.name) + path.read_bytes().decode("latin-1")
                if path.suffix == ".xlsx":
                    for cells in openpyxl.load_workbook(path).active.values:  # pyright: ignore[reportOptionalMemberAccess]
                        yield str(path), str(cells)

    def traces_of(self, canaries: list[Canary]) -> dict[str, list[str]]:
        """What is left of these people, by where."""
        wanted = {trace for canary in canaries for trace in canary.traces}
        left: dict[str, list[str]] = {}
        for place, row in self.dump():
            lowered = row.lower()
            if "zorbnik" in lowered or "qwyla" in lowered or "vexmail" in lowered or "5193" in lowered:
                found = [trace for trace in wanted if trace in lowered]
                if found:
                    left.setdefault(place, []).extend(found)
        return left

    def on_disk(self) -> set[str]:
        """What of any canary stands in the bytes of the server's files: what was deleted and what is in its log included."""
        found: set[str] = set()
        for path in cluster_of(self.home).data.rglob("*"):
            if path.is_file():
                found |= {match.decode().lower() for match in _ON_DISK.findall(path.read_bytes())}
        return found


_ON_DISK = re.compile(rb"zorbnik[a-z]*|qwyla[a-z]*|vexmail[a-z]*|77\d\d5193", re.IGNORECASE)


def workbook(rows: list[list[str]], title: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


HEADERS = ["Vorname", "Nachname", "E-Mail", "Telefon"]
OTHERS = ["Grace", "Hopper", "grace@example.com", "030 1234567"]


def csv_of(rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)
