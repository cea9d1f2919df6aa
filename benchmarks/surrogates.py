"""What anonymising costs a model: trained on surrogates of the shipped layouts against trained on their values.

Both are judged on the original values of families that neither has seen, three parts of the families taking turns.
"""

import gzip
import json
import sys
from dataclasses import replace
from importlib import resources

from benchmarks.table import Figure, show
from leads_pipeline.mapping import default_schema, map_sheet
from leads_pipeline.mapping.lexicon import read_lexicon
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.spreadsheets.surrogates import make
from leads_pipeline.training.benchmark import Prediction, figures
from leads_pipeline.training.corpus import Layout, shipped_corpus
from leads_pipeline.training.recipe import Kitchen, Recipe, family_parts, train
from leads_pipeline.types import Column

PARTS = 3


def main() -> None:
    layouts, without = _layouts()
    parts = family_parts([layout.family for layout in layouts], PARTS)
    kitchen = Kitchen.of(Vocabulary.of(read_lexicon()), Recipe())
    shown: dict[str, dict[str, object]] = {}
    for name, training in (("their values", layouts), ("surrogates", without)):
        predicted: list[list[Prediction]] = [[] for _ in layouts]
        for part in range(PARTS):
            print(f"  {name}, part {part + 1} of {PARTS}", file=sys.stderr, flush=True)
            seen = [layout for layout, each in zip(training, parts, strict=True) if each != part]
            model = train(kitchen, seen, version=f"part-{part}")
            for at, layout in enumerate(layouts):
                if parts[at] == part:
                    proposals = map_sheet(layout.sheet, default_schema(), model)
                    predicted[at] = [Prediction(each.target, each.confidence) for each in proposals]
        shown[name] = figures(layouts, predicted)
    rows: list[Figure] = []
    for name, result in shown.items():
        accuracy = result["accuracy_by_family"]
        assert isinstance(accuracy, dict)
        rows.append(Figure(f"right, mean over families, trained on {name}", f"{accuracy['all']:.4f}"))
        rows.append(Figure(f"calibration error, trained on {name}", f"{result['ece']:.4f}"))
    lost = _all(shown["their values"]) - _all(shown["surrogates"])
    rows.append(Figure("lost by training on surrogates", f"{100 * lost:.2f} points", "at most 1 point"))
    show(f"Surrogates of {sum(len(layout.gold) for layout in layouts):,} columns of {len(layouts)} layouts", rows)


def _all(result: dict[str, object]) -> float:
    accuracy = result["accuracy_by_family"]
    assert isinstance(accuracy, dict)
    return float(accuracy["all"])


def _layouts() -> tuple[list[Layout], list[Layout]]:
    """The shipped layouts, and the same with surrogates in place of their values."""
    layouts = shipped_corpus()
    file = resources.files("leads_pipeline.training") / "data" / "lead_exports.jsonl.gz"
    documents = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    samples = [[list(map(str, column.get("samples", ()))) for column in each["columns"]] for each in documents]
    without = [_anonymised(layout, values) for layout, values in zip(layouts, samples, strict=True)]
    return layouts, without


def _anonymised(layout: Layout, samples: list[list[str]]) -> Layout:
    columns: list[Column] = []
    for column, values in zip(layout.sheet.columns, samples, strict=True):
        made = make(values, column.profile, f"{layout.digest}/{column.index}".encode()) if values else []
        profile = profile_column(made, rows=column.profile.rows, filled=len(made))
        columns.append(replace(column, profile=profile))
    return replace(layout, sheet=replace(layout.sheet, columns=tuple(columns)))


if __name__ == "__main__":
    main()
