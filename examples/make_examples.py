"""Makes the spreadsheets of this folder, and `answers.json`, which says what each of their columns is.

    python examples/make_examples.py [FOLDER]

Each list is written down once, column by column: header, cell, right answers. The files and the answers both come from
there. Everybody in them is invented, and the same bytes come out each time.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from making import elsewhere, english, welsh
from making.lists import Answer

EXAMPLES: dict[str, Callable[[Path, Random], list[Answer]]] = {
    "trade_show.xlsx": english.trade_show,
    "trade_show_again.xlsx": english.trade_show_again,
    "crm_export.csv": english.crm_export,
    "ad_form_leads.csv": english.ad_form_leads,
    "kundenliste.csv": elsewhere.kundenliste,
    "prospects_salon.csv": elsewhere.prospects_salon,
    "legacy_contacts.xls": english.legacy_contacts,
    "webinar_attendees.ods": english.webinar_attendees,
    "messy_workbook.xlsx": english.messy_workbook,
    "sales_report.xlsx": english.sales_report,
    "no_header.csv": english.no_header,
    "contactos.csv": elsewhere.contactos,
    "seminar.csv": elsewhere.seminar,
    "welsh/ffair.csv": welsh.ffair,
    "welsh/cylchlythyr.csv": welsh.cylchlythyr,
    "welsh/aelodau.xlsx": welsh.aelodau,
    "welsh/ymholiadau.csv": welsh.ymholiadau,
    "welsh/unseen/gweminar.csv": welsh.gweminar,
    "welsh/unseen/cysylltiadau.csv": welsh.cysylltiadau,
}


def main(folder: Path) -> None:
    """Write every example and the answers into `folder`."""
    for name in EXAMPLES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    answers = {
        name: [answer.as_json() for answer in make(folder / name, Random(name))]
        for name, make in sorted(EXAMPLES.items())
    }
    (folder / "answers.json").write_text(_compact(answers), encoding="utf-8")


def _compact(answers: dict[str, list[dict[str, Any]]]) -> str:
    """JSON with one column a line."""
    lines = ["{"]
    for name, sheets in answers.items():
        lines.append(f"  {json.dumps(name)}: [")
        for sheet in sheets:
            head = ", ".join(f"{json.dumps(key)}: {json.dumps(sheet[key])}" for key in ("sheet", "header_row", "rows"))
            lines.append(f'    {{{head}, "columns": [')
            lines.append(",\n".join("      " + json.dumps(c, ensure_ascii=False) for c in sheet["columns"]))
            lines.append("    ]}" + ("," if sheet is not sheets[-1] else ""))
        lines.append("  ]" + ("," if sheets is not list(answers.values())[-1] else ""))
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
