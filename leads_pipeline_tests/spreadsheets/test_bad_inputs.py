"""Hostile, broken and mislabelled files: each ends as sheets or as the one error that its sender can act on."""

import io
import random
import socket
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import Limits, inspect, read, safe_filename
from leads_pipeline_tests.spreadsheets import hostile
from leads_pipeline_tests.spreadsheets.conftest import ReadBytes, codes, headers
from leads_pipeline_tests.spreadsheets.hostile import PERSON, ods, ods_row, text_cell, xlsx, zipped

Refuse = Callable[..., FileRejected]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7\n" + bytes(100)
ELF = b"\x7fELF" + bytes(100)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CSV = b"Name,Email\r\nAnna,anna@x.example\r\n"
ENTITIES = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]>'


# --- Names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("leads.csv", "leads.csv"),
        ("../../etc/passwd.xlsx", "passwd.xlsx"),
        ("%2e%2e%2f%2e%2e%2fetc%2fpasswd.xlsx", "passwd.xlsx"),
        ("%252e%252e%252fpasswd.xlsx", "passwd.xlsx"),
        ("C:\\Users\\jane\\leads.xls", "leads.xls"),
        ("leads\u202exslx.csv", "leadsxslx.csv"),
        ("<img src=x onerror=alert(1)>.csv", "<img src=x onerror=alert(1)>.csv"),
        ("CON.csv", "_CON.csv"),
        ("lpt1.leads.csv", "_lpt1.leads.csv"),
        (".csv", "_.csv"),
        ("-rf.csv", "_-rf.csv"),
        ("100%.csv", "100%.csv"),
        ("Kunden Köln.csv", "Kunden Köln.csv"),
        ("a" * 300 + ".xlsx", "a" * 195 + ".xlsx"),
    ],
)
def test_a_name_is_made_safe_to_show(name: str, safe: str) -> None:
    assert safe_filename(name) == safe


@pytest.mark.parametrize("name", ["", "   ", "..", "/", "a\0.csv", "a\r\nX-Header: 1.csv", "%00.csv", "%0d%0a.csv"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(FileRejected) as caught:
        safe_filename(name)
    assert caught.value.code == "filename_invalid"


@pytest.mark.parametrize(
    "name", ["leads.xlsx.exe", "leads.php", "leads.svg", "leads", "a.numbers", "a.wk1", "a.dbf", "a.slk"]
)
def test_other_kinds_of_files_are_not_supported(refusal: Refuse, name: str) -> None:
    error = refusal(CSV, name)
    assert (error.code, error.status) == ("unsupported_file_type", 415)


# --- Content that is not what the name says ------------------------------------------------------------------------


def members(*names: str) -> bytes:
    return zipped([(name, "<x/>") for name in names])


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "leads.csv", "file_empty"),
        (b"<html><table><tr><td>Name</td></tr></table></html>", "leads.xls", "content_mismatch"),
        (b"<!DOCTYPE html><p>Name", "leads.csv", "content_mismatch"),
        (CSV, "leads.xlsx", "content_mismatch"),
        (CSV, "leads.ods", "content_mismatch"),
        (CSV, "leads.xls", "content_mismatch"),
        (PNG, "leads.xlsx", "content_mismatch"),
        (PDF, "leads.xlsx", "content_mismatch"),
        (ELF, "leads.xlsx", "content_mismatch"),
        (PDF, "leads.csv", "content_mismatch"),
        (xlsx(), "leads.csv", "content_mismatch"),
        (xlsx(), "leads.xls", "content_mismatch"),
        (xlsx(), "leads.ods", "content_mismatch"),
        (OLE + bytes(2000), "leads.xlsx", "content_mismatch"),
        (b"MZ" + bytes(100) + xlsx(), "leads.xlsx", "content_mismatch"),
        (bytes(range(256)) * 40, "leads.csv", "content_mismatch"),
        (members("[Content_Types].xml", "word/document.xml"), "leads.xlsx", "not_a_workbook"),
        (members("META-INF/MANIFEST.MF", "Main.class"), "leads.xlsx", "not_a_workbook"),
        (members("readme.txt"), "leads.ods", "not_a_workbook"),
        (OLE + bytes(512) + "WordDocument".encode("utf-16-le"), "leads.xls", "not_a_workbook"),
        (b"\x09\x00\x04\x00\x02\x00\x10\x00" + bytes(50), "leads.xls", "unsupported_file_type"),
        (b"\x09\x04\x06\x00\x00\x04\x10\x00" + bytes(50), "leads.xls", "unsupported_file_type"),
        (b"ID;PWXL;N;E\r\nC;Y1;X1;K1\r\n", "leads.csv", "unsupported_file_type"),
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "leads.xlsx", "password_protected"),
    ],
)
def test_content_and_name_must_agree(refusal: Refuse, content: bytes, name: str, code: str) -> None:
    assert refusal(content, name).code == code


def test_most_of_that_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(PNG)
    with pytest.raises(FileRejected):
        inspect(path, "leads.xlsx", Limits())
    path.write_bytes(xlsx())
    assert inspect(path, "Leads.XLSX", Limits()) == "xlsx"


def test_a_file_over_the_limit_is_refused_unread(refusal: Refuse) -> None:
    error = refusal(CSV * 100, limits=Limits(max_csv_bytes=1000))
    assert (error.code, error.status, error.extra["limit"]) == ("file_too_large", 413, 1000)


# --- Archives ------------------------------------------------------------------------------------------------------


def bomb(megabytes: int) -> bytes:
    return xlsx(parts={"xl/media/image1.bin": bytes(megabytes * 2**20)})


def symlink() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("xl/link.xml")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return xlsx(more=[("xl/workbook.xml", b"<workbook/>")])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bomb(300), "archive_too_large"),
        (bomb(30), "archive_too_large"),
        (hostile.lie_about_sizes(bomb(300), 1000), "archive_too_large"),
        (hostile.lie_about_sizes(bomb(30), 1000), "archive_too_large"),
        (hostile.lie_about_sizes(xlsx(), 10), "corrupt_file"),
        (xlsx(more=[(f"xl/media/{i}.xml", b"") for i in range(1_001)]), "too_many_entries"),
        (xlsx(more=[("../evil.xml", b"<x/>")]), "archive_suspicious"),
        (xlsx(more=[(symlink(), b"/etc/passwd")]), "archive_suspicious"),
        (xlsx(more=[("xl/more.zip", b"PK")]), "archive_suspicious"),
        (xlsx(more=[("XL/Workbook.xml", b"<workbook/>")]), "archive_ambiguous"),
        (twice(), "archive_ambiguous"),
        (xlsx()[:-200], "corrupt_file"),
        (xlsx()[:700], "corrupt_file"),
    ],
)
def test_an_archive_that_no_workbook_is(refusal: Refuse, content: bytes, code: str) -> None:
    assert refusal(content, "leads.xlsx").code == code


def test_a_wrong_checksum_is_damage(refusal: Refuse) -> None:
    content = bytearray(xlsx())
    for mark, offset in ((b"PK\1\2", 16), (b"PK\3\4", 14)):
        position = 0
        while (position := content.find(mark, position)) >= 0:
            content[position + offset] ^= 0xFF
            position += 4
    assert refusal(bytes(content), "leads.xlsx").code == "corrupt_file"


def test_a_sheet_too_large_for_its_cells_is_told_so(refusal: Refuse) -> None:
    row = "".join(f"<c><v>{column}</v></c>" for column in range(100))
    rows = "".join(f"<row>{row}</row>" for _ in range(2_000))
    error = refusal(xlsx(rows), "leads.xlsx", Limits(max_workbook_cells=100_000, max_unpacked_bytes=2**20))
    assert (error.code, error.extra["limit"]) == ("too_many_cells", 100_000)
    assert refusal(xlsx(rows), "leads.xlsx", Limits(max_workbook_cells=100_000)).code == "too_many_cells"


# --- XML -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml", "docProps/core.xml"]
)
@pytest.mark.parametrize(
    "document",
    [
        f'<?xml version="1.0"?>{ENTITIES}<x>&b;</x>'.encode(),
        f"<!-- {'x' * 5000} -->{ENTITIES}<x>&b;</x>".encode(),
        f'<?xml version="1.0" encoding="UTF-16"?>{ENTITIES}<x>&b;</x>'.encode("utf-16"),
        f"{ENTITIES}<x>&b;</x>".encode("utf-16-be"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x><x/>',
        f'<?xml version="1.0" encoding="UTF-32"?>{ENTITIES}<x/>'.encode("utf-32"),
    ],
)
def test_xml_that_declares_entities_is_refused(refusal: Refuse, part: str, document: bytes) -> None:
    assert refusal(xlsx(parts={part: document}), "leads.xlsx").code == "xml_forbidden"


def test_no_reader_calls_home(refusal: Refuse) -> None:
    hits: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)

        def listen() -> None:
            try:
                hits.append(server.accept()[1])
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/canary"
        document = (
            f'<!DOCTYPE x [<!ENTITY % e SYSTEM "{url}"> %e; <!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>'
        )
        assert refusal(xlsx(parts={"xl/worksheets/sheet1.xml": document}), "leads.xlsx").code == "xml_forbidden"
        listener.join()
    assert hits == []


def test_deeply_nested_xml_ends_soon(read_bytes: ReadBytes) -> None:
    nested = "".join(f'<a b="{number * 7919}">' for number in range(200_000)) + "</a>" * 200_000
    try:
        read_bytes(
            xlsx(parts={"xl/worksheets/sheet1.xml": hostile.SHEET.format(rows=nested, dimension="")}), "leads.xlsx"
        )
    except FileRejected as error:
        assert error.code in {"no_data", "too_complex", "corrupt_file"}  # noqa: PT017 - both ends are right


# --- Workbooks -----------------------------------------------------------------------------------------------------

STRINGS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" {counts}>{items}</sst>'
)


def test_a_lying_count_of_strings_does_no_harm(read_bytes: ReadBytes) -> None:
    strings = STRINGS.format(
        counts='count="4294967295" uniqueCount="4294967295"', items="<si><t>Name</t></si><si><t>Anna</t></si>"
    )
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>'
    (sheet,) = read_bytes(xlsx(rows, strings=strings), "leads.xlsx").sheets
    assert (headers(sheet), sheet.rows) == (["Name"], 1)


def test_one_long_string_used_often_is_too_complex(refusal: Refuse) -> None:
    strings = STRINGS.format(counts="", items=f"<si><t>{random.Random(1).randbytes(16_000).hex()}</t></si>")
    rows = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 100_001))
    assert refusal(xlsx(rows, strings=strings), "leads.xlsx").code == "too_complex"


def test_a_cell_too_long_is_refused(refusal: Refuse) -> None:
    error = refusal(xlsx(PERSON + f'<row r="3">{text_cell("A3", "x" * 40_000)}</row>'), "leads.xlsx")
    assert (error.code, error.extra) == ("cell_too_large", {"limit": 32_767, "row": 3})


@pytest.mark.parametrize("row", [3, 1_048_576])
def test_a_cell_far_from_all_others_does_not_make_thousands_of_columns(refusal: Refuse, row: int) -> None:
    error = refusal(xlsx(PERSON + f'<row r="{row}">{text_cell(f"XFD{row}", "x")}</row>'), "leads.xlsx")
    assert error.code == "too_complex"
    assert "16,384" in error.detail


@pytest.mark.parametrize("reference", ["A4294967295", "A1048577", "ZZZZZZZ3", "XFE3"])
def test_cells_where_no_sheet_has_any_are_damage(refusal: Refuse, reference: str) -> None:
    row = "".join(character for character in reference if character.isdigit())
    assert (
        refusal(xlsx(PERSON + f'<row r="{row}">{text_cell(reference, "x")}</row>'), "leads.xlsx").code == "corrupt_file"
    )


def test_a_dimension_is_not_believed(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(xlsx(dimension='<dimension ref="A1:XFD1048576"/>'), "leads.xlsx").sheets
    assert sheet.rows == 1


def test_too_many_columns_are_refused(refusal: Refuse) -> None:
    wide = ",".join(f"Column{number}" for number in range(20_000))
    error = refusal(f"{wide}\r\n{wide}\r\n".encode(), "leads.csv")
    assert (error.code, error.extra["limit"]) == ("too_many_columns", 512)


def test_too_many_rows_are_refused(refusal: Refuse) -> None:
    rows = "".join(f"<row><c><v>{number}</v></c></row>" for number in range(200))
    assert refusal(xlsx(rows), "leads.xlsx", Limits(max_rows=100)).code == "too_many_rows"


@pytest.mark.parametrize("attribute", ["rows", "columns"])
def test_repetitions_without_end_are_too_complex(refusal: Refuse, attribute: str) -> None:
    person = ods_row("Name") + ods_row("Anna")
    columns = 10**9 if attribute == "columns" else 1
    cell = f'<table:table-cell table:number-columns-repeated="{columns}"><text:p>x</text:p></table:table-cell>'
    rows = f' table:number-rows-repeated="{10**9}"' if attribute == "rows" else ""
    assert refusal(ods(f"{person}<table:table-row{rows}>{cell}</table:table-row>"), "leads.ods").code == "too_complex"


def test_repetitions_that_fill_a_whole_sheet_are_too_complex(refusal: Refuse) -> None:
    attributes = 'table:number-columns-repeated="16384" office:value-type="string"'
    cell = f"<table:table-cell {attributes}><text:p>x</text:p></table:table-cell>"
    table = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    assert refusal(ods(table), "leads.ods").code in {
        "too_complex",
        "too_many_cells",
        "too_many_columns",
        "too_many_rows",
    }


def test_a_protected_opendocument_file_says_so(refusal: Refuse) -> None:
    assert refusal(ods("", manifest="<encryption-data/>"), "leads.ods").code == "password_protected"


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (xlsx(f'<row r="1">{text_cell("A1", "Name")}{text_cell("B1", "Email")}</row>'), "leads.xlsx", "no_data_rows"),
        (xlsx(""), "leads.xlsx", "no_data"),
        (b"Name,Email\r\n", "leads.csv", "no_data_rows"),
        (b"\r\n \r\n,,\r\n", "leads.csv", "no_data"),
        (b"\xef\xbb\xbf", "leads.csv", "no_data"),
    ],
)
def test_a_file_without_data_says_what_is_missing(refusal: Refuse, content: bytes, name: str, code: str) -> None:
    assert refusal(content, name).code == code


def workbook_bytes(fill: Callable[[xlsxwriter.Workbook], None], options: dict[str, bool] | None = None) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, **(options or {})}) as workbook:
        fill(workbook)
    return content.getvalue()


def test_errors_and_formulas_without_a_value_are_blank_and_said(read_bytes: ReadBytes) -> None:
    def fill(workbook: xlsxwriter.Workbook) -> None:
        sheet = workbook.add_worksheet("Leads")
        sheet.write_row(0, 0, ["Name", "Score", "Rank"])
        sheet.write_row(1, 0, ["Anna", 1, 2])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")  # pyright: ignore[reportArgumentType]
        sheet.write_row(2, 0, ["Bruno"])
        sheet.write_formula(3, 2, "=A1", None, "")  # pyright: ignore[reportArgumentType]
        sheet.write_row(3, 0, ["Clara", 3])

    workbook = read_bytes(workbook_bytes(fill), "leads.xlsx")
    (sheet,) = workbook.sheets
    assert [column.profile.filled for column in sheet.columns] == [3, 2, 1]
    (notice,) = [notice for notice in workbook.notices if notice.code == "cells_without_value"]
    assert notice.sheet == "Leads"
    assert "B3" in notice.detail
    assert "C4" in notice.detail


def test_errors_and_formulas_without_a_value_of_an_opendocument_sheet_are_blank_and_said(
    read_bytes: ReadBytes,
) -> None:
    calc = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    error = (
        f'<table:table-cell {calc} table:formula="of:=1/0" office:value-type="string" office:string-value="" '
        'calcext:value-type="error">'
        "<text:p>#DIV/0!</text:p></table:table-cell>"
    )
    rows = [
        ods_row("Name", "Score", "Rank", "Post Code"),
        ods_row("Anna", "1", "2").replace("</table:table-row>", "{zip}</table:table-row>"),
        ods_row("Bruno").replace("</table:table-row>", error + "</table:table-row>"),
        ods_row("Clara", "3").replace(
            "</table:table-row>", '<table:table-cell table:formula="of:=[.A1]"/></table:table-row>'
        ),
    ]
    # With a number that is shown with zeros, the second reader reads the file.
    padded = '<table:table-cell office:value-type="float" office:value="1067"><text:p>01067</text:p></table:table-cell>'
    for postal_code in ("", padded):
        workbook = read_bytes(ods("".join(rows).replace("{zip}", postal_code)), "leads.ods")
        assert [column.profile.filled for column in workbook.sheets[0].columns][:3] == [3, 2, 1]
        (notice,) = [notice for notice in workbook.notices if notice.code == "cells_without_value"]
        assert notice.sheet == "Leads"
        assert "2 cells" in notice.detail
        assert "B3, C4" in notice.detail


def test_macros_are_ignored_and_said(read_bytes: ReadBytes) -> None:
    workbook = read_bytes(xlsx(more=[("xl/vbaProject.bin", b"VBA")]), "leads.xlsm")
    assert "macros_ignored" in codes(workbook)
    assert workbook.sheets[0].rows == 1


def test_a_chart_sheet_alone_has_no_data(refusal: Refuse) -> None:
    def fill(workbook: xlsxwriter.Workbook) -> None:
        chart: Any = workbook.add_chart({"type": "line"})
        chart.add_series({"values": "=Chart!$A$1:$A$2"})
        workbook.add_chartsheet("Chart").set_chart(chart)
        workbook.add_worksheet("Empty")

    assert refusal(workbook_bytes(fill), "leads.xlsx").code == "no_data"


def test_what_a_file_says_about_one_sheet_does_not_stop_the_parent(tmp_path: Path) -> None:
    """The same process reads a good file after a hundred kinds of bad ones."""
    path = tmp_path / "leads.csv"
    path.write_bytes(CSV)
    assert read(path, "leads.csv").sheets[0].rows == 1


def test_a_sheet_of_old_macros_is_skipped_and_said(read_bytes: ReadBytes) -> None:
    sheets = '<sheet name="Leads" sheetId="1" r:id="rId1"/>'
    relations = hostile.WORKBOOK_RELATIONS.replace(
        "</Relationships>",
        '<Relationship Id="rId3" Type="http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet" '
        'Target="macrosheets/sheet1.xml"/></Relationships>',
    )
    macros = (
        '<xm:macrosheet xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main" '
        'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{PERSON}</sheetData></xm:macrosheet>"
    )
    content = xlsx(
        parts={
            "xl/workbook.xml": hostile.WORKBOOK.format(properties="").replace(
                sheets, sheets + '<sheet name="Macro1" sheetId="2" r:id="rId3"/>'
            ),
            "xl/_rels/workbook.xml.rels": relations,
            "xl/macrosheets/sheet1.xml": macros,
        }
    )
    workbook = read_bytes(content, "leads.xlsm")
    assert [sheet.name for sheet in workbook.sheets] == ["Leads"]
    assert "macro_sheet_skipped" in codes(workbook)
