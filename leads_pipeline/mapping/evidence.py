"""What speaks for and against each lead field for each column of a sheet, as numbers.

The weights are learned in `training`; nothing here decides. Evidence comes from headers and profiles alone, never from
cells, so that a model trained on stored profiles meets the same numbers at work. What the rest of the file says is
`surroundings`' business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.doubts import Seen, doubts
from leads_pipeline.mapping.field_table import KIND_AT, KINDS, TELLING_AT, FieldTable
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.phrases import SIMILARITIES, Comparison, PhraseTable
from leads_pipeline.mapping.precedents import TOLD
from leads_pipeline.mapping.vocabulary import Reading
from leads_pipeline.types import Column, ColumnProfile, Sheet


@dataclass(frozen=True)
class Evidence:
    """`pairs[column, field, :]` speaks about a column and a field; `columns[column, :]` about the column alone.

    `none[column, :]` speaks about the column having no field, and `comparison` is what the headers were found to be like.
    `doubt[column, field]` is what remains of the belief in a field, 0 to 1, that something plain speaks against.
    """

    pairs: Floats
    columns: Floats
    none: Floats
    comparison: Comparison
    doubt: Floats


def gather(sheet: Sheet, table: PhraseTable, fields: FieldTable, untaught: NDArray[np.bool_] | None = None) -> Evidence:
    """The evidence of headers and values, each column by itself.

    `untaught[field]` are fields that precedents and learned meanings shall not know: what they say of one, they say of
    none, as they do of an organization's own fields.
    """
    read = [table.read(column.header) for column in sheet.columns]
    comparison = table.compare([column.header for column in sheet.columns])
    similar = comparison.similar
    if untaught is not None:
        told = similar[:, :, -len(TOLD) :]
        told[:, -1] = np.maximum(told[:, -1], told[:, :-1][:, untaught].max(axis=1, initial=0))
        told[:, :-1][:, untaught] = 0
    meant, none_meant = table.meaning.tell(read, table.taught, untaught)
    targets = similar.shape[1] - 1
    kinds = np.array([_kinds_of(column.profile) for column in sheet.columns], np.float32)
    marks = np.array([each.marks for each in read], np.float32)
    fitting, of_values = _of_values(similar[:, :targets], kinds, fields)
    own = table.owned[:targets]
    pairs = np.concatenate(
        [
            similar[:, :targets],
            *_of_rivals(similar),
            of_values,
            meant,
            # Words in the header that this field's own phrases hold, or do not.
            marks[:, None, :] * own[None, :, :],
            marks[:, None, :] * (1 - own[None, :, :]),
        ],
        axis=2,
        dtype=np.float32,
    )
    about = np.array([_of_column(each, column) for each, column in zip(read, sheet.columns, strict=True)], np.float32)
    columns = np.concatenate([about, marks, kinds, _places(sheet)], axis=1, dtype=np.float32)
    none = np.concatenate(
        [
            columns,
            similar[:, :targets].max(axis=1),
            similar[:, targets],
            fitting.max(axis=1, keepdims=True),
            _unknown(read, table),
            none_meant,
        ],
        axis=1,
        dtype=np.float32,
    )
    return Evidence(pairs, columns, none, comparison, doubts(Seen(read, kinds, marks, table.vocabulary), fields))


_AT = {name: at for at, name in enumerate(SIMILARITIES)}
_RELATIVE = [
    _AT[each]
    for each in (
        "exact_here",
        "grams_here",
        "covered",
        "jaccard_here",
        "ending",
        "beginning",
        "told",
        "told_words",
        "told_parts",
    )
]


HOPEFUL = [
    *(_AT[each] for each in ("grams_here", "jaccard_here", "told", "told_words", "told_parts")),
    len(SIMILARITIES) + 2 * len(_RELATIVE),
]
"""Where among the pairs' evidence the plainest signs stand that a column may hold a field: its header, its values."""


def _of_rivals(similar: Floats) -> tuple[Floats, Floats]:
    """How far each field is ahead of the next best target, and of "none"."""
    relative = similar[:, :, _RELATIVE]
    best_two = np.sort(relative, axis=1)[:, -2:, :]
    others = np.where(relative >= best_two[:, 1:, :], best_two[:, :1, :], best_two[:, 1:, :])
    return (relative - others)[:, :-1], relative[:, :-1] - relative[:, -1:]


def _of_values(similar: Floats, kinds: Floats, fields: FieldTable) -> tuple[Floats, Floats]:
    """Whether the values look like what each field holds; the first alone, and all that follows from it."""
    shares, has_values = kinds[:, :-1], kinds[:, -1:]
    fitting = np.minimum(1, shares @ fields.expected.T)
    typed = np.minimum(1, shares @ fields.typed.T) * fields.has_type
    held = np.minimum(1, fields.expected + fields.typed)[:, TELLING_AT]
    against = np.minimum(2, shares[:, TELLING_AT] @ (1 - held).T) * has_values
    mistyped = has_values * fields.has_type * (1 - typed)
    exact, grams, words = (similar[:, :, _AT[name]] for name in ("exact_here", "grams_here", "jaccard"))
    return fitting, np.stack(
        [
            *(fitting, typed, against, mistyped, has_values * (1 - fitting), fitting * (1 - grams)),
            *(words * against, words * fitting, exact * mistyped),
        ],
        axis=2,
    )


def _of_column(reading: Reading, column: Column) -> list[float]:
    header, profile = reading.header, column.profile
    return [
        *(1.0, header.nameless, header.question, min(len(reading.words), 8) / 8),
        *(min(header.ordinal, 4) / 4, header.ordinal > 1),
        *((min(profile.mean_length, 80) / 80, profile.mean_length <= 3) if profile.sampled else (0.0, 0.0)),
    ]


def _unknown(read: Sequence[Reading], table: PhraseTable) -> Floats:
    """How much of each header the lexicon has never seen."""
    known = table.vocabulary.known
    shares = [sum(word not in known for word in each.words) / max(1, len(each.words)) for each in read]
    return np.array(shares, np.float32)[:, None]


def _places(sheet: Sheet) -> Floats:
    """Where a column stands, and whether another one has had its header before."""
    count = len(sheet.columns)
    seen: set[str] = set()
    places: list[list[float]] = []
    for at, column in enumerate(sheet.columns):
        key = column.header.strip().lower()
        places.append([at == 0, at / max(1, count - 1), min(count, 60) / 60, key in seen])
        seen.add(key)
    return np.array(places, np.float32).reshape(count, 4)


def _kinds_of(profile: ColumnProfile) -> list[float]:
    """The share of each kind, and behind them whether there are values at all."""
    shares = [0.0] * (len(KINDS) + 1)
    for kind, share in profile.kinds.items():
        at = KIND_AT.get(kind)
        if at is not None:
            shares[at] = share
    shares[-1] = float(profile.sampled > 0)
    return shares
