# pyright: reportMissingImports=false
"""What the peers think of columns and fields: a score for each pair.

Runs in the peers' own environment and imports nothing of ours: `python -m benchmarks.peers.matchers TASKS SCORES [NAME ...]`.
TASKS is JSON, {"targets": [table, ...], "tasks": [{"source": table, "target": index into targets}, ...]}, where a table is a
list of {"name", "cells"} with unlike names. SCORES becomes one object for each matcher: its package, its set-up, and for each
task, in order, the seconds of computing it took and the pairs [column, field, score from 0 to 1]; or `failure`, the name of
the error that keeps it from running here.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

Table = list[dict[str, Any]]
Pairs = list[tuple[int, int, float]]
Match = Callable[[Table, Table], Pairs]

CORES = 2


@dataclass(frozen=True, slots=True)
class Matcher:
    """A peer in one set-up."""

    package: str
    set_up: str
    prepare: Callable[[], Match]


def main(tasks: Path, scores: Path, names: Iterable[str]) -> None:
    """Have the matchers called `names` (none: all) score the tasks, two at a time."""
    wanted = list(names) or list(MATCHERS)
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        found = pool.map(_scores, wanted, [tasks] * len(wanted))
        scores.write_text(json.dumps(dict(zip(wanted, found, strict=True))))


def _scores(name: str, tasks: Path) -> dict[str, Any]:
    given = json.loads(tasks.read_text())
    matcher = MATCHERS[name]
    try:
        match = matcher.prepare()
        results = [_timed(match, task["source"], given["targets"][task["target"]]) for task in given["tasks"]]
    except Exception as error:  # noqa: BLE001 - what keeps one peer from running here must not keep the others
        print(f"  {name} does not run here: {error}", file=sys.stderr, flush=True)
        return {"failure": type(error).__name__}
    print(f"  {name}: {len(results)} files", file=sys.stderr, flush=True)
    return {"package": f"{matcher.package} {version(matcher.package)}", "set_up": matcher.set_up, "results": results}


def _timed(match: Match, source: Table, target: Table) -> dict[str, Any]:
    begun = time.process_time()
    pairs = match(source, target)
    return {"seconds": time.process_time() - begun, "pairs": pairs}


# --- Strings -------------------------------------------------------------------------------------------------------


def _exact() -> Match:
    def match(source: Table, target: Table) -> Pairs:
        fields = {_letters(field["name"]): at for at, field in enumerate(target)}
        return [
            (at, fields[_letters(column["name"])], 1.0)
            for at, column in enumerate(source)
            if _letters(column["name"]) in fields
        ]

    return match


def _similar() -> Match:
    from rapidfuzz import fuzz, process, utils

    def match(source: Table, target: Table) -> Pairs:
        matrix = process.cdist(_names(source), _names(target), scorer=fuzz.WRatio, processor=utils.default_process)
        return [(at, field, float(score) / 100) for at, row in enumerate(matrix) for field, score in enumerate(row)]

    return match


# --- Valentine -----------------------------------------------------------------------------------------------------


def _valentine(make: Callable[[Any], Any]) -> Callable[[], Match]:
    def prepare() -> Match:
        import pandas as pd
        from valentine import algorithms, valentine_match

        def read(table: Table) -> Any:
            return pd.read_csv(StringIO(_csv(table)))

        def match(source: Table, target: Table) -> Pairs:
            columns = {name: at for at, name in enumerate(_names(source))}
            fields = {name: at for at, name in enumerate(_names(target))}
            found = valentine_match([read(source), read(target)], make(algorithms), df_names=["file", "lead"])
            return [
                (columns[pair.source_column], fields[pair.target_column], float(score)) for pair, score in found.items()
            ]

        return match

    return prepare


# --- infermap ------------------------------------------------------------------------------------------------------


def _infermap() -> Match:
    import polars as pl
    from infermap import MapEngine

    def read(table: Table) -> Any:
        return pl.read_csv(_csv(table).encode(), infer_schema_length=None, truncate_ragged_lines=True)

    engine = MapEngine(min_confidence=0.0, return_score_matrix=True)

    def match(source: Table, target: Table) -> Pairs:
        columns = {name: at for at, name in enumerate(_names(source))}
        fields = {name: at for at, name in enumerate(_names(target))}
        matrix = engine.map(read(source), read(target)).score_matrix
        return [
            (columns[column], fields[field], score)
            for column, row in matrix.items()
            for field, score in row.items()
            if score > 0
        ]

    return match


MATCHERS = {
    "exact match": Matcher("rapidfuzz", "letters and digits of the header equal the field's", _exact),
    "string similarity": Matcher("rapidfuzz", "WRatio of header and field", _similar),
    "Coma": Matcher("valentine", "schema", _valentine(lambda of: of.Coma())),
    "DistributionBased": Matcher("valentine", "as it comes", _valentine(lambda of: of.DistributionBased())),
    "JaccardDistance": Matcher("valentine", "as it comes", _valentine(lambda of: of.JaccardDistanceMatcher())),
    "infermap": Matcher("infermap", "as it comes", _infermap),
}
"""Of Valentine are not here: Cupid, and Coma with instances, which download word lists when they first run, and
SimilarityFlooding, which takes 0.17 s of computing for each column."""


def _csv(table: Table) -> str:
    """The table as a file that the peers' own readers make of what they like: they tell numbers and dates from text."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_names(table))
    writer.writerows(zip_longest(*(column["cells"] for column in table), fillvalue=""))
    return text.getvalue()


def _names(table: Table) -> list[str]:
    return [column["name"] for column in table]


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
