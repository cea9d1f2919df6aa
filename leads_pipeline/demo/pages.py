"""The demo's tables and panels: values in, things that rich can print out.

They fit 80 columns and grow with the terminal, say nothing by colour alone, and fall back to plain letters where the
output cannot show others. No cell of a file is shown, masked shapes only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, OverflowMethod, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from leads_pipeline.demo.answers import Judged, Score, Verdict
from leads_pipeline.demo.service import Problem, Warned
from leads_pipeline.wording import counted

NONE = "none"


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs that an output can show."""

    right: str
    wrong: str
    full: str
    empty: str
    arrow: str
    cut: OverflowMethod

    @classmethod
    def of(cls, encoding: str) -> "Marks":
        """Signs for an output's encoding."""
        fancy = cls("✓", "✗", "█", "░", "→", "ellipsis")
        try:
            str(fancy).encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return cls("+", "!", "#", ".", "->", "crop")
        return fancy


def field_name(target: str | None) -> str:
    return target or NONE


def mapping_table(judged: Sequence[Judged], marks: Marks) -> Table:
    """One sheet's columns: header, shape, lead field, confidence, how it was decided, whether it is applied."""
    table = _table()
    table.add_column("Column", ratio=3, no_wrap=True, overflow=marks.cut)
    table.add_column("Shape", ratio=2, no_wrap=True, overflow=marks.cut, style="dim")
    table.add_column("Lead field", width=19, overflow="fold")
    table.add_column("Confidence", width=11, no_wrap=True)
    table.add_column("By", width=6, no_wrap=True)
    table.add_column("Used", width=7, no_wrap=True)
    for one in judged:
        mapping = one.mapping
        table.add_row(
            Text(" ".join(mapping.header.split())),
            Text(mapping.sample_shapes[0] if mapping.sample_shapes else "(empty)"),
            _field(one, marks),
            confidence_bar(mapping.confidence, marks),
            mapping.method,
            _used(one),
        )
    return table


def legend(marks: Marks) -> Text:
    """What the signs of the mapping tables mean."""
    return Text(
        f"{marks.right} right   {marks.wrong} wrong, and what is right below it ({marks.arrow})   "
        "review: waits for a person",
        style="dim",
    )


def score_line(score: Score) -> Text:
    """What a file's table comes to, in one line."""
    missed = score.columns - score.right - score.wrong
    return Text(
        f"{counted(score.columns, 'column')}: {score.right} right, {score.wrong} mapped wrongly, {missed} missed; "
        f"{score.applied} decided without a person."
    )


def warning_lines(warnings: Sequence[Warned]) -> list[Text]:
    """What the reader wants people to know about a file."""
    return [
        Text(f"Note: {f'{warned.sheet}: ' if warned.sheet else ''}{warned.detail}", style="dim") for warned in warnings
    ]


def confidence_bar(percent: float, marks: Marks) -> Text:
    """Five blocks and the number: `████░  76.0`."""
    full = min(5, max(0, round(percent / 20)))
    style = "green" if percent >= 90 else "yellow" if percent >= 50 else "red"
    return Text(marks.full * full, style=style) + Text(marks.empty * (5 - full) + f" {percent:5.1f}", style="default")


@dataclass(frozen=True, slots=True)
class Recalled:
    """A column that was corrected in one file, and what became of it in the next of the same sender."""

    before: Judged
    said: str | None
    after: Judged


def recall_table(recalled: Sequence[Recalled], marks: Marks) -> Table:
    """Before and after: what was proposed, what a person said, what the next file got."""
    table = _table()
    table.add_column("Column", ratio=16, no_wrap=True, overflow=marks.cut)
    table.add_column("First file", ratio=20, overflow="fold")
    table.add_column("A person said", ratio=14, overflow="fold")
    table.add_column("Next file", ratio=28, overflow="fold")
    for one in recalled:
        before, after = one.before.mapping, one.after.mapping
        acted = after.target == one.said
        table.add_row(
            Text(" ".join(before.header.split())),
            Text(f"{field_name(before.target)} {before.confidence:.1f} ({before.method})"),
            Text(f"{marks.arrow} {field_name(one.said)}"),
            Text(
                f"{marks.right if acted else marks.wrong} {field_name(after.target)} {after.confidence:.1f} "
                f"({after.method})",
                style="green" if acted else "red",
            ),
        )
    return table


@dataclass(frozen=True, slots=True)
class Understood:
    """Who maps, and by file how many columns are right, of how many."""

    who: str
    right: Mapping[str, tuple[int, int]]


def understood_table(rows: Sequence[Understood]) -> Table:
    """A row for each who maps, a column for each file, and all of them together."""
    table = _table()
    table.add_column("Mapped by", ratio=2, overflow="fold")
    for name in rows[0].right:
        table.add_column(Text(name), ratio=1, justify="right", overflow="fold")
    table.add_column("Together", ratio=1, justify="right")
    for one in rows:
        right, columns = (sum(each[at] for each in one.right.values()) for at in (0, 1))
        cells = [f"{part} of {whole}" for part, whole in one.right.values()]
        table.add_row(Text(one.who), *cells, percent(right, columns))
    return table


@dataclass(frozen=True, slots=True)
class Exported:
    """A file of leads: its name, rows and columns (without the header), size in bytes."""

    filename: str
    rows: int
    columns: int
    size: int


def export_table(exports: Sequence[Exported]) -> Table:
    table = _table()
    table.add_column("Leads", ratio=1, overflow="fold")
    for title in ("Rows", "Columns", "kB"):
        table.add_column(title, justify="right", min_width=8)
    for one in exports:
        table.add_row(Text(one.filename), f"{one.rows:,}", str(one.columns), f"{one.size / 1000:,.1f}")
    return table


def problem_panel(filename: str, problem: Problem) -> Panel:
    """A refusal as the system worded it."""
    body = Group(
        Text(f"{problem.status} {problem.code}", style="bold red"),
        Text(problem.title),
        Text(problem.detail, style="dim"),
    )
    return Panel(body, title=Text(f"POST /api/v1/uploads  {filename}"), title_align="left", box=box.ROUNDED)


def summary_panel(lines: Sequence[tuple[str, str]]) -> Panel:
    """The last word: a few facts, each with its name."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in lines:
        table.add_row(Text(name), Text(fact))
    return Panel(table, title=Text("Summary"), title_align="left", box=box.ROUNDED, border_style="green")


def heading(number: int, text: str) -> RenderableType:
    return Text(f"\n{number}. {text}", style="bold cyan")


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "nothing to count"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, expand=True, header_style="bold")


def _field(one: Judged, marks: Marks) -> Text:
    name = field_name(one.mapping.target)
    if one.verdict is Verdict.RIGHT:
        field = Text(f"{marks.right} ", style="green") + Text(name, style="dim" if name == NONE else "default")
        transform = one.mapping.transform
        if transform is not None and transform.kind == "split":
            field += Text(f" {marks.arrow} {', '.join(transform.fields)}", style="dim")
        return field
    return Text(f"{marks.wrong} {name}\n{marks.arrow} {field_name(one.right)}", style="red")


def _used(one: Judged) -> Text:
    mapping = one.mapping
    return Text("applied" if mapping.applied else "review", style="default" if mapping.applied else "yellow")
