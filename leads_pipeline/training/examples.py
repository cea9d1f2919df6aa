"""Anonymised columns as they are learned from: what each is kept under, and one more look before it is kept.

The cells are gone by now; what may be kept of them was decided where they were (`spreadsheets.anonymise`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from leads_pipeline.mapping import memory_keys
from leads_pipeline.mapping.lexicon import read_lexicon
from leads_pipeline.mapping.text import words_of
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.spreadsheets.recognise import findings, surrogate_findings
from leads_pipeline.types import AnonymisedSheet, Sheet

FEATURE_VERSION = 1
"""Rises when what an example holds changes its meaning; older ones are not mixed with newer ones."""

UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class ColumnExample:
    """One column: its scrubbed header, what it is remembered under, its profile and its surrogates.

    `dropped` counts what failed a check, by reason. `content_hash` is over everything but that.
    """

    index: int
    header: str
    header_key: str
    value_class: str
    profile: Mapping[str, Any]
    surrogates: tuple[str, ...]
    dropped: Mapping[str, int]
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class SheetExample:
    """The columns of one sheet. `template` is the same for every sheet with the same headers in the same order."""

    index: int
    template: bytes
    header_keys: tuple[str, ...]
    language: str
    columns: tuple[ColumnExample, ...]


def sheet_example(
    sheet: Sheet, kept: AnonymisedSheet, is_common: Callable[[str], bool], vocabulary: Vocabulary
) -> SheetExample:
    """What is kept of `sheet`, all of it looked at once more: whatever recognisers find in it is dropped and counted.

    `is_common` says whether a text is a category that enough organizations use. A header that cannot be freed of what
    tells of a person is kept as a nameless one.
    """
    headers = [column.header if not findings(column.header) else "" for column in kept.columns]
    scrubbed = replace(
        sheet,
        columns=tuple(replace(column, header=header) for column, header in zip(sheet.columns, headers, strict=True)),
    )
    keys = memory_keys(scrubbed, vocabulary)
    made: list[ColumnExample] = []
    for column, anonymised, key, header in zip(sheet.columns, kept.columns, keys, headers, strict=True):
        dropped = Counter(anonymised.dropped)
        surrogates: list[str] = []
        for surrogate in anonymised.surrogates:
            if surrogate_findings(surrogate, is_common):
                dropped["recognised"] += 1
            else:
                surrogates.append(surrogate)
        if header != anonymised.header:
            dropped["header_left_out"] += 1
        profile = asdict(column.profile)
        content = [FEATURE_VERSION, header, key.header, key.value_class, profile, surrogates]
        made.append(
            ColumnExample(
                index=column.index,
                header=header,
                header_key=key.header,
                value_class=key.value_class,
                profile=profile,
                surrogates=tuple(surrogates),
                dropped=dict(sorted(dropped.items())),
                content_hash=hashlib.sha256(canonical(content).encode()).digest(),
            )
        )
    header_keys = tuple(key.header for key in keys)
    return SheetExample(
        index=sheet.index,
        template=hashlib.sha256("\x1f".join(header_keys).encode()).digest()[:16],
        header_keys=header_keys,
        language=language_of(headers),
        columns=tuple(made),
    )


def canonical(value: object) -> str:
    """JSON in one form only: the same value is the same text, always."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def language_of(headers: Sequence[str]) -> str:
    """The language that most of the headers are words of, `und` where none is known."""
    votes: dict[str, float] = {}
    spoken = _languages()
    for header in headers:
        languages = spoken.get("".join(words_of(header)), frozenset())
        for language in languages:
            votes[language] = votes.get(language, 0.0) + 1 / len(languages)
    return min(votes, key=lambda language: (-votes[language], language)) if votes else UNKNOWN_LANGUAGE


@cache
def _languages() -> Mapping[str, frozenset[str]]:
    """For each phrase that names something in a lead list, the languages that call it so."""
    found: dict[str, set[str]] = {}
    for phrase, _, language in read_lexicon().phrases:
        found.setdefault("".join(words_of(phrase)), set()).add(language)
    return {phrase: frozenset(languages) for phrase, languages in found.items()}
