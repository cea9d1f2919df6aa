"""The demo as a client: what it tells, and what it says when the system does not do its part.

The system is played by a small HTTP server here; that the real one plays along is what `make demo` shows.
"""

import io
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from leads_pipeline.demo import DemoResult, run_demo
from leads_pipeline.demo.answers import Answers, Judged, Score, Verdict
from leads_pipeline.demo.pages import Marks, confidence_bar, mapping_table
from leads_pipeline.demo.service import ColumnMapping
from leads_pipeline.errors import SetupProblem, UnexpectedAnswer

ANSWERS = {
    "kunden.csv": [("Firma", 0, ["Company"]), ("Ort", 1, ["City"])],
    "trade_show.xlsx": [("Badge Co.", 0, ["Company"]), ("Temp", 1, ["Rating"]), ("Reg Type", 2, [None])],
    "trade_show_again.xlsx": [("Badge Co.", 0, ["Company"]), ("Temp", 1, ["Rating"]), ("Reg Type", 2, [None])],
    "welsh/ffair.csv": [("Cwmni", 0, ["Company"])],
    "welsh/unseen/gweminar.csv": [
        ("Cwmni", 0, ["Company"]),
        ("Enw'r cwmni", 1, ["Company"]),
        ("Nodiadau", 2, ["Notes"]),
    ],
}
AT_FIRST = {"Firma": "Company", "Ort": "City", "Badge Co.": None, "Temp": "Status", "Reg Type": None}
RETRAINED = {"Cwmni": "Company", "Enw'r cwmni": "Company"}


def asked(address: str) -> dict[str, Any]:
    """A request that waits for a run."""
    return {"id": "r", "status": "waiting", "status_url": f"/api/v1{address}", "problem": None}


@dataclass
class StandIn:
    """Maps by `AT_FIRST`, and remembers what it is told; by `RETRAINED` once a model is trained and promoted."""

    stuck: bool = False
    promoted: bool = False
    verdict: str = "candidate"
    accepts_pictures: bool = False
    token: str = "right"
    mappings_member: str = "mappings"
    filenames: dict[str, str] = field(default_factory=dict[str, str])
    memory: dict[str, str | None] = field(default_factory=dict[str, str | None])

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        path, _, query = path.removeprefix("/api/v1").partition("?")
        upload_id = path.split("/")[2] if path.count("/") > 1 else ""
        if (method, path) == ("POST", "/uploads"):
            return self._receive(body)
        if (learning := self._learn(path, query, body)) is not None:
            return learning
        if path in ("/training/corrections", f"/uploads/{upload_id}/review"):
            for correction in json.loads(body)["corrections"]:
                self.memory[correction["mapping_id"].partition("/")[2]] = correction["target"]
            return 200, {}
        if path.endswith("/mappings"):
            columns = columns_of(self.filenames[upload_id])
            return 200, {self.mappings_member: [self._mapping(upload_id, *column[:2]) for column in columns]}
        if path.endswith("/leads"):
            return 200, "Company,City\r\nQuorvane,Leeds\r\nZelbrith,Ponce\r\n"
        return 200, self._upload(upload_id, "received" if self.stuck else "mapped")

    def _learn(self, path: str, query: str, body: bytes) -> tuple[int, Any] | None:
        if path == "/mappings/preview":
            return 200, {"mappings": [self._previewed(*column[:2], query) for column in columns_of(sent_name(body))]}
        if path == "/models/2/promote":
            self.promoted = True
        dataset, model = "/training/dataset-requests/r", "/training/model-requests/r"
        made = {"status": "done", "model": 2, "model_status": self.verdict, "reason": "It is not better."}
        answers: dict[str, tuple[int, Any]] = {
            "/training/summary": (200, {"llm": {"calls": 0, "tokens": 0, "cost_usd": 0.0}}),
            "/training/generate-dataset": (202, asked(dataset)),
            dataset: (200, {**asked(dataset), "status": "done", "version": 1}),
            "/training/retrain": (202, asked(model)),
            model: (200, {**asked(model), **made}),
            "/models/2/promote": (200, {}),
        }
        return answers.get(path)

    def _receive(self, body: bytes) -> tuple[int, Any]:
        name = sent_name(body)
        if b"\x89PNG" in body and not self.accepts_pictures:
            return 422, problem(422, "content_mismatch", "This is a PNG picture.")
        upload_id = f"u{len(self.filenames)}"
        self.filenames[upload_id] = name
        return 202, self._upload(upload_id, "received")

    def _upload(self, upload_id: str, status: str) -> dict[str, Any]:
        return {
            "id": upload_id,
            "status": status,
            "filename": self.filenames[upload_id],
            "problem": None,
            "warnings": [{"code": "totals_left_out", "detail": "Totals are no leads.", "sheet": "List"}],
        }

    def _previewed(self, header: str, index: int, query: str) -> dict[str, Any]:
        told = self.memory if query == "memory=true" else {}
        target = told.get(header, RETRAINED.get(header) if self.promoted else None)
        return {"id": None, "sheet": "List", "index": index, "header": header, "target": target}

    def _mapping(self, upload_id: str, header: str, index: int) -> dict[str, Any]:
        known = header in self.memory
        return {
            "id": f"{upload_id}/{header}",
            "sheet": "List",
            "index": index,
            "header": header,
            "target": self.memory[header] if known else AT_FIRST.get(header),
            "confidence": 99.0 if known else 61.5,
            "method": "memory" if known else "model",
            "applied": known,
            "sample_shapes": ["Aaaaa Aa."],
        }


def sent_name(body: bytes) -> str:
    name = re.search(rb'filename="([^"]+)"', body)
    assert name
    return name[1].decode()


def columns_of(filename: str) -> list[tuple[str, int, list[str | None]]]:
    return next(columns for name, columns in ANSWERS.items() if Path(name).name == filename)


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    return {"title": "Refused", "status": status, "code": code, "detail": detail}


@dataclass
class Stage:
    """The played system's address, and a folder with examples."""

    system: StandIn
    url: str
    folder: Path

    def play(self, *, token: str = "right", patience_seconds: float = 10) -> tuple[DemoResult, str]:
        out = Console(file=io.StringIO(), width=80)
        result = run_demo(
            self.url,
            token,
            self.folder,
            out,
            exports=self.folder / "leads",
            dashboard="http://localhost/admin",
            login="with the token above",
            patience_seconds=patience_seconds,
        )
        assert isinstance(out.file, io.StringIO)
        return result, out.file.getvalue()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    system = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers["authorization"] != f"Bearer {system.token}":
                status, content = 401, problem(401, "unauthorized", "The token is not known.")
            else:
                status, content = system.answer(self.command, self.path, body)
            sent = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing: the test's output is the demo's."""

    files = {
        name: [
            {
                "sheet": None,
                "header_row": 1,
                "rows": 2,
                "columns": [{"header": header, "index": index, "answers": best} for header, index, best in columns],
            }
        ]
        for name, columns in ANSWERS.items()
    }
    (tmp_path / "answers.json").write_text(json.dumps(files))
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"content")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Stage(system, f"http://127.0.0.1:{server.server_port}", tmp_path)
        server.shutdown()
        thread.join()


def test_the_demo_counts_what_was_right_at_first_sight(stage: Stage) -> None:
    result, _ = stage.play()
    assert result.score == Score(columns=5, right=3, wrong=1, wrong_and_applied=0, applied=0, from_memory=0)


def test_corrections_act_on_the_next_file_of_the_sender(stage: Stage) -> None:
    result, told = stage.play()
    assert (result.corrections, result.again.right, result.again.from_memory) == (2, 3, 2)
    assert "Status 61.5 (model)" in told
    assert "✓ Rating 99.0 (memory)" in told


def test_leads_are_exported_and_counted(stage: Stage) -> None:
    result, _ = stage.play()
    assert result.exported_rows == 6
    assert (stage.folder / "leads" / "kunden.leads.csv").read_text().startswith("Company,City")


def test_a_refused_file_is_shown_with_its_code(stage: Stage) -> None:
    result, told = stage.play()
    assert result.refused_code == "content_mismatch"
    assert "422 content_mismatch" in told


def test_a_retrained_model_is_judged_on_systems_that_nobody_corrected(stage: Stage) -> None:
    result, told = stage.play()
    learned = result.learned
    assert (learned.corrections, learned.dataset, learned.model, learned.refused) == (1, 1, 2, None)
    right = (learned.at_first, learned.with_memory, learned.retrained, learned.retrained_with_memory)
    assert (right, learned.columns) == ((0, 1, 2, 2), 3)
    assert re.search(r"model 2, without memory +2 of 3 +66\.7 %", told)
    assert "0.0 % right before, 66.7 % after retraining, 66.7 % with memory" in " ".join(
        re.sub("[│╭╮╰╯─]", " ", told).split()
    )


def test_a_model_that_is_not_better_is_said_to_be_rejected_and_maps_nothing(stage: Stage) -> None:
    stage.system.verdict = "rejected"
    result, told = stage.play()
    assert (result.learned.refused, result.learned.retrained) == ("It is not better.", 0)
    assert "Model 2 is rejected: It is not better." in told


def test_without_a_terminal_everything_is_plain_text_of_80_columns(stage: Stage) -> None:
    _, told = stage.play()
    assert "\x1b" not in told
    assert "\r" not in told
    # The last lines name a folder of this machine, which is as long as it is.
    assert max(map(len, told.partition("5. The leads")[0].splitlines())) <= 80


def test_the_summary_says_where_the_dashboard_is_and_how_to_log_in(stage: Stage) -> None:
    _, told = stage.play()
    summary = told.partition("Summary")[2]
    for fact in ("3 of 5 columns right (60.0 %)", "$0.00", "http://localhost/admin", "with the token above"):
        assert fact in summary


def test_a_run_that_never_comes_is_one_clear_sentence(stage: Stage) -> None:
    stage.system.stuck = True
    with pytest.raises(UnexpectedAnswer, match=r"2 files of 2 not mapped after 0 s.* is the Dagster daemon running\?"):
        stage.play(patience_seconds=0.3)


def test_a_wrong_token_is_one_clear_sentence(stage: Stage) -> None:
    with pytest.raises(UnexpectedAnswer, match="answered 401 `unauthorized`: The token is not known"):
        stage.play(token="wrong")


def test_an_answer_of_another_form_is_one_clear_sentence(stage: Stage) -> None:
    stage.system.mappings_member = "columns"
    with pytest.raises(UnexpectedAnswer, match="answered 200, but not as promised: see mappings"):
        stage.play()


def test_a_picture_that_is_taken_for_a_workbook_ends_the_demo(stage: Stage) -> None:
    stage.system.accepts_pictures = True
    with pytest.raises(UnexpectedAnswer, match=r"A picture named \.xlsx was taken"):
        stage.play()


def test_a_system_that_is_not_there_is_one_clear_sentence(stage: Stage) -> None:
    stage.url = "http://127.0.0.1:9"
    with pytest.raises(UnexpectedAnswer, match="Nothing answers at"):
        stage.play()


def test_examples_that_are_not_there_are_one_clear_sentence(stage: Stage) -> None:
    (stage.folder / "kunden.csv").unlink()
    with pytest.raises(SetupProblem, match=r"has no kunden\.csv"):
        stage.play()
    (stage.folder / "answers.json").unlink()
    with pytest.raises(SetupProblem, match=r"has no readable answers\.json"):
        stage.play()


def mapping(**changes: Any) -> ColumnMapping:
    base = {
        "id": "m",
        "sheet": "List",
        "index": 0,
        "header": "Firma",
        "target": "Company",
        "confidence": 88.0,
        "method": "model",
        "applied": True,
        "sample_shapes": ["Aaaa Aaaa"],
    }
    return ColumnMapping.model_validate({**base, **changes})


@pytest.mark.parametrize(
    ("target", "verdict"), [("Company", Verdict.RIGHT), ("City", Verdict.WRONG), (None, Verdict.MISSED)]
)
def test_a_mapping_is_right_wrong_or_missed(stage: Stage, target: str | None, verdict: Verdict) -> None:
    (judged,) = Answers.read(stage.folder).judge("kunden.csv", [mapping(target=target)])
    assert (judged.verdict, judged.right) == (verdict, "Company")


def test_a_column_without_an_answer_has_no_target(stage: Stage) -> None:
    (judged,) = Answers.read(stage.folder).judge("kunden.csv", [mapping(header="Column 9", index=8)])
    assert (judged.verdict, judged.right) == (Verdict.WRONG, None)


def test_a_wrong_mapping_is_shown_with_what_is_right() -> None:
    wrong = Judged(mapping(target="City", applied=False), Verdict.WRONG, "Company")
    told = rendered(mapping_table([wrong], Marks.of("utf-8")))
    assert re.search(r"Firma +Aaaa Aaaa +✗ City +████░  88\.0 model +review", told)
    assert "→ Company" in told


def test_a_whole_name_is_shown_with_the_fields_that_it_is_split_into() -> None:
    transform = {"kind": "split", "of": "name", "fields": ["FirstName", "LastName"]}
    whole = Judged(mapping(header="Ansprechpartner", target="FullName", transform=transform), Verdict.RIGHT, "FullName")
    told = rendered(mapping_table([whole], Marks.of("utf-8")))
    assert "✓ FullName →" in told
    assert "FirstName, LastName" in told


def test_a_header_is_text_and_no_markup() -> None:
    told = rendered(
        mapping_table([Judged(mapping(header="[red]x[/red]\nfirma"), Verdict.RIGHT, "Company")], Marks.of("utf-8"))
    )
    assert "[red]x[/red] firma" in told


def test_plain_letters_stand_in_where_an_output_has_no_others() -> None:
    marks = Marks.of("ascii")
    assert confidence_bar(61, marks).plain == "###..  61.0"
    right = Judged(mapping(header="a header much too long for its column"), Verdict.RIGHT, "Company")
    assert "+ Company" in rendered(mapping_table([right], marks)).encode("ascii", errors="replace").decode()


@pytest.mark.parametrize(("percent", "bar"), [(0, "░░░░░   0.0"), (70, "████░  70.0"), (100, "█████ 100.0")])
def test_a_bar_goes_from_nothing_to_certain(percent: float, bar: str) -> None:
    assert confidence_bar(percent, Marks.of("utf-8")).plain == bar


def rendered(thing: Any) -> str:
    out = Console(file=io.StringIO(), width=80)
    out.print(thing)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()
