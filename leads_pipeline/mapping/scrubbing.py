"""Headers without what may be somebody's: what of them may be told to a service outside."""

import re

LONGEST_HEADER = 80

_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_DIGITS = re.compile(r"\+?\d(?:[\s()./–-]{0,3}\d){5,}")


def scrubbed(header: str) -> str:
    """A header on one line, shortened, without what may be somebody's: e-mail addresses, links, telephone numbers."""
    text = _EMAIL.sub("<email>", " ".join(header.split()))
    text = _DIGITS.sub("<number>", _LINK.sub("<link>", text))
    return text if len(text) <= LONGEST_HEADER else text[: LONGEST_HEADER - 1] + "…"
