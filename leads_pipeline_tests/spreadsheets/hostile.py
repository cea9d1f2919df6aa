"""Builders of files that no honest program writes: small code that makes what would be large or dangerous to keep."""

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    "{more}</Types>"
)
STRINGS_TYPE = (
    '<Override PartName="/xl/sharedStrings.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>'
)
WORKBOOK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">{properties}'
    '<sheets><sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
WORKBOOK_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
    'Target="sharedStrings.xml"/></Relationships>'
)
SHEET = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{dimension}'
    "<sheetData>{rows}</sheetData></worksheet>"
)


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


PERSON = (
    f'<row r="1">{text_cell("A1", "Name")}{text_cell("B1", "Email")}</row>'
    f'<row r="2">{text_cell("A2", "Anna")}{text_cell("B2", "anna@x.example")}</row>'
)


def xlsx(
    rows: str = PERSON,
    *,
    dimension: str = "",
    properties: str = "",
    strings: str | None = None,
    parts: Mapping[str, str | bytes] | None = None,
    more: Iterable[tuple[zipfile.ZipInfo | str, bytes]] = (),
) -> bytes:
    """A workbook with one sheet, put together by hand: `rows` is its XML, `parts` replaces whole parts."""
    contents: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES.format(more="" if strings is None else STRINGS_TYPE),
        "_rels/.rels": RELATIONS,
        "xl/workbook.xml": WORKBOOK.format(properties=properties),
        "xl/_rels/workbook.xml.rels": WORKBOOK_RELATIONS,
        "xl/worksheets/sheet1.xml": SHEET.format(rows=rows, dimension=dimension),
        **({} if strings is None else {"xl/sharedStrings.xml": strings}),
        **(parts or {}),
    }
    return zipped([*contents.items(), *more])


def zipped(entries: Iterable[tuple[zipfile.ZipInfo | str, str | bytes]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def ods(table: str, *, manifest: str = "") -> bytes:
    """An OpenDocument spreadsheet whose only table holds the XML `table`."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="Leads">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        [
            ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            ("content.xml", document),
            ("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>"),
        ]
    )


def ods_row(*cells: str, attributes: str = "") -> str:
    inside = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row{attributes}>{inside}</table:table-row>"


def lie_about_sizes(archive: bytes, claimed: int) -> bytes:
    """The same archive, each entry of which claims to unpack to `claimed` bytes."""
    lying = bytearray(archive)
    position = 0
    while (position := lying.find(b"PK\1\2", position)) >= 0:
        struct.pack_into("<L", lying, position + 24, claimed)
        local = struct.unpack_from("<L", lying, position + 42)[0]
        struct.pack_into("<L", lying, local + 22, claimed)
        position += 4
    return bytes(lying)


def xlsb(
    records: bytes, *, formats: Mapping[int, str] | None = None, merged: Iterable[tuple[int, int, int, int]] = ()
) -> bytes:
    """A binary workbook with one sheet, whose rows are `records`; cell style 1, 2, ... has the format of that number."""
    formats = formats or {}
    count = struct.pack("<I", len(formats))
    styles = record(615, count)
    styles += b"".join(record(44, struct.pack("<H", number) + _wide(code)) for number, code in formats.items())
    styles += record(616) + record(617, struct.pack("<I", len(formats) + 1))
    styles += b"".join(record(47, struct.pack("<2H12x", 0, number)) for number in (0, *formats)) + record(618)
    areas = b"".join(record(176, struct.pack("<4I", *area)) for area in merged)
    sheet = record(129) + record(148, struct.pack("<4I", 0, 9, 0, 9)) + record(145) + records + record(146)
    sheet += record(177, struct.pack("<I", len(areas) // 19)) + areas + record(178) if areas else b""
    book = (
        record(131) + record(143) + record(156, struct.pack("<2I", 0, 1) + _wide("rId1") + _wide("Leads")) + record(144)
    )
    relations = WORKBOOK_RELATIONS.replace("sheet1.xml", "sheet1.bin").replace("sharedStrings.xml", "styles.bin")
    return zipped(
        [
            ("[Content_Types].xml", CONTENT_TYPES.format(more="").replace(".xml", ".bin")),
            ("_rels/.rels", RELATIONS.replace("workbook.xml", "workbook.bin")),
            ("xl/workbook.bin", book + record(132)),
            ("xl/_rels/workbook.bin.rels", relations.replace("sharedStrings", "styles")),
            ("xl/styles.bin", record(278) + styles + record(279)),
            ("xl/worksheets/sheet1.bin", sheet + record(130)),
        ]
    )


def record(kind: int, contents: bytes = b"") -> bytes:
    """One record of a binary workbook's part."""
    return _number(kind) + _number(len(contents)) + contents


def xlsb_row(number: int, *cells: str | float | None, style: int = 0) -> bytes:
    """A row, counted from 0, of texts and numbers; None is an error. Numbers have the cell style `style`."""
    out = record(0, struct.pack("<2I9x", number, 0))
    for column, cell in enumerate(cells):
        if isinstance(cell, str):
            out += record(6, struct.pack("<2I", column, 0) + _wide(cell))
        elif cell is None:
            out += record(3, struct.pack("<2IB", column, 0, 0x2A))
        else:
            out += record(5, struct.pack("<2Id", column, style, cell))
    return out


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _number(value: int) -> bytes:
    pieces = bytearray()
    while value >= 0x80:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*pieces, value])
