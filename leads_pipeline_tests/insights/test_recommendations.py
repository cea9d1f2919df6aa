"""What is recommended follows from evidence, is worth what it says, and is checked."""

from typing import Any
from uuid import UUID

import pytest

from leads_pipeline.insights.recommendations import Evidence, Recommendation, outcome, recommend, recommend_models

SAMPLE = UUID(int=1)


def header(key: str, **others: Any) -> dict[str, Any]:
    given = {"header_key": key, "header": key.title(), "columns": 10, "undecided": 10, "waiting": 10, "recalled": 0}
    given |= {"confidence": 50.0, "reviewed": 0, "wrong": 0, "sample": SAMPLE, "upload": SAMPLE, "predicted": None}
    return given | others


def answer(key: str, predicted: str | None, target: str | None, columns: int) -> dict[str, Any]:
    return {"header_key": key, "predicted": predicted, "target": target, "columns": columns, "recalled": 0, "days": 1}


def band(number: int, columns: int, reviewed: int, correct: int, undecided: int) -> dict[str, Any]:
    return {"band": number, "columns": columns, "reviewed": reviewed, "correct": correct, "undecided": undecided}


def language(name: str, columns: int, decided: int) -> dict[str, Any]:
    return {
        "language": name,
        "uploads": columns // 10,
        "columns": columns,
        "decided": decided,
        "reviewed": 0,
        "correct": 0,
    }


def advice(**evidence: Any) -> dict[str, Recommendation]:
    given = Evidence(**{"organization": "Acme & Sons", "threshold": 70, "columns": 1_000, **evidence})
    return {each.kind: each for each in recommend(given)}


def test_nothing_is_recommended_without_a_reason() -> None:
    assert advice() == {}
    assert advice(headers=[header("firma", undecided=0)], bands=[band(6, 40, 20, 20, 40)]) == {}


def test_the_headers_that_come_most_often_are_to_be_answered_first() -> None:
    rows = [header(f"header {n}", undecided=n) for n in range(1, 31)]
    found = advice(headers=rows)["review_columns"]
    columns = found.evidence["columns"]
    assert [each["undecided"] for each in columns] == list(range(30, 10, -1))
    assert found.reviews_saved == pytest.approx(0.97 * sum(range(11, 31)), abs=0.1)
    assert found.accuracy_gain == pytest.approx(0.97 * sum(range(11, 31)) * 0.5 / 1_000, abs=1e-4)
    assert found.steps[0]["body"]["corrections"][0] == {"mapping_id": str(SAMPLE), "target": None}


def test_a_header_that_somebody_has_answered_or_that_came_once_is_not_asked_about() -> None:
    assert advice(headers=[header("firma", sample=None, upload=None)]) == {}
    assert advice(headers=[header("firma", columns=1, undecided=1)]) == {}


def test_a_synonym_is_worth_what_the_longer_headers_cost_that_memory_does_not_know() -> None:
    told = [answer("firmenbez", None, "Company", 3)]
    longer = header("firmenbez kunde", sample=None, undecided=8, wrong=2)
    found = advice(answers=told, headers=[longer])["add_synonym"]
    assert found.title == "Add the synonym 'firmenbez' to Company"
    assert found.reviews_saved == 4.0
    assert found.accuracy_gain == pytest.approx(0.001)
    assert found.steps[2]["cli"] == "leads schema set schema.yaml --organization 'Acme & Sons'"
    assert "add_synonym" not in advice(answers=told, headers=[header("kunde", sample=None)])
    assert "add_synonym" not in advice(answers=[*told, answer("firmenbez", None, "Title", 1)], headers=[longer])
    known = {"Company": frozenset({"firmenbez"})}
    assert "add_synonym" not in advice(answers=told, headers=[longer], synonyms=known)


def test_a_threshold_is_lowered_only_where_what_waits_is_surely_right() -> None:
    sure = advice(bands=[band(6, 200, 150, 150, 190)])["lower_threshold"]
    assert (sure.title, sure.reviews_saved) == ("Apply mappings from 60 % on", 190.0)
    assert sure.steps == [{"cli": "leads organization set 'Acme & Sons' auto_apply_threshold=60"}]
    assert advice(bands=[band(6, 200, 70, 69, 190)]) == {}
    assert advice(bands=[band(6, 200, 20, 20, 190)]) == {}


def test_a_threshold_is_raised_where_what_is_applied_is_often_wrong() -> None:
    found = advice(bands=[band(7, 300, 100, 60, 0)])["raise_threshold"]
    assert found.title == "Apply no mapping below 80 %"
    assert found.reviews_saved == -300
    assert found.accuracy_gain == pytest.approx(0.12)


def test_a_language_that_fares_worse_than_chance_explains_is_to_be_collected() -> None:
    found = advice(languages=[language("en", 900, 850), language("pl", 100, 60), language("da", 20, 10)])
    assert found["collect_language"].key == "collect_language:pl"
    assert found["collect_language"].reviews_saved == pytest.approx(0.5 * (920 / 1020 - 0.6) * 100, abs=0.1)


def test_a_conflict_names_both_answers_and_how_many_people_hold_them() -> None:
    answers = [{"target": "Email", "people": 2, "newest": "…"}, {"target": None, "people": 1, "newest": "…"}]
    row = {"header_key": "kontakt", "header": "Kontakt", "value_class": "text", "answers": answers, "minority": 1 / 3,
           "columns": 30, "undecided": 30, "anywhere": False, "sample": None}  # fmt: skip
    found = advice(conflicts=[row])["resolve_conflict"]
    assert found.because.startswith("People say Email (2 people) or no field (one person).")
    assert found.accuracy_gain == pytest.approx(0.01)


def test_a_field_that_columns_of_one_file_compete_for_is_to_be_split() -> None:
    row = {"field": "Phone", "files": 7, "headers": ["Tel. 2", "Zentrale"]}
    assert advice(rivals=[row])["split_field"].evidence["headers"] == ["Tel. 2", "Zentrale"]
    assert advice(rivals=[{**row, "files": 2}]) == {}


def test_what_saves_more_stands_higher() -> None:
    found = recommend(
        Evidence(
            organization="Acme",
            threshold=70,
            columns=1_000,
            headers=[header("firma", undecided=5)],
            bands=[band(6, 200, 150, 150, 190)],
            drawn=3,
            undrawn=2,
        )
    )
    assert [each.kind for each in found] == ["lower_threshold", "review_columns", "answer_sample"]


def test_less_is_expected_of_advice_that_brought_less() -> None:
    rows = [header("firma", undecided=100)]
    hopeful = advice(headers=rows)["review_columns"]
    sobered = advice(headers=rows, record={"review_columns": (200.0, 95.0)})["review_columns"]
    assert hopeful.reviews_saved == pytest.approx(97, abs=0.1)
    assert sobered.reviews_saved == pytest.approx(48.5, abs=0.1)
    assert sobered.evidence["expected_by_record"] == 0.5


def test_what_came_of_advice_is_told_with_the_error_of_what_was_expected() -> None:
    before = {"columns": 100, "undecided": 80, "reviewed": 50, "wrong": 10}
    followed = {"reviews_saved": 77.6, "accuracy_gain": 0.02, "watch": {"of": 1_000, "before": before}}
    came = outcome(followed, {"columns": 50, "undecided": 5, "reviewed": 40, "wrong": 2})
    assert came["reviews_saved"] == 70.0
    assert came["reviews_error"] == -7.6
    assert came["accuracy_gain"] == pytest.approx((0.2 - 0.05) * 0.1)
    assert came["accuracy_error"] == pytest.approx(-0.005)


def test_a_model_is_to_be_trained_once_enough_was_corrected_and_promoted_where_it_is_surely_better() -> None:
    state = {"trained_at": None, "corrections": 49, "gains": [], "candidate": None, "own": False}
    assert recommend_models(state, 1_000) == []
    (first,) = recommend_models({**state, "corrections": 50}, 1_000)
    assert (first.kind, first.accuracy_gain) == ("retrain", None)
    (again,) = recommend_models({**state, "corrections": 50, "gains": [0.02, 0.01]}, 1_000)
    assert again.accuracy_gain == pytest.approx(0.015)
    sets = {"columns": 400, "candidate": 0.96, "champion": 0.93, "difference": 0.03, "interval": [0.01, 0.05]}
    unsure = {**sets, "difference": 0.01, "interval": [-0.01, 0.03]}
    candidate = {"version": 7, "metrics": {"golden set": sets, "held-out layouts": unsure}}
    (better,) = recommend_models({**state, "candidate": candidate}, 1_000)
    assert (better.kind, better.accuracy_gain) == ("promote", 0.03)
    assert better.steps[-1] == {"cli": "leads models promote 7"}
    assert recommend_models({**state, "candidate": {**candidate, "metrics": {"golden set": unsure}}}, 1_000) == []


def test_an_organization_is_told_how_to_have_a_model_of_its_own_by_rest() -> None:
    learning = {"trained_at": None, "corrections": 50, "gains": [], "candidate": None, "own": True}
    (advice,) = recommend(Evidence(organization="Acme", threshold=70, columns=1_000, learning=learning))
    assert (advice.kind, advice.title) == ("retrain", "Train a model of your own")
    assert [step["rest"] for step in advice.steps] == [
        "POST /api/v1/training/generate-dataset",
        "POST /api/v1/training/retrain",
    ]
