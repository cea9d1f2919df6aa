"""Mapping a sheet of everyday size, warm and with headers never seen before, and what the model costs."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.table import Figure, megabytes, milliseconds, quantile, show
from leads_pipeline.types import Column, Sheet

TIMES = 300

HEADERS = (
    *("Record ID", "First Name", "Last Name", "Email", "Phone Number", "Mobile Phone Number", "Job Title", "Company"),
    *("Industry", "Website URL", "Street Address", "City", "State/Region", "Postal Code", "Country/Region"),
    *("Lifecycle Stage", "Lead Status", "Original Source", "Create Date", "Last Modified Date", "Contact owner"),
    *("Number of Employees", "Annual Revenue", "Opted out of email", "LinkedIn URL", "Date of Birth"),
    *("Preferred language", "Notes", "Number of Pageviews", "Secondary Email"),
)
CELLS = {
    "Email": "person{n}@x{n}.example",
    "Secondary Email": "p{n}@home.example",
    "Phone Number": "+49 30 1234{n:03d}",
    "Mobile Phone Number": "+49 151 9876{n:03d}",
    "Company": "Muster {n} GmbH",
    "Street Address": "Musterstraße {n}",
    "Postal Code": "10{n:03d}",
    "Create Date": "2025-03-04 10:{n:02d}",
    "Website URL": "https://www.x{n}.example",
    "Opted out of email": "yes",
}


def main() -> None:
    loading, preparing, memory, importing = (float(word) for word in _in_a_new_process().split())
    warm, unseen = _mapping()
    columns = [[(CELLS.get(header) or "Person {n}").format(n=n) for n in range(70)] for header in HEADERS]
    profiling = _seconds(lambda: _profile(columns), times=20)
    show(
        "Mapping a sheet of 30 columns",
        [
            Figure("mapped, its headers seen before: median", milliseconds(quantile(warm, 0.5)), "at most 10 ms"),
            Figure("mapped, its headers seen before: p99", milliseconds(quantile(warm, 0.99))),
            Figure("mapped, none of its headers seen before: median", milliseconds(quantile(unseen, 0.5))),
            Figure("profile of a column of 70 values: median", milliseconds(quantile(profiling, 0.5) / len(columns)),
                   "at most 0.3 ms"),
            Figure("importing leads_pipeline.mapping", milliseconds(importing), "at most 300 ms"),
            Figure("loading the model", milliseconds(loading), "at most 2,000 ms"),
            Figure("preparing a lead schema, once", milliseconds(preparing)),
            Figure("memory of model and schema", megabytes(memory)),
        ],
    )  # fmt: skip


def _mapping() -> tuple[list[float], list[float]]:
    """Seconds for sheets whose headers have been seen, and for such as have not."""
    from leads_pipeline.mapping import default_schema, load_model, map_sheet

    schema, model = default_schema(), load_model()
    sheet = _sheet(HEADERS)
    map_sheet(sheet, schema, model)
    others = iter([_sheet([f"{header} {n:03d}x" for header in HEADERS]) for n in range(TIMES // 5)])
    return (
        _seconds(lambda: map_sheet(sheet, schema, model), times=TIMES),
        _seconds(lambda: map_sheet(next(others), schema, model), times=TIMES // 5),
    )


def _sheet(headers: Sequence[str]) -> Sheet:
    from leads_pipeline.spreadsheets.profile import profile_column

    columns = tuple(
        Column(
            at,
            header,
            profile_column([(CELLS.get(name) or "Person {n}").format(n=n) for n in range(70)], rows=70, filled=70),
        )
        for at, (header, name) in enumerate(zip(headers, HEADERS, strict=True))
    )
    return Sheet(index=0, name="Sheet1", header_row=1, columns=columns, rows=70)


def _profile(columns: Sequence[Sequence[str]]) -> None:
    from leads_pipeline.spreadsheets.profile import profile_column

    for cells in columns:
        profile_column(cells, rows=70, filled=70)


def _in_a_new_process() -> str:
    """What the model costs a process that has done nothing else."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.mapping", "cost"], check=True, capture_output=True, text=True
    ).stdout


def _cost() -> None:
    """What the process of its own does: prints seconds to load and to prepare, bytes, and seconds to import."""
    started = time.perf_counter()
    from leads_pipeline.mapping import default_schema, load_model

    imported = time.perf_counter()
    schema = default_schema()
    before, loading = _resident(), time.perf_counter()
    model = load_model()
    loaded = time.perf_counter()
    model.prepare(schema)
    print(loaded - loading, time.perf_counter() - loaded, _resident() - before, imported - started)


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(do: Callable[[], object], *, times: int) -> list[float]:
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        do()
        taken.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _cost()
    else:
        main()
