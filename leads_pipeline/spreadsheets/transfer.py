"""The room's values as JSON, for the way between a child and its parent."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from leads_pipeline.spreadsheets.identifiers import Person
from leads_pipeline.spreadsheets.plans import AnonymisingPlan, ExportPlan, Normalised, Secrets, SheetPlan, Split
from leads_pipeline.types import AnonymisedColumn, AnonymisedSheet, Column, ColumnProfile, Notice, Sheet, Workbook


def workbook_to_json(workbook: Workbook) -> dict[str, Any]:
    """Everything but the rows, which no workbook has."""
    return {
        "kind": workbook.kind,
        "sheets": [_sheet_to_json(sheet) for sheet in workbook.sheets],
        "notices": [_notice_to_json(notice) for notice in workbook.notices],
    }


def workbook_from_json(value: Mapping[str, Any]) -> Workbook:
    return Workbook(
        kind=value["kind"],
        sheets=tuple(_sheet_from_json(sheet) for sheet in value["sheets"]),
        notices=tuple(Notice(**notice) for notice in value["notices"]),
    )


def plan_to_json(plan: ExportPlan) -> dict[str, Any]:
    """The plan without profiles and notices, which an export does not need."""
    return {
        "columns": list(plan.columns),
        "tables": {name: dict(table) for name, table in plan.tables.items()},
        "sheets": [
            {
                "name": each.sheet.name,
                "layout": dict(each.sheet.layout),
                "sources": {name: list(indexes) for name, indexes in each.sources.items()},
                "labels": {name: list(labels) for name, labels in each.labels.items()},
                "splits": [{**asdict(split), "fills": dict(split.fills)} for split in each.splits],
                "normalised": [asdict(column) for column in each.normalised],
            }
            for each in plan.sheets
        ],
    }


def plan_from_json(value: Mapping[str, Any]) -> ExportPlan:
    return ExportPlan(
        sheets=tuple(
            SheetPlan(
                sheet=Sheet(index=index, name=each["name"], header_row=None, columns=(), rows=0, layout=each["layout"]),
                sources={name: tuple(indexes) for name, indexes in each["sources"].items()},
                labels={name: tuple(labels) for name, labels in each["labels"].items()},
                splits=tuple(Split(**split) for split in each["splits"]),
                normalised=tuple(Normalised(**column) for column in each["normalised"]),
            )
            for index, each in enumerate(value["sheets"])
        ),
        columns=tuple(value["columns"]),
        tables=value["tables"],
    )


def anonymising_to_json(plan: AnonymisingPlan) -> dict[str, Any]:
    return {
        "sheets": [_sheet_to_json(sheet) for sheet in plan.sheets],
        "seed": plan.secrets.seed.hex(),
        "category_key": plan.secrets.category_key.hex(),
        "common": sorted(plan.secrets.common),
    }


def anonymising_from_json(value: Mapping[str, Any]) -> AnonymisingPlan:
    secrets = Secrets(bytes.fromhex(value["seed"]), bytes.fromhex(value["category_key"]), frozenset(value["common"]))
    return AnonymisingPlan(tuple(_sheet_from_json(sheet) for sheet in value["sheets"]), secrets)


def anonymised_from_json(value: Mapping[str, Any]) -> list[AnonymisedSheet]:
    return [
        AnonymisedSheet(
            index=sheet["index"],
            columns=tuple(
                AnonymisedColumn(
                    index=column["index"],
                    header=column["header"],
                    surrogates=tuple(column["surrogates"]),
                    dropped=column["dropped"],
                    categories=tuple(column["categories"]),
                )
                for column in sheet["columns"]
            ),
        )
        for sheet in value["sheets"]
    ]


def person_to_json(person: Person) -> dict[str, Any]:
    return {"emails": list(person.emails), "phones": list(person.phones), "names": list(person.names)}


def person_from_json(value: Mapping[str, Any]) -> Person:
    return Person(tuple(value["emails"]), tuple(value["phones"]), tuple(value["names"]))


def _sheet_to_json(sheet: Sheet) -> dict[str, Any]:
    return {
        "index": sheet.index,
        "name": sheet.name,
        "header_row": sheet.header_row,
        "columns": [{"header": column.header, "profile": _profile_to_json(column.profile)} for column in sheet.columns],
        "rows": sheet.rows,
        "notices": [_notice_to_json(notice) for notice in sheet.notices],
        "layout": dict(sheet.layout),
    }


def _sheet_from_json(value: Mapping[str, Any]) -> Sheet:
    return Sheet(
        index=value["index"],
        name=value["name"],
        header_row=value["header_row"],
        columns=tuple(
            Column(index, column["header"], _profile_from_json(column["profile"]))
            for index, column in enumerate(value["columns"])
        ),
        rows=value["rows"],
        notices=tuple(Notice(**notice) for notice in value["notices"]),
        layout=value["layout"],
    )


def _profile_to_json(profile: ColumnProfile) -> dict[str, Any]:
    return {
        "rows": profile.rows,
        "filled": profile.filled,
        "sampled": profile.sampled,
        "distinct": profile.distinct,
        "mean_length": profile.mean_length,
        "kinds": dict(profile.kinds),
        "shapes": list(profile.shapes),
    }


def _profile_from_json(value: Mapping[str, Any]) -> ColumnProfile:
    members: dict[str, Any] = {**value, "shapes": tuple(value["shapes"])}
    return ColumnProfile(**members)


def _notice_to_json(notice: Notice) -> dict[str, Any]:
    return {"code": notice.code, "detail": notice.detail, "sheet": notice.sheet}
