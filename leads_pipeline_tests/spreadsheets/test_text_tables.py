"""CSV and TSV in the dialects, encodings and states that people send them in."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import Limits, read
from leads_pipeline_tests.spreadsheets.conftest import ReadBytes, codes, exported, headers

Refuse = Callable[..., FileRejected]

GERMAN = "Vorname;Nachname;Straße;Ort\r\nJürgen;Müller;Große Straße 1;Köln\r\nBärbel;Groß;Am Öhrchen 2;Düsseldorf\r\n"
FRENCH = (
    "Prénom;Société;Ville\r\nAndré;Générale d’Énergie;Orléans\r\nZoé;Hôtel de la Forêt;Besançon\r\nLoïc;Noël;Nîmes\r\n"
)
SPANISH = "Nombre;Teléfono;Dirección\r\nÍñigo Muñoz;910000001;Calle Peñón 3\r\nMaría Núñez;910000002;Plaza España\r\n"
POLISH = (
    "Imię;Nazwisko;Miejscowość\r\nŁukasz;Wiśniewski;Łódź\r\nGrażyna;Dąbrowska;Chełm\r\nŻaneta;Kołodziej;Świecie\r\n"
)
RUSSIAN = "Имя;Фамилия;Компания\r\nИван;Петров;Пример\r\nАнна;Смирнова;Образец\r\n"
GREEK = "Όνομα;Επώνυμο;Πόλη\r\nΓιώργος;Παπαδόπουλος;Αθήνα\r\nΕλένη;Γεωργίου;Θεσσαλονίκη\r\n"
TURKISH = "Adı;Soyadı;Şehir\r\nİbrahim;Yıldız;İstanbul\r\nAyşe;Çelik;Eskişehir\r\nGülşen;Doğan;Iğdır\r\n"
HEBREW = "שם;טלפון;עיר\r\nדוד כהן;035550101;תל אביב\r\nרחל לוי;035550102;ירושלים\r\n"
JAPANESE = "氏名,会社名,メール\r\n山田太郎,サンプル株式会社,taro@x.example\r\n鈴木花子,テスト商事,hanako@x.example\r\n"
CHINESE = "姓名,公司,电话\r\n王伟,示例科技有限公司,13800000001\r\n李娜,样本贸易公司,13800000002\r\n"
KOREAN = "이름,회사,전화\r\n김민수,예시주식회사,0215550101\r\n이서연,견본상사,0215550102\r\n"
TAIWANESE = "姓名,公司,電話\r\n陳怡君,範例科技股份有限公司,0255550101\r\n林志明,樣本貿易公司,0255550102\r\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *[
            (text, encoding)
            for text in (GERMAN, RUSSIAN, JAPANESE)
            for encoding in (
                "utf-8",
                "utf-8-sig",
                "utf-16",
                "utf-32",
                "utf-16-le",
                "utf-16-be",
                "utf-32-le",
                "utf-32-be",
            )
        ],
        *[(text, encoding) for text in (GERMAN, FRENCH, SPANISH) for encoding in ("cp1252", "mac_roman")],
        (GERMAN, "cp850"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        (HEBREW, "cp1255"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (KOREAN, "cp949"),
        (TAIWANESE, "big5"),
    ],
)
def test_letters_survive_the_encoding(read_bytes: ReadBytes, text: str, encoding: str) -> None:
    (sheet,) = read_bytes(text.encode(encoding)).sheets
    delimiter = ";" if ";" in text else ","
    assert headers(sheet) == text.splitlines()[0].split(delimiter)
    assert sheet.rows == len(text.splitlines()) - 1


def test_a_single_umlaut_is_enough(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes("Name;Größe\r\nAnna;1\r\n".encode("cp1252")).sheets
    assert headers(sheet) == ["Name", "Größe"]


def test_utf8_with_a_few_lines_of_another_encoding_is_read_as_both(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(("Name,Stadt\r\n" + "Jürgen,Köln\r\n" * 20).encode() + "Bärbel,Nürnberg\r\n".encode("cp1252"))
    workbook = read(path, "leads.csv")
    assert "encoding_mixed" in codes(workbook)
    assert "Bärbel,Nürnberg" in exported(path, "leads.csv", workbook).decode("utf-8-sig")


HALF, OTHER_HALF = b"\xed\xa0\xbd", b"\xed\xb8\x80"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"Name,Stadt\r\nAn" + HALF + b"na," + "Köln\r\n".encode(), "Anna"),
        (b"Name,Stadt\r\nAn" + OTHER_HALF + b"na,Bonn\r\n", "Anna"),
        (b"Name,Stadt\r\nAnna " + HALF + OTHER_HALF + b"," + "Köln\r\n".encode(), "Anna \U0001f600"),
        ("Name,Stadt\r\nAn".encode("utf-16") + b"\x00\xd8" + "na,Köln\r\n".encode("utf-16-le"), "Anna"),
        (("Name,Stadt\r\n" + "Jörg,Köln\r\n" * 20).encode() + b"An" + HALF + b"na,K\xf6ln\r\n", "Anna"),
    ],
)
def test_halves_of_characters_are_put_together_or_removed(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    workbook = read(path, "leads.csv")
    assert f",{name}," in exported(path, "leads.csv", workbook).decode("utf-8-sig").splitlines()[-1]
    assert ("characters_removed" in codes(workbook)) == (name == "Anna")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(read_bytes: ReadBytes, delimiter: str, end: str) -> None:
    rows = [
        ["Name", "Note", "Amount"],
        ["Anna", '"one, two; three"', '"1,5"'],
        ["Bruno", f'"a{end}b"', '"2,5"'],
        ["Clara", "-", "3"],
    ]
    (sheet,) = read_bytes(end.join(delimiter.join(row) for row in rows).encode()).sheets
    assert headers(sheet) == ["Name", "Note", "Amount"]
    assert sheet.rows == 3


def test_decimal_commas_do_not_make_a_delimiter(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(b"Name;Betrag;Rabatt\r\nAnna;1,50;0,1\r\nBruno;2,50;0,2\r\n").sheets
    assert headers(sheet) == ["Name", "Betrag", "Rabatt"]


def test_mixed_line_ends_make_one_row_each(read_bytes: ReadBytes) -> None:
    assert read_bytes(b"Name,City\r\nAnna,Bonn\nBruno,Bonn\rClara,Bonn\r\n").sheets[0].rows == 3


@pytest.mark.parametrize("declaration", [b"sep=;\r\n", b'"sep=;"\n', b"SEP=;\r"])
def test_a_declared_delimiter_is_believed(tmp_path: Path, declaration: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(declaration + b"Name;Numbers\r\nAnna;1,2,3\r\n")
    workbook = read(path, "leads.csv")
    assert headers(workbook.sheets[0]) == ["Name", "Numbers"]
    assert workbook.sheets[0].header_row == 2
    assert b"leads,3,Anna," in exported(path, "leads.csv", workbook)


def test_quotes_escaped_by_backslashes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b'"Name","Note","City"\n"Anna","said \\"hi, there\\" twice","Bonn"\n"Bruno","-","Bonn"\n')
    workbook = read(path, "leads.csv")
    assert workbook.sheets[0].rows == 2
    assert b'said ""hi, there"" twice' in exported(path, "leads.csv", workbook)


def test_a_table_of_one_column(read_bytes: ReadBytes) -> None:
    (sheet,) = read_bytes(b"Email\nanna@x.example\nbruno@x.example\n").sheets
    assert (headers(sheet), sheet.rows) == (["Email"], 2)


def test_ragged_rows_are_kept_and_said(read_bytes: ReadBytes) -> None:
    workbook = read_bytes(b"Name,City,Phone\nAnna,Bonn\nBruno,Bonn,030 5550101,extra\nClara,Bonn,030 5550102\n")
    (sheet,) = workbook.sheets
    assert headers(sheet) == ["Name", "City", "Phone", "Column 4"]
    assert sheet.rows == 3
    assert "ragged_rows" in codes(workbook)


@pytest.mark.parametrize(
    "content", [b'Name,City\nAnna,"Bonn\nBruno,Bonn\n', b'Name,City\nAnna,"Bonn' + b"\nBruno,Bonn" * 9_000]
)
def test_an_unclosed_quote_is_told_with_its_line(refusal: Refuse, content: bytes) -> None:
    error = refusal(content)
    assert (error.code, error.extra["line"]) == ("csv_malformed", 2)


def test_a_line_without_end_is_refused(refusal: Refuse) -> None:
    assert refusal(b"Name,City\n" + b"x" * (50 * 2**20)).code == "line_too_long"


def test_a_cell_too_long_is_refused(refusal: Refuse) -> None:
    assert refusal(b"Name,City\nAnna,Bonn\nBruno," + b"x" * 40_000 + b"\n").extra == {"limit": 32_767, "row": 3}


def test_nul_characters_are_removed_and_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"Name,City\nAn\0na,Bonn\nBruno,Bo\0nn\n")
    workbook = read(path, "leads.csv")
    assert "characters_removed" in codes(workbook)
    assert b"Anna,Bonn" in exported(path, "leads.csv", workbook)


def test_lone_surrogates_never_come_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(
        b"Name,City\nAn\xed\xa0\x80na,K\xc3\xb6ln\nBruno,K\xc3\xb6ln\nClara,K\xc3\xb6ln\nDora,K\xc3\xb6ln\n" * 3
    )
    workbook = read(path, "leads.csv")
    exported(path, "leads.csv", workbook).decode("utf-8-sig")
    path.write_bytes("Name,City\nAnna,Bonn\n".encode("utf-16-le") + b"\x00\xd8" + "x,y\n".encode("utf-16-le"))
    exported(path, "leads.csv", read(path, "leads.csv")).decode("utf-8-sig")


def test_too_many_cells_are_refused(refusal: Refuse) -> None:
    assert refusal(b"a,b\n" + b"1,2\n" * 100, limits=Limits(max_csv_cells=100)).code == "too_many_cells"


def test_dates_and_numbers_that_can_be_read_in_two_ways_are_named(read_bytes: ReadBytes) -> None:
    workbook = read_bytes(
        b"Name;Signed;Born;Revenue;Budget\n"
        b"Anna;03/04/2025;13/04/1980;1.234;1.234,56\n"
        b"Bruno;05/06/2025;05/06/1981;2.500;99,90\n"
    )
    details = {notice.code: notice.detail for notice in workbook.sheets[0].notices}
    assert '"Signed"' in details["ambiguous_dates"]
    assert "Born" not in details["ambiguous_dates"]
    assert '"Revenue"' in details["ambiguous_numbers"]
    assert "Budget" not in details["ambiguous_numbers"]


def test_no_notice_and_no_profile_quotes_a_cell(read_bytes: ReadBytes) -> None:
    workbook = read_bytes(b"Name;Signed\nAnna Zaphod;03/04/2025\nBruno Zaphod;05/06/2025\n\nTotal;2\n")
    assert "Zaphod" not in repr(workbook)


# --- Any table, any bytes ------------------------------------------------------------------------------------------

CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co", "Cn"), exclude_characters="\ufeff"),
    min_size=1,
    max_size=12,
).filter(lambda text: not text.isspace())


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))
    return [[f"{name} name" for name in ("first", "last", "company", "city", "status")[:width]], *rows]


@settings(deadline=None, max_examples=60)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_any_table_comes_back_equal(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], delimiter: str, end: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    path = tmp_path_factory.mktemp("any") / "leads.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    workbook = read(path, "leads.csv")
    assert headers(workbook.sheets[0]) == table[0]
    left_out = {"totals_left_out", "footer_left_out", "repeated_header_left_out"}
    if not codes(workbook) & left_out:
        content = exported(path, "leads.csv", workbook).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
        assert [[cell.removeprefix("'") for cell in row[2:]] for row in rows] == [
            [cell.removeprefix("'") for cell in row] for row in table[1:]
        ]


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_end_as_sheets_or_as_a_named_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "leads.csv"
    path.write_bytes(content)
    try:
        assert read(path, "leads.csv").sheets
    except FileRejected as error:
        assert error.code != "parse_failed"  # noqa: PT017 - that would be a fault of ours
