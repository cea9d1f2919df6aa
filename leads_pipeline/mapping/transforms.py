"""What is done with a column's cells on their way into the lead: split, merged, their values looked up, or nothing.

Decides only, from what columns are mapped to; `spreadsheets.shaping` does it. Since the decision follows from the effective
targets, a correction changes it as it changes the mapping: a column corrected to FullName is split from then on.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leads_pipeline.mapping.schema import FieldType, LeadField, LeadSchema
from leads_pipeline.mapping.values import Polarity, has_values, order_of_names, polarity
from leads_pipeline.types import Candidate

Wish = Literal["auto", "none", "split", "merge", "value_map"]
"""What a person may ask for: that a column is left as it is, that it is transformed where we would not propose it, or that
what was asked for before counts no more.
"""

Transform = Mapping[str, Any]
"""`kind` (`split`, `merge`, `value_map`) and `fields`, the lead fields that are filled, and what else the kind needs: `of`
(`name`, `address`), `family_first` and `language` of names; the `label` of a merged text; the `polarity` of a yes or no.
"""

NAME_PARTS = {"first": "FirstName", "last": "LastName", "salutation": "Salutation", "suffix": "Suffix"}
ADDRESS_PARTS = {"street": "Street", "city": "City", "state": "State", "postal": "PostalCode", "country": "Country"}
"""The field that each part fills."""

WHOLE_ADDRESSES = 0.5
"""From what share of cells that are whole addresses on, a column is proposed to be split."""

LONGEST_LABEL = 60
"""How much of a header stands before its text in a merged field, in characters."""


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """Where one column goes: to `target`, if that is `applied`; None is "no target".

    `kinds` are those of its profile. `wish` is what a person said of its transform. `rival` is a field that the column would
    hold rather than none, had not another column got it.
    """

    sheet_index: int
    column_index: int
    header: str
    target: str | None
    applied: bool
    kinds: Mapping[str, float] = field(default_factory=dict[str, float])
    wish: str | None = None
    rival: str | None = None


def rival(target: str | None, confidence: float, alternatives: Sequence[Candidate]) -> str | None:
    """The field that a column without a target was thought to hold, before another column of the sheet got it."""
    if target is not None or not alternatives or alternatives[0].confidence <= confidence:
        return None
    return alternatives[0].target


def transforms(columns: Sequence[ColumnTarget], schema: LeadSchema) -> list[Transform | None]:
    """What is done with each of the columns of one sheet, given where all of them go; None: nothing."""
    filled = {column.target for column in columns if column.target is not None}
    merged = _merged(columns, filled, schema)
    return [_transform(column, filled, merged, schema) for column in columns]


def transform_line(transform: Transform) -> str:
    """What is done with a column, in a line for a person."""
    fields = list(transform["fields"])
    if transform["kind"] == "split":
        order = ", the family name first" if transform.get("family_first") else ""
        return f"In the export, each {transform['of']} is split into {', '.join(fields)}{order}."
    if transform["kind"] == "merge":
        return f"In the export, it goes into {fields[0]} as “{transform['label']}: …”, with other columns."
    asked = {"reversed": "; yes here means no there", "unclear": "; yes and no are left, since the header tells both"}
    return f"In the export, values are written as {fields[0]} has them{asked.get(transform.get('polarity', ''), '')}."


def may(wish: Wish, target: str | None, schema: LeadSchema) -> bool:
    """Whether a column that holds `target` can be transformed as a person wishes."""
    if wish in ("auto", "none"):
        return True
    if target is None or target not in schema:
        return False
    lead_field = schema[target]
    if wish == "split":
        return target in ("FullName", "Street")
    return lead_field.merges if wish == "merge" else has_values(lead_field)


def _transform(
    column: ColumnTarget, filled: Collection[str], merged: Collection[str], schema: LeadSchema
) -> Transform | None:
    target = column.target or (column.rival if column.rival in merged else None)
    if target is None or target not in schema or column.wish == "none":
        return None
    if target == "FullName":
        return _split_name(column, filled, schema)
    if target == "Street":
        return _split_address(column, filled, schema)
    if target in merged:
        return {"kind": "merge", "fields": [target], "label": _label(column.header)}
    return _value_map(column, schema[target])


def _split_name(column: ColumnTarget, filled: Collection[str], schema: LeadSchema) -> Transform | None:
    """A whole name fills what no other column does, unless first and last name are both there."""
    fields = _free(NAME_PARTS, filled, schema)
    if not {"FirstName", "LastName"} & set(fields):
        return None
    found: dict[str, Any] = {"kind": "split", "of": "name", "fields": fields}
    family_first, language = order_of_names(column.header)
    if family_first:
        found["family_first"] = True
    if language:
        found["language"] = language
    return found


def _split_address(column: ColumnTarget, filled: Collection[str], schema: LeadSchema) -> Transform | None:
    """A cell that holds the whole address fills city, postal code and so on, if no other column says where the place is."""
    fields = _free(ADDRESS_PARTS, set(filled) - {"Street"}, schema)
    if column.wish == "split":
        return {"kind": "split", "of": "address", "fields": fields} if len(fields) > 1 else None
    if column.kinds.get("address", 0.0) < WHOLE_ADDRESSES or not {"City", "PostalCode"} <= set(fields):
        return None
    return {"kind": "split", "of": "address", "fields": fields}


def _value_map(column: ColumnTarget, lead_field: LeadField) -> Transform | None:
    if not has_values(lead_field):
        return None
    found: dict[str, Any] = {"kind": "value_map", "fields": [lead_field.name]}
    if lead_field.type is FieldType.BOOLEAN:
        asked = polarity(column.header, lead_field)
        if asked is not Polarity.STRAIGHT:
            found["polarity"] = asked.value
    return found


def _merged(columns: Sequence[ColumnTarget], filled: Collection[str], schema: LeadSchema) -> set[str]:
    """The long texts that several columns go into."""
    holders = Counter(column.target or column.rival for column in columns)
    return {
        name
        for name, count in holders.items()
        if name is not None and count > 1 and name in filled and name in schema and schema[name].merges
    }


def _free(parts: Mapping[str, str], filled: Collection[str], schema: LeadSchema) -> list[str]:
    """The fields of the schema that a split can fill, and nothing else fills."""
    return [name for name in parts.values() if name in schema and name not in filled]


def _label(header: str) -> str:
    label = " ".join(header.split()).rstrip(" :")
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
