"""Where the header is, what the columns are called, and which rows are data."""

import io
from collections.abc import Sequence

import pytest
import xlsxwriter

from leads_pipeline_tests.spreadsheets.conftest import ReadBytes, codes, headers

PEOPLE = [
    ["Anna Albers", "anna@albers.example", "+49 30 5550101", "Berlin"],
    ["Bruno Binder", "bruno@binder.example", "+49 30 5550102", "Hamburg"],
    ["Clara Conrad", "clara@conrad.example", "+49 30 5550103", "Berlin"],
]
NAMES = ["Name", "E-mail", "Phone", "City"]


def table(*rows: Sequence[str]) -> bytes:
    return "\r\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows).encode()


@pytest.mark.parametrize(
    ("above", "header_row"),
    [
        ([], 1),
        ([["Leads of the trade show in Cologne"]], 2),
        ([["Leads"], [], ["Exported by", "Jane Roe"], ["Date", "2025-03-04"], []], 6),
        ([[], [], []], 4),
        ([["Report: all contacts", "", "", ""], ["Created on 2025-03-04 by reports@crm.example"], [""]], 4),
        ([["Note: this file holds the people you met at our booth. Treat it as confidential, please."]], 2),
    ],
)
def test_the_header_is_found_below_titles_and_blank_lines(
    read_bytes: ReadBytes, above: list[list[str]], header_row: int
) -> None:
    (sheet,) = read_bytes(table(*above, NAMES, *PEOPLE)).sheets
    assert sheet.header_row == header_row
    assert headers(sheet) == NAMES
    assert sheet.rows == 3


@pytest.mark.parametrize(
    "rows",
    [
        PEOPLE,
        PEOPLE[:1],
        [["Globex", "https://globex.example", "1200"], ["Initech", "https://initech.example", "80"]],
        [["1001", "Anna", "2024-05-01"], ["1002", "Bruno", "2024-05-02"], ["1003", "Clara", "2024-05-03"]],
        [["anna@albers.example"], ["bruno@binder.example"]],
        [
            ["", "anna@albers.example", "Berlin"],
            ["Bruno", "bruno@binder.example", ""],
            ["Clara", "clara@conrad.example", "Bonn"],
        ],
        [["Anna", "Albers", "Berlin"], ["Bruno", "Binder", "Hamburg"], ["Julia", "Conrad", "Berlin"]],
        [["Anna Albers"], ["Thomas Binder"], ["Julia Conrad"], ["Peter Drews"]],
        [["Globex GmbH", "Einkauf"], ["Initech AG", "Vertrieb"], ["Umbrella", "Vertrieb"]],
    ],
)
def test_the_first_person_never_becomes_the_header(read_bytes: ReadBytes, rows: list[list[str]]) -> None:
    workbook = read_bytes(table(*rows))
    (sheet,) = workbook.sheets
    assert sheet.header_row is None
    assert headers(sheet) == [f"Column {number}" for number in range(1, len(rows[0]) + 1)]
    assert sheet.rows == len(rows)
    assert "no_header" in codes(workbook)


@pytest.mark.parametrize(
    "rows",
    [
        [["First Name", "Last Name", "City"], ["Anna", "Albers", "Berlin"], ["Bruno", "Binder", "Bonn"]],
        [["Alpha", "Beta", "Gamma"], ["Anna", "Albers", "Berlin"], ["Bruno", "Binder", "Bonn"]],
        [["Name", "2023", "2024", "2025"], ["Globex", "100", "200", "300"], ["Initech", "10", "20", "30"]],
        [["Name", "Email"], ["Anna", "anna@albers.example"]],
        [
            ["id", "Address 1", "Address 2", "utm_source"],
            ["1", "Main St 1", "", "google"],
            ["2", "Side St 2", "", "bing"],
        ],
        [
            ["Full name", "What is your biggest challenge in sales, and since when?", "May we call you?"],
            ["Anna Albers", "Too many spreadsheets", "yes"],
            ["Bruno Binder", "None", "no"],
        ],
        [["Name", "Phone", "Email"], ["", "", "anna@albers.example"], ["Bruno", "", ""]],
        [["Name"], ["Anna"], ["Bruno"]],
        [["Grace", "Team", "Region"], ["Anna", "Red", "Berlin"], ["Thomas", "Blue", "Hamburg"]],
        [["Email"], ["anna@albers.example"], ["bruno@binder.example"]],
        [["姓名", "电话", "公司"], ["王伟", "13800000001", "示例公司"], ["李娜", "13800000002", "样本公司"]],
        [["FirstName", "LastName", "lead_status__c"], ["Anna", "Albers", "New"], ["Bruno", "Binder", "New"]],
        [["Date", "Amount"], ["2025-01-01", "12.50"], ["2025-01-02", "13.50"]],
    ],
)
def test_a_header_in_the_first_row_is_taken_for_one(read_bytes: ReadBytes, rows: list[list[str]]) -> None:
    (sheet,) = read_bytes(table(*rows)).sheets
    assert sheet.header_row == 1
    assert headers(sheet) == rows[0]
    assert sheet.rows == len(rows) - 1


def test_blank_and_repeated_headers_get_names_of_their_own(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(
        table(["Name", "Email", "Email", "", "email (2)"], ["Anna", "a@x.example", "b@x.example", "?", "!"])
    ).sheets
    assert headers(sheet) == ["Name", "Email", "Email (3)", "Column 4", "email (2)"]
    assert sheet.layout["headers"] == ["Name", "Email", "Email", "", "email (2)"]


def test_a_second_line_of_the_header_is_joined_to_the_first(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(
        table(
            ["Person", "", "Company", ""],
            ["Name", "Email", "Name", "City"],
            ["Anna", "anna@x.example", "Globex", "Bonn"],
            ["Bruno", "bruno@x.example", "Initech", "Köln"],
        )
    ).sheets
    assert headers(sheet) == ["Person Name", "Person Email", "Company Name", "Company City"]
    assert sheet.header_row == 1
    assert sheet.rows == 2


def test_merged_cells_name_groups_of_columns(read_bytes: ReadBytes) -> None:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Leads")
        sheet.merge_range("A1:E1", "Leads of 2025")
        sheet.merge_range("A2:A3", "Name")
        sheet.merge_range("B2:C2", "Business")
        sheet.merge_range("D2:E2", "Private")
        sheet.write_row("B3", ["Phone", "City", "Phone", "City"])
        sheet.write_row("A4", ["Anna", "+49 30 5550101", "Bonn", "+49 30 5550102", "Köln"])
        sheet.write_row("A5", ["Bruno", "+49 30 5550103", "Bonn", "+49 30 5550104", "Köln"])
    (found,) = read_bytes(content.getvalue(), "leads.xlsx").sheets
    assert headers(found) == ["Name", "Business Phone", "Business City", "Private Phone", "Private City"]
    assert found.header_row == 2
    assert found.rows == 2


def test_machine_names_below_the_header_of_a_survey_are_no_data(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(
        table(
            ["StartDate", "Q1", "Q2"],
            ["Start Date", "What is your name?", "What is your e-mail?"],
            ["{'ImportId':'startDate'}", "{'ImportId':'QID1'}", "{'ImportId':'QID2'}"],
            ["2025-03-04 10:00:00", "Anna", "anna@x.example"],
            ["2025-03-04 11:00:00", "Bruno", "bruno@x.example"],
        )
    ).sheets
    assert sheet.rows == 2
    assert "What is your e-mail?" in headers(sheet)[2]


@pytest.mark.parametrize(
    ("below", "code"),
    [
        ([["Total", "3", "", ""]], "totals_left_out"),
        ([[], ["Grand Totals", "", "3", ""]], "totals_left_out"),
        ([["Gesamtsumme:", "", "", "3"]], "totals_left_out"),
        ([["Summe: 3"]], "totals_left_out"),
        ([[], ["Exported on 2025-03-04 by the CRM"]], "footer_left_out"),
        ([[], [], ["Page 1 of 1"], ["Confidential"]], "footer_left_out"),
        ([["© 2025 Globex. All rights reserved. Do not pass on."]], "footer_left_out"),
        ([[], ["Hall", "Booth"], ["7", "A 12"], ["8", "B 13"]], "second_table_left_out"),
        ([[], ["Companies"], ["Company", "Website"], ["Globex", "https://globex.example"]], "second_table_left_out"),
        ([NAMES, *PEOPLE], "repeated_header_left_out"),
        ([[], NAMES, *PEOPLE], "repeated_header_left_out"),
    ],
)
def test_what_is_below_the_data_is_left_out_and_said(read_bytes: ReadBytes, below: list[list[str]], code: str) -> None:
    workbook = read_bytes(table(NAMES, *PEOPLE, *below))
    (sheet,) = workbook.sheets
    assert sheet.rows == (6 if code == "repeated_header_left_out" else 3)
    assert code in codes(workbook)


@pytest.mark.parametrize(
    "more",
    [
        [[], ["Dora Dorn", "dora@dorn.example", "", ""]],
        [[], ["Dora Dorn", "", "", "Bonn"], [], ["Emil Ernst", "", "", "Bonn"]],
        [
            ["Total Energies", "info@total.example", "+33 1 5550105", "Paris"],
            ["Dora Dorn", "dora@dorn.example", "", ""],
        ],
        [["", "dora@dorn.example", "", ""], ["", "emil@ernst.example", "", ""]],
    ],
)
def test_people_below_blank_rows_and_odd_people_stay_data(read_bytes: ReadBytes, more: list[list[str]]) -> None:
    workbook = read_bytes(table(NAMES, *PEOPLE, *more))
    (sheet,) = workbook.sheets
    assert sheet.rows == 3 + sum(map(bool, more))
    assert not codes(workbook) & {"totals_left_out", "footer_left_out", "second_table_left_out"}


def test_a_table_may_begin_anywhere(read_bytes: ReadBytes) -> None:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Leads")
        for number, row in enumerate([NAMES, *PEOPLE]):
            sheet.write_row(4 + number, 3, row)
    (found,) = read_bytes(content.getvalue(), "leads.xlsx").sheets
    assert (found.header_row, headers(found), found.rows) == (5, NAMES, 3)


def test_a_sheet_with_a_header_alone_does_not_stop_the_others(read_bytes: ReadBytes) -> None:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.add_worksheet("Empty")
        workbook.add_worksheet("Header").write_row(0, 0, NAMES)
        hidden = workbook.add_worksheet("Leads")
        for number, row in enumerate([NAMES, *PEOPLE]):
            hidden.write_row(number, 0, row)
        hidden.hide()
    workbook = read_bytes(content.getvalue(), "leads.xlsx")
    assert [sheet.name for sheet in workbook.sheets] == ["Leads"]
    assert codes(workbook) == {"sheet_empty", "sheet_without_rows", "hidden_sheet"}
