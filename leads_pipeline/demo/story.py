"""The demo's story, in order: send, wait, look, correct, see it act, export, be refused, learn, sum up.

Starting the system, and knowing where its dashboard is, belong to the caller.
"""

import csv
import io
import statistics
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import httpx
from rich.console import Console, RenderableType
from rich.text import Text

from leads_pipeline.demo import pages
from leads_pipeline.demo.answers import Answers, Judged, Score, Verdict
from leads_pipeline.demo.pages import Exported, Marks, Recalled, Understood, heading, percent
from leads_pipeline.demo.service import Asked, Correction, Problem, Service, Upload
from leads_pipeline.errors import SetupProblem, UnexpectedAnswer
from leads_pipeline.wording import counted

FIRST, AGAIN = "trade_show.xlsx", "trade_show_again.xlsx"
HOUSE_RULE = ("Job Function", "Department")
"""What the demo's organization wants of a column of `FIRST`, in case the rest of it was right at once."""
FOREIGN, UNSEEN = "welsh/", "welsh/unseen/"
"""Lists in a language that the shipped model has no words for: those that are corrected, and of other systems those that
nobody corrects and no model learns from.
"""
POLL_SECONDS = 0.25
WIDEST = 110
"""Columns of text that a table takes at most: wider ones are hard to read across."""


_Request = TypeVar("_Request", bound=Asked)


@dataclass(frozen=True, slots=True)
class Learned:
    """What learning came to, on files of systems that nobody corrected: of their `columns`, how many were right.

    `model` is the version that was trained, `refused` why it was not promoted (None: it was).
    """

    corrections: int
    dataset: int
    model: int
    refused: str | None
    columns: int
    at_first: int
    with_memory: int
    retrained: int
    retrained_with_memory: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo came to.

    `score` counts the first look at every file, before any correction; `again` the sender's second file, after it.
    Seconds are from a file's sending to its being mapped.
    """

    files: int
    score: Score
    corrections: int
    again: Score
    exported_rows: int
    refused_code: str
    learned: Learned
    llm_cost_usd: float | None
    median_seconds: float
    slowest_seconds: float


def run_demo(
    base_url: str,
    token: str,
    examples: Path,
    out: Console,
    *,
    exports: Path,
    dashboard: str,
    login: str,
    patience_seconds: float = 600,
) -> DemoResult:
    """Tell the whole story on `out`, and return what it came to.

    `exports` is the folder that the leads are written to; it is made. `dashboard` and `login` are said at the end.
    `patience_seconds` is how long files may wait to be mapped. Raises a `LeadsError` with one sentence when the
    system does not do what it should.
    """
    if isinstance(out.file, io.TextIOWrapper):
        # The examples' headers are in letters that not every output can show: better a "?" than an end.
        out.file.reconfigure(errors="replace")
    answers = Answers.read(examples)
    for name in answers.files:
        if not (examples / name).is_file():
            raise SetupProblem(f"{examples} has no {name}: run make_examples.py there.")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        teller = _Teller(Service(client), answers, out, patience_seconds)
        names = sorted(answers.files, key=lambda name: (name != FIRST, name))
        foreign = [examples / name for name in names if name.startswith(FOREIGN) and not name.startswith(UNSEEN)]
        unseen = [examples / name for name in names if name.startswith(UNSEEN)]
        first = teller.send([examples / name for name in names if name != AGAIN and not name.startswith(FOREIGN)])
        teller.show(first)
        corrected = teller.correct(first)
        again = teller.send_again(examples / AGAIN, first, corrected)
        rows = teller.export([*first, again], exports)
        refused = teller.be_refused()
        learned = teller.learn(foreign, unseen)
        llm = teller.service.llm_use()
    seconds = [seen.seconds for seen in first]
    result = DemoResult(
        files=len(first) + 1 + len(foreign) + len(unseen),
        score=Score.of(one for seen in first for one in seen.judged),
        corrections=len(corrected),
        again=Score.of(again.judged),
        exported_rows=rows,
        refused_code=refused.code,
        learned=learned,
        llm_cost_usd=llm.cost_usd,
        median_seconds=statistics.median(seconds),
        slowest_seconds=max(seconds),
    )
    out.print()
    lines = summary(result, exports=exports, dashboard=dashboard, login=login)
    out.print(pages.summary_panel(lines), width=min(out.width, WIDEST))
    return result


def summary(result: DemoResult, *, exports: Path, dashboard: str, login: str) -> list[tuple[str, str]]:
    """The facts of the summary, each with its name."""
    score, again, learned = result.score, result.again, result.learned
    before, after, both = (
        percent(right, learned.columns)
        for right in (learned.at_first, learned.retrained, learned.retrained_with_memory)
    )
    return [
        ("Files", f"{result.files} spreadsheets"),
        ("At first sight", f"{score.right} of {score.columns} columns right ({percent(score.right, score.columns)})"),
        ("Wrong maps", f"{score.wrong}; {score.wrong_and_applied} of them would have been used without a person"),
        ("Coverage", f"{percent(score.applied, score.columns)} of columns decided without a person"),
        ("Corrections", f"{result.corrections}, in memory at once"),
        ("Next file", f"{again.right} of {again.columns} columns right, {again.from_memory} from memory"),
        ("Learned", f"of unseen systems' columns {before} right before, {after} after retraining, {both} with memory"),
        ("Language model", "cost unknown" if result.llm_cost_usd is None else f"${result.llm_cost_usd:.2f}"),
        ("Until mapped", f"{result.median_seconds:.1f} s (median), {result.slowest_seconds:.1f} s (slowest)"),
        ("Leads", f"{counted(result.exported_rows, 'row')} in {exports}"),
        ("Dashboard", dashboard),
        ("Log in", login),
    ]


# --- The chapters --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """A mapped example: what was made of it, and how long that took."""

    upload: Upload
    judged: Sequence[Judged]
    seconds: float


class _Teller:
    """Each chapter prints what it does and returns what the next ones need."""

    def __init__(self, service: Service, answers: Answers, out: Console, patience_seconds: float) -> None:
        self.service = service
        self._answers = answers
        self._out = out
        self._marks = Marks.of(out.encoding)
        self._patience = patience_seconds

    def send(self, files: Sequence[Path]) -> list[_Seen]:
        """Send spreadsheets and wait until they are mapped."""
        self._out.print(heading(1, f"Sending {counted(len(files), 'spreadsheet')} to POST /api/v1/uploads"))
        return self._send(files)

    def show(self, seen: Sequence[_Seen]) -> None:
        """A table for each sheet."""
        self._out.print(heading(2, "What each column was mapped to"))
        self._out.print(pages.legend(self._marks))
        for one in seen:
            for sheet, judged in groupby(one.judged, lambda judged: judged.mapping.sheet):
                columns = list(judged)
                self._out.print(Text(f"\n{one.upload.filename}", style="bold") + Text(f"  {sheet}", style="dim"))
                self._print_table(pages.mapping_table(columns, self._marks))
            self._out.print(pages.score_line(Score.of(one.judged)))
            for line in pages.warning_lines(one.upload.warnings):
                self._out.print(line)

    def correct(self, seen: Sequence[_Seen]) -> dict[str, str | None]:
        """Correct what is wrong, confirm the rest. Returns what was said, by mapping."""
        self._out.print(heading(3, "A person corrects what is wrong, and confirms the rest"))
        said: dict[str, str | None] = {}
        for one in seen:
            wrong = _wrong(one.judged)
            if one.upload.filename == FIRST:
                # Answers about single columns, as they come from somebody who looks at one: they act at once.
                if not wrong:
                    wrong = _house_rule(one.judged)
                    self._out.print(f"{FIRST} is right already, so a rule of the house is added to it.")
                self.service.correct(wrong)
                self.service.review(one.upload.id)
            else:
                self.service.review(one.upload.id, wrong)
            said |= {correction.mapping_id: correction.target for correction in wrong}
        self._out.print(f"{counted(len(said), 'correction')}; all {counted(len(seen), 'file')} reviewed.")
        return said

    def send_again(self, file: Path, before: Sequence[_Seen], said: Mapping[str, str | None]) -> _Seen:
        """Send the next file of a sender whose columns were corrected, and show that this acted."""
        self._out.print(heading(4, f"The next file of the same sender: {file.name}"))
        (again,) = self._send([file])
        first = next(seen for seen in before if seen.upload.filename == FIRST)
        now = {_place(one): one for one in again.judged}
        recalled = [
            Recalled(one, said[one.mapping.id], now[_place(one)])
            for one in first.judged
            if one.mapping.id in said and _place(one) in now
        ]
        self._print_table(pages.recall_table(recalled, self._marks))
        self._out.print(pages.score_line(Score.of(again.judged)))
        return again

    def export(self, seen: Sequence[_Seen], folder: Path) -> int:
        """Write every file's leads into a folder. Returns their number."""
        self._out.print(heading(5, f"The leads, in the lead schema, as CSV in {folder}"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            exports = [self._export(one.upload, folder) for one in seen]
        except OSError as error:
            raise SetupProblem(f"{folder} cannot be written to: {error.strerror}.") from error
        self._print_table(pages.export_table(exports))
        return sum(one.rows for one in exports)

    def be_refused(self) -> Problem:
        """Send something that is no spreadsheet, and show the precise answer."""
        self._out.print(heading(6, "A picture that calls itself a workbook"))
        filename = "photo_of_badges.xlsx"
        answer = self.service.send(filename, _picture())
        if isinstance(answer, Upload):
            raise UnexpectedAnswer("A picture named .xlsx was taken for a workbook.")
        self._print_table(pages.problem_panel(filename, answer))
        return answer

    def learn(self, files: Sequence[Path], unseen: Sequence[Path]) -> Learned:
        """Correct lists in a new language, train a model with them, and see what it makes of systems that nobody corrected."""
        self._out.print(heading(7, "Learning: lists in Welsh, which the shipped model has no words for"))
        at_first = self._understood(unseen, memory=False)
        seen = self._send(files)
        corrections = 0
        for one in seen:
            wrong = _wrong(one.judged)
            corrections += len(wrong)
            self.service.review(one.upload.id, wrong)
        self._out.print(
            f"{counted(corrections, 'correction')} in {counted(len(seen), 'file')}, which act through memory at once."
        )
        with_memory = self._understood(unseen, memory=True)
        dataset = self._dataset()
        self._out.print(f"Training dataset {dataset} is frozen: all that was reviewed above, anonymised.")
        model, refused = self._trained()
        retrained = self._understood(unseen, memory=False)
        with_both = self._understood(unseen, memory=True)
        self._out.print("\nRight columns of two systems that nobody corrected, and no model was trained on:")
        self._print_table(
            pages.understood_table(
                [
                    Understood("the shipped model", at_first),
                    Understood("with memory of the corrections", with_memory),
                    Understood(f"model {model}, without memory", retrained),
                    Understood(f"model {model}, with memory", with_both),
                ]
            )
        )
        columns = sum(whole for _, whole in at_first.values())
        right = [sum(part for part, _ in each.values()) for each in (at_first, with_memory, retrained, with_both)]
        return Learned(corrections, dataset, model, refused, columns, *right)

    def _understood(self, files: Sequence[Path], *, memory: bool) -> dict[str, tuple[int, int]]:
        """Of each file: how many of its columns are mapped rightly now, and how many it has."""
        found: dict[str, tuple[int, int]] = {}
        for file in files:
            proposals = self.service.preview(file.name, file.read_bytes(), memory=memory)
            found[file.name] = self._answers.right(file.name, proposals), len(proposals)
        return found

    def _dataset(self) -> int:
        """The version of the training dataset that a run builds when it is asked for."""
        doing = "A run makes anonymised examples of what was reviewed, and freezes them ..."
        built = self._made(self.service.generate_dataset(), "training dataset", waiting=doing, doing=doing)
        assert built.version is not None, "a request that is done has a version"
        return built.version

    def _trained(self) -> tuple[int, str | None]:
        """Train, and promote what came of it. The model's version, and why it was not promoted (None: it was)."""
        waiting = "Waiting for the sensor model_requests, which looks every 5 s ..."
        doing = "A run trains a model, and compares it with the one that maps now ..."
        made = self._made(self.service.retrain(), "model", waiting=waiting, doing=doing)
        assert made.model is not None, "a request that is done has a model"
        if made.model_status == "rejected":
            self._out.print(f"Model {made.model} is rejected: {made.reason}")
            return made.model, made.reason or "rejected"
        self.service.promote(made.model)
        self._out.print(f"Model {made.model} is promoted: it maps this organization's files from now on.")
        return made.model, None

    def _made(self, request: _Request, what: str, *, waiting: str, doing: str) -> _Request:
        """The request when a run has done what it asks for; what is told while it waits, and while the run is at it."""
        deadline = time.monotonic() + self._patience
        with _progress(self._out) as tell:
            while not request.settled:
                if time.monotonic() > deadline:
                    raise UnexpectedAnswer(f"No {what} after {self._patience:.0f} s: is the Dagster daemon running?")
                tell(waiting if request.status == "waiting" else doing)
                time.sleep(POLL_SECONDS)
                request = self.service.look_again(request)
        if request.status == "failed":
            raise UnexpectedAnswer(f"The {what} failed: {(request.problem or {}).get('detail', 'nobody says why')}")
        return request

    def _print_table(self, table: RenderableType) -> None:
        self._out.print(table, width=min(self._out.width, WIDEST))

    def _send(self, files: Sequence[Path]) -> list[_Seen]:
        sent: list[tuple[Upload, float]] = []
        for file in files:
            at, content = time.monotonic(), file.read_bytes()
            answer = self.service.send(file.name, content)
            if isinstance(answer, Problem):
                raise UnexpectedAnswer(f"{file.name} was refused with `{answer.code}`: {answer.detail}")
            self._out.print(Text(f"  {file.name:<24} {len(content) / 1000:6.1f} kB  {answer.status}"))
            sent.append((answer, at))
        return self._wait(sent)

    def _wait(self, sent: Sequence[tuple[Upload, float]]) -> list[_Seen]:
        """Wait for the run that a sensor asks for, then fetch what it made of the files."""
        done: dict[str, tuple[Upload, float]] = {}
        deadline = time.monotonic() + self._patience
        with _progress(self._out) as tell:
            while waiting := [(upload, at) for upload, at in sent if upload.id not in done]:
                if time.monotonic() > deadline:
                    raise UnexpectedAnswer(
                        f"{counted(len(waiting), 'file')} of {len(sent)} not mapped after {self._patience:.0f} s, "
                        f"{waiting[0][0].filename} among them: is the Dagster daemon running?"
                    )
                started = bool(done)
                for upload, at in waiting:
                    current = self.service.upload(upload.id)
                    started |= current.status != "received"
                    if current.settled:
                        done[upload.id] = (current, time.monotonic() - at)
                if not started:
                    tell("Waiting for the sensor new_uploads, which looks every 5 s ...")
                else:
                    tell(f"A run is at work: {len(done)} of {counted(len(sent), 'file')} mapped ...")
                time.sleep(POLL_SECONDS)
        return [self._seen(*done[upload.id]) for upload, _ in sent]

    def _seen(self, upload: Upload, seconds: float) -> _Seen:
        if upload.problem is not None:
            raise UnexpectedAnswer(f"{upload.filename} failed with `{upload.problem.code}`: {upload.problem.detail}")
        return _Seen(upload, self._answers.judge(upload.filename, self.service.mappings(upload.id)), seconds)

    def _export(self, upload: Upload, folder: Path) -> Exported:
        content = self.service.leads(upload.id)
        path = folder / f"{Path(upload.filename).stem}.leads.csv"
        path.write_bytes(content)
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline="")))
        return Exported(path.name, max(0, len(lines) - 1), len(lines[0]) if lines else 0, len(content))


def _wrong(judged: Sequence[Judged]) -> list[Correction]:
    return [
        Correction(mapping_id=one.mapping.id, target=one.right) for one in judged if one.verdict is not Verdict.RIGHT
    ]


def _house_rule(judged: Sequence[Judged]) -> list[Correction]:
    header, target = HOUSE_RULE
    return [Correction(mapping_id=one.mapping.id, target=target) for one in judged if one.mapping.header == header]


def _place(one: Judged) -> tuple[str, str]:
    return one.mapping.sheet, one.mapping.header


@contextmanager
def _progress(out: Console) -> Iterator[Callable[[str], None]]:
    """Something that shows the latest of many messages: moving on a terminal, a line for each change elsewhere."""
    if out.is_terminal and not out.is_dumb_terminal:
        with out.status("") as status:
            yield lambda text: status.update(Text(text))
        return
    said = ""

    def tell(text: str) -> None:
        nonlocal said
        if text != said:
            out.print(Text(f"  {text}"))
        said = text

    yield tell


def _picture() -> bytes:
    """A PNG of one white dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\xff")) + chunk(b"IEND", b"")
    )
