"""The base model that ships with the package, rebuilt from the data that ships with it.

    python -m leads_pipeline.training.base_model           rebuilds it in place
    python -m leads_pipeline.training.base_model --check   rebuilds it elsewhere, and compares

Deterministic: the same data and lexicon give the same predictions, within `TOLERANCE`.
"""

import hashlib
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from leads_pipeline.mapping import default_schema, load_model
from leads_pipeline.mapping.lexicon import Lexicon, read_lexicon
from leads_pipeline.mapping.model import MappingModel
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.bystanders import read_bystanders
from leads_pipeline.training.corpus import Layout, is_unopened, shipped_corpus, written_layouts
from leads_pipeline.training.recipe import Kitchen, Progress, Recipe, train

PROCESSES = 2
"""How many share the work of the base model. The model is the same with any number."""


def build_base_model(*, processes: int = PROCESSES, progress: Progress = lambda _: None) -> MappingModel:
    """Train the base model on `training_layouts`."""
    layouts = training_layouts()
    lexicon = read_lexicon()
    recipe = Recipe()
    kitchen = Kitchen.of(Vocabulary.of(lexicon), recipe)
    model = train(
        kitchen,
        layouts,
        version=f"base-{inputs_hash(layouts, lexicon, recipe)[:12]}",
        processes=processes,
        progress=progress,
    )
    return model.carded(
        {
            "inputs": inputs_hash(layouts, lexicon, recipe),
            "layouts": sorted(layout.digest for layout in layouts),
            "families": len({layout.family for layout in layouts}),
            "columns": sum(len(layout.gold) for layout in layouts),
            "phrases": len(lexicon.phrases),
            "languages": sorted({language for _, _, language in lexicon.phrases}),
        }
    )


def training_layouts() -> list[Layout]:
    """Every shipped layout of a real file but those of the unopened families, and those written for training."""
    return [*(layout for layout in shipped_corpus() if not is_unopened(layout.family)), *written_layouts()]


def inputs_hash(layouts: list[Layout], lexicon: Lexicon, recipe: Recipe) -> str:
    """What the base model is made from, as one hash: layouts with their labels, lexicon, bystanders, schema, recipe."""
    parts = [
        *(repr((layout.digest, layout.gold, layout.sheet.columns)) for layout in layouts),
        repr(lexicon),
        repr(sorted(read_bystanders().items())),
        repr(default_schema().fields),
        repr(recipe),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


TOLERANCE = 1e-6
"""By how much chances and confidences may differ between two buildings of the same model."""


def difference(one: MappingModel, other: MappingModel, layouts: Sequence[Layout]) -> float:
    """The greatest difference between two models in what they believe of a column of `layouts`, and how sure they are."""
    schema = default_schema()
    greatest = 0.0
    for layout in layouts:
        mine, theirs = (model.score(layout.sheet, schema).probability for model in (one, other))
        greatest = max(greatest, float(np.abs(mine - theirs).max()))
        for calibrate, again in ((one.mapped, other.mapped), (one.unmapped, other.unmapped)):
            greatest = max(greatest, float(np.abs(calibrate(mine) - again(theirs)).max()))
    return greatest


def main() -> int:
    """Rebuild the artifact in place, or with `--check` tell whether it is what the data make. Returns the exit code."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    model = build_base_model(progress=say)
    if "--check" in sys.argv[1:]:
        found = difference(model, load_model(), shipped_corpus())
        say(f"{model.version}: the shipped predictions differ from the rebuilt ones by at most {found:.1e}")
        return int(found > TOLERANCE)
    with resources.as_file(resources.files("leads_pipeline.mapping")) as directory:
        model.save(Path(directory))
    say(f"{model.version}: {model.card['columns']} columns of {model.card['families']} families")
    return 0


if __name__ == "__main__":
    sys.exit(main())
