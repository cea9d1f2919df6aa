"""Fields that an organization adds and no training has seen: how many columns find them, by label, description and type.

`custom_fields.yaml` holds the fields, each with three headers as files write them: as the label, another way, and harder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from benchmarks.table import Figure, show
from leads_pipeline.mapping import LeadSchema, MappingModel, load_model, map_sheet
from leads_pipeline.training.corpus import sheet_of

FIELDS = Path(__file__).parent / "custom_fields.yaml"

BESIDE = {
    "First Name": ["Ines", "Carl", "Maya"],
    "Last Name": ["Moreau", "Stern", "Lind"],
    "Email": ["ines@moreau.example", "carl@stern.example", "maya@lind.example"],
    "Phone": ["+1 303 555 0121", "+1 303 555 0164", "+1 303 555 0177"],
    "Company": ["Harbour Steel Ltd", "Otis Foods Inc", "Larch GmbH"],
    "City": ["Boise", "Leeds", "Kiel"],
    "Notes": ["Asked for a call back next week.", "Met at the fair, wants a quote.", ""],
    "Created At": ["2024-03-04 10:11", "2024-03-09 18:40", "2024-04-02 09:14"],
}
"""The lead list in which the columns stand, one at a time."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field as an organization would add it, and the columns that hold it: their headers, and what their cells say."""

    definition: dict[str, Any]
    headers: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        return cast("str", self.definition["name"])


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one column that holds a field: the field, another one, or none; `place` is that of its header."""

    field: str
    place: int
    header: str
    target: str | None
    confidence: float

    @property
    def right(self) -> bool:
        return self.target == self.field


def read_fields() -> list[CustomField]:
    documents = cast("list[dict[str, Any]]", yaml.safe_load(FIELDS.read_text("utf-8")))
    return [
        CustomField(
            {key: value for key, value in each.items() if key not in ("headers", "cells")},
            tuple(map(str, each["headers"])),
            tuple(map(str, each["cells"])),
        )
        for each in documents
    ]


def find(fields: Sequence[CustomField], among: Sequence[CustomField], model: MappingModel) -> list[Found]:
    """Every column of `fields`, mapped onto the default schema with the fields `among` added."""
    schema = LeadSchema.from_json({"extends": "default", "fields": [each.definition for each in among]})
    found: list[Found] = []
    for each in fields:
        for place, header in enumerate(each.headers):
            sheet = sheet_of([*BESIDE, header], [*BESIDE.values(), each.cells])
            mapping = map_sheet(sheet, schema, model)[-1]
            found.append(Found(each.name, place, header, mapping.target, mapping.confidence))
    return found


def main() -> None:
    fields, model = read_fields(), load_model()
    alone = [one for each in fields for one in find([each], [each], model)]
    together = find(fields, fields, model)
    # The columns of the other half find no field of their own, and must not be given one.
    half, rest = fields[::2], fields[1::2]
    added = {each.name for each in half}
    strangers = [one.target in added for one in find(rest, half, model)]
    misled = [one.target is not None and not one.right for one in together]
    show(
        f"{len(fields)} fields of an organization's own, {len(together)} columns",
        [
            Figure("top-1, one field added to the schema", _share([one.right for one in alone])),
            Figure("top-1, all of them added", _share([one.right for one in together])),
            *(
                Figure(f"  {what}", _share([one.right for one in together if one.place == place]))
                for place, what in enumerate(("header as the label", "written another way", "reworded or translated"))
            ),
            Figure("given a wrong field, all of them added", _share(misled)),
            Figure("columns of other fields given an added one", _share(strangers)),
        ],
    )


def _share(true: Sequence[bool]) -> str:
    return f"{sum(true) / len(true):.3f} ({sum(true)} of {len(true)})"


if __name__ == "__main__":
    main()
