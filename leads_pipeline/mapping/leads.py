"""Which columns of a file make up which lead fields of its export."""

from collections.abc import Sequence
from dataclasses import dataclass

from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.spreadsheets import ExportPlan, SheetPlan
from leads_pipeline.types import Sheet


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """Where one column goes: to `target`, if that is `applied`; None is "no target"."""

    sheet_index: int
    column_index: int
    header: str
    target: str | None
    applied: bool


def leads_plan(
    sheets: Sequence[Sheet],
    columns: Sequence[ColumnTarget],
    schema: LeadSchema,
    *,
    proposed_too: bool = False,
    keep_unmapped: bool = False,
) -> ExportPlan:
    """The export of `sheets`: lead fields in the order of the schema, then, if asked for, the other columns.

    `proposed_too` takes in fields that nobody has confirmed and the gate did not apply. A lead field that several
    columns of a sheet share gets the values of all of them. An unmapped column keeps its header; one that is called
    like a lead field gets " (original)" behind it, so that nobody takes it for the field.
    """
    sources: dict[int, dict[str, list[int]]] = {sheet.index: {} for sheet in sheets}
    unmapped: list[str] = []
    fields = {field.name for field in schema.fields}
    for column in columns:
        if column.sheet_index not in sources:
            continue
        if column.target is not None and (column.applied or proposed_too):
            name = column.target
        elif keep_unmapped:
            name = f"{column.header} (original)" if column.header in fields else column.header
            if name not in unmapped:
                unmapped.append(name)
        else:
            continue
        sources[column.sheet_index].setdefault(name, []).append(column.column_index)
    used = {name for mapped in sources.values() for name in mapped}
    return ExportPlan(
        sheets=tuple(
            SheetPlan(sheet, {name: tuple(indexes) for name, indexes in sources[sheet.index].items()})
            for sheet in sheets
        ),
        columns=(*(field.name for field in schema.fields if field.name in used), *unmapped),
    )
