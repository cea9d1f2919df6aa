"""How `make bench-peers` judges: alike for all, and in a peer's favour where there is a choice."""

import json
import tarfile
from pathlib import Path

import pytest

from benchmarks.peers import page
from benchmarks.peers.cases import mapped_by_us, read_cases
from benchmarks.peers.judging import Assigned, assigned, best_cut
from leads_pipeline.mapping import load_model
from leads_pipeline.training.benchmark import Prediction


def test_no_two_columns_get_the_same_field_and_the_sum_of_scores_decides() -> None:
    pairs = [(0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.85)]
    assert assigned(pairs, columns=3, fields=["Email", "Phone"]) == [("Phone", 0.8), ("Email", 0.85), (None, 0.0)]


def test_a_peer_is_given_the_cut_off_that_is_best_for_it() -> None:
    rows: list[Assigned] = [[("Email", 0.9), ("Phone", 0.5)]]

    def worth(them: list[list[Prediction]]) -> float:
        """The e-mail address is right, and nothing else."""
        return sum(1 if each.target == "Email" else -1 for each in them[0] if each.target is not None)

    cut_off, predicted = best_cut(rows, worth)
    assert 0.5 < cut_off <= 0.9
    assert predicted == [[Prediction("Email", 90.0), Prediction(None, 50.0)]]


def test_a_case_of_a_peer_is_mapped_onto_the_columns_of_its_second_table(tmp_path: Path) -> None:
    folder = tmp_path / "benchmark" / "cases"
    (folder / "valentine" / "tpch" / "one").mkdir(parents=True)
    (folder / "valentine" / "tpch" / "one" / "source.csv").write_text("email,city\nann@example.com,Oslo\n")
    (folder / "valentine" / "tpch" / "one" / "target.csv").write_text("email_address,income\nbob@example.com,52000\n")
    (folder / "valentine" / "tpch" / "one" / "expected.json").write_text(
        json.dumps({"mappings": [{"source": "email", "target": "email_address"}]})
    )
    (folder / "synthetic").mkdir()
    (folder / "synthetic" / "generated.json").write_text('{"cases": []}')
    with tarfile.open(tmp_path / "peer.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "benchmark", "peer-1/benchmark")

    (case,) = read_cases(tmp_path / "peer.tar.gz")
    assert (case.group, case.right) == ("tpch", (0, None))
    assert [target for target, _ in mapped_by_us(case, load_model())] == [0, None]


def test_a_page_keeps_its_prose_and_refuses_a_table_that_it_has_no_place_for(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("Before.\n<!-- peers -->\nold\n<!-- /peers -->\nAfter.\n")
    page.write(document, {"peers": "new"})
    assert document.read_text() == "Before.\n<!-- peers -->\nnew\n<!-- /peers -->\nAfter.\n"
    with pytest.raises(ValueError, match="no place for the table cases"):
        page.write(document, {"cases": "new"})
