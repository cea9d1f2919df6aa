"""Layouts as they might also have come: without values, with other headers of the same meaning, in another order.

Variations teach a model what it can rely on. They are made from a layout and the lexicon alone.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.corpus import IGNORE, Layout
from leads_pipeline.types import Column, ColumnProfile


def varied(layout: Layout, random: np.random.Generator, vocabulary: Vocabulary) -> Layout:
    """One variation of `layout`; which one is up to `random`."""
    order = np.arange(len(layout.gold))
    if random.random() < SHUFFLED and len(order) > 3:
        order = _shifted(order, random)
    if random.random() < SHORTENED and len(order) > 6:
        order = order[random.random(len(order)) < 0.7]
    turned = random.random() < TURNED
    emptied = random.random() if random.random() < EMPTIED else 0.15
    headless = random.random() < HEADLESS
    # Without headers, the order is all that tells which name is which.
    if turned and not headless:
        order = _turned(order, layout)
    language = str(random.choice(LANGUAGES)) if random.random() < TRANSLATED else None
    names = _names(vocabulary, language) if language else {}
    columns = list(layout.sheet.columns)
    made: list[Column] = []
    for at, old in enumerate(order):
        column, gold = columns[int(old)], layout.gold[int(old)][0]
        header = column.header
        if headless:
            header = f"Column {at + 1}"
        elif names.get(gold) and random.random() < 0.8:
            header = str(names[gold][int(random.integers(len(names[gold])))])
        header = _written(header, random)
        profile = column.profile
        if random.random() < emptied and not headless:
            profile = ColumnProfile(rows=profile.rows)
        made.append(replace(column, index=at, header=header, profile=profile))
    return replace(
        layout,
        sheet=replace(layout.sheet, columns=tuple(made)),
        gold=tuple(_relabelled(layout.gold[int(old)], headless=headless) for old in order),
    )


SHUFFLED, SHORTENED, TURNED, EMPTIED, HEADLESS, TRANSLATED = 0.3, 0.4, 0.3, 0.35, 0.15, 0.45
LANGUAGES = (
    "en", "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "tr", "ru", "uk", "ja", "zh", "ko", "ar", "he",
)  # fmt: skip

_UNNAMEABLE = {
    "Street2", "Suffix", "Nickname", "Phone2", "Email2", "CompanyPhone", "Fax", "OwnerName", "Campaign", "Tags",
    "LeadScore",
}  # fmt: skip


def _relabelled(gold: tuple[str, ...], *, headless: bool) -> tuple[str, ...]:
    """Without headers, nobody can know that a date is a creation date; what cannot be known may also be none."""
    return (*gold, IGNORE) if headless and IGNORE not in gold and gold[0] in _UNNAMEABLE else gold


def _names(vocabulary: Vocabulary, language: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for phrase, target, spoken in vocabulary.phrases:
        if spoken == language:
            names.setdefault(target, []).append(phrase)
    return names


def _shifted(order: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """Blocks of columns in another order: neighbours stay neighbours."""
    cuts = np.sort(random.choice(np.arange(1, len(order)), size=min(3, len(order) - 1), replace=False))
    blocks = np.split(order, cuts)
    return np.concatenate([blocks[int(at)] for at in random.permutation(len(blocks))])


def _turned(order: NDArray[np.intp], layout: Layout) -> NDArray[np.intp]:
    """Last names before first names, as many countries have them; and the other way round."""
    turned = order.copy()
    for at, (one, other) in enumerate(pairwise(order.tolist())):
        if {layout.gold[one][0], layout.gold[other][0]} == {"FirstName", "LastName"}:
            turned[at], turned[at + 1] = other, one
    return turned


def _written(header: str, random: np.random.Generator) -> str:
    """The same words in another hand."""
    choice = random.random()
    if choice < 0.08:
        return header.upper()
    if choice < 0.16:
        return header.lower().replace(" ", "_")
    if choice < 0.22:
        return header + " *"
    if choice < 0.30:
        return header.title()
    return header
