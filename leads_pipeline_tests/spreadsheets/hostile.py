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
