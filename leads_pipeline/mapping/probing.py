"""Whether a stored model still says what it said when it was judged.

A model is weights; what they weigh is measured by code, which a release may change. So a model is stored with its answers
about one made-up file, and is used only by a process that gets the same answers from it.
"""

from collections.abc import Sequence
from functools import cache

from leads_pipeline.mapping.matcher import map_sheet
from leads_pipeline.mapping.model import MappingModel
from leads_pipeline.mapping.schema import default_schema
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.types import Column, Sheet

NEAR = 1.0
"""How much a confidence may differ, in percent points, between machines that add up in another order."""

Answers = list[list[str | float | None]]

_COLUMNS = (
    ("Contact ID", ("0031", "0032", "0033")),
    ("Vorname", ("Anna", "Peter", "Maria")),
    ("Last Name", ("Testmann", "Probst", "Muster")),
    ("Badge Co.", ("Test GmbH", "Example Ltd", "Muster AG")),
    ("Job Function", ("Sales", "Marketing", "Finance")),
    ("E-Mail (work)", ("anna@example.com", "peter@example.org", "maria@example.net")),
    ("Tel.", ("+49 30 1234567", "+44 20 7946 0000", "+1 202 555 0100")),
    ("Mobile No", ("+49 171 1234567", "+44 7700 900000", "+1 202 555 0101")),
    ("PLZ", ("10115", "20095", "80331")),
    ("Ville", ("Berlin", "Hamburg", "München")),
    ("opted_in", ("yes", "no", "yes")),
    ("utm_campaign", ("spring_fair", "autumn_fair", "spring_fair")),
    ("Score", ("10", "55", "80")),
    ("Notes", ("Wants a call next week.", "Met at the booth; send brochure.", "Has a budget for next year.")),
)


def probe(model: MappingModel) -> Answers:
    """The model's answers about the made-up file: field or None, and confidence."""
    return [[each.target, each.confidence] for each in map_sheet(_sheet(), default_schema(), model)]


def still_says(model: MappingModel, answers: Sequence[Sequence[str | float | None]]) -> bool:
    """Whether the model gives these answers here and now."""
    try:
        found = probe(model)
    except (ValueError, IndexError):
        # Its weights are for other evidence than this release gathers.
        return False
    return len(found) == len(answers) and all(
        here[0] == there[0] and abs(float(here[1] or 0) - float(there[1] or 0)) <= NEAR
        for here, there in zip(found, answers, strict=True)
    )


@cache
def _sheet() -> Sheet:
    return Sheet(
        index=0,
        name="probe",
        header_row=1,
        rows=3,
        columns=tuple(
            Column(at, header, profile_column(cells, rows=3, filled=3)) for at, (header, cells) in enumerate(_COLUMNS)
        ),
    )
