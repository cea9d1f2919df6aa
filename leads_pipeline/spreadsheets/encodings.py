"""Which encoding a text file is in.

A byte order mark decides, then NULs in the pattern of UTF-16 or UTF-32, then valid UTF-8. What is left is a legacy
encoding, found by trying: the one under which the letters beyond ASCII form an alphabet that some language has, where
such letters stand, wins; Windows' western one where nothing speaks against it.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets.limits import Limits

_CHUNK = 2**20
_SAMPLE = 2**16
_NO_TEXT = frozenset({"Cn", "Co", "Cs"})


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by Python's name, how sure that is (`certain`: nothing was guessed), and whether broken bytes were seen.

    With `mixed`, the file is UTF-8 with some lines in Windows' western encoding: the bytes that are not UTF-8 are in that one.
    """

    name: str
    certain: bool
    mixed: bool = False
    has_nul: bool = False


def find_encoding(path: Path, limits: Limits) -> Encoding:
    """The encoding of all of `path`, read in pieces.

    Raises `FileRejected`: `line_too_long` where a line has more bytes than `limits.max_columns` full cells,
    `content_mismatch` where the bytes are no text, `encoding_unknown` where they are text in no encoding known here.
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    marked = _by_mark(start)
    if marked is None:
        marked = _by_nuls(start)
    scan = _scan(path, wide=marked is not None and marked.startswith("utf-16"), limits=limits)
    if marked is not None and marked != "utf-8-sig":
        return Encoding(marked, certain=True)
    if scan.controls > max(8, scan.size // 200):
        raise FileRejected(
            "content_mismatch", "The file holds binary data, not a text table. Export it as CSV, in UTF-8."
        )
    if not scan.broken:
        return Encoding(marked or "utf-8", certain=True, has_nul=scan.has_nul)
    if scan.multibyte >= 4 * scan.broken or marked == "utf-8-sig":
        return Encoding(marked or "utf-8", certain=False, mixed=True, has_nul=scan.has_nul)
    return Encoding(_legacy(scan.sample), certain=False, has_nul=scan.has_nul)


def _by_mark(start: bytes) -> str | None:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return name
    return None


def _by_nuls(start: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: most characters of a table (delimiters, line ends, digits) are ASCII."""
    start = start[: len(start) // 4 * 4]
    if len(start) < 4 or b"\0" not in start:
        return None
    quarter = len(start) / 4
    nuls = [start[offset::4].count(0) / quarter for offset in range(4)]
    if min(nuls[2:]) > 0.95 and nuls[0] < 0.3:
        return "utf-32-le"
    if min(nuls[:2]) > 0.95 and nuls[3] < 0.3:
        return "utf-32-be"
    even, odd = nuls[0] + nuls[2], nuls[1] + nuls[3]
    for name, here, there in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if here > 10 * there:
            text = start.decode(name, "ignore")
            odd_ones = sum(unicodedata.category(character) in _NO_TEXT for character in text)
            if ("\n" in text or "\r" in text) and odd_ones <= len(text) / 50:
                return name
    return None


@dataclass(slots=True)
class _Scan:
    size: int = 0
    broken: int = 0
    multibyte: int = 0
    controls: int = 0
    has_nul: bool = False
    sample: bytes = b""


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\0\t\n\r\x0b\x0c\x1a\x1b")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half of a character of UTF-16, written as if it were one: some databases' UTF-8."""
_VALID_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def _scan(path: Path, *, wide: bool, limits: Limits) -> _Scan:
    scan, sample = _Scan(), bytearray()
    longest = limits.max_columns * limits.max_cell_characters
    line = 0
    with path.open("rb") as file:
        for chunk in _pieces(file):
            scan.size += len(chunk)
            ends = [position for end in (b"\n", b"\r") if (position := chunk.rfind(end)) >= 0]
            line = len(chunk) - max(ends) if ends else line + len(chunk)
            if line > longest:
                raise FileRejected(
                    "line_too_long",
                    f"The file has a line of more than {longest:,} bytes. Check its line ends.",
                    extra={"limit": longest},
                )
            if wide or chunk.isascii():
                scan.has_nul = scan.has_nul or b"\0" in chunk
                scan.controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
                continue
            scan.has_nul = scan.has_nul or b"\0" in chunk
            scan.controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
            try:
                chunk.decode()
            except UnicodeDecodeError:
                scan.broken += _broken(chunk)
                scan.multibyte += len(_VALID_MULTIBYTE.findall(chunk))
                if len(sample) < 4 * _SAMPLE:
                    sample += b"\n".join(line for line in re.split(rb"[\r\n]+", chunk) if not line.isascii())[:_SAMPLE]
    scan.sample = bytes(sample)
    return scan


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Pieces of about 1 MiB that end with a line where there is one, so that no character is cut."""
    while chunk := file.read(_CHUNK):
        if len(chunk) == _CHUNK:
            chunk += file.readline(_CHUNK)
        yield chunk


def _broken(chunk: bytes) -> int:
    """How many bytes of `chunk` belong to no UTF-8 character, nor to a half of one of UTF-16's."""
    return sum(
        0xDC80 <= ord(character) <= 0xDCFF
        for character in _SURROGATE.sub(b"", chunk).decode("utf-8", "surrogateescape")
        if character > "\ud7ff"
    )


_ALPHABETS = {
    "cp1252": (
        "äöüßÄÖÜ",
        "éèêëàâçîïôùûüœæÉÈÀÇ",
        "áéíóúñü¿¡ÁÉÍÓÚÑ",
        "àèéìòùÀÈÉ",
        "ãõáéíóúâêôàçÃÕÁÉÍÓÚÇ",
        "åäöæøÅÄÖÆØé",
        "þðáéíóúýöæÞÐ",
        "ëïéèüö",
    ),
    "cp1250": (
        "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
        "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
        "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
        "čćđšžČĆĐŠŽ",
        "ăâîşţĂÂÎŞŢ",
        "áäčďéíĺľňóôŕšťúýž",
    ),
    "cp1254": ("çğıöşüÇĞİÖŞÜâ",),
    "cp1257": ("ąčęėįšųūžĄČĘĖĮŠŲŪŽ", "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽ", "äöõüšžÄÖÕÜŠŽ"),
    "mac_roman": ("äöüßÄÖÜ", "éèêëàâçîïôùûœæÉÈÀÇ", "áéíóúñü¿¡ÁÉÍÓÚÑ", "àèéìòù", "ãõáéíóúâêôàç", "åäöæøÅÄÖÆØé"),
    "cp850": ("äöüßÄÖÜ", "éèêëàâçîïôùûÉÈÀÇ", "áéíóúñü¿¡ÁÉÍÓÚÑ", "àèéìòù", "ãõáéíóúâêôàç", "åäöæøÅÄÖÆØé"),
    "cp1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁіїєґІЇЄҐ№",),
    "koi8_r": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ",),
    "cp866": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ№",),
    "mac_cyrillic": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ№",),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ",),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "cp1256": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآأؤإئپچگ،",),
    "cp874": ("".join(map(chr, range(0x0E01, 0x0E3B))) + "".join(map(chr, range(0x0E40, 0x0E4F))),),
}
"""The letters beyond ASCII of the languages that are written in each single-byte encoding."""

_CASED_SCRIPTS = frozenset({"cp1251", "koi8_r", "cp866", "mac_cyrillic", "cp1253"})
_OTHER_SCRIPTS = _CASED_SCRIPTS | {"cp1255", "cp1256", "cp874"}
_NEUTRAL = frozenset("–—‘’“”„…•·€£§°®™©´«»ºª½¼\u00a0²³±№")
_MISCASED = re.compile(r"[a-zà-öø-ÿа-яё][A-ZÀ-ÖØ-ÞА-ЯЁ]|[A-ZÀ-ÖØ-ÞА-ЯЁ]{1}[a-zà-öø-ÿа-яё]+[A-ZÀ-ÖØ-ÞА-ЯЁ]")

# For each encoding of two bytes a character: the lead bytes of its everyday characters.
_EAST_ASIAN = {
    "cp932": (re.compile(rb"(?:[\x82\x83\x88-\x97][\x40-\xfc])"), re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]")),
    "gb18030": (re.compile(rb"[\xb0-\xd7][\xa1-\xfe]"), re.compile(rb"[\x81-\xfe][\x40-\xfe]")),
    "cp949": (re.compile(rb"[\xb0-\xc8][\xa1-\xfe]"), re.compile(rb"[\x81-\xfe][\x41-\xfe]")),
    "big5": (re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]"), re.compile(rb"[\xa1-\xf9][\x40-\xfe]")),
    "euc_jp": (re.compile(rb"[\xa4\xa5\xb0-\xcf][\xa1-\xfe]"), re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")),
}


def _legacy(sample: bytes) -> str:
    candidates = [(score, name) for name, score in _scores(sample)]
    if not candidates:
        raise FileRejected("encoding_unknown", "The text encoding of the file is not known. Save it as CSV in UTF-8.")
    best, name = max(candidates, key=lambda candidate: candidate[0])
    if best < 0.4:
        raise FileRejected("encoding_unknown", "The text encoding of the file is not known. Save it as CSV in UTF-8.")
    return name


def _scores(sample: bytes) -> Iterator[tuple[str, float]]:
    """Encodings under which `sample` decodes, with how much sense its letters beyond ASCII make; at most about 1."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", sample)]
    in_words = sum(length for length in runs if length >= 3) / max(1, sum(runs))
    for name in _ALPHABETS:
        text = _decoded(sample, name)
        if text is not None:
            yield name, _sense_of_letters(text, name, in_words)
    for name in _EAST_ASIAN:
        text = _decoded(sample, name)
        if text is not None:
            yield name, _sense_of_pairs(sample, text, name, in_words)


def _decoded(sample: bytes, name: str) -> str | None:
    try:
        return sample.decode(name)
    except UnicodeDecodeError:
        return None


def _sense_of_letters(text: str, name: str, in_words: float) -> float:
    foreign = [character for character in text if character > "\x7f" and character not in _NEUTRAL]
    if not foreign:
        return {"cp1252": 0.6, "mac_roman": 0.5}.get(name, 0.3)
    size = len(foreign)
    covered = max(sum(character in alphabet for character in foreign) for alphabet in _ALPHABETS[name]) / size
    letters = sum(character.isalpha() for character in foreign) / size
    capitals = sum(character.isupper() for character in foreign) / size
    miscased = min(1.0, len(_MISCASED.findall(text)) / size)
    # Words of other scripts consist of such letters; in Latin ones they stand alone, or two together.
    fit = in_words if name in _OTHER_SCRIPTS else 1 - in_words
    if name in _CASED_SCRIPTS and not 0 < capitals < 0.6:
        fit -= 0.2
    prior = {"cp1252": 0.06, "cp1250": 0.01, "mac_roman": 0.02, "cp1251": 0.02}.get(name, 0.0)
    return 0.5 * covered + 0.1 * letters + 0.35 * fit - 0.5 * miscased + prior


def _sense_of_pairs(sample: bytes, text: str, name: str, in_words: float) -> float:
    everyday, any_pair = _EAST_ASIAN[name]
    pairs = any_pair.findall(sample)
    if not pairs or any("\ue000" <= character <= "\uf8ff" for character in text):
        return 0.0
    common = sum(everyday.fullmatch(pair) is not None for pair in pairs) / len(pairs)
    kana = sum("\u3040" <= character <= "\u30ff" for character in text) / len(pairs)
    half_width = sum("\uff61" <= character <= "\uff9f" for character in text) / len(pairs)
    score = 0.9 * common * min(1.0, in_words + (0.5 if name == "cp932" else 0.0)) - half_width
    if name in ("cp932", "euc_jp"):
        return score + 0.15 * min(1.0, 4 * kana)
    return score + (0.05 if name == "cp949" else 0.0)  # its everyday range lies inside that of GB18030
