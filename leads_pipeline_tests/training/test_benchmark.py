"""The benchmark's figures, on a corpus small enough to score by hand."""

import json
from pathlib import Path

import pytest

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.training.benchmark import Prediction, benchmark, figures
from leads_pipeline.training.corpus import Layout, sheet_of


def layout(family: str, language: str, *gold: tuple[str, ...]) -> Layout:
    headers = [f"h{at}" for at in range(len(gold))]
    return Layout(f"{family} file", family, language, sheet_of(headers, [[] for _ in gold]), gold, family)


def predicted(*answers: tuple[str | None, float]) -> list[Prediction]:
    return [Prediction(target, confidence) for target, confidence in answers]


def test_files_count_by_family_and_english_is_every_language_that_begins_with_en() -> None:
    layouts = [
        layout("wide", "en", ("Email",), ("Phone",), ("City",), ("State",)),
        layout("wide", "en/it", ("Email",)),
        layout("small", "de", ("Email",), ("IGNORE",)),
    ]
    result = figures(
        layouts,
        [
            predicted(("Email", 90), ("Phone", 90), ("City", 90), (None, 90)),
            predicted(("Phone", 90)),
            predicted(("Email", 90), (None, 90)),
        ],
    )
    assert result["accuracy_by_family"] == {"all": 0.6875, "en": 0.375, "other": 1.0}


def test_names_outside_the_label_schema_count_as_no_target_on_both_sides() -> None:
    layouts = [layout("a", "en", ("Phone2", "IGNORE"), ("Tags", "IGNORE"), ("Email2", "Email"))]
    result = figures(layouts, [predicted(("Phone2", 90), (None, 90), ("Email", 90))])
    assert result["accuracy_by_family"]["all"] == 1.0
    assert (result["empty_mapped"], result["empty_total"]) == (0, 2)


def test_recall_counts_the_columns_whose_first_label_is_a_field() -> None:
    layouts = [layout("a", "en", ("Email",), ("Street", "IGNORE"), ("IGNORE", "Email"))]
    result = figures(layouts, [predicted(("Email", 90), (None, 90), ("Email", 90))])
    assert result["mapped_recall"] == 0.5
    assert result["mapped_precision"] == 1.0
    assert result["accuracy_by_family"]["all"] == 1.0


def test_what_is_decided_counts_none_too_and_calibration_is_the_gap_in_each_bin() -> None:
    layouts = [layout("a", "en", ("Email",), ("IGNORE",), ("City",), ("State",))]
    result = figures(layouts, [predicted(("Email", 95), (None, 95), ("Phone", 75), ("State", 35))])
    assert result["auto"] == {"threshold": 70.0, "coverage": 0.75, "precision": 0.6667}
    assert result["ece"] == pytest.approx(0.5 * 0.05 + 0.25 * 0.75 + 0.25 * 0.65)


def test_the_shipped_model_is_measured_on_any_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    columns = [
        {"header": "E-Mail", "samples": ["ada@example.com"], "gold": ["Email"]},
        {"header": "Postal Code", "samples": ["02139"], "gold": ["PostalCode"]},
        {"header": "Password hash", "samples": ["9f86d081884c7d65"], "gold": ["IGNORE"]},
    ]
    corpus.write_text(json.dumps({"source": "s", "family": "f", "language": "en", "columns": columns}) + "\n")
    result = benchmark(corpus, predictions=True)
    assert {"accuracy_by_family", "mapped_precision", "mapped_recall", "empty_mapped", "empty_total"} <= result.keys()
    assert {"auto", "ece", "seconds_per_file", "predictions"} <= result.keys()
    (row,) = result["predictions"]
    assert [each["target"] for each in row] == ["Email", "PostalCode", None]
    assert result["warnings"] == []


def test_a_corpus_with_a_broken_line_says_which(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"source": "s"}\n')
    with pytest.raises(RequestInvalid, match="Line 1"):
        benchmark(corpus)
