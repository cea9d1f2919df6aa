"""What retraining costs: a model from a dataset of 100,000 examples, and its comparison with the one that maps now.

The examples are variations of the shipped layouts: other spellings and languages of the headers, columns left out, in another
order. Processor time, since others may be at work on the machine.
"""

import sys
import time

import numpy as np

from benchmarks.table import Figure, show
from leads_pipeline.mapping import default_schema, load_model
from leads_pipeline.training.comparison import pair
from leads_pipeline.training.corpus import IGNORE, Layout, is_unopened, shipped_corpus, written_layouts
from leads_pipeline.training.refit import LabelledFile, refit, sample
from leads_pipeline.training.variation import varied

EXAMPLES = 100_000
COMPARED = 8_000
SEED = 20261126


def main() -> None:
    files = _files()
    base, schema = load_model(), default_schema()
    begun, wall = time.process_time(), time.perf_counter()
    model = refit(base, files, schema, name="refit", seed=SEED, progress=_say)
    trained = time.process_time() - begun
    wall = time.perf_counter() - wall
    _say("comparing with the champion")
    begun = time.process_time()
    held = [file for file in files if file.split == "test"]
    pair(base, model, [held[at] for at in sample(held, COMPARED, seed=SEED)], schema)
    pair(base, model, [layout for layout in shipped_corpus() if is_unopened(layout.family)], schema)
    compared = time.process_time() - begun
    columns = sum(len(file.targets) for file in files)
    show(
        f"Retraining on {columns:,} examples of {len(files):,} layouts",
        [
            Figure("training", f"{trained:,.0f} s of one core ({wall:,.0f} s)"),
            Figure("comparing with the champion", f"{compared:,.0f} s of one core"),
            Figure("together", f"{trained + compared:,.0f} s of one core", "at most 300 s on two cores"),
            Figure("artifact", f"{len(model.packed()) / 1e6:.1f} MB"),
        ],
    )


def _files() -> list[LabelledFile]:
    """Layouts with as many columns as wanted in all: a tenth of the families to test on, as datasets have it."""
    random = np.random.default_rng(SEED)
    vocabulary = load_model().vocabulary
    layouts = [layout for layout in (*shipped_corpus(), *written_layouts()) if not is_unopened(layout.family)]
    files: list[LabelledFile] = []
    columns = 0
    while columns < EXAMPLES:
        layout = layouts[len(files) % len(layouts)]
        split = "test" if random.random() < 0.1 else "train"
        files.append(_labelled(varied(layout, random, vocabulary), f"{layout.family}/{len(files)}", split))
        columns += len(files[-1].targets)
    return files


def _labelled(layout: Layout, family: str, split: str) -> LabelledFile:
    targets = tuple(None if gold[0] == IGNORE else gold[0] for gold in layout.gold)
    ones = (1.0,) * len(targets)
    return LabelledFile(family, split, layout.sheet, targets, ones, (True,) * len(targets), ones)


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
