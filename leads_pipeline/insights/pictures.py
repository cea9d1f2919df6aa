"""The charts of the dashboard: what each shows, drawn from rows as `store.overview` and `store.performance` give them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from leads_pipeline.insights import charts
from leads_pipeline.insights.charts import Bar, Point, Stack, percent
from leads_pipeline.insights.intervals import Clusters, Estimate, clustered, mean, wilson
from leads_pipeline.wording import counted

TARGET_ACCURACY = 0.90
TARGET_COVERAGE = 0.85
Rows = Sequence[Mapping[str, Any]]
NO_TARGET = "no target"
MOST_FIELDS, MOST_PAIRS = 14, 12


def uploads(rows: Rows) -> str:
    legend = (("reviewed", "second"), ("mapped", "main"), ("waiting", "third"), ("failed", "alarm"))
    stacks = [Stack(_day(row["start"]), tuple(row[name] for name, _ in legend)) for row in rows]
    return charts.columns(
        "Files that came in", "By the day or week that they came in, and what became of them.", legend, stacks
    )


def accuracy(rows: Rows) -> str:
    points = [_estimated(row, accuracy_of(row)) for row in rows]
    shows = "Of the columns of fully reviewed files, the share that needed no correction, with its 95 % interval."
    return charts.line("Accuracy", shows, points, target=TARGET_ACCURACY)


def accuracy_of(row: Mapping[str, Any]) -> Estimate | None:
    """Of one row, or of sums of rows: columns of one file are right or wrong together, and the interval knows."""
    sums = Clusters(
        count=row["reviewed"],
        size=row["reviewed_columns"],
        hits=row["reviewed_right"],
        size_squared=row["reviewed_columns_squared"],
        hits_squared=row["reviewed_right_squared"],
        size_hits=row["reviewed_columns_right"],
    )
    return clustered(sums)


def corrections(rows: Rows) -> str:
    points = [_estimated(row, corrections_of(row)) for row in rows]
    shows = "Columns that people corrected in each fully reviewed file, with the 95 % interval of the mean."
    return charts.line("Corrections per upload", shows, points, unit=charts.number, whole=None)


def corrections_of(row: Mapping[str, Any]) -> Estimate | None:
    return mean(row["reviewed"], row["reviewed_corrections"], row["reviewed_corrections_squared"])


def collection(rows: Rows) -> str:
    points = [Point(_day(row["start"]), _share(row["reviewed"], row["reviewed"] + row["mapped"])) for row in rows]
    shows = (
        "Collection rate: of mapped files, the share that people have reviewed as a whole: what there is to learn from."
    )
    return charts.line("Files reviewed, of those mapped", shows, points)


def coverage(rows: Rows) -> str:
    points = [Point(_day(row["start"]), _share(row["decided"], row["columns"])) for row in rows]
    shows = "Share of the columns that were decided without a person."
    return charts.line("Coverage", shows, points, target=TARGET_COVERAGE)


def fields(rows: Rows) -> str:
    """Of columns by the field proposed and the one that was right."""
    held: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for row in rows:
        held[row["target"] or NO_TARGET] += row["columns"]
        found[row["target"] or NO_TARGET] += row["columns"] if row["predicted"] == row["target"] else 0
    shows = "Of the reviewed columns that hold a field, the share that was mapped to it; the most frequent fields."
    most = held.most_common(MOST_FIELDS)
    return charts.bars(
        "Accuracy by field",
        shows,
        [_field(name, found[name], count) for name, count in most],
        whole=1.0,
        target=TARGET_ACCURACY,
    )


def _field(name: str, right: int, held: int) -> Bar:
    share = wilson(right, held)
    assert share is not None, "a field is shown because columns hold it"
    low = "alarm" if share.high < TARGET_ACCURACY else "third"
    tone = "second" if share.value >= TARGET_ACCURACY else low
    return Bar(name, share.value, f"{100 * share.value:.0f} % of {held:,}", tone, share.low, share.high)


def confusions(rows: Rows) -> str:
    """Of the same columns."""
    wrong = sorted(
        (row for row in rows if row["predicted"] != row["target"]),
        key=lambda row: (-row["columns"], row["predicted"] or "", row["target"] or ""),
    )
    shows = "What was proposed for reviewed columns, and what was right instead; the most frequent pairs."
    pairs = [
        Bar(
            f"{row['predicted'] or NO_TARGET} → {row['target'] or NO_TARGET}",
            row["columns"],
            f"{row['columns']:,}",
            "third",
        )
        for row in wrong[:MOST_PAIRS]
    ]
    return charts.bars("Confusions", shows, pairs)


def reliability(rows: Rows) -> str:
    """Of columns by tenths of confidence."""
    points = [(row["confidence"], row["right_columns"] / row["columns"], row["columns"]) for row in rows]
    total = sum(row["columns"] for row in rows)
    error = sum(abs(said - right) * count for said, right, count in points) / total if total else 0.0
    shows = f"Whether confidence keeps its word, over {counted(total, 'reviewed column')}: dots on the line do."
    return charts.reliability("Reliability", shows, points, figure=f"off by {percent(error)}")


def waiting(rows: Rows) -> str:
    """Of what is in the queue at this moment."""
    bounds = [row["below"] for row in rows]
    names = ["up to " + charts.duration(bounds[0])]
    names += [f"{charts.duration(low)} to {charts.duration(high)}" for low, high in pairwise(bounds[:-1])]
    names += [f"over {charts.duration(bounds[-2])}"]
    tones = ("second", "second", "main", "third", "alarm")
    total = sum(row["jobs"] for row in rows)
    oldest = max(row["oldest_seconds"] for row in rows)
    shows = "Files that wait or are being mapped now, by how long they have been here."
    title = f"Queue: {total:,} waiting, oldest {charts.duration(oldest)}" if total else "Queue: nothing waits"
    parts = [
        Bar(name, row["jobs"], f"{row['jobs']:,}", tone) for name, tone, row in zip(names, tones, rows, strict=True)
    ]
    return charts.bars(title, shows, parts)


def waits(rows: Rows) -> str:
    points = [Point(_day(row["start"]), row["most_waited"]) for row in rows]
    shows = "Within how many seconds of their arrival 95 % of the files were mapped."
    return charts.line("Wait of 95 % of the files", shows, points, unit=charts.duration, whole=None)


def llm_calls(rows: Rows) -> str:
    return _sums(
        rows, "llm_calls", "Calls of a language model", "Calls by the day or week that their file was done in."
    )


def llm_tokens(rows: Rows) -> str:
    return _sums(
        rows, "llm_tokens", "Tokens of a language model", "Tokens that were sent and received.", charts.thousands
    )


def llm_cost(rows: Rows) -> str:
    unpriced = sum(row["llm_unpriced_calls"] for row in rows)
    shows = "What the calls cost, as far as prices are known."
    if unpriced:
        shows += f" The price of {unpriced:,} calls is not known; they are left out."
    return _sums(rows, "llm_cost_usd", "Cost of a language model", shows, charts.dollars)


def storage(kinds: Mapping[str, int], *, title: str = "Storage by kind") -> str:
    rows = [Bar(kind, count, charts.size(count)) for kind, count in kinds.items()]
    return charts.bars(title, f"In all {charts.size(sum(kinds.values()))}.", rows)


def retention(rows: Rows) -> str:
    """Of bytes that go on each of the days to come."""
    legend = (("CSV", "main"), ("Excel", "second"), ("others", "third"), ("held for review", "alarm"))
    names = ("csv", "excel", "others", "held")
    stacks = [Stack(_day(row["start"]), tuple(row[name] for name in names)) for row in rows]
    shows = "Contents by the day that they are deleted; those that somebody has still to look at stay until then."
    title = f"Retention due in {len(rows)} days"
    if not any(sum(stack.parts) for stack in stacks):
        return charts.nothing(title, shows, "Nothing is due.")
    return charts.columns(title, shows, legend, stacks, charts.size)


def _sums(rows: Rows, name: str, title: str, shows: str, unit: charts.Unit = charts.number) -> str:
    stacks = [Stack(_day(row["start"]), (row[name],)) for row in rows]
    return charts.columns(title, shows, ((name.replace("_", " "), "main"),), stacks, unit)


def _estimated(row: Mapping[str, Any], estimate: Estimate | None) -> Point:
    if estimate is None:
        return Point(_day(row["start"]), None)
    return Point(_day(row["start"]), estimate.value, estimate.low, estimate.high)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _day(start: date) -> str:
    return f"{start.day} {start:%b}"
