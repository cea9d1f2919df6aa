"""Labelled header rows: one file layout a line, with sample values and the right answers.

Those of real systems are JSON lines; those written for training are text that a person can read and mend, a column a
line (`read_written`). Reading them is all that happens here. Profiles are measured as the reader measures those of real files.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    """One file layout with its right answers: `gold[column]` lists them, best first.

    `written` ones were written for training; the others are those of real files.
    """

    source: str
    family: str
    language: str
    sheet: Sheet
    gold: tuple[tuple[str, ...], ...]
    digest: str
    written: bool = False

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


def written_layouts() -> list[Layout]:
    """The layouts written for training: what the lists of many more systems, trades and languages look like."""
    found: list[Layout] = []
    for file in sorted((resources.files("leads_pipeline.training") / "data" / "layouts").iterdir(), key=str):
        if file.name.endswith(".txt"):
            found += read_written(file.read_text("utf-8"), file.name)
    return found


def read_written(text: str, name: str) -> list[Layout]:
    """The layouts of a text of blocks.

        == family | language
        header => label, label => sample ;; sample

    Samples are optional, a header may be empty, and lines that begin with "# " are remarks. Raises `RequestInvalid`
    naming the line that is not as it should be.
    """
    layouts: list[Layout] = []
    block: tuple[str, str] | None = None
    columns: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []

    def close() -> None:
        if block is not None:
            layouts.append(replace(_layout(f"{block[0]} ({name})", *block, columns), written=True))

    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("# "):
            continue
        if heading := _HEADING.fullmatch(line):
            close()
            block, columns = (heading[1], heading[2]), []
        elif block is not None and (column := _COLUMN.fullmatch(line)):
            columns.append((column[1].strip(), _split(column[2], ","), _split(column[3] or "", ";;")))
        else:
            raise RequestInvalid(
                f"Line {number} of {name} is neither `== family | language` nor `header => labels => samples`.",
                code="corpus_invalid",
                title="The corpus cannot be read",
            )
    close()
    return layouts


_HEADING = re.compile(r"== (\S+) \| (\S+)")
_COLUMN = re.compile(r"(.*?) ?=> ([^=>]+?)(?: =>(.*))?")


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
            yield _layout(
                str(document["source"]),
                str(document["family"]),
                str(document["language"]),
                [
                    (
                        str(column["header"] or ""),
                        tuple(map(str, column["gold"])),
                        tuple(map(str, column.get("samples", ()))),
                    )
                    for column in columns
                ],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RequestInvalid(
                f"Line {number} is not a labelled header row: it needs source, family, language, and columns, each with "
                "header and gold.",
                code="corpus_invalid",
                title="The corpus cannot be read",
            ) from error


def _layout(
    source: str, family: str, language: str, columns: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> Layout:
    headers = [header for header, _, _ in columns]
    return Layout(
        source=source,
        family=family,
        language=language,
        sheet=sheet_of(headers, [samples for _, _, samples in columns]),
        gold=tuple(gold for _, gold, _ in columns),
        digest=hashlib.sha256(json.dumps([family, headers]).encode()).hexdigest()[:16],
    )


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part for each in text.split(separator) if (part := each.strip()))


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
