"""Whom a text tells of: one person, known by an e-mail address or a telephone number, however it is written there.

The same is said as a regular expression for PostgreSQL, which searches what is stored. What is done with a text that tells
is not known here.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from json import dumps

from leads_pipeline.errors import RequestInvalid

FEWEST_FIGURES = 7
"""Of a telephone number: fewer figures than these lead to many people."""
MOST_FIGURES = 15
LONGEST_EMAIL = 254
SHORTEST_NAME = 3

_SUFFIXES = "csv|tsv|txt|json|xlsx|xlsm|xlsb|xls|ods|parquet|pdf|zip"
"""What may follow an address in the name of a file; no domain ends like that."""
_EMAIL = re.compile(r"[^\s@<>,;:()\"'\\]+@[^\s@<>,;:()\"'\\]+\.[^\s@<>,;:()\"'\\.]{2,}")
_BETWEEN = r"[ \t.()/\u00a0\u2010-\u2013-]*"
"""What people write between the figures of a number."""
_RUN = re.compile(r"[+(]?\d[\d \t.()/\u00a0\u2010-\u2013-]{5,}\d")
_NO_FIGURE = {ord(each): None for each in " \t.()/-\u00a0\u2010\u2011\u2012\u2013"}


@dataclass(frozen=True)
class Person:
    """A person who is asked about. `emails` are in lower case, `phones` in E.164 (figures alone where no country is known).

    `names` are looked for in names of files, headers and comments; a file is never the person's because of a name alone.
    """

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def is_in(self, text: str) -> bool:
        """Whether the text holds an address, a number or a name of the person."""
        return self.is_identified_in(text) or (bool(self.names) and self._name.search(text) is not None)

    def is_identified_in(self, text: str) -> bool:
        """The same, by address or number alone."""
        if self.emails:
            addresses = text.replace("%40", "@") if "%40" in text else text
            addresses = unicodedata.normalize("NFKC", addresses) if "\uff20" in addresses else addresses
            if self._may_hold_email(addresses) and self._email.search(addresses):
                return True
        return any(True for _ in self._numbers(text))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in the text something tells of the person."""
        found = list(self._numbers(text))
        if self.emails and self._may_hold_email(text):
            found += [match.span() for match in self._email.finditer(text)]
        if self.names:
            found += [match.span() for match in self._name.finditer(text)]
        return sorted(found)

    @property
    def tails(self) -> tuple[str, ...]:
        """The last figures of each number, in which all its spellings agree."""
        return tuple(_figures(phone)[-FEWEST_FIGURES:] for phone in self.phones)

    @cached_property
    def sql_words(self) -> str | None:
        """A regular expression of PostgreSQL's for addresses and names, in JSON too; None where there are none."""
        alternatives = [_email_pattern(self.emails, "[:alnum:]")] if self.emails else []
        alternatives += [_name_pattern(self.names, "[:alnum:]")] if self.names else []
        return "|".join(alternatives) or None

    @property
    def literals(self) -> tuple[str, ...]:
        """Texts in lower case, of which one stands wherever `sql_words` finds something; empty where that cannot be said."""
        found = [*self.emails, *(name.split()[0].lower() for name in self.names)]
        plain = all(
            each.isascii() and not set(each) & {'"', "\\"} and "xn--" not in each for each in [*self.names, *found]
        )
        return tuple(found) if plain else ()

    @cached_property
    def sql_numbers(self) -> str | None:
        """The same for telephone numbers."""
        return "|".join(map(_number_pattern, self.phones)) or None

    @cached_property
    def _email(self) -> re.Pattern[str]:
        return re.compile(_email_pattern(self.emails, r"\w"), re.IGNORECASE)

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(_name_pattern(self.names, r"^\W_"), re.IGNORECASE)

    def _may_hold_email(self, text: str) -> bool:
        """False where one quick look at a long text shows that there is none."""
        lowered = text.lower()
        return any(email in lowered or not email.isascii() for email in self.emails)

    def _numbers(self, text: str) -> Iterator[tuple[int, int]]:
        if self.phones and any(tail in text.translate(_NO_FIGURE) for tail in self.tails):
            for run in _RUN.finditer(text):
                if any(_is_same(run[0], phone) for phone in self.phones):
                    yield run.span()


def person(emails: Sequence[str] = (), phones: Sequence[str] = (), names: Sequence[str] = ()) -> Person:
    """Whoever has these. Raises `RequestInvalid` for what is no address or number, and where there is neither."""
    if not emails and not phones:
        raise RequestInvalid("Say an e-mail address or a telephone number.", code="identifier_missing")
    return Person(
        tuple(dict.fromkeys(map(_as_email, emails))),
        tuple(dict.fromkeys(map(_as_phone, phones))),
        tuple(dict.fromkeys(map(_as_name, names))),
    )


def _as_email(text: str) -> str:
    address = _compatible(text.strip()).casefold().removeprefix("mailto:")
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise RequestInvalid("An e-mail address looks like name@example.com.", code="identifier_invalid")
    return address


def _as_phone(text: str) -> str:
    import phonenumbers

    written = _compatible(text.strip())
    figures = _figures(written)
    unfit = bool(written.translate(_NO_FIGURE).lstrip("+").strip("0123456789"))
    if unfit or not FEWEST_FIGURES <= len(figures.lstrip("0")) <= MOST_FIGURES:
        raise RequestInvalid(
            f"A telephone number has {FEWEST_FIGURES} to {MOST_FIGURES} figures; with its country it is found in every "
            "spelling: +49 30 901820.",
            code="identifier_invalid",
        )
    if written.startswith("+") or figures.startswith("00"):
        try:
            parsed = phonenumbers.parse("+" + figures.removeprefix("00"))
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        except phonenumbers.NumberParseException:
            pass
    return figures.lstrip("0")


def _as_name(text: str) -> str:
    name = " ".join(_compatible(text).split())
    if not SHORTEST_NAME <= len(name) <= 200:
        raise RequestInvalid(f"A name has {SHORTEST_NAME} to 200 characters.", code="identifier_invalid")
    return name


def _compatible(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _figures(text: str) -> str:
    return "".join(str(int(each)) for each in text if each.isdecimal())


def _parts(phone: str) -> tuple[str, str, str | None]:
    """Country code, national number and region of a number; the first is empty and the last None where unknown."""
    import phonenumbers

    if not phone.startswith("+"):
        return "", phone, None
    parsed = phonenumbers.parse(phone)
    return (
        str(parsed.country_code),
        phonenumbers.national_significant_number(parsed),
        phonenumbers.region_code_for_number(parsed),
    )


def _is_same(written: str, phone: str) -> bool:
    """Whether a number, as somebody wrote it, is this one: with its country, without, or its last figures alone."""
    country, national, region = _parts(phone)
    figures, national = _figures(written), national.lstrip("0")
    if not figures.endswith(national[-FEWEST_FIGURES:]):
        return False
    if written.lstrip("(").startswith("+"):
        rest = figures.removeprefix(country)
        return rest.lstrip("0") == national if country and figures.startswith(country) else not country
    bare = figures.lstrip("0")
    abroad = {prefix + country + zero + national for prefix in ("", "11") for zero in ("", "0")}
    if bare == national or bare in abroad or (len(bare) >= FEWEST_FIGURES and national.endswith(bare)):
        return True
    return _in_region(written, region) == phone if country else bare.endswith(national)


def _in_region(written: str, region: str | None) -> str | None:
    """A number without its country as one of this region, in E.164; None where it is none."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _email_pattern(emails: Iterable[str], letters: str) -> str:
    spellings = {form for email in emails for form in _spellings(email)}
    # After a line break in JSON, which is a backslash and a letter, there is no space before the address.
    return (
        rf"(?:(?<![{letters}._%+-])|(?<=\\[nrt]))(?:{'|'.join(sorted(map(_quoted, spellings)))})"
        rf"(?![{letters}-]|\.(?!(?:{_SUFFIXES})(?![{letters}]))[{letters}])"
    )


def _name_pattern(names: Iterable[str], letters: str) -> str:
    spellings = {form for name in names for form in _spellings(name)}
    forms = (r"[\s._+-]+".join(map(_quoted, form.split(" "))) for form in sorted(spellings))
    return rf"(?:(?<![{letters}])|(?<=\\[nrt]))(?:{'|'.join(forms)})(?![{letters}])"


def _number_pattern(phone: str) -> str:
    country, national, _ = _parts(phone)
    figures = _BETWEEN.join(national)
    prefix = "0?"
    if country:
        of_country = _BETWEEN.join(country)
        prefix = rf"(?:(?:\+|00|011)?{_BETWEEN}{of_country}{_BETWEEN}(?:\(0\)|0)?|0)?"
    return rf"(?<![0-9]){prefix}{_BETWEEN}{figures}(?![0-9])"


def _spellings(text: str) -> set[str]:
    """The text as it may stand in a database: composed or not, in either case, an internationalised domain, in JSON."""
    forms = {text}
    if not text.isascii():
        local, at, domain = text.rpartition("@")
        if at:
            with contextlib.suppress(UnicodeError):
                forms.add(f"{local}@{domain.encode('idna').decode()}")
        forms |= {each(form) for each in (str.lower, str.upper, str.title) for form in tuple(forms)}
        forms |= {unicodedata.normalize("NFD", form) for form in tuple(forms)}
        forms |= {dumps(form)[1:-1] for form in tuple(forms)}
    elif "@" in text and ".xn--" in text.replace("@", "."):
        local, _, domain = text.rpartition("@")
        with contextlib.suppress(UnicodeError):
            forms |= _spellings(f"{local}@{domain.encode().decode('idna')}")
    return forms


def _quoted(text: str) -> str:
    """The text in a regular expression, of Python's as well as of PostgreSQL's."""
    return (
        re.sub(r"([^\w@])", r"\\\1", text, flags=re.ASCII)
        if text.isascii()
        else "".join(
            f"\\{each}" if each.isascii() and not each.isalnum() and each not in "_@" else each for each in text
        )
    )
