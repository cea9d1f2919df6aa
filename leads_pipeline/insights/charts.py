"""Pictures of numbers: lines, columns, bars and reliability, as SVG that says in words what it shows.

A chart is one `<svg>` with a title and a description for those who do not see it, without a script, a font or a link. It is
legible on light and on dark ground: `STYLE` follows the reader's scheme, and the chart brings its own ground along.
`standalone` makes a file of it; in a page of ours the style stands with the page's own.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 190
"""Low enough to be seen as a whole under two lines of a description, before the dashboard folds the rest."""
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 56, 30
ROW = 24
LONGEST_LABEL = 27
LABELS = 6
"""Most labels along the lower edge: more would overlap."""

STYLE = """
.chart{--ground:#fff;--ink:#0f172a;--quiet:#475569;--line:#cbd5e1;--main:#0369a1;--second:#0f766e;--third:#b45309;--alarm:#b91c1c;
font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.chart{--ground:#1e293b;--ink:#e2e8f0;--quiet:#a3b1c6;--line:#475569;
--main:#38bdf8;--second:#2dd4bf;--third:#fbbf24;--alarm:#fca5a5}}
.chart .ground{fill:var(--ground);stroke:var(--line)}.chart text{fill:var(--quiet)}
@media (max-width:29rem){.chart{font-size:14px}}
.chart .title{fill:var(--ink);font-weight:600;font-size:14px}
.chart .figure{fill:var(--ink);font-weight:600;font-size:16px}.chart .value{fill:var(--ink)}
.chart .end{text-anchor:end}.chart .mid{text-anchor:middle}.chart .grid{stroke:var(--line);stroke-width:.6}
.chart .line{fill:none;stroke:var(--main);stroke-width:2.2;stroke-linejoin:round}.chart .dot{fill:var(--main)}
.chart .of-second{stroke:var(--second)}.chart .of-third{stroke:var(--third)}.chart .of-alarm{stroke:var(--alarm)}
.chart .band{fill:var(--main);opacity:.18}.chart .whisker{stroke:var(--main);opacity:.5;stroke-width:2}
.chart .bounds{stroke:var(--ink);stroke-width:1.4;opacity:.55}
.chart .target{stroke:var(--third);stroke-width:1.6;stroke-dasharray:5 4}.chart .aim{fill:var(--third)}
.chart .main{fill:var(--main)}.chart .second{fill:var(--second)}.chart .third{fill:var(--third)}
.chart .alarm{fill:var(--alarm)}
""".replace("\n", "")

Tone = str
"""`main`, `second`, `third` or `alarm`: what a surface means."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at one place along the lower edge, None where nothing is known, with the bounds that it lies in, if known."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A column of parts, lowest first, in the order of the chart's legend."""

    label: str
    parts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with what stands beside it. `low` and `high` are the bounds of its value."""

    label: str
    value: float
    text: str
    tone: Tone = "main"
    low: float | None = None
    high: float | None = None


Unit = Callable[[float], str]


def percent(value: float) -> str:
    """Of a share from 0 to 1."""
    return f"{100 * value:.1f} %".replace(".0 %", " %")


def number(value: float) -> str:
    """`1,234`, or `0.25`: three digits that matter."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 1 else f"{value:.3g}"


def thousands(value: float) -> str:
    """`12 k`, `3.4 M`."""
    for step, unit in ((1e6, "M"), (1e3, "k")):
        if value >= step:
            return f"{value / step:.3g} {unit}"
    return f"{value:.0f}"


def dollars(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}".rstrip("0")


def duration(seconds: float) -> str:
    """`8 s`, `12 min`, `3 h`, `2 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{number(float(f'{seconds / size:.2g}'))} {unit}"
    return f"{number(float(f'{seconds:.2g}'))} s"


def size(count: float) -> str:
    """Bytes: `12 MB`."""
    for step, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= step:
            return f"{count / step:,.3g} {unit}" if count / step < 1000 else f"{count / step:,.0f} {unit}"
    return f"{count:.0f} B"


def line(
    title: str,
    shows: str,
    points: Sequence[Point],
    *,
    unit: Unit = percent,
    target: float | None = None,
    whole: float | None = 1.0,
) -> str:
    """A line through the known values, with the band of their bounds. `whole` is the upper edge, None: the largest value."""
    known = [point for point in points if point.value is not None]
    if not known:
        return nothing(title, shows)
    ends = [end for point in known for end in (point.value, point.low, point.high) if end is not None]
    if target is not None:
        ends.append(target)
    low, high = (0.0, _above(max(ends))) if whole is None else (_below(min(ends)), whole)
    across, up = _across(len(points)), _up(low, high)
    drawn = _grid(low, high, unit, up) + _labels([point.label for point in points], across)
    if target is not None:
        at = up(target)
        drawn += (
            f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="aim" x="{LEFT + 4}" y="{at - 4:.1f}">target {unit(target)}</text>'
        )
    for run in _runs(points):
        places = [(across(index), point) for index, point in run]
        upper = [f"{x:.1f},{up(point.high):.1f}" for x, point in places if point.high is not None]
        lower = [f"{x:.1f},{up(point.low):.1f}" for x, point in places if point.low is not None]
        if len(places) > 1:
            if len(upper) == len(lower) == len(places):
                drawn += f'<polygon class="band" points="{" ".join([*upper, *reversed(lower)])}"/>'
            through = " ".join(f"{x:.1f},{up(point.value or 0):.1f}" for x, point in places)
            drawn += f'<polyline class="line" points="{through}"/>'
        elif upper and lower:
            (x, point), *_ = places
            drawn += (
                f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{up(point.low or 0):.1f}" '
                f'y2="{up(point.high or 0):.1f}"/>'
            )
        drawn += "".join(
            f'<circle class="dot" cx="{x:.1f}" cy="{up(point.value or 0):.1f}" r="3"/>' for x, point in places
        )
    newest = known[-1]
    said = f"{shows} Newest, {newest.label}: {_with_bounds(newest, unit)}."
    if target is not None:
        said += f" Target: {unit(target)}."
    return _chart(title, said, drawn, figure=unit(newest.value or 0), under=_under(newest, unit))


def lines(
    title: str,
    shows: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Tone, Sequence[float]]],
    *,
    unit: Unit = number,
    whole: float | None = None,
) -> str:
    """Several lines over the same labels, with a legend. `whole` is the upper edge, None: the largest value."""
    if not labels or not series:
        return nothing(title, shows)
    values = [value for _, _, each in series for value in each]
    low, high = (0.0, _above(max(values))) if whole is None else (_below(min(values)), whole)
    across, up = _across(len(labels)), _up(low, high)
    drawn = _grid(low, high, unit, up) + _labels(labels, across)
    for _, tone, each in series:
        through = " ".join(f"{across(index):.1f},{up(value):.1f}" for index, value in enumerate(each))
        drawn += f'<polyline class="line of-{tone}" points="{through}"/>'
    said = "; ".join(f"{name}: first {unit(each[0])}, last {unit(each[-1])}" for name, _, each in series)
    return _chart(title, f"{shows} {said}.", drawn + _legend([(name, tone) for name, tone, _ in series]))


def columns(
    title: str, shows: str, legend: Sequence[tuple[str, Tone]], stacks: Sequence[Stack], unit: Unit = number
) -> str:
    """Columns of parts side by side, with a legend where there is more than one part."""
    top = max((sum(stack.parts) for stack in stacks), default=0.0)
    if not top:
        return nothing(title, shows)
    high = _above(top)
    across, up = _across(len(stacks), slots=True), _up(0, high)
    width = min(34.0, 0.7 * (WIDTH - LEFT - RIGHT) / len(stacks))
    drawn = _grid(0, high, unit, up) + _labels([stack.label for stack in stacks], across)
    for index, stack in enumerate(stacks):
        base = 0.0
        for part, (_, tone) in zip(stack.parts, legend, strict=True):
            if part:
                y, bottom = up(base + part), up(base)
                drawn += (
                    f'<rect class="{tone}" x="{across(index) - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{max(bottom - y, 0.8):.1f}"/>'
                )
            base += part
    total = sum(sum(stack.parts) for stack in stacks)
    sums = [sum(stack.parts[at] for stack in stacks) for at in range(len(legend))]
    parts = ", ".join(f"{name} {unit(value)}" for (name, _), value in zip(legend, sums, strict=True))
    return _chart(title, f"{shows} In all {unit(total)}: {parts}.", drawn + _legend(legend), figure=unit(total))


def bars(
    title: str, shows: str, rows: Sequence[Bar], *, whole: float | None = None, target: float | None = None
) -> str:
    """Bars under each other, each with its label and value. `whole` is the right edge, None: the largest value."""
    if not rows:
        return nothing(title, shows)
    start, stop = 186, WIDTH - 92
    end = whole or max(row.value for row in rows) or 1.0
    height = 48 + ROW * len(rows) + 12
    drawn = ""
    if target is not None:
        x = start + (stop - start) * target / end
        drawn += f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="42" y2="{height - 10}"/>'
    for index, row in enumerate(rows):
        y = 48 + ROW * index
        width = (stop - start) * min(row.value / end, 1)
        drawn += (
            f'<text class="end" x="{start - 8}" y="{y + 13}">{escape(_short(row.label))}</text>'
            f'<rect class="{row.tone}" x="{start}" y="{y + 2}" width="{width:.1f}" height="{ROW - 9}" rx="2"/>'
            f'<text class="value end" x="{WIDTH - RIGHT}" y="{y + 13}">{escape(row.text)}</text>'
        )
        if row.low is not None and row.high is not None:
            left, right = (start + (stop - start) * bound / end for bound in (row.low, row.high))
            drawn += f'<line class="bounds" x1="{left:.1f}" x2="{right:.1f}" y1="{y + 9}" y2="{y + 9}"/>'
    said = f"{shows} {'; '.join(f'{row.label}: {row.text}' for row in rows)}."
    return _chart(title, said, drawn, height=height)


def reliability(title: str, shows: str, points: Sequence[tuple[float, float, int]], *, figure: str = "") -> str:
    """What was right against what was said: (mean confidence, share right, columns), both shares from 0 to 1.

    Dots on the diagonal keep their word; larger ones stand for more columns.
    """
    if not points:
        return nothing(title, shows)
    up = _up(0, 1)

    def along(share: float) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * share

    drawn = _grid(0, 1, percent, up)
    drawn += "".join(
        f'<text class="mid" x="{along(share):.1f}" y="{HEIGHT - 10}">{percent(share)}</text>' for share in (0, 0.5, 1)
    )
    drawn += f'<text class="mid" x="{along(0.75):.1f}" y="{HEIGHT - 10}">confidence</text>'
    drawn += (
        f'<line class="target" x1="{along(0):.1f}" y1="{up(0):.1f}" x2="{along(1):.1f}" y2="{up(1):.1f}"/>'
        f'<text x="{LEFT + 8}" y="{TOP - 6}">right</text>'
    )
    most = max(count for *_, count in points)
    for confidence, right, count in points:
        radius = 3 + 7 * math.sqrt(count / most)
        drawn += f'<circle class="main" cx="{along(confidence):.1f}" cy="{up(right):.1f}" r="{radius:.1f}"/>'
    said = "; ".join(
        f"at {percent(confidence)} right {percent(right)} of {count:,}" for confidence, right, count in points
    )
    return _chart(title, f"{shows} {said}.", drawn, figure=figure)


def nothing(title: str, shows: str, says: str = "Nothing was counted yet.") -> str:
    """What is shown where there is nothing."""
    words = f'<text class="mid" x="{WIDTH / 2}" y="{HEIGHT / 2 + 10}">{escape(says)}</text>'
    return _chart(title, f"{shows} {says}", words)


def standalone(chart: str) -> str:
    """The chart as a file of its own."""
    return chart.replace(">", f"><style>{STYLE}</style>", 1)


# --- Parts ---------------------------------------------------------------------------------------------------------


def _chart(title: str, says: str, drawn: str, *, figure: str = "", under: str = "", height: int = HEIGHT) -> str:
    key = re.sub(r"\W+", "-", title.lower())
    number = f'<text class="figure end" x="{WIDTH - RIGHT}" y="24">{escape(figure)}</text>' if figure else ""
    bounds = f'<text class="end" x="{WIDTH - RIGHT}" y="40">{escape(under)}</text>' if under else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(says)}</desc>'
        f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>'
        f'<text class="title" x="14" y="24">{escape(title)}</text>{number}{bounds}{drawn}</svg>'
    )


def _across(count: int, *, slots: bool = False) -> Callable[[int], float]:
    """Where the n-th of `count` values stands: from edge to edge, or in the middle of as many slots."""
    inner = WIDTH - LEFT - RIGHT
    if slots or count == 1:
        return lambda index: LEFT + inner * (index + 0.5) / count
    return lambda index: LEFT + 8 + (inner - 16) * index / (count - 1)


def _up(low: float, high: float) -> Callable[[float], float]:
    def up(value: float) -> float:
        inside = min(max(value, low), high)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - low) / (high - low)

    return up


def _grid(low: float, high: float, unit: Unit, up: Callable[[float], float]) -> str:
    drawn = ""
    for step in range(3):
        value = low + (high - low) * step / 2
        y = up(value)
        drawn += (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="end" x="{LEFT - 6}" y="{y + 4:.1f}">{escape(unit(value))}</text>'
        )
    return drawn


def _labels(labels: Sequence[str], across: Callable[[int], float]) -> str:
    every = math.ceil(len(labels) / LABELS)
    # Counted from the end, so that the newest always has its label.
    return "".join(
        f'<text class="mid" x="{min(across(index), WIDTH - RIGHT - 18):.1f}" y="{HEIGHT - 10}">{escape(label)}</text>'
        for index, label in enumerate(labels)
        if (len(labels) - 1 - index) % every == 0
    )


def _legend(legend: Sequence[tuple[str, Tone]]) -> str:
    if len(legend) < 2:
        return ""
    drawn, x = "", 14.0
    for name, tone in legend:
        drawn += f'<rect class="{tone}" x="{x:.0f}" y="33" width="10" height="10" rx="2"/>'
        drawn += f'<text x="{x + 14:.0f}" y="42">{escape(name)}</text>'
        x += 28 + 8 * len(name)
    return drawn


def _runs(points: Sequence[Point]) -> list[list[tuple[int, Point]]]:
    """Known values that follow each other. A place without one is passed over where its neighbours are near."""
    found: list[list[tuple[int, Point]]] = []
    for index, point in enumerate(points):
        if point.value is None:
            continue
        if found and index - found[-1][-1][0] <= 2:
            found[-1].append((index, point))
        else:
            found.append([(index, point)])
    return found


NOTHING = 1e-300
"""Of numbers so small, the last digits are lost."""


def _above(value: float) -> float:
    """The next number of one digit that counts, from `value` on, and even in that digit, so that its half is short."""
    if value < NOTHING:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(step * times for times in (1, 2, 4, 6, 8, 10) if step * times >= value * (1 - 1e-9))


def _below(value: float) -> float:
    """The tenth below a share, so that it stands on no edge, and never more than 0.8: no change looks larger than it is."""
    return max(0.0, min(0.8, (math.ceil(value * 10 - 1e-9) - 1) / 10))


def _with_bounds(point: Point, unit: Unit) -> str:
    value = unit(point.value or 0)
    if point.low is None or point.high is None:
        return value
    return f"{value} (95 % interval {unit(point.low)} to {unit(point.high)})"


def _under(point: Point, unit: Unit) -> str:
    return "" if point.low is None or point.high is None else f"{unit(point.low)} to {unit(point.high)}"


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
