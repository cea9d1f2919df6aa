"""Labelled header rows: one file layout a line, with sample values and the right answers.

Reading them is all that happens here. Profiles are measured as the reader measures those of real files.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.types import Column, Sheet

IGNORE = "IGNORE"
"""The label of a column that has no target."""

LABEL_SCHEMA = frozenset((
    "FirstName", "LastName", "FullName", "MiddleName", "Salutation", "Suffix", "Email", "Phone", "MobilePhone", "Fax",
    "Company", "Title", "Department", "Industry", "Website", "Street", "Street2", "City", "State", "PostalCode",
    "Country", "LeadSource", "Status", "Rating", "AnnualRevenue", "NumberOfEmployees", "Description", "LinkedInUrl",
    "TwitterHandle", "FacebookUrl", "OwnerName", "OwnerEmail", "CreatedDate", "LastModifiedDate", "LastActivityDate",
    "ExternalId", "Campaign", "UtmSource", "UtmMedium", "UtmCampaign", "OptIn", "LeadScore", "Product", "Birthdate",
    "Gender", "Language", "Timezone", "Currency",
))  # fmt: skip
"""The fields that predictions are scored on; others are proposals, and count as no target."""


@dataclass(frozen=True)
class Layout:
    """One file layout with its right answers: `gold[column]` lists them, best first."""

    source: str
    family: str
    language: str
    sheet: Sheet
    gold: tuple[tuple[str, ...], ...]
    digest: str

    @property
    def english(self) -> bool:
        return self.language.startswith("en")


def read_corpus(path: Path) -> list[Layout]:
    """The layouts of a corpus, in its order. Raises `RequestInvalid` naming the line that is not as it should be."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return list(_layouts(lines))


def shipped_corpus() -> list[Layout]:
    """The layouts that the base model is trained on, and those kept unopened (`is_unopened`)."""
    with resources.as_file(resources.files("leads_pipeline.training") / "data" / "lead_exports.jsonl.gz") as path:
        return read_corpus(path)


def is_unopened(family: str) -> bool:
    """Whether a family belongs to the fifth that is never trained on, and measured at the very end only."""
    return int(hashlib.sha1(family.encode("utf-8"), usedforsecurity=False).hexdigest(), 16) % 5 == 1


def labels(gold: Sequence[str]) -> tuple[str, ...]:
    """`gold` as it is scored: without the names outside the label schema."""
    return tuple(name for name in gold if name == IGNORE or name in LABEL_SCHEMA)


def _layouts(lines: Iterable[str]) -> Iterator[Layout]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            columns = document["columns"]
            headers = [str(column["header"] or "") for column in columns]
            yield Layout(
                source=str(document["source"]),
                family=str(document["family"]),
                language=str(document["language"]),
                sheet=sheet_of(headers, [[str(value) for value in column.get("samples", ())] for column in columns]),
                gold=tuple(tuple(map(str, column["gold"])) for column in columns),
                digest=hashlib.sha256(json.dumps([document["family"], headers]).encode()).hexdigest()[:16],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RequestInvalid(
                f"Line {number} is not a labelled header row: it needs source, family, language, and columns, each with "
                "header and gold.",
                code="corpus_invalid",
                title="The corpus cannot be read",
            ) from error


def sheet_of(headers: Sequence[str], samples: Sequence[Sequence[str]]) -> Sheet:
    """A sheet with these headers and a few cells of each column, as the reader would have found it."""
    rows = max((len(cells) for cells in samples), default=0)
    return Sheet(
        index=0,
        name="corpus",
        header_row=1,
        rows=rows,
        columns=tuple(
            Column(at, header, profile_column(cells, rows=rows, filled=len(cells)))
            for at, (header, cells) in enumerate(zip(headers, samples, strict=True))
        ),
    )
