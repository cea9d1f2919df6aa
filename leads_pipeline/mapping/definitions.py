"""What a language model is told that each lead field is, in versions.

A definition begins as the field's own description in the lead schema. Reviewed mistakes of a language model suggest
amendments; whether one is applied is decided by measuring.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import comb
from typing import Any

from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.scrubbing import scrubbed

MOST_PICKLIST = 12


@dataclass(frozen=True)
class Definitions:
    """The definitions of a schema's fields, and `amendments` to them: a sentence or two for a field's name."""

    schema: LeadSchema
    amendments: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def version(self) -> str:
        """Names the very text of all definitions: twelve hexadecimal digits."""
        text = json.dumps(self.of({each.name for each in self.schema.fields}), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def of(self, names: Collection[str]) -> list[dict[str, Any]]:
        """The definitions of the fields called so, in the schema's order, as JSON."""
        defined: list[dict[str, Any]] = []
        for each in self.schema.fields:
            if each.name not in names:
                continue
            said = [each.description, self.amendments.get(each.name, "")]
            definition: dict[str, Any] = {
                "name": each.name,
                "label": each.label,
                "type": each.type.value,
                "is": " ".join(part for part in said if part),
            }
            if each.synonyms:
                definition["also"] = list(each.synonyms[:6])
            if each.picklist:
                definition["values"] = list(each.picklist[:MOST_PICKLIST])
            defined.append(definition)
        return defined


# --- Refinement ----------------------------------------------------------------------------------------------------

LEAST_HEADERS = 3
"""Different headers that a model must have mistaken in the same way before a definition is amended."""
MOST_HEADERS = 6
SURE = 0.05
"""How likely a gain may be by chance."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A language model's answer about a column, and what people said is right. None is "no target"."""

    header: str
    said: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be added to a field's definition, and the mistakes that speak for it."""

    field: str
    text: str
    evidence: tuple[Reviewed, ...]


def propose(reviewed: Iterable[Reviewed], definitions: Definitions) -> list[Amendment]:
    """Amendments to the definitions of fields that were taken for others, by the headers that were mistaken.

    Only half of the headers are looked at (`seen`): on the others it is measured whether the amendments help.
    """
    mistaken: dict[tuple[str | None, str | None], dict[str, Reviewed]] = {}
    for each in reviewed:
        if each.said != each.right and seen(each.header):
            mistaken.setdefault((each.said, each.right), {}).setdefault(" ".join(each.header.lower().split()), each)
    sentences: dict[str, list[tuple[str, tuple[Reviewed, ...]]]] = {}
    for (said, right), by_header in sorted(mistaken.items(), key=lambda item: (-len(item[1]), str(item[0]))):
        if len(by_header) < LEAST_HEADERS:
            continue
        evidence = tuple(by_header[header] for header in sorted(by_header))
        headers = ", ".join(f"“{scrubbed(each.header)}”" for each in evidence[:MOST_HEADERS])
        if said is not None and said in definitions.schema:
            other = f"they hold {right}" if right is not None else "no field holds them"
            sentences.setdefault(said, []).append((f"Not columns such as {headers}: {other}.", evidence))
        if right is not None and right in definitions.schema:
            sentences.setdefault(right, []).append((f"Also columns such as {headers}.", evidence))
    return [
        Amendment(name, " ".join(text for text, _ in said), tuple(each for _, evidence in said for each in evidence))
        for name, said in sorted(sentences.items())
    ]


def amended(definitions: Definitions, amendments: Iterable[Amendment]) -> Definitions:
    """The definitions with these amendments, in the place of earlier ones of the same fields."""
    return replace(definitions, amendments={**definitions.amendments, **{each.field: each.text for each in amendments}})


def seen(header: str) -> bool:
    """Whether amendments may be drawn from this header, or are measured on it: half of all headers each, always the same."""
    return hashlib.sha256(" ".join(header.lower().split()).encode()).digest()[0] % 2 == 0


@dataclass(frozen=True, slots=True)
class Gain:
    """How many of `columns` were right before and after; `better` are right only after, `worse` only before."""

    columns: int
    before: int
    after: int
    better: int
    worse: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> "Gain":
        """From whether each column was right before, and is right after."""
        given = list(pairs)
        return cls(
            columns=len(given),
            before=sum(before for before, _ in given),
            after=sum(after for _, after in given),
            better=sum(after and not before for before, after in given),
            worse=sum(before and not after for before, after in given),
        )

    @property
    def by_chance(self) -> float:
        """The chance of so many columns or more to become better if amendments made none of them so (sign test)."""
        changed = self.better + self.worse
        return sum(comb(changed, count) for count in range(self.better, changed + 1)) / 2**changed

    @property
    def proven(self) -> bool:
        return self.better > self.worse and self.by_chance <= SURE
