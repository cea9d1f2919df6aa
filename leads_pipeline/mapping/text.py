"""Headers as words: how "EMAIL_ADDRESS*", "emailAddress" and "E-mail address [Required]" become the same two words.

Which words mean which field is the lexicon's business.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from leads_pipeline.spreadsheets.plain import plain

HINTS = re.compile(
    r"[\[(]\s*(?:required|optional|recommended|mandatory|optionnel|obligatoire|facultatif|pflichtfeld|optional|empfohlen"
    r"|opcional|obligatorio|requerido|obrigatorio|obrigatório|verplicht|optioneel|wymagane|必須|任意|必填|选填|選填|필수|선택"
    r"|zorunlu|facoltativo|obbligatorio)\s*[\])]",
    re.IGNORECASE,
)
"""What forms add to a header for the person who fills it in."""

_CASE_CHANGE = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
_ELISION = re.compile(r"\b([dlnscjm]|qu|all|dell|nell|sull)'(?=\w)")
_POSSESSIVE = re.compile(r"'s\b")
_JOINED = re.compile(r"\be[\s_-]+(mail|post|posta|pasts|mailadresse|mailadres)", re.IGNORECASE)
_CJK = "\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
# The vowel signs of Indian and South-East Asian scripts are no letters to `re`, and no word ends at one.
_SIGNS = "".join(chr(each) for each in range(0x0900, 0x1800) if unicodedata.category(chr(each)) in ("Mn", "Mc"))
_WORD = re.compile(rf"[{_CJK}]+|(?:[^\W\d_{_CJK}]|[{_SIGNS}])+|\d+|#")
_IS_CJK = re.compile(rf"[{_CJK}]")
_LATIN = re.compile(r"[a-z]")
_CYRILLIC_TWINS = str.maketrans("асеорхуіѕјкмтнвг", "aceopxyisjkmthbr")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_BRACKETS = re.compile(r"[(\[{（【][^)\]}）】]*[)\]}）】]")
_NAMELESS = re.compile(r"(?:column|spalte|colonne|columna|unnamed:?|field|f|col|列)?[\s_]*\d*", re.IGNORECASE)

# Names that are one word, however they are written.
_COMPOUNDS = {
    ("linked", "in"): "linkedin",
    ("face", "book"): "facebook",
    ("you", "tube"): "youtube",
    ("hub", "spot"): "hubspot",
    ("sales", "force"): "salesforce",
    ("whats", "app"): "whatsapp",
    ("zip", "code"): "zipcode",
    ("post", "code"): "postcode",
    ("opt", "in"): "optin",
    ("opt", "out"): "optout",
    ("time", "zone"): "timezone",
    ("web", "site"): "website",
    ("web", "page"): "webpage",
    ("e", "mail"): "email",
    ("user", "name"): "username",
    ("nick", "name"): "nickname",
    ("land", "line"): "landline",
    ("birth", "date"): "birthdate",
    ("birth", "day"): "birthday",
    ("job", "title"): "jobtitle",
    ("sub", "scribed"): "subscribed",
    ("un", "subscribed"): "unsubscribed",
    ("cell", "phone"): "cellphone",
    ("sur", "name"): "surname",
    ("home", "page"): "homepage",
}
_PICTURES = str.maketrans({"〒": " 郵便番号 ", "☎": " telephone ", "✆": " telephone ", "✉": " email ", "📧": " email "})
_SAME = {
    "nr": "number",
    "num": "number",
    "#": "number",
    "emails": "email",
    "mails": "mail",
    "addr": "address",
    "adr": "address",
    "tel": "telephone",
    "telefone": "telefon",
    "organisation": "organization",
    "org": "organization",
    "dept": "department",
    "asst": "assistant",
    "ids": "id",
    "acct": "account",
    "qty": "quantity",
    "cust": "customer",
    "emp": "employee",
    "employees": "employee",
    "dt": "date",
    "mob": "mobile",
    "tags": "tag",
    "labels": "label",
    "notes": "note",
    "comments": "comment",
    "organizations": "organization",
    "companies": "company",
    "phones": "phone",
    "ph": "phone",
    "addresses": "address",
    "contacts": "contact",
    "leads": "lead",
    "lists": "list",
    "groups": "group",
    "categories": "category",
    "products": "product",
    "services": "service",
    "interests": "interest",
    "orders": "order",
    "remarks": "remark",
    "managers": "manager",
    "assistants": "assistant",
    "industries": "industry",
    "keywords": "keyword",
    "languages": "language",
    "cnt": "count",
    "dat": "datum",
    "anz": "anzahl",
    "lang": "language",
    "src": "source",
    "tz": "timezone",
    "rcvd": "received",
    "appt": "appointment",
    "mgr": "manager",
    "addtl": "additional",
    "pref": "preferred",
}


@dataclass(frozen=True, slots=True)
class Header:
    """A header as the matcher sees it: `words`, the same `joined` without spaces, and how it was written.

    `bare` leaves out what stands in brackets. `nameless` is a header that says nothing: "", "Column 3", "Unnamed: 4".
    """

    words: tuple[str, ...]
    joined: str
    bare: tuple[str, ...]
    nameless: bool
    question: bool
    ordinal: int


@lru_cache(maxsize=8192)
def read_header(header: str) -> Header:
    """Read a header as it stands in the file."""
    text = HINTS.sub(" ", header).strip().strip("*:").strip()
    question = text.endswith(("?", "？", "؟")) or len(text) > 60
    words = words_of(text)
    bare = words_of(_BRACKETS.sub(" ", text)) or words
    numbers = [int(word) for word in words if word.isdecimal() and len(word) < 3]
    return Header(
        words=words,
        joined="".join(words),
        bare=bare,
        nameless=not words or _NAMELESS.fullmatch(text) is not None,
        question=question,
        ordinal=numbers[-1] if numbers else 0,
    )


def words_of(text: str) -> tuple[str, ...]:
    """The plain words of a header or phrase, in order."""
    text = _JOINED.sub(r"e\1", text)
    if not text.isupper():
        text = _CASE_CHANGE.sub(" ", text)
    low = _POSSESSIVE.sub("", _ELISION.sub(r"\1 ", plain(text.translate(_PICTURES)))).replace("'", "").replace('"', "")
    words: list[str] = []
    for word in _WORD.findall(low):
        word = _latin(word)  # noqa: PLW2901
        if words and (words[-1], word) in _COMPOUNDS:
            words[-1] = _COMPOUNDS[words[-1], word]
        else:
            words.append(_SAME.get(word, word))
    return tuple(words)


def _latin(word: str) -> str:
    """`word` with Cyrillic look-alikes made Latin, if it has Latin letters too: somebody typed on the wrong keyboard."""
    if not word.isascii() and _LATIN.search(word) and _CYRILLIC.search(word):
        return word.translate(_CYRILLIC_TWINS)
    return word


def is_cjk(word: str) -> bool:
    """Whether `word` is written without spaces between words."""
    return _IS_CJK.match(word) is not None


def divide(word: str, known: Callable[[str], bool]) -> tuple[str, ...]:
    """A word that was written without spaces ("companyname", "会社電話番号") as known words, else `word` alone."""
    shortest, size = (1, len(word)) if is_cjk(word) else (3, len(word))
    if size > 40 or size < 2 * shortest or (shortest == 3 and size < 6) or known(word):
        return (word,)
    # best[i]: the fewest words that word[:i] divides into, and where the last of them begins.
    best: list[tuple[int, int] | None] = [(0, 0), *[None] * size]
    for end in range(1, size + 1):
        for start in range(max(0, end - 16), end):
            before, part = best[start], word[start:end]
            if before is None or not (known(part) if end - start >= shortest else part in _SHORT):
                continue
            count = before[0] + 1
            found = best[end]
            if found is None or count < found[0]:
                best[end] = (count, start)
    if best[size] is None:
        return (word,)
    parts: list[str] = []
    end = size
    while end:
        step = best[end]
        assert step is not None
        parts.append(word[step[1] : end])
        end = step[1]
    return tuple(_SAME.get(part, part) for part in reversed(parts))


_SHORT = frozenset(["id", "is", "no", "of", "to", "by", "at", "on", "in", "tz", "ip", "im"])


def grams(joined: str) -> Iterator[str]:
    """The character n-grams by which near spellings are found."""
    marked = f"^{joined}$"
    if is_cjk(joined):
        yield from joined
        for at in range(len(marked) - 1):
            yield marked[at : at + 2]
        return
    for size in (3, 4):
        for at in range(len(marked) - size + 1):
            yield marked[at : at + size]
