"""File names that strangers give, made safe to show, to log and to put into a header. Nothing here touches a disk."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import unquote

from leads_pipeline.errors import FileRejected

MAX_CHARACTERS = 200
"""Longest name that is kept; a longer one loses the end of its stem, never its suffix."""

_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_ESCAPED_PATH = re.compile(r"%(?:2e|2f|5c|00|0a|0d|25)", re.IGNORECASE)


def safe_filename(name: str) -> str:
    """The name that a file is shown under: no folders, no control or invisible direction characters, at most 200 characters.

    Names that some system treats specially (`CON.csv`, `.csv`, `-rf.csv`) get an underscore in front. HTML in a name
    stays as it is: whoever shows it escapes it. Raises `FileRejected` (`filename_invalid`) where nothing usable is
    left, or where the name holds NUL or a line break, which no honest client sends.
    """
    text = name
    for _ in range(3):  # folders may hide behind more than one layer of percent-encoding
        if not _ESCAPED_PATH.search(text):
            break
        text = unquote(text, errors="replace")
    if any(control in text for control in "\0\r\n"):
        raise FileRejected(
            "filename_invalid", "The file name holds a NUL or a line break. Rename the file and send it again."
        )
    text = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    text = re.split(r"[/\\]", text)[-1]
    # Cf: bidi overrides, zero-width characters, byte order marks; Cc: the other control characters.
    text = "".join(character for character in text if unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs"})
    text = re.sub(r"^[A-Za-z]:", "", " ".join(text.split())).rstrip(". ")
    if not text.strip("._- "):
        raise FileRejected(
            "filename_invalid", "The file has no usable name. Name it, with its extension, and send it again."
        )
    path = PurePosixPath(text)
    if text.startswith((".", "-", "~")) or _DEVICES.fullmatch(text.split(".")[0].strip()):
        path = PurePosixPath("_" + text)
    suffix = path.suffix[:20]
    stem = path.name.removesuffix(path.suffix)
    return stem[: MAX_CHARACTERS - len(suffix)] + suffix
