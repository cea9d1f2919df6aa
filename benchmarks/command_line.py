"""The command line: how long a person waits for help, and for one file."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.table import Figure, milliseconds, show

EXAMPLES = Path(__file__).parent.parent / "examples"
TIMES = 7


def main() -> None:
    show(
        "The command line",
        [
            Figure("leads --help, median", milliseconds(_median("--help")), "at most 500 ms"),
            Figure(
                "leads map of a 213-row csv, median", milliseconds(_median("map", str(EXAMPLES / "kundenliste.csv")))
            ),
        ],
    )


def _median(*arguments: str) -> float:
    seconds: list[float] = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "leads_pipeline", *arguments], capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
