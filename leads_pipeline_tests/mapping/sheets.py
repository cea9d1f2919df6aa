"""Sheets as the reader would have found them, and what becomes of them."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

from leads_pipeline.mapping import NOTHING_REMEMBERED, LeadSchema, Memory, default_schema, load_model, map_sheet
from leads_pipeline.training.corpus import sheet_of
from leads_pipeline.types import Mapping, Sheet

NAMES = ["Anna Schmidt", "Peter Rossi", "Lena Doe", "Marco Silva"]
FIRST_NAMES = ["Anna", "Peter", "Lena", "Marco"]
LAST_NAMES = ["Schmidt", "Rossi", "Doe", "Silva"]
EMAILS = ["anna@x.example", "peter@x.example", "lena@y.example", "marco@z.example"]
OTHER_EMAILS = ["a.schmidt@home.example", "p@home.example", "lena@home.example", "m@home.example"]
PHONES = ["+49 30 1234567", "+1 415 555 0100", "+44 20 7946 0000", "+33 1 23 45 67 89"]
COMPANIES = ["Nordwind GmbH", "Example Ltd", "Invented Inc", "Muster AG"]
YES_NO = ["yes", "no", "yes", "yes"]
BIRTH_DATES = ["1980-03-04", "1977-11-30", "1990-01-15", "1985-07-08"]
CITIES = ["Berlin", "Paris", "London", "Madrid"]
POSTAL_CODES = ["10115", "75001", "80331", "28001"]
COUNTRIES = ["Germany", "France", "United Kingdom", "Spain"]


def sheet(columns: ReadOnly[str, Sequence[str]]) -> Sheet:
    """A sheet with these headers and cells."""
    return sheet_of(list(columns), list(columns.values()))


def mapped(
    columns: ReadOnly[str, Sequence[str]], schema: LeadSchema | None = None, memory: Memory = NOTHING_REMEMBERED
) -> dict[str, Mapping]:
    """The mappings of such a sheet by the shipped model, by header."""
    found = map_sheet(sheet(columns), schema or default_schema(), load_model(), memory)
    return {each.header: each for each in found}


def targets(columns: ReadOnly[str, Sequence[str]], schema: LeadSchema | None = None) -> dict[str, str | None]:
    """The lead field of each header."""
    return {header: each.target for header, each in mapped(columns, schema).items()}
