"""`make bench-peers`: has the peers score the corpus and the public cases, judges all alike, and writes docs/accuracy.md.

Our own predictions are cross-validated: those in the JSON of `leads benchmark CORPUS --cross-validate family --predictions
--json` that `--ours` names, or made here, which takes about a quarter of an hour.
"""

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from benchmarks.peers import page
from benchmarks.peers.cases import GROUPS, Case, mapped_by_us, read_cases
from benchmarks.peers.judging import assigned, best_cut
from leads_pipeline.mapping import load_model
from leads_pipeline.training.benchmark import Prediction, benchmark, figures
from leads_pipeline.training.corpus import LABEL_SCHEMA, Layout, labels, read_corpus

ROOT = Path(__file__).parents[2]
FIELDS = sorted(LABEL_SCHEMA)
EXAMPLES = 20
"""Cells of other families' columns that each field shows to peers that look at values."""
OURS = "leads_pipeline"


@dataclass(frozen=True, slots=True)
class Row:
    """One matcher, judged: what it mapped, in how much time, of which layouts."""

    name: str
    set_up: str
    layouts: Sequence[Layout]
    predicted: Sequence[Sequence[Prediction]]
    seconds: float

    @property
    def figures(self) -> dict[str, Any]:
        return figures(self.layouts, self.predicted)


def main() -> None:
    options = _options()
    shipped = resources.files("leads_pipeline.training") / "data" / "lead_exports.jsonl.gz"
    with resources.as_file(shipped) as path:
        corpus = options.corpus or path
        layouts, samples = read_corpus(corpus), _samples(corpus)
        ours = _ours(corpus, options.ours, layouts)
    cases = read_cases(next((options.peers / "cases").glob("*.tar.gz")))
    begun = time.perf_counter()
    python = options.peers / "bin" / "python"
    on_corpus = _scored(python, _corpus_tasks(layouts, samples))
    on_cases = _scored(python, _case_tasks(cases))
    print(f"The peers took {time.perf_counter() - begun:.0f} s.", file=sys.stderr)

    failures = {name: scored["failure"] for name, scored in on_corpus.items() if "failure" in scored}
    rows = [*(_judged(name, scored, layouts) for name, scored in on_corpus.items() if name not in failures), ours]
    tables = {
        "peers": page.peers_table([(row.name, row.set_up, row.figures, row.seconds) for row in rows], failures),
        "confidence": page.confidence_table(ours.figures),
        "cases": page.cases_table(_on_cases(cases, on_cases), GROUPS, Counter(case.group for case in cases)),
    }
    page.write(ROOT / "docs" / "accuracy.md", tables)
    _draw(python, rows)
    print(tables["peers"], tables["cases"], sep="\n\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="the peers' environment, made by make")
    parser.add_argument("--corpus", type=Path, help="labelled header rows; default: those in the package")
    parser.add_argument("--ours", type=Path, help="JSON of our cross-validated predictions on that corpus")
    return parser.parse_args()


# --- Ours ----------------------------------------------------------------------------------------------------------


def _ours(corpus: Path, given: Path | None, layouts: Sequence[Layout]) -> Row:
    result = (
        json.loads(given.read_text()) if given is not None else benchmark(corpus, cross_validate=True, predictions=True)
    )
    predicted = [[Prediction(each["target"], each["confidence"]) for each in row] for row in result["predictions"]]
    if [len(row) for row in predicted] != [len(layout.gold) for layout in layouts]:
        sys.exit(f"{given} holds predictions for another corpus: name that one with --corpus.")
    return Row(OURS, "families held out", layouts, predicted, result["seconds_per_file"])


# --- What the peers are asked --------------------------------------------------------------------------------------


def _samples(corpus: Path) -> list[list[list[str]]]:
    """The cells of each column of each layout; the layouts themselves keep only profiles of them."""
    with (
        gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8") as lines
    ):
        documents = [json.loads(line) for line in lines if line.strip()]
    return [[list(map(str, column.get("samples", ()))) for column in document["columns"]] for document in documents]


def _corpus_tasks(layouts: Sequence[Layout], samples: Sequence[list[list[str]]]) -> dict[str, Any]:
    """Each layout against the fields of the label schema, which show cells of the columns of all other families."""
    cells: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for layout, columns in zip(layouts, samples, strict=True):
        for gold, found in zip(layout.gold, columns, strict=True):
            cells[labels(gold)[0]][layout.family] += found
    families = sorted({layout.family for layout in layouts})
    targets = [
        [
            {
                "name": _spelled(field),
                "cells": [cell for other in families if other != family for cell in cells[field][other]][:EXAMPLES],
            }
            for field in FIELDS
        ]
        for family in families
    ]
    tasks = [
        {
            "source": _unlike([column.header for column in layout.sheet.columns], columns),
            "target": families.index(layout.family),
        }
        for layout, columns in zip(layouts, samples, strict=True)
    ]
    return {"targets": targets, "tasks": tasks}


def _case_tasks(cases: Sequence[Case]) -> dict[str, Any]:
    return {
        "targets": [case.target for case in cases],
        "tasks": [{"source": case.source, "target": at} for at, case in enumerate(cases)],
    }


def _spelled(field: str) -> str:
    """`FirstName` as first_name: infermap knows synonyms of that, and Coma does as well with it as with other spellings."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", field).lower()


def _unlike(headers: Sequence[str], columns: Sequence[list[str]]) -> list[dict[str, Any]]:
    """The columns under names that differ, as the peers need them."""
    names: list[str] = []
    for at, header in enumerate(headers, start=1):
        name = header or f"Column {at}"
        names.append(name if name not in names else f"{name} {at}")
    return [{"name": name, "cells": cells} for name, cells in zip(names, columns, strict=True)]


def _scored(python: Path, tasks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "tasks.json", Path(folder) / "scores.json"
        asked.write_text(json.dumps(tasks))
        subprocess.run(
            [python, "-W", "ignore", "-m", "benchmarks.peers.matchers", asked, answered], check=True, cwd=ROOT
        )
        return json.loads(answered.read_text())


# --- How they did --------------------------------------------------------------------------------------------------


def _judged(name: str, scored: dict[str, Any], layouts: Sequence[Layout]) -> Row:
    results = scored["results"]
    rows = [
        assigned(result["pairs"], len(layout.gold), FIELDS) for layout, result in zip(layouts, results, strict=True)
    ]
    cut_off, predicted = best_cut(rows, lambda them: figures(layouts, them)["accuracy_by_family"]["all"])
    seconds = sum(result["seconds"] for result in results) / len(results)
    return Row(name, f"{scored['package']}, {scored['set_up']}; from {cut_off:g}", layouts, predicted, seconds)


def _on_cases(cases: Sequence[Case], scored: dict[str, dict[str, Any]]) -> dict[str, dict[str, page.PairFigures]]:
    """For each matcher and group of cases: precision, recall and F1 of the pairs."""
    model = load_model()
    found = {name: _best_pairs(cases, each["results"]) for name, each in scored.items() if "failure" not in each}
    found[OURS] = [[target for target, _ in mapped_by_us(case, model)] for case in cases]
    return {
        name: {
            group: _pair_figures(
                [(case, row) for case, row in zip(cases, them, strict=True) if group in {case.group, "all"}]
            )
            for group in (*GROUPS, "all")
        }
        for name, them in found.items()
    }


def _best_pairs(cases: Sequence[Case], results: Sequence[Any]) -> list[list[int | None]]:
    rows = [
        assigned(result["pairs"], len(case.source), [str(at) for at in range(len(case.target))])
        for case, result in zip(cases, results, strict=True)
    ]

    def worth(them: list[list[Prediction]]) -> float:
        return _pair_figures([(case, _targets(row)) for case, row in zip(cases, them, strict=True)])[2] or 0

    return [_targets(row) for row in best_cut(rows, worth)[1]]


def _targets(row: Sequence[Prediction]) -> list[int | None]:
    return [None if each.target is None else int(each.target) for each in row]


def _pair_figures(judged: Sequence[tuple[Case, Sequence[int | None]]]) -> page.PairFigures:
    """Precision, recall and F1 over all pairs of these cases; None for what no pair speaks of."""
    right = sum(
        mine is not None and mine == theirs
        for case, row in judged
        for mine, theirs in zip(row, case.right, strict=True)
    )
    proposed = sum(mine is not None for _, row in judged for mine in row)
    wanted = sum(theirs is not None for case, _ in judged for theirs in case.right)
    return (
        right / proposed if proposed else None,
        right / wanted if wanted else None,
        2 * right / (proposed + wanted) if wanted else None,
    )


# --- Plots ---------------------------------------------------------------------------------------------------------


def _draw(python: Path, rows: Sequence[Row]) -> None:
    ours = rows[-1]
    best = sorted(rows[:-1], key=lambda row: -(row.figures["accuracy_by_family"]["all"] or 0))[:4]
    data = {
        "risk_coverage": [page.risk_coverage(row.name, row.layouts, row.predicted) for row in (ours, *best)],
        "reliability": page.reliability(ours.layouts, ours.predicted),
        "confusion": page.confusion(ours.layouts, ours.predicted),
    }
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "data.json"
        drawn.write_text(json.dumps(data))
        subprocess.run(
            [python, "-m", "benchmarks.peers.plots", drawn, ROOT / "docs" / "accuracy"], check=True, cwd=ROOT
        )


if __name__ == "__main__":
    main()
