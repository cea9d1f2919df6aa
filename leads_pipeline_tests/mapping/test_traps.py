"""Columns that lure a careless reader, inside whole files of many trades and languages: none may fill a wrong field.

`traps/*.txt` are layouts as `training.corpus.read_written` reads them. A remark `# never Email, Email2` above a column makes
it a trap, and names the fields that it is easily taken for; its labels say what is right. Those in `traps/unseen` were written
before the model was mended by the others, and are for counting alone: a model that is tuned to them needs new ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from leads_pipeline.mapping import default_schema, gate, load_model, map_sheet
from leads_pipeline.training.corpus import IGNORE, Layout, read_written, shipped_corpus, written_layouts
from leads_pipeline.types import Mapping

FOLDER = Path(__file__).parent / "traps"
UNSEEN = FOLDER / "unseen"
THRESHOLD = 70.0
_NEVER = re.compile(r"# never (.+)")


@dataclass(frozen=True)
class Seen:
    """One column of a file of traps, and what it was mapped to. `lures` are empty unless it is a trap."""

    family: str
    mapping: Mapping
    gold: tuple[str, ...]
    lures: tuple[str, ...]

    @property
    def right(self) -> bool:
        return (self.mapping.target or IGNORE) in self.gold

    @property
    def wrong_map(self) -> bool:
        return self.mapping.target is not None and not self.right

    def __str__(self) -> str:
        used = "applied" if gate(self.mapping, THRESHOLD) else "proposed"
        return f"{self.family} | {self.mapping.header} | {self.mapping.target} | {used}"


@lru_cache(maxsize=4)
def _files(folder: Path = FOLDER) -> tuple[tuple[Layout, tuple[tuple[str, ...], ...]], ...]:
    """Each layout with the lures of its columns."""
    found: list[tuple[Layout, tuple[tuple[str, ...], ...]]] = []
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text("utf-8")
        lures = _lures(text)
        found += [(layout, tuple(next(lures) for _ in layout.gold)) for layout in read_written(text, path.name)]
    return tuple(found)


def _lures(text: str) -> Iterator[tuple[str, ...]]:
    """Of each column in the order of the text."""
    lures: tuple[str, ...] = ()
    for line in text.splitlines():
        if never := _NEVER.fullmatch(line):
            lures = tuple(each.strip() for each in never[1].split(","))
        elif line.strip() and not line.startswith(("# ", "== ")):
            yield lures
            lures = ()


@lru_cache(maxsize=4)
def _seen(folder: Path = FOLDER) -> tuple[Seen, ...]:
    """Every column of every file, mapped by the shipped model."""
    schema, model = default_schema(), load_model()
    return tuple(
        Seen(layout.family, mapping, gold, of_column)
        for layout, lures in _files(folder)
        for mapping, gold, of_column in zip(map_sheet(layout.sheet, schema, model), layout.gold, lures, strict=True)
    )


def test_no_trap_fills_a_wrong_field() -> None:
    fallen = [str(each) for each in _seen() if each.lures and each.wrong_map]
    assert not fallen, "\n".join(fallen)


def test_most_traps_that_no_model_was_mended_by_are_seen_through() -> None:
    traps = [each for each in _seen(UNSEEN) if each.lures]
    beside = [each for each in _seen(UNSEEN) if not each.lures]
    assert len(traps) >= 120
    assert sum(each.wrong_map for each in traps) <= 0.07 * len(traps)
    assert sum(each.right for each in beside) >= 0.95 * len(beside)


def test_the_columns_beside_the_traps_keep_their_fields() -> None:
    beside = [each for each in _seen() if not each.lures]
    assert sum(each.right for each in beside) >= 0.93 * len(beside)


def test_there_are_many_traps_in_many_files_and_languages() -> None:
    assert sum(bool(lures) for _, of_columns in _files() for lures in of_columns) >= 300
    assert len(_files()) >= 50
    assert len({layout.language.split("-")[0] for layout, _ in _files()}) >= 7


def test_no_file_of_traps_was_trained_on() -> None:
    trained = [*shipped_corpus(), *written_layouts()]
    families, digests = {each.family for each in trained}, {each.digest for each in trained}
    files = [layout for layout, _ in (*_files(), *_files(UNSEEN))]
    assert not [layout.family for layout in files if layout.family in families or layout.digest in digests]
    assert not {layout.digest for layout in files} & set(load_model().card["layouts"])


@pytest.mark.parametrize("layout", [layout for layout, _ in _files()], ids=lambda layout: layout.family)
def test_the_labels_of_a_file_of_traps_are_fields(layout: Layout) -> None:
    schema = default_schema()
    lures = next(lures for each, lures in _files() if each is layout)
    for gold, of_column in zip(layout.gold, lures, strict=True):
        assert all(name == IGNORE or name in schema for name in gold)
        assert all(name in schema and name not in gold for name in of_column)
    firsts = [gold[0] for gold in layout.gold if gold[0] != IGNORE and schema[gold[0]].single_valued]
    assert len(firsts) == len(set(firsts))
