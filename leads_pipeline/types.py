"""The plain types that rooms share: frozen values, no behaviour beyond reading themselves.

A type lives here when at least two rooms speak of it. None of them holds a cell of somebody's file: what the rooms
pass on about cells is `ColumnProfile`, shares and masked shapes.
"""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# --- What the reader found in a file -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a file that a person should know, and that did not stop it from being read.

    `code` is stable, `detail` one sentence without any cell value, `sheet` the sheet's name or None for the file.
    """

    code: str
    detail: str
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What a column's cells look like: counts, shares and masked shapes, never a value.

    `rows` and `filled` count all data rows of the sheet and those where this column is not blank; `sampled` is the
    number of distinct values that the rest was measured on. `distinct` is the share (0 to 1) of different values among
    the sampled cells. `kinds` gives, for each kind of value that was seen, the share of sampled values that look like
    it. `shapes` are up to five masked shapes, most common first ("Aaaa Aaaaa", "+99 999 999999").
    """

    rows: int = 0
    filled: int = 0
    sampled: int = 0
    distinct: float = 0.0
    mean_length: float = 0.0
    kinds: ReadOnly[str, float] = field(default_factory=dict[str, float])
    shapes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet. `index` counts from 0; `header` is unique in its sheet, and "Column 1" where there was none."""

    index: int
    header: str
    profile: ColumnProfile = ColumnProfile()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table found in a file, without its rows.

    `header_row` is the row of the file (from 1) on which the header begins, None when the table has none.
    `layout` is what the reader needs to find the same rows again (first and last data row, delimiter, encoding, ...):
    JSON that only the reader understands.
    """

    index: int
    name: str
    header_row: int | None
    columns: tuple[Column, ...]
    rows: int
    notices: tuple[Notice, ...] = ()
    layout: ReadOnly[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Workbook:
    """Everything that reading a file found out: its format (`csv`, `xlsx`, ...), its sheets in order, and notices."""

    kind: str
    sheets: tuple[Sheet, ...]
    notices: tuple[Notice, ...] = ()


# --- What may be kept of a file to learn from ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnonymisedColumn:
    """A column without people: its header scrubbed, and values that look like its own and belong to nobody.

    `dropped` counts what failed a check, by reason: surrogates (`equal`, `contained`), and kinds of personal data that
    were taken out of the header (`header_email`, ...). `categories` are keyed digests of values that may be common ones.
    """

    index: int
    header: str
    surrogates: tuple[str, ...]
    dropped: ReadOnly[str, int] = field(default_factory=dict[str, int])
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnonymisedSheet:
    """The columns of one sheet, in order."""

    index: int
    columns: tuple[AnonymisedColumn, ...]


# --- What a column was mapped to -----------------------------------------------------------------------------------


class Method(StrEnum):
    """How a mapping was decided."""

    MEMORY = "memory"
    MODEL = "model"
    LLM = "llm"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lead field (None: no target) with the calibrated chance, in percent, that it is the right one."""

    target: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one column of a sheet was mapped to.

    `target` is a lead field's name, None for "no target". `confidence` is the calibrated chance, 0 to 100 with one
    decimal, that `target` is right. `alternatives` are the next best candidates, best first. `explanation` is one line
    for a person. `memory_key` is what a confirmation of this mapping will be remembered under. `wish` is what people asked
    to be done with the cells of such a column before, None: nothing in particular. `kin` is the field of the default schema
    that `target` is known to be by another name, if any.
    """

    index: int
    header: str
    target: str | None
    confidence: float
    method: Method
    alternatives: tuple[Candidate, ...]
    explanation: str
    memory_key: "MemoryKey"
    transform: ReadOnly[str, Any] | None = None
    wish: str | None = None
    kin: str | None = None


# --- What an organization's people have confirmed ------------------------------------------------------------------


ANYWHERE = ""
"""In place of a fingerprint of the neighbours: all surroundings together."""


@dataclass(frozen=True, slots=True)
class MemoryKey:
    """Under what a confirmed mapping is remembered: the normalised header, the class of its values
    (`email`, `phone`, `text`, `empty`, ...) and a fingerprint of the headers around it.

    By the rest, which follows from the header and its sheet, answers about near variants are found: `form` is equal for
    headers that are written nearly the same, `meaning` for those that mean the same (empty where that is not certain).
    """

    header: str
    value_class: str
    neighbours: str
    form: str = field(default="", compare=False)
    meaning: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """A remembered answer: one person said `answers` times, the last time `age_days` ago, that `key` is `target` (None:
    no target). Its neighbours are `ANYWHERE` where it tells of all surroundings together.

    `person` is a pseudonym, empty where nobody was named. An answer that is `shared` was given in another organization,
    and stands for as many organizations as it has `answers`. `wish` is what was asked to be done with the cells, the last
    time.
    """

    key: MemoryKey
    target: str | None
    answers: int = 1
    person: str = ""
    age_days: float = 0.0
    shared: bool = False
    wish: str | None = None


# --- What a language model is asked --------------------------------------------------------------------------------

NO_FIELD = "(none)"
"""What a language model answers for "no target". No lead field can be called so."""


@dataclass(frozen=True, slots=True)
class OpenColumn:
    """One question: which of `choices` (names of lead fields, and `NO_FIELD`) the column called `key` holds."""

    key: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LlmQuestion:
    """One call about one file. `instructions` are ours and always the same; `file` is JSON, and everything that comes from
    the file stands there, as data. `definitions` names the version of the field definitions that are in it.
    """

    instructions: str
    file: str
    columns: tuple[OpenColumn, ...]
    definitions: str


@dataclass(frozen=True, slots=True)
class LlmAnswer:
    """What a language model said of one column, and how sure it says it is (0 to 1): not a chance of being right."""

    choice: str
    belief: float


@dataclass(frozen=True, slots=True)
class LlmUsage:
    """What a call took. `calls` counts requests that were sent, repeated ones included; `output_tokens` include reasoning.

    `known` is False when a request may have been charged without saying what for, as one that timed out.
    """

    endpoint: str = ""
    model: str = ""
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    known: bool = True


@dataclass(frozen=True, slots=True)
class LlmReply:
    """The usable answers by column key. `failure` is the code of what went wrong, None when the model answered."""

    answers: ReadOnly[str, LlmAnswer]
    usage: LlmUsage
    failure: str | None = None


# --- Who does something --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the audit trail names them: nothing that tells a person's name.

    `kind` is `token`, `person`, `operator` (the command line), `dagster`, `system` or `nobody`; `name` a token's prefix, a
    pseudonym, a run's id, or empty; `network` a keyed hash of where the request came from, 16 bytes.
    """

    kind: str
    name: str = ""
    network: bytes | None = None
