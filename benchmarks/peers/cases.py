"""The schema-matching cases that a peer brings: pairs of tables whose columns belong together, and which do.

infermap's source distribution holds 82 cases sampled from Valentine's published data (Koutras et al. 2021) and 80 that it
made up by renaming. None is about leads: the fields are columns that our training has never seen, as an organization's own
would be.
"""

import csv
import io
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leads_pipeline.mapping import FieldType, LeadField, LeadSchema, MappingModel, map_sheet
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.training.corpus import sheet_of

GROUPS = {
    "magellan": "Magellan: products, papers, restaurants",
    "tpch": "TPC-DI: prospects",
    "opendata": "open data of governments",
    "chembl": "ChEMBL: assays",
    "synthetic": "infermap's own, by renaming",
}

Table = list[dict[str, Any]]

_TYPES = {
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "money": FieldType.CURRENCY,
    "boolean": FieldType.BOOLEAN,
    "integer": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
}
"""The type of a field whose values are of such a kind: the first that fits."""


@dataclass(frozen=True, slots=True)
class Case:
    """Two tables, and for each column of the first the one of the second that it belongs to, or none."""

    group: str
    source: Table
    target: Table
    right: tuple[int | None, ...]


def read_cases(archive: Path) -> list[Case]:
    """The cases in infermap's source distribution, in the order of their names."""
    with tarfile.open(archive) as files:
        texts = {
            member.name.split("/cases/", 1)[1]: found.read().decode("utf-8")
            for member in files
            if "/benchmark/cases/" in member.name and (found := files.extractfile(member)) is not None
        }
    return [*_valentine(texts), *_synthetic(texts["synthetic/generated.json"])]


def _valentine(texts: dict[str, str]) -> Iterator[Case]:
    for name in sorted(texts):
        if name.endswith("/expected.json"):
            folder = name.removesuffix("expected.json")
            source, target = _table(texts[f"{folder}source.csv"]), _table(texts[f"{folder}target.csv"])
            yield _case(folder.split("/")[1], source, target, json.loads(texts[name]))


def _synthetic(text: str) -> Iterator[Case]:
    for each in json.loads(text)["cases"]:
        source, target = (
            [{"name": field["name"], "cells": field["samples"]} for field in each[side]]
            for side in ("source_fields", "target_fields")
        )
        yield _case("synthetic", source, target, each["expected"])


def _case(group: str, source: Table, target: Table, expected: dict[str, Any]) -> Case:
    at = {column["name"]: index for index, column in enumerate(target)}
    partner = {pair["source"]: at[pair["target"]] for pair in expected["mappings"]}
    return Case(group, source, target, tuple(partner.get(column["name"]) for column in source))


def _table(text: str) -> Table:
    header, *rows = csv.reader(io.StringIO(text))
    return [{"name": name, "cells": [row[at] for row in rows if at < len(row)]} for at, name in enumerate(header)]


# --- Ours ----------------------------------------------------------------------------------------------------------


def mapped_by_us(case: Case, model: MappingModel) -> list[tuple[int | None, float]]:
    """What `model` proposes when the second table's columns are an organization's own fields: name, type, kinds of value."""
    schema = LeadSchema(tuple(_field(at, column) for at, column in enumerate(case.target)), name="case")
    at = {field.name: index for index, field in enumerate(schema.fields)}
    sheet = sheet_of([column["name"] for column in case.source], [_filled(column["cells"]) for column in case.source])
    return [
        (None if mapping.target is None else at[mapping.target], mapping.confidence)
        for mapping in map_sheet(sheet, schema, model)
    ]


def _field(at: int, column: dict[str, Any]) -> LeadField:
    cells = _filled(column["cells"])
    kinds = profile_column(cells, rows=len(cells), filled=len(cells)).kinds
    usual = tuple(kind for kind, share in kinds.items() if share >= 0.5)
    name = f"Field{at}__c"
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_.\s]+", " ", column["name"]).strip()
    kind = next((_TYPES[each] for each in _TYPES if each in usual), FieldType.STRING)
    return LeadField(id=name, name=name, label=words, api_name=name, type=kind, values=usual)


def _filled(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell.strip()]
