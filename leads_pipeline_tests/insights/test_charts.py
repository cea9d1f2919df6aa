"""Charts as pictures for everybody: valid SVG that says in words what it shows, whatever the numbers."""

from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_pipeline.insights import charts
from leads_pipeline.insights.charts import Bar, Point, Stack

SVG = "{http://www.w3.org/2000/svg}"
shares = st.floats(0, 1)


def described(chart: str) -> tuple[Element, str]:
    """A chart that a browser and a screen reader can read, and its description."""
    svg = fromstring(chart)
    assert svg.get("role") == "img"
    told = [svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")]
    assert [part is not None and part.get("id") for part in told] == (svg.get("aria-labelledby") or "").split()
    for shape in svg.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
            assert -1 <= float(shape.get(name) or 0) <= charts.WIDTH + 400, (shape.tag, name)
    return svg, (told[1].text if told[1] is not None else None) or ""


def texts(svg: Element) -> list[str]:
    return [part.text or "" for part in svg.iter(f"{SVG}text")]


@given(st.integers(1, 12), st.integers(1, 4), st.data())
def test_several_lines_are_told_apart_by_a_legend(months: int, count: int, data: st.DataObject) -> None:
    labels = [str(month) for month in range(months)]
    tones = ("main", "second", "third", "alarm")
    series = [
        (f"arm {n}", tones[n], data.draw(st.lists(st.floats(0, 9), min_size=months, max_size=months)))
        for n in range(count)
    ]
    svg, says = described(charts.lines("Corrections a file", "By month.", labels, series))
    assert len(list(svg.iter(f"{SVG}polyline"))) == count
    assert all(f"{name}: first" in says for name, *_ in series)
    assert count == 1 or all(name in texts(svg) for name, *_ in series)


@given(st.lists(st.none() | st.tuples(shares, shares, shares).map(sorted), max_size=15), st.none() | shares)
def test_a_line_is_drawn_for_any_values(values: list[list[float] | None], target: float | None) -> None:
    points = [
        Point(f"{n} Nov", None) if each is None else Point(f"{n} Nov", each[1], each[0], each[2])
        for n, each in enumerate(values)
    ]
    svg, says = described(charts.line("Accuracy", "How it goes.", points, target=target))
    known = [point for point in points if point.value is not None]
    assert len(list(svg.iter(f"{SVG}circle"))) == len(known)
    assert says.endswith("Nothing was counted yet.") == (not known)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), max_size=15))
def test_columns_are_drawn_for_any_counts(counts: list[tuple[int, int]]) -> None:
    stacks = [Stack(f"{n} Nov", each) for n, each in enumerate(counts)]
    svg, _ = described(charts.columns("Files", "What came.", (("good", "main"), ("bad", "alarm")), stacks))
    drawn = [part for part in svg.iter(f"{SVG}rect") if part.get("class") in ("main", "alarm")]
    filled = sum(1 for pair in counts for count in pair if count)
    assert len(drawn) == (filled + 2 if filled else 0)  # and two in the legend


def test_a_line_tells_its_newest_value_with_its_bounds_and_the_target() -> None:
    points = [Point("2 Nov", 0.8), Point("9 Nov", None), Point("16 Nov", 0.934, 0.91, 0.95)]
    svg, says = described(charts.line("Accuracy", "Right ones.", points, target=0.9))
    assert {"Accuracy", "93.4 %", "91 % to 95 %", "target 90 %", "16 Nov"} <= set(texts(svg))
    assert says == "Right ones. Newest, 16 Nov: 93.4 % (95 % interval 91 % to 95 %). Target: 90 %."


def test_a_name_with_markup_in_it_stays_a_name() -> None:
    svg, says = described(charts.bars("By <kind>", "& so on.", [Bar("<script>&", 3, "3 < 4")]))
    assert {"By <kind>", "<script>&", "3 < 4"} <= set(texts(svg))
    assert says == "& so on. <script>&: 3 < 4."


def test_a_file_of_its_own_brings_its_style_for_light_and_dark() -> None:
    svg = fromstring(charts.standalone(charts.nothing("Accuracy", "Right ones.")))
    style = svg.find(f"{SVG}style")
    assert style is not None
    assert "prefers-color-scheme:dark" in (style.text or "")


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        (charts.percent, 0.934, "93.4 %"),
        (charts.percent, 1.0, "100 %"),
        (charts.number, 12345.0, "12,345"),
        (charts.number, 0.25, "0.25"),
        (charts.dollars, 0.00052, "$0.0005"),
        (charts.dollars, 12.0, "$12.00"),
        (charts.duration, 8.2, "8.2 s"),
        (charts.duration, 7260.0, "2 h"),
        (charts.size, 472_000, "472 kB"),
        (charts.thousands, 12_345, "12.3 k"),
    ],
)
def test_numbers_are_short(unit: Callable[[float], str], value: float, shown: str) -> None:
    assert unit(value) == shown
