"""The base model that ships with the package, rebuilt from the data that ships with it.

    python -m leads_pipeline.training.base_model

Deterministic: the same data and lexicon give the same predictions, within 1e-6.
"""

import hashlib
import sys
from importlib import resources
from pathlib import Path

from leads_pipeline.mapping import default_schema
from leads_pipeline.mapping.lexicon import Lexicon, read_lexicon
from leads_pipeline.mapping.model import MappingModel
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.bystanders import read_bystanders
from leads_pipeline.training.corpus import Layout, is_unopened, shipped_corpus, written_layouts
from leads_pipeline.training.recipe import Kitchen, Progress, Recipe, train


def build_base_model(*, progress: Progress = lambda _: None) -> MappingModel:
    """Train the base model on `training_layouts`."""
    layouts = training_layouts()
    lexicon = read_lexicon()
    recipe = Recipe()
    kitchen = Kitchen.of(Vocabulary.of(lexicon), recipe)
    model = train(kitchen, layouts, version=f"base-{inputs_hash(layouts, lexicon, recipe)[:12]}", progress=progress)
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


def main() -> None:
    """Rebuild the artifact in place."""
    model = build_base_model(progress=lambda step: print(step, file=sys.stderr, flush=True))  # noqa: T201
    with resources.as_file(resources.files("leads_pipeline.mapping")) as directory:
        model.save(Path(directory))
    print(f"{model.version}: {model.card['columns']} columns of {model.card['families']} families", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
