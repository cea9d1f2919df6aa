"""What the columns of the examples really hold, and whether a mapping is right.

The answers are in `answers.json` beside the examples. A column that is not listed there has no target.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from leads_pipeline.demo.service import ColumnMapping, Proposal
from leads_pipeline.errors import SetupProblem


class Verdict(Enum):
    """RIGHT; WRONG: mapped to a field where another, or none, was right; MISSED: not mapped where a field was right."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A mapping with its verdict; `right` is the best answer (None: no target)."""

    mapping: ColumnMapping
    verdict: Verdict
    right: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """How many columns there are, how many are right, mapped wrongly, and decided without a person."""

    columns: int
    right: int
    wrong: int
    wrong_and_applied: int
    applied: int
    from_memory: int

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> "Score":
        all_of_them = list(judged)
        wrong = [one for one in all_of_them if one.verdict is Verdict.WRONG]
        return cls(
            columns=len(all_of_them),
            right=sum(one.verdict is Verdict.RIGHT for one in all_of_them),
            wrong=len(wrong),
            wrong_and_applied=sum(one.mapping.applied for one in wrong),
            applied=sum(one.mapping.applied for one in all_of_them),
            from_memory=sum(one.mapping.method == "memory" for one in all_of_them),
        )


class ColumnAnswer(BaseModel):
    """The right lead fields of a column, best first."""

    index: int
    header: str
    answers: list[str | None]


class SheetAnswer(BaseModel):
    """What a sheet is. `sheet` is None in text tables; `header_row` counts from 1, None: no header."""

    sheet: str | None
    header_row: int | None
    rows: int
    columns: list[ColumnAnswer]


class Answers:
    """The right answers to the examples of a folder. `files` are named by their paths in it."""

    def __init__(self, files: Mapping[str, Sequence[SheetAnswer]]) -> None:
        self.files = files
        self._columns = {
            (Path(name).name, sheet.sheet): sheet.columns for name, sheets in files.items() for sheet in sheets
        }

    @classmethod
    def read(cls, folder: Path) -> "Answers":
        """The answers of a folder of examples."""
        try:
            return cls(_FILES.validate_json((folder / "answers.json").read_bytes()))
        except (OSError, ValidationError) as error:
            raise SetupProblem(f"{folder} has no readable answers.json: run make_examples.py there.") from error

    def judge(self, filename: str, mappings: Sequence[ColumnMapping]) -> list[Judged]:
        """The mappings of an example with their verdicts, in the same order."""
        return [self._judge(filename, mapping) for mapping in mappings]

    def right(self, filename: str, proposals: Sequence[Proposal]) -> int:
        """How many columns of an example are mapped rightly."""
        return sum(proposal.target in self._accepted(filename, proposal) for proposal in proposals)

    def _judge(self, filename: str, mapping: ColumnMapping) -> Judged:
        accepted = self._accepted(filename, mapping)
        if mapping.target in accepted:
            return Judged(mapping, Verdict.RIGHT, mapping.target)
        return Judged(mapping, Verdict.MISSED if mapping.target is None else Verdict.WRONG, accepted[0])

    def _accepted(self, filename: str, mapping: Proposal) -> list[str | None]:
        """The right answers, found by header; by place for a header that was read without the group of columns above it."""
        columns = self._columns.get((filename, mapping.sheet)) or self._columns.get((filename, None)) or []
        for column in columns:
            if column.header == mapping.header:
                return column.answers
        for column in columns:
            if column.index == mapping.index and column.header.endswith(f" {mapping.header}"):
                return column.answers
        return [None]


_FILES = TypeAdapter(dict[str, list[SheetAnswer]])
