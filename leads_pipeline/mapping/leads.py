"""Which columns of a file make up which lead fields of its export, and what is done with their cells on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.transforms import ADDRESS_PARTS, NAME_PARTS, ColumnTarget, Transform, transforms
from leads_pipeline.mapping.values import Polarity, has_values, value_table
from leads_pipeline.spreadsheets import ExportPlan, Normalised, SheetPlan, Split
from leads_pipeline.types import Sheet


def leads_plan(
    sheets: Sequence[Sheet],
    columns: Sequence[ColumnTarget],
    schema: LeadSchema,
    *,
    proposed_too: bool = False,
    keep_unmapped: bool = False,
    transformed: bool = True,
    keep_originals: bool = True,
) -> ExportPlan:
    """The export of `sheets`: lead fields in the order of the schema, originals, then, if asked for, the other columns.

    `proposed_too` takes in fields that nobody has confirmed and the gate did not apply. A lead field that several
    columns of a sheet share gets the values of all of them. An unmapped column keeps its header; one that is called
    like a lead field gets " (original)" behind it, so that nobody takes it for the field.

    `transformed` applies what `transforms` decides about the columns that are in the export. A cell that changes by that is
    kept in the column "<field> (original)", which is blank where nothing changed, unless `keep_originals` is false.
    """
    made: list[tuple[Sheet, _Leads, list[ColumnTarget]]] = []
    for sheet in sheets:
        here = [column for column in columns if column.sheet_index == sheet.index]
        going = [column for column in here if (column.target or column.rival) and (column.applied or proposed_too)]
        decided = transforms(going, schema) if transformed else [None] * len(going)
        leads = _leads(going, decided, schema, keep_originals=keep_originals)
        taken = {index for indexes in leads.sources.values() for index in indexes}
        made.append((sheet, leads, [column for column in here if column.column_index not in taken]))
    originals = list(dict.fromkeys(name for _, leads, _ in made for name in leads.originals))
    unmapped: list[str] = []
    if keep_unmapped:
        fields = {field.name for field in schema.fields}
        for _, leads, rest in made:
            for column in rest:
                name = f"{column.header} (original)" if column.header in fields else column.header
                name = f"{column.header} (unmapped)" if name in originals else name
                unmapped.append(name)
                leads.sources.setdefault(name, []).append(column.column_index)
    used = {name for _, leads, _ in made for name in leads.fills}
    normalised = {each.table: each for _, leads, _ in made for each in leads.normalised.values()}
    return ExportPlan(
        sheets=tuple(leads.plan(sheet) for sheet, leads, _ in made),
        columns=(
            *(field.name for field in schema.fields if field.name in used),
            *originals,
            *dict.fromkeys(unmapped),
        ),
        tables={name: value_table(schema[each.column], _polarity(name)) for name, each in normalised.items()},
    )


@dataclass(slots=True)
class _Leads:
    """The leads of one sheet, as far as they are put together: `fills` are the fields with a value, `originals` the columns
    that keep what was there before.
    """

    sources: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    labels: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    splits: list[Split] = field(default_factory=list[Split])
    normalised: dict[str, Normalised] = field(default_factory=dict[str, Normalised])
    fills: set[str] = field(default_factory=set[str])
    originals: list[str] = field(default_factory=list[str])

    def plan(self, sheet: Sheet) -> SheetPlan:
        return SheetPlan(
            sheet,
            {name: tuple(indexes) for name, indexes in self.sources.items()},
            labels={name: tuple(labels) for name, labels in self.labels.items() if any(labels)},
            splits=tuple(self.splits),
            normalised=tuple(self.normalised.values()),
        )


def _leads(
    columns: Sequence[ColumnTarget], decided: Sequence[Transform | None], schema: LeadSchema, *, keep_originals: bool
) -> _Leads:
    leads = _Leads()

    def original(name: str) -> str | None:
        if not keep_originals:
            return None
        leads.originals.append(f"{name} (original)")
        return leads.originals[-1]

    for column, transform in zip(columns, decided, strict=True):
        kind = transform["kind"] if transform else None
        target = column.rival if column.target is None and kind == "merge" else column.target
        if target is None:
            continue
        leads.sources.setdefault(target, []).append(column.column_index)
        leads.labels.setdefault(target, []).append(str(transform["label"]) if transform and kind == "merge" else "")
        leads.fills.add(target)
        if transform and kind == "value_map":
            table = f"{target}\0{transform.get('polarity', Polarity.STRAIGHT.value)}"
            leads.normalised[target] = Normalised(target, table, original(target))
        elif transform and kind == "split":
            split = _split(column, transform, original("Street") if transform["of"] == "address" else None)
            leads.splits.append(split)
            leads.fills.update(split.fills.values())
            for name in split.fills.values():  # a country is a country, wherever it comes from
                if has_values(schema[name]):
                    leads.normalised[name] = Normalised(name, f"{name}\0{Polarity.STRAIGHT.value}")
    return leads


def _split(column: ColumnTarget, transform: Transform, original: str | None) -> Split:
    parts: Mapping[str, str] = NAME_PARTS if transform["of"] == "name" else ADDRESS_PARTS
    return Split(
        source=column.column_index,
        column=str(column.target),
        of=transform["of"],
        fills={part: name for part, name in parts.items() if name in transform["fields"]},
        original=original,
        family_first=bool(transform.get("family_first")),
        language=str(transform.get("language", "")),
    )


def _polarity(table: str) -> Polarity:
    return Polarity(table.partition("\0")[2])
