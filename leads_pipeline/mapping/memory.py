"""What an organization's people have confirmed, and how sure that makes us.

Fetching entries and keeping them is the store's work. Only entries of one organization may be in a `Memory`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leads_pipeline.mapping.text import read_header
from leads_pipeline.types import Column, ColumnProfile, MemoryEntry, MemoryKey, Sheet

AROUND = 2
"""How many columns on either side make up a column's surroundings."""

# How sure one undisputed confirmation makes us, by how much of the key is the same.
EXACT, EXACT_BUT_EMPTY, ELSEWHERE, ELSEWHERE_EMPTY = 0.985, 0.96, 0.90, 0.84

_CLASSES = (
    ("email", ("email", "email_within")),
    ("url", ("url",)),
    ("date", ("date",)),
    ("phone", ("phone", "phone_digits")),
    ("boolean", ("boolean",)),
    ("money", ("money", "percent", "decimal")),
    ("number", ("integer", "grouped", "range")),
    ("id", ("id", "uuid", "hex", "token")),
    ("long text", ("sentence", "long", "lines")),
)


@dataclass(frozen=True, slots=True)
class Recollection:
    """A remembered answer for a column: `certainty` (0 to 1) that it is right here, after how many confirmations and
    contradictions, and whether the surroundings were the same.
    """

    target: str | None
    certainty: float
    support: int
    conflicts: int
    same_surroundings: bool


class Memory:
    """An organization's confirmed mappings, ready to be recalled."""

    def __init__(self, entries: Iterable[MemoryEntry]) -> None:
        self._by_header: dict[str, list[MemoryEntry]] = {}
        for entry in entries:
            if entry.support > 0:
                self._by_header.setdefault(entry.key.header, []).append(entry)

    def __bool__(self) -> bool:
        return bool(self._by_header)

    def recall(self, key: MemoryKey) -> Recollection | None:
        """The best answer for `key`, None if nobody has said anything that holds here."""
        entries = self._by_header.get(key.header, ())
        levels = (
            (EXACT, True, [each for each in entries if each.key == key]),
            (
                EXACT_BUT_EMPTY,
                True,
                [each for each in entries if _alike(each.key, key) and each.key.neighbours == key.neighbours],
            ),
            (ELSEWHERE, False, [each for each in entries if each.key.value_class == key.value_class]),
            (ELSEWHERE_EMPTY, False, [each for each in entries if _alike(each.key, key)]),
        )
        for certainty, same, found in levels:
            if found:
                return _weigh(found, certainty, same=same)
        return None


NOTHING_REMEMBERED = Memory(())


def memory_keys(sheet: Sheet) -> list[MemoryKey]:
    """Under what a confirmation of each column will be remembered, in column order."""
    names = [_name(column) for column in sheet.columns]
    return [
        MemoryKey(header=name, value_class=value_class(column.profile), neighbours=_surroundings(names, at))
        for at, (name, column) in enumerate(zip(names, sheet.columns, strict=True))
    ]


def value_class(profile: ColumnProfile) -> str:
    """What most values of a column are: `email`, `phone`, `text`, ..., or `empty`."""
    if not profile.sampled:
        return "empty"
    for name, kinds in _CLASSES:
        if max((profile.kinds.get(kind, 0.0) for kind in kinds), default=0.0) >= 0.5:
            return name
    return "text"


def _name(column: Column) -> str:
    header = read_header(column.header)
    if header.nameless:
        return f"column {column.index + 1} {value_class(column.profile)}"
    return " ".join(header.words)[:200]


def _surroundings(names: Sequence[str], at: int) -> str:
    around = [*names[max(0, at - AROUND) : at], "|", *names[at + 1 : at + 1 + AROUND]]
    return hashlib.sha256("\x1f".join(around).encode()).hexdigest()[:16]


def _alike(one: MemoryKey, other: MemoryKey) -> bool:
    """Whether the values do not contradict each other: an empty column may be the same as a full one."""
    return one.value_class == other.value_class or "empty" in (one.value_class, other.value_class)


def _weigh(entries: Sequence[MemoryEntry], certainty: float, *, same: bool) -> Recollection:
    """The answer with most support. Whoever said otherwise lowers the certainty; more support raises it a little."""
    support: dict[str | None, int] = {}
    disputed: dict[str | None, int] = {}
    for entry in entries:
        support[entry.target] = support.get(entry.target, 0) + entry.support
        disputed[entry.target] = disputed.get(entry.target, 0) + entry.conflicts
    target = max(support, key=lambda each: (support[each], each is not None, each or ""))
    agreeing = support[target]
    against = max(disputed[target], sum(support.values()) - agreeing)
    sure = 1 - (1 - certainty) / (1 + 0.5 * (agreeing - 1))
    return Recollection(
        target=target,
        certainty=sure * (agreeing + 0.5) / (agreeing + 0.5 + against),
        support=agreeing,
        conflicts=against,
        same_surroundings=same,
    )
