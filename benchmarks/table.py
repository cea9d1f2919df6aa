"""How a benchmark shows what it measured: a table, with the machine beside it."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and, where there is one, the target that it is held against ("at most 10 ms")."""

    what: str
    measured: str
    target: str = ""


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title=f"{title} · {machine()}", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    for figure in figures:
        table.add_row(figure.what, figure.measured, figure.target)
    Console(width=None if os.isatty(1) else 120).print(table)


def machine() -> str:
    """The processor, how many cores of it, and the memory."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
