"""The shipped model is what the shipped data makes, and training is the same every time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.mapping import MappingModel, default_schema, load_model, map_sheet
from leads_pipeline.mapping.lexicon import Lexicon, read_lexicon
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.base_model import TOLERANCE, difference, inputs_hash, training_layouts
from leads_pipeline.training.calibrate import KNOTS, calibrate
from leads_pipeline.training.corpus import (
    IGNORE,
    LABEL_SCHEMA,
    Layout,
    is_unopened,
    labels,
    read_corpus,
    read_written,
    shipped_corpus,
)
from leads_pipeline.training.recipe import Kitchen, Recipe, family_parts, train
from leads_pipeline.training.variation import varied

SMALL = replace(Recipe(), folds=2, iterations=8)


@pytest.fixture(scope="module")
def layouts() -> list[Layout]:
    """What the base model is trained on."""
    return training_layouts()


@pytest.fixture(scope="module")
def english() -> Vocabulary:
    lexicon = read_lexicon()
    return Vocabulary.of(Lexicon(tuple(each for each in lexicon.phrases if each[2] == "en"), lexicon.markers))


@pytest.fixture(scope="module")
def small_model(layouts: list[Layout], english: Vocabulary) -> MappingModel:
    return _trained(layouts[:12], english)


def _trained(layouts: list[Layout], vocabulary: Vocabulary, processes: int = 1) -> MappingModel:
    return train(Kitchen.of(vocabulary, SMALL), layouts, version="small", processes=processes)


def test_the_shipped_model_was_made_from_the_shipped_data(layouts: list[Layout]) -> None:
    recorded = load_model().card["inputs"]
    assert recorded == inputs_hash(layouts, read_lexicon(), Recipe()), (
        "data, lexicon, schema or recipe have changed since the model was made: run `make base-model`"
    )


def test_no_unopened_family_was_trained_on(layouts: list[Layout]) -> None:
    assert set(load_model().card["layouts"]) == {layout.digest for layout in layouts}
    unopened = {layout.family for layout in shipped_corpus() if is_unopened(layout.family)}
    assert unopened.isdisjoint(layout.family for layout in layouts)


def test_two_processes_train_the_same_model_as_one(
    layouts: list[Layout], english: Vocabulary, small_model: MappingModel
) -> None:
    again = _trained(layouts[:12], english, processes=2)
    assert difference(small_model, again, layouts[:20]) <= TOLERANCE


def test_a_model_that_weighs_otherwise_differs(layouts: list[Layout], small_model: MappingModel) -> None:
    second = replace(small_model.second, pairs=small_model.second.pairs * np.float32(1.01))
    assert difference(small_model, replace(small_model, second=second), layouts[:5]) > TOLERANCE


def test_a_model_survives_being_written_and_read(
    tmp_path: Path, layouts: list[Layout], small_model: MappingModel
) -> None:
    small_model.save(tmp_path)
    assert {file.suffix for file in tmp_path.iterdir()} == {".npz", ".json"}
    read = MappingModel.read(tmp_path)
    assert (read.version, read.vocabulary.phrases) == (small_model.version, small_model.vocabulary.phrases)
    for layout in layouts[:5]:
        assert map_sheet(layout.sheet, default_schema(), read) == map_sheet(layout.sheet, default_schema(), small_model)


def test_the_same_data_give_the_same_hash_and_other_labels_another(layouts: list[Layout]) -> None:
    lexicon = read_lexicon()
    relabelled = [replace(layouts[0], gold=((IGNORE,), *layouts[0].gold[1:])), *layouts[1:]]
    assert inputs_hash(layouts, lexicon, Recipe()) == inputs_hash(list(layouts), lexicon, Recipe())
    assert inputs_hash(layouts, lexicon, Recipe()) != inputs_hash(relabelled, lexicon, Recipe())
    assert inputs_hash(layouts, lexicon, Recipe()) != inputs_hash(layouts, lexicon, SMALL)


# --- The data ------------------------------------------------------------------------------------------------------


def test_every_label_of_the_shipped_data_is_a_field_of_the_default_schema(layouts: list[Layout]) -> None:
    assert {name for layout in layouts for gold in layout.gold for name in gold} - {IGNORE} <= {
        each.name for each in default_schema().fields
    }
    assert {each.name for each in default_schema().fields} >= LABEL_SCHEMA


def test_labels_are_scored_without_names_outside_the_label_schema() -> None:
    assert labels(("Email2", "Email", IGNORE)) == ("Email", IGNORE)


def test_a_line_that_is_no_labelled_header_row_is_named(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        '{"source": "s", "family": "f", "language": "en", "columns": [{"header": "Mail", "gold": ["Email"]}]}\n'
        '{"source": "s", "family": "f"}\n'
    )
    with pytest.raises(RequestInvalid, match="Line 2"):
        read_corpus(corpus)


def test_a_written_layout_is_read_with_its_answers_and_samples() -> None:
    (layout,) = read_written(
        "# a remark\n== some-crm | de\nE-Mail => Email => a@example.com ;; b@example.org\n"
        "E-Mail 2 => Email2, IGNORE\n => IGNORE => x\n",
        "some.txt",
    )
    assert (layout.family, layout.language, layout.written) == ("some-crm", "de", True)
    assert [column.header for column in layout.sheet.columns] == ["E-Mail", "E-Mail 2", ""]
    assert layout.gold == (("Email",), ("Email2", "IGNORE"), ("IGNORE",))
    assert layout.sheet.columns[0].profile.kinds["email"] == 1.0


@pytest.mark.parametrize("text", ["First name\n", "== crm\n", "Email => Email\n== crm | en\n"])
def test_a_written_layout_that_is_none_is_named_with_its_line(text: str) -> None:
    with pytest.raises(RequestInvalid, match=r"Line 1 of some\.txt"):
        read_written(text, "some.txt")


def test_families_are_never_split_when_parts_are_held_out(layouts: list[Layout]) -> None:
    families = [layout.family for layout in layouts]
    parts = family_parts(families, 4)
    assert parts == family_parts(families, 4)
    assert set(parts) == {0, 1, 2, 3}
    assert all(len({parts[at] for at, each in enumerate(families) if each == family}) == 1 for family in families)


@pytest.mark.parametrize("seed", range(40))
def test_a_variation_keeps_each_columns_answer(layouts: list[Layout], english: Vocabulary, seed: int) -> None:
    layout = layouts[seed % len(layouts)]
    found = varied(layout, np.random.default_rng(seed), english)
    assert len(found.gold) == len(found.sheet.columns) <= len(layout.gold)
    assert {gold[0] for gold in found.gold} <= {gold[0] for gold in layout.gold}
    assert [column.index for column in found.sheet.columns] == list(range(len(found.gold)))


# --- Calibration ---------------------------------------------------------------------------------------------------


def test_confidence_rises_with_belief_and_is_as_often_right_as_it_says() -> None:
    random = np.random.default_rng(7)
    belief = random.random(5_000).astype(np.float32)
    right = random.random(5_000) < belief**2  # a model that believes too much
    curve = calibrate(belief, right, np.ones(5_000, np.float32))
    said = curve(np.linspace(0, 1, 50, dtype=np.float32))
    assert np.all(np.diff(said) >= 0)
    assert abs(float(curve(np.array([0.5], np.float32))[0]) - 0.25) < 0.08
    assert said.min() > 0
    assert said.max() < 1


def test_too_few_answers_leave_beliefs_as_they_are() -> None:
    few = KNOTS - 1
    curve = calibrate(np.full(few, 0.5, np.float32), np.ones(few, bool), np.ones(few, np.float32))
    assert float(curve(np.array([0.3], np.float32))[0]) == pytest.approx(0.3)
