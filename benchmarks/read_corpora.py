"""Read every spreadsheet below a folder, and say how each ended: `python -m benchmarks.read_corpora FOLDER`.

Exits with 1 if one of them ended otherwise than as sheets or a named error, or took longer than ten seconds.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.table import Figure, show
from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import read
from leads_pipeline.spreadsheets.inspection import KINDS

SLOW_SECONDS = 10


def main(folder: Path) -> int:
    outcomes: dict[str, list[str]] = defaultdict(list)
    faults: list[str] = []
    started = time.perf_counter()
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower().removeprefix(".") in KINDS):
        before = time.perf_counter()
        try:
            outcome = f"{'sheets' if read(path, path.name).sheets else 'nothing'}"
        except FileRejected as error:
            outcome = error.code
        except Exception as error:  # noqa: BLE001 - that there is none is what is measured
            outcome = f"CRASH: {type(error).__name__}"
        seconds = time.perf_counter() - before
        outcomes[outcome].append(path.name)
        if outcome.startswith(("CRASH", "nothing", "parse_failed")) or seconds > SLOW_SECONDS:
            faults.append(f"{path.relative_to(folder)}: {outcome}, {seconds:.1f} s")
    total = sum(map(len, outcomes.values()))
    rows = [
        Figure(f"{outcome} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})", str(len(names)))
        for outcome, names in sorted(outcomes.items(), key=lambda item: -len(item[1]))
    ]
    show(f"{total} files in {time.perf_counter() - started:.1f} s", rows)
    for fault in faults:
        print(fault)
    return 1 if faults or not total else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
