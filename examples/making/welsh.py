"""Lists in Welsh, which the shipped model has no words for: four to correct, two of other systems to see what was learned.

One function each: it writes the file and says what is in it.
"""

from pathlib import Path
from random import Random

from . import invented
from .formats import write_text, write_xlsx
from .lists import Answer, Column, blank, col, crowd, layout, pick, untidy

PEOPLE = 40


def ffair(path: Path, rng: Random) -> list[Answer]:
    """Visitors of a fair."""
    return _text(
        path,
        [
            col("Enw cyntaf", lambda p, r: untidy(p.first, r), "FirstName"),
            col("Cyfenw", lambda p, r: untidy(p.last, r), "LastName"),
            col("Cwmni", lambda p, _: p.company, "Company"),
            col("Swydd", lambda p, r: blank(0.1, r, p.title), "Title"),
            col("E-bost", lambda p, r: blank(0.05, r, p.email), "Email"),
            col("Ffôn symudol", lambda p, r: blank(0.3, r, p.mobile), "MobilePhone"),
            col("Tref", lambda p, _: p.city, "City"),
            col("Cod post", lambda p, _: p.postcode, "PostalCode"),
            col("Sylwadau", lambda _, r: blank(0.5, r, pick(r, REMARKS)), "Description"),
        ],
        rng,
    )


def cylchlythyr(path: Path, rng: Random) -> list[Answer]:
    """Subscribers to a newsletter."""
    return _text(
        path,
        [
            col("E-bost", lambda p, _: p.email, "Email"),
            col("Enw cyntaf", lambda p, r: untidy(p.first, r), "FirstName"),
            col("Cyfenw", lambda p, r: untidy(p.last, r), "LastName"),
            col("Iaith", lambda _, r: pick(r, "cy, cy, en"), "Language"),
            col("Ffynhonnell", lambda _, r: pick(r, SOURCES), "LeadSource"),
            col("Caniatâd marchnata", lambda _, r: pick(r, "Ie, Ie, Na"), "OptIn"),
            col("Dyddiad cofrestru", lambda _, r: _date(r), "CreatedDate"),
        ],
        rng,
        delimiter=";",
    )


def aelodau(path: Path, rng: Random) -> list[Answer]:
    """Members of a chamber of commerce, in a workbook."""
    columns = [
        col("Rhif aelod", lambda _, r: f"A{r.randint(1000, 9999)}", "ExternalId"),
        col("Cwmni", lambda p, _: p.company, "Company"),
        col("Enw llawn", lambda p, _: p.name, "FullName"),
        col("Swydd", lambda p, r: blank(0.1, r, p.title), "Title"),
        col("Diwydiant", lambda p, _: p.industry, "Industry"),
        col("Cyfeiriad", lambda p, _: p.street, "Street"),
        col("Tref", lambda p, _: p.city, "City"),
        col("Sir", lambda p, _: p.state, "State"),
        col("Cod post", lambda p, _: p.postcode, "PostalCode"),
        col("Gwlad", lambda p, _: p.country, "Country"),
        col("Ffôn", lambda p, r: blank(0.1, r, p.phone), "Phone"),
        col("Gwefan", lambda p, r: blank(0.2, r, f"www.{p.domain}"), "Website"),
    ]
    grid, answer = layout("Aelodau", columns, crowd(invented.WALES, PEOPLE, rng), rng)
    write_xlsx(path, [grid])
    return [answer]


def ymholiadau(path: Path, rng: Random) -> list[Answer]:
    """Enquiries through a web site."""
    return _text(
        path,
        [
            col("Dyddiad cofrestru", lambda _, r: _date(r), "CreatedDate"),
            col("Enw llawn", lambda p, _: p.name, "FullName"),
            col("Cwmni", lambda p, r: blank(0.1, r, p.company), "Company"),
            col("Diwydiant", lambda p, r: blank(0.2, r, p.industry), "Industry"),
            col("E-bost", lambda p, _: p.email, "Email"),
            col("Ffôn", lambda p, r: blank(0.2, r, p.phone), "Phone"),
            col("Sir", lambda p, _: p.state, "State"),
            col("Ffynhonnell", lambda _, r: pick(r, SOURCES), "LeadSource"),
            col("Sylwadau", lambda _, r: blank(0.3, r, pick(r, REMARKS)), "Description"),
            col("Caniatâd marchnata", lambda _, r: pick(r, "Ie, Na"), "OptIn"),
        ],
        rng,
    )


def gweminar(path: Path, rng: Random) -> list[Answer]:
    """Attendees of a webinar: headers of the lists above, some in other words, and one that none of them has."""
    return _text(
        path,
        [
            col("Cyfenw", lambda p, r: untidy(p.last, r), "LastName"),
            col("Enw cyntaf", lambda p, r: untidy(p.first, r), "FirstName"),
            col("Cyfeiriad e-bost", lambda p, _: p.email, "Email"),
            col("Enw'r cwmni", lambda p, _: p.company, "Company"),
            col("Teitl swydd", lambda p, r: blank(0.2, r, p.title), "Title"),
            col("Diwydiant", lambda p, _: p.industry, "Industry"),
            col("Gwlad", lambda p, _: p.country, "Country"),
            col("Munudau yn bresennol", lambda _, r: r.randint(3, 60), None),
            col("Ffynhonnell", lambda _, r: pick(r, SOURCES), "LeadSource"),
        ],
        rng,
    )


def cysylltiadau(path: Path, rng: Random) -> list[Answer]:
    """An address book: most headers stand in the lists above, the last three in none of them."""
    return _text(
        path,
        [
            col("Cwmni", lambda p, _: p.company, "Company"),
            col("Cyfenw", lambda p, _: p.last.upper(), "LastName"),
            col("Enw cyntaf", lambda p, _: p.first, "FirstName"),
            col("Swydd", lambda p, r: blank(0.2, r, p.title), "Title"),
            col("Cyfeiriad", lambda p, r: blank(0.1, r, p.street), "Street"),
            col("Tref", lambda p, _: p.city, "City"),
            col("Sir", lambda p, _: p.state, "State"),
            col("Cod post", lambda p, _: p.postcode, "PostalCode"),
            col("Ffôn", lambda p, r: blank(0.2, r, p.phone), "Phone"),
            col("Ffôn symudol", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
            col("E-bost", lambda p, r: blank(0.1, r, p.email), "Email"),
            col("Adran", lambda p, r: blank(0.2, r, p.department), "Department"),
            col("Nodiadau", lambda _, r: blank(0.6, r, pick(r, REMARKS)), "Description"),
            col("Nifer archebion", lambda _, r: r.randint(0, 30), None),
        ],
        rng,
        delimiter=";",
    )


def _text(path: Path, columns: list[Column], rng: Random, *, delimiter: str = ",") -> list[Answer]:
    grid, answer = layout(None, columns, crowd(invented.WALES, PEOPLE, rng), rng)
    write_text(path, grid, delimiter=delimiter, encoding="utf-8")
    return [answer]


SOURCES = "Ffair fasnach, Argymhelliad, Gwefan, Gair ar lafar"
REMARKS = (
    "eisiau dyfynbris ar gyfer tair llinell",
    "ffonio ar ôl dau o'r gloch",
    "anfon taflen; yn adnabod Huw",
    "cwsmer ers blynyddoedd, yn fodlon iawn",
)


def _date(rng: Random) -> str:
    return f"{rng.randint(13, 28)}/{rng.randint(1, 9):02}/2026"
