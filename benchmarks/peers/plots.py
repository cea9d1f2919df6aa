# pyright: reportMissingImports=false
"""The plots of docs/accuracy.md, as SVG that reads in light and in dark.

Runs in the peers' own environment and imports nothing of ours: `python -m benchmarks.peers.plots DATA FOLDER`. DATA is JSON
with `risk_coverage` [{"name", "coverage", "precision"}], `reliability` [{"confidence", "right", "columns"}] (shares of 1) and
`confusion` {"right", "taken", "counts"}: names of rows and columns, and how often.
"""

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, PAPER, FAINT = "#010101", "#fefefe", "#a0a1a2"
"""Stand-ins that `_save` replaces by what the reader's light or dark asks for."""
COLOURS = ("#2f81f7", "#db6d28", "#3fb950", "#a371f7", "#d29922", "#f85149")
STYLE = (
    "<style>:root{--ink:#1f2328;--paper:#ffffff;--faint:#8c959f}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--faint:#6e7681}}</style>"
)


def main(data: Path, folder: Path) -> None:
    """Draw the three plots into `folder`."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the reader's browser has the font, not we
    mpl.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "leads", "font.family": "sans-serif", "font.sans-serif": ["system-ui"],
        "font.size": 11, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": INK,
        "ytick.color": INK, "figure.facecolor": PAPER, "axes.facecolor": PAPER, "legend.frameon": False, "grid.color": FAINT,
        "grid.alpha": 0.35, "axes.spines.top": False, "axes.spines.right": False, "path.simplify": True,
    })  # fmt: skip
    given = json.loads(data.read_text())
    _save(_risk_coverage(given["risk_coverage"]), folder / "risk-coverage.svg", "Precision by coverage")
    _save(_reliability(given["reliability"]), folder / "reliability.svg", "Stated confidence against what was right")
    _save(_confusion(**given["confusion"]), folder / "confusion.svg", "Which field was taken for which")


def _risk_coverage(curves: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.subplots()
    for curve, colour in zip(curves, COLOURS, strict=False):
        axes.plot(curve["coverage"], curve["precision"], color=colour, linewidth=2, label=curve["name"])
    axes.set(xlim=(0, 1), ylim=(0.5, 1.005))
    axes.set_xlabel("coverage: share of all columns decided without a person, the surest first")
    axes.set_ylabel("share of those that are right")
    axes.grid(visible=True)
    axes.legend(loc="lower left")
    return figure


def _reliability(bins: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", linewidth=1)
    axes.plot([each["confidence"] for each in bins], [each["right"] for each in bins], color=COLOURS[0], marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_ylabel("share that is right")
    axes.grid(visible=True)
    below.bar(
        [each["confidence"] for each in bins],
        [each["columns"] for each in bins],
        width=0.05,
        color=COLOURS[0],
        alpha=0.6,
    )
    below.set_yscale("log")
    below.set_ylabel("columns")
    below.set_xlabel("mean confidence of the bin")
    return figure


def _confusion(right: list[str], taken: list[str], counts: list[list[int]]) -> Figure:
    figure = Figure(figsize=(3 + 0.36 * len(taken), 2 + 0.3 * len(right)), layout="constrained")
    axes = figure.subplots()
    most = max((count for row in counts for count in row), default=1)
    for down, row in enumerate(counts):
        for across, count in enumerate(row):
            if count:
                axes.add_patch(
                    mpl.patches.Rectangle(
                        (across - 0.5, down - 0.5), 1, 1, color=COLOURS[1], alpha=0.15 + 0.75 * (count / most) ** 0.5
                    )
                )
                axes.text(across, down, str(count), ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(taken)), taken, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(right)), right)
    axes.set(xlim=(-0.5, len(taken) - 0.5), ylim=(len(right) - 0.5, -0.5))
    axes.set_xlabel("taken for")
    axes.set_ylabel("right answer")
    return figure


def _save(figure: Figure, path: Path, title: str) -> None:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Title": title})
    drawn = text.getvalue()
    for stand_in, name in ((INK, "ink"), (PAPER, "paper"), (FAINT, "faint")):
        drawn = drawn.replace(stand_in, f"var(--{name})")
    head, mark, rest = drawn.partition(" <defs>\n")
    path.write_text("\n".join(line.rstrip() for line in f"{head} {STYLE}\n{mark}{rest}".splitlines()) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
