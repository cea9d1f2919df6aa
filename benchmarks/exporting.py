"""Exporting a million leads: cells as they are, and with names and addresses split and values looked up."""

import itertools
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Figure, show
from leads_pipeline.mapping import ColumnTarget, default_schema, leads_plan
from leads_pipeline.spreadsheets import export, read, warm_up

ROWS = 1_000_000

COLUMNS = {
    "Name": "FullName", "E-Mail": "Email", "Address": "Street", "Land": "Country", "Lead Status": "Status",
    "Branche": "Industry", "Unsubscribed": "OptIn", "Source": "LeadSource", "Phone": "Phone", "Company": "Company",
    "Title": "Title", "Web": "Website", "Notes": "Description", "Id": "ExternalId", "Created": "CreatedDate",
    "Score": "LeadScore", "Owner": "OwnerName", "Campaign": "Campaign", "Employees": "NumberOfEmployees", "Fax": "Fax",
}  # fmt: skip

NAMES = ("Anna Schmidt{n}", '"van den Berg{n}, Jan"', "Dr. María García López{n}", "Marco Rossi{n}", "山田 太郎")
ADDRESSES = (
    '"Hauptstr. {n}, 10115 Berlin"', '"{n} Main St, Springfield, IL 62701"', '"{n} rue de Lyon, 75001 Paris, France"',
    "Keizersgracht {n}", '"{n} High St, Guildford, Surrey, GU1 3AA"',
)  # fmt: skip
COUNTRIES = ("Deutschland", "USA", "France", "NL", "United Kingdom", "Atlantis")
STATUSES = ("neu", "in Bearbeitung", "gewonnen", "frobnicated")


def main() -> None:
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.csv"
        _write(path)
        show("Exporting", _measured(path))


def _measured(path: Path) -> list[Figure]:
    workbook = read(path, path.name)
    columns = [
        ColumnTarget(0, at, header, target, applied=True, kinds=workbook.sheets[0].columns[at].profile.kinds)
        for at, (header, target) in enumerate(COLUMNS.items())
    ]
    figures: list[Figure] = []
    for transformed, target in ((False, ""), (True, "at most 60 s")):
        plan = leads_plan(workbook.sheets, columns, default_schema(), transformed=transformed)
        started = time.perf_counter()
        size = sum(map(len, export(path, path.name, plan, "csv")))
        what = "with transforms" if transformed else "as it is"
        figures.append(
            Figure(
                f"csv, {ROWS:,} x 20, {what}: {len(plan.columns) + 2} columns, {size / 1e6:,.0f} MB",
                f"{time.perf_counter() - started:.1f} s",
                target,
            )
        )
    return figures


def _write(path: Path) -> None:
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        choices = zip(*map(itertools.cycle, (NAMES, ADDRESSES, COUNTRIES, STATUSES)), strict=False)
        for n, (name, address, country, status) in zip(range(ROWS), choices, strict=False):
            whole = name.format(n="aeiou"[n % 5] * (1 + n % 7))
            place = address.format(n=n % 200)
            file.write(
                f"{whole},person{n}@x.example,{place},{country},{status},Handel,{'ja' if n % 3 else 'nein'},Messe,"
                f"+49 30 {n:07d},Example {n % 5000} GmbH,Manager,www.x{n % 5000}.example,met at the fair,{n},"
                f"2025-01-{n % 28 + 1:02d},{n % 100},Lena Lang,Fair 2025,{n % 500},\n"
            )


if __name__ == "__main__":
    sys.exit(main())
