"""A person is found in a file wherever and however written, another one is not, and no cell comes out."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlwt
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.packaging.custom import StringProperty
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.spreadsheets import Found, Person, find, person
from leads_pipeline_tests.spreadsheets.hostile import ods

ADA = person(["Ada.Byron@Example.com"], ["+49 30 901820"])


def found(tmp_path: Path, name: str, content: bytes | str, whom: Person = ADA, *, texts: tuple[str, ...] = ()) -> Found:
    path = tmp_path / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find(path, name, whom, texts=texts)


@pytest.mark.parametrize(
    "text",
    [
        "ada.byron@example.com", "ADA.BYRON@EXAMPLE.COM", "Ada Byron <ada.byron@example.com>", "mailto:ada.byron@example.com",
        "x@y.de;ada.byron@example.com,z@y.de", "ada.byron%40example.com", "write to ada.byron@example.com.",
        "ada.byron@example.com.csv",
        "+49 30 901820", "+4930901820", "0049 30 901820", "030/901820", "030 90 18 20", "(030) 901820", "+49 (0)30 901820",
        "4930901820", "tel. 030-901820", "011 49 30 901820", "30901820",
    ],
)  # fmt: skip
def test_an_address_or_number_is_the_person_s_however_written(text: str) -> None:
    assert ADA.is_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "joada.byron@example.com", "ada.byron@example.com.au", "ada.byron@example.community", "ada-byron@example.com",
        "ada.byron@example.com.csvs",
        "030 9018201", "1030901820", "+48 30 901820", "+43 30 901820", "901820", "ada", "2030-90-18",
    ],
)  # fmt: skip
def test_what_is_nearly_the_same_is_somebody_else_s(text: str) -> None:
    assert not ADA.is_in(text)


def test_a_number_without_its_area_is_found_by_its_last_figures() -> None:
    assert person(phones=["+1 212 456 7890"]).is_in("456-7890")
    assert not person(phones=["+1 212 456 7890"]).is_in("456-7891")
    assert person(phones=["+54 9 11 2345 6789"]).is_in("011 15 2345-6789")


def test_a_number_without_its_country_is_found_with_and_without_it() -> None:
    whom = person(phones=["030 / 90 18 20"])
    assert whom.is_in("+49 30 901820")
    assert whom.is_in("030 901820")
    assert not whom.is_in("0309018201")


def test_names_are_found_across_spaces_and_marks_and_not_in_other_words() -> None:
    whom = person(["a@b.de"], names=["Jörg Müller"])
    assert whom.is_in("leads_jörg_müller.xlsx")
    assert whom.is_in("JÖRG  MÜLLER rief an")
    assert not whom.is_in("Jörg Müllermann")
    assert not whom.is_identified_in("Jörg Müller")


@pytest.mark.parametrize(
    ("emails", "phones"),
    [([], []), (["ada"], []), (["a@b"], []), ([], ["12"]), ([], ["call me"]), ([], ["1" * 16]), (["a b@c.de"], [])],
)
def test_what_is_no_address_or_number_is_refused_and_not_quoted(emails: list[str], phones: list[str]) -> None:
    with pytest.raises(RequestInvalid) as refused:
        person(emails, phones)
    assert not any(given and given in refused.value.detail for given in [*emails, *phones] if len(given) > 3)


@given(st.text(max_size=40))
def test_whatever_is_asked_for_is_a_person_or_a_refusal(text: str) -> None:
    for emails, phones in (([text], []), ([], [text])):
        try:
            whom = person(emails, phones)
        except RequestInvalid:
            continue
        assert whom.is_in(text)
        for expression in (whom.sql_words, whom.sql_numbers):
            if expression is not None:
                re.compile(expression.replace("[:alnum:]", r"\w"))


CSV = (
    "Vorname,Nachname,E-Mail,Firma\nAda,Byron,ada.byron@example.com,Analytik GmbH\nBob,Gorn,bob@example.com,Andere AG\n"
)


def test_a_row_is_found_and_headers_tell_by_what_it_says(tmp_path: Path) -> None:
    headers = (
        "Vorname",
        "E-Mail",
        "Byron",
        "Notiz zu Ada Byron",
        "Firma",
        "Gorn",
        "Rückruf 030 901820",
        "Analytik GmbH",
    )
    seen = found(tmp_path, "a.csv", CSV, texts=headers)
    assert (seen.held, seen.readable, seen.rows) == (True, True, 1)
    assert {headers[at] for at in seen.told} == {"Byron", "Notiz zu Ada Byron", "Rückruf 030 901820", "Analytik GmbH"}
    assert not found(tmp_path, "a.csv", CSV, person(["carl@example.com"], ["030 1234567"])).held


def test_a_person_in_the_first_row_of_a_file_without_a_header_is_found(tmp_path: Path) -> None:
    rows = "Ada;Byron;ada.byron@example.com\nBob;Gorn;bob@example.com\n"
    seen = found(tmp_path, "a.csv", rows, texts=("Ada", "Byron", "ada.byron@example.com"))
    assert (seen.rows, seen.told) == (1, (0, 1, 2))


MAIL, PHONE = "Ada.Byron@Example.com", "+49 30 901820"


def workbook() -> tuple[openpyxl.Workbook, Worksheet]:
    """One in which Ada is not."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert isinstance(sheet, Worksheet)
    sheet.append(["Name", "Mail", "Phone"])
    sheet.append(["Bob", "bob@example.com", 1])
    return made, sheet


def in_a_cell(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet.append(["Ada", "ADA.BYRON@example.com"])


def as_a_number(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet.append(["Ada", "", 4930901820])


def in_a_title_row(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet.insert_rows(1)
    sheet["A1"] = f"Liste von {MAIL}"


def in_a_hidden_sheet(made: openpyxl.Workbook, _: Worksheet) -> None:
    other = made.create_sheet("Other")
    other.sheet_state = "veryHidden"
    other.append(["030/901820"])


def in_a_hidden_column(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["H2"] = MAIL
    sheet.column_dimensions["H"].hidden = True


def in_a_comment(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A2"].comment = Comment(f"ask {MAIL}", "Bob")


def in_a_comment_by_number(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A2"].comment = Comment(f"call {PHONE}", "Bob")


def as_who_commented(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A2"].comment = Comment("ask me", MAIL)


def as_the_author(made: openpyxl.Workbook, _: Worksheet) -> None:
    made.properties.creator = MAIL


def as_a_property_of_our_own(made: openpyxl.Workbook, _: Worksheet) -> None:
    made.custom_doc_props.append(StringProperty(name="Contact", value=PHONE))  # pyright: ignore[reportAttributeAccessIssue]


def in_a_link(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A2"].hyperlink = f"mailto:{MAIL}"


def in_a_formula(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A3"] = f'=HYPERLINK("mailto:{MAIL}", "write")'


def in_a_formula_by_number(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet["A3"] = f'=HYPERLINK("tel:{PHONE}", "call")'


def in_a_defined_name(made: openpyxl.Workbook, _: Worksheet) -> None:
    made.defined_names.add(DefinedName("Contact", attr_text=f'"{MAIL}"'))


def in_a_page_s_header(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    sheet.oddHeader.center.text = f"Leads of {PHONE}"  # pyright: ignore[reportOptionalMemberAccess]


def in_a_choice(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    choice = DataValidation(type="list", formula1=f'"{MAIL},x@example.com"', prompt="Who is it?")
    sheet.add_data_validation(choice)
    choice.add("A2:A9")


def in_a_chart(_: openpyxl.Workbook, sheet: Worksheet) -> None:
    chart = BarChart()
    chart.title = f"Calls of {PHONE}"
    chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=2), titles_from_data=True)
    sheet.add_chart(chart, "E5")


@pytest.mark.parametrize(
    "hide",
    [
        in_a_cell, as_a_number, in_a_title_row, in_a_hidden_sheet, in_a_hidden_column, in_a_comment, in_a_comment_by_number,
        as_who_commented, as_the_author, as_a_property_of_our_own, in_a_link, in_a_formula, in_a_formula_by_number,
        in_a_defined_name, in_a_page_s_header, in_a_choice, in_a_chart,
    ],
)  # fmt: skip
def test_a_person_is_found_wherever_a_workbook_keeps_one(
    tmp_path: Path, hide: Callable[[openpyxl.Workbook, Worksheet], None]
) -> None:
    made, sheet = workbook()
    hide(made, sheet)
    content = io.BytesIO()
    made.save(content)
    seen = found(tmp_path, "a.xlsx", content.getvalue())
    assert (seen.held, seen.readable) == (True, True)
    assert not found(tmp_path, "a.xlsx", content.getvalue(), person(["nobody@example.com"], ["+49 30 7654321"])).held


DRAWN = f'<a:p xmlns:a="a"><a:r><a:t>{MAIL[:4]}</a:t></a:r><a:r><a:t>{MAIL[4:]}</a:t></a:r></a:p>'


def embedded() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as document:
        document.writestr("word/document.xml", f"<w:t xmlns:w='w'>{'Dear ' * 200}{PHONE}</w:t>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("xl/drawings/drawing9.xml", DRAWN),
        ("xl/media/image1.jpeg", b"\xff\xd8\xff\xe1 Exif Artist " + MAIL.encode() + b"\0\xff\xd9"),
        ("xl/threadedComments/threadedComment1.xml", f"<t>{PHONE}</t>"),
        ("xl/persons/person.xml", f'<person userId="{MAIL}"/>'),
        ("xl/embeddings/Document1.docx", embedded()),
    ],
)
def test_a_text_box_a_picture_s_author_and_a_document_within_tell_of_a_person(
    tmp_path: Path, name: str, part: bytes | str
) -> None:
    content = io.BytesIO()
    workbook()[0].save(content)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(name, part)
    assert found(tmp_path, "a.xlsx", content.getvalue()).held
    assert not found(tmp_path, "a.xlsx", content.getvalue(), person(["nobody@example.com"], ["+49 30 7654321"])).held


def test_pictures_whose_text_is_not_read_are_counted(tmp_path: Path) -> None:
    content = io.BytesIO()
    workbook()[0].save(content)
    assert found(tmp_path, "a.xlsx", content.getvalue()).pictures == 0
    within = io.BytesIO()
    with zipfile.ZipFile(within, "w") as document:
        document.writestr("word/document.xml", "<w:t/>")
        document.writestr("word/media/image1.emf", b"drawn")
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/media/image1.PNG", b"\x89PNG\r\n\x1a\n drawn")
        archive.writestr("docProps/thumbnail.jpeg", b"\xff\xd8\xff\xe1 drawn")
        archive.writestr("xl/embeddings/Document1.docx", within.getvalue())
    assert found(tmp_path, "a.xlsx", content.getvalue()).pictures == 3
    old = io.BytesIO()
    made = xlwt.Workbook()
    made.add_sheet("Leads").write(0, 0, "Name")
    made.save(old)
    assert found(tmp_path, "a.xls", old.getvalue()).pictures == 0
    assert found(tmp_path, "a.xls", old.getvalue() + b"\x89PNG\r\n\x1a\n drawn").pictures == 1


@pytest.mark.parametrize("note", [MAIL, PHONE])
def test_a_note_in_an_opendocument_sheet_tells_of_a_person(tmp_path: Path, note: str) -> None:
    cell = (
        '<table:table-cell office:value-type="string"><office:annotation>'
        f"<text:p>ask {note[:6]}<text:span>{note[6:]}</text:span></text:p></office:annotation>"
        "<text:p>Bob</text:p></table:table-cell>"
    )
    seen = found(tmp_path, "a.ods", ods(f"<table:table-row>{cell}</table:table-row>"))
    assert (seen.held, seen.readable) == (True, True)


def test_figures_of_two_cells_make_no_number(tmp_path: Path) -> None:
    made, sheet = workbook()
    sheet.append(["Carl", "carl@example.com", 49])
    sheet.append([30901, 820, 1820])
    content = io.BytesIO()
    made.save(content)
    assert not found(tmp_path, "a.xlsx", content.getvalue()).held


def test_a_person_is_found_in_an_old_workbook_and_in_one_of_wide_characters(tmp_path: Path) -> None:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("Müller")
    sheet.write(0, 0, "Mail")
    sheet.write(1, 0, "Ada.Byron@Example.com")
    content = io.BytesIO()
    workbook.save(content)
    assert found(tmp_path, "a.xls", content.getvalue()).rows == 1
    assert found(tmp_path, "a.csv", CSV.encode("utf-16")).rows == 1


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods", "a.xlsb"])
def test_a_damaged_file_is_looked_through_as_bytes(tmp_path: Path, name: str) -> None:
    damaged = b"PK\3\4" + b"\0" * 100 + b"ADA.BYRON@example.com" + b"\xff" * 100
    seen = found(tmp_path, name, damaged)
    assert (seen.held, seen.readable) == (True, False)
    seen = found(tmp_path, name, damaged.replace(b"ADA", b"xADA"))
    assert (seen.held, seen.readable) == (False, False)


def test_a_malformed_text_is_looked_through_line_by_line(tmp_path: Path) -> None:
    seen = found(tmp_path, "a.csv", 'Name,Mail\n"Ada,ada.byron@example.com\n')
    assert (seen.held, seen.rows) == (True, 1)
