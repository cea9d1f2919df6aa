"""What speaks plainly against a field, whatever the words say: the part of the evidence that is not left to weights.

Weights add up what they find. By them alone the only telephone of a file is the lead's, though it is called an agent's, and a
column of numbers is a person, though it is called "contact". Each doubt is a share of the belief that remains, 0 to 1; they
multiply, and calibration learns what is right with them. What the words themselves say is `evidence`'s business.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.field_table import KIND_AT, MAIL_AT, FieldTable
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.vocabulary import Reading, Vocabulary

Flags = NDArray[np.bool_]

NO_MAIL, ASKED = 0.03, 0.1
"""What remains of an address where no value is one, and of an owner as the answer to a question."""

THEIRS, NOT_OURS = 0.3, 0.1
"""What remains of a person's field in somebody else's name; of an owner's where the file names leads and their addresses."""

PERHAPS_BOSS = 0.3
"""What remains of an owner whose word may mean a superior too ("responsable"), beside others of the lead's people."""

UNLIKE = 0.1
"""What remains of a name that is a number or a date, of a site that is no address, or the bare one of a record or picture."""

NAMELESS = 0.2
"""What remains of any field but an e-mail address in a column without a header, in a file where most have one."""

OTHERWISE = 0.3
"""What remains of a field where the header is a known name for something else, and of a UTM field without "utm"."""

RUNNING = 0.1
"""What remains of a record's id where the rows are but counted."""

OF_CONTACTS = 0.03
"""What remains, in an address book, of what only a list of leads has, and of a main telephone beside one at work."""


@dataclass(frozen=True)
class Seen:
    """The columns of a sheet: `marks[column, marker]`, `kinds[column, kind]`, the last: whether it has values."""

    read: Sequence[Reading]
    kinds: Floats
    marks: Floats
    vocabulary: Vocabulary

    def marked(self, *names: str) -> Flags:
        """Which columns hold a word of one of these classes."""
        known = self.vocabulary.marker_names
        return self.marks[:, [known.index(name) for name in names if name in known]].any(axis=1)

    def share(self, *kinds: str) -> Floats:
        """The share of values of any of these kinds, at most 1."""
        return np.minimum(1, self.kinds[:, [KIND_AT[kind] for kind in kinds]].sum(axis=1))

    def owners(self) -> Flags:
        """Which columns speak of who looks after the lead. Not those at work: "comercial" means both."""
        owners, known = self.marked("owner"), self.vocabulary.marker_names
        owner, business = known.index("owner"), known.index("business")
        for at in (owners & self.marked("business")).nonzero()[0].tolist():
            words = self.vocabulary.without(self.read[at].words, (business,))
            owners[at] = self.vocabulary.marks(words, "".join(words))[owner]
        return owners

    @property
    def filled(self) -> Flags:
        return self.kinds[:, -1] > 0

    def where(self, holds: Sequence[bool]) -> Flags:
        return np.array(holds, bool)


def doubts(seen: Seen, fields: FieldTable) -> Floats:
    """`doubts[column, field]`: what remains of the belief in a field."""
    doubt = np.ones((len(seen.read), len(fields.names)), np.float32)
    for remains, columns, doubted in (
        *_of_others(seen, fields), *_of_values(seen, fields), *_of_headers(seen, fields), *_of_files(seen, fields)
    ):  # fmt: skip
        if columns.any():
            doubt[np.outer(columns, doubted)] *= remains
    return doubt


Doubt = tuple[float, Flags, Flags]
"""What remains, in which columns, of which fields."""

_PERSONAL = (
    "FirstName", "LastName", "FullName", "MiddleName", "Email", "Email2", "Phone", "Phone2", "MobilePhone", "Birthdate",
    "Gender", "Title",
)  # fmt: skip
_NAMES = ("FirstName", "LastName", "FullName", "MiddleName", "OwnerName", "Title", "Department")
_OWNERS = ("OwnerName", "OwnerEmail", "OwnerId")
_UTM = ("UtmSource", "UtmMedium", "UtmCampaign")
_OF_LEADS = (*_OWNERS, "ExternalId", "AnnualRevenue", "LeadSource", "Status")


def _are(fields: FieldTable, *among: str) -> Flags:
    return _among(fields.names, among)


@lru_cache(maxsize=1024)
def _among(names: tuple[str, ...], among: tuple[str, ...]) -> Flags:
    return np.array([name in among for name in names], bool)


def _of_others(seen: Seen, fields: FieldTable) -> list[Doubt]:
    """Somebody else's is hardly ever the lead's, whatever the file lacks. Who is asked is not asked who looks after them."""
    owners, others = seen.owners(), seen.marked("other_person")
    reached = seen.share("email") > _MOST
    reached |= ~seen.filled & seen.where([not _ADDRESSED.isdisjoint(each.words) for each in seen.read])
    leads = (reached & ~owners).any() and (seen.marked("own_person") & ~owners).any()
    superior = owners & others & (others & ~owners).any()
    return [
        (THEIRS, others | owners, _are(fields, *_PERSONAL)),
        (NOT_OURS, owners & leads, _are(fields, *_PERSONAL)),
        (PERHAPS_BOSS, superior, _are(fields, *_OWNERS)),
        (ASKED, seen.where([each.header.question for each in seen.read]), _are(fields, *_OWNERS)),
    ]


_ADDRESSED = frozenset(("email", "mail"))
_MOST = 0.5


def _of_values(seen: Seen, fields: FieldTable) -> list[Doubt]:
    """What is recognised wherever it stands: a column of other values holds none."""
    bare = seen.share("integer", "decimal", "date", "uuid", "hex", "url", "phone", "money") > 0.99
    named = seen.share("given_name", "two_names", "company", "text", "sentence") > 0.1
    site = seen.share("url", "domain", "email") > 0
    return [
        (NO_MAIL, seen.filled & (seen.kinds[:, MAIL_AT].sum(axis=1) == 0), fields.mail),
        (UNLIKE, seen.filled & bare & ~named, _are(fields, *_NAMES)),
        (UNLIKE, seen.filled & ~site, _are(fields, "Website")),
    ]


def _of_headers(seen: Seen, fields: FieldTable) -> list[Doubt]:
    """Headers that say something else or next to nothing: none at all, "url" alone, or that the rows are counted."""
    links = seen.where([_LINK.issuperset(each.words) for each in seen.read]) & (seen.share("url_deep") > _MOST)
    counting = seen.vocabulary.counting
    exacts = [each.match.exact.tolist() for each in seen.read]
    counted = seen.where([not counting.isdisjoint(exact) for exact in exacts])
    numbered = seen.where([_NUMBER.issuperset(each.words) and bool(each.words) for each in seen.read])
    small = seen.share("small_number") > _MOST
    nameless = seen.where([each.header.nameless for each in seen.read])
    otherwise = seen.where([seen.vocabulary.no_field.issuperset(exact) and bool(exact) for exact in exacts])
    return [
        (OTHERWISE, otherwise, _are(fields, *seen.vocabulary.spoken_of)),
        (OTHERWISE, seen.where(["utm" not in each.header.joined for each in seen.read]), _are(fields, *_UTM)),
        (NAMELESS, nameless & (nameless.mean() < _MOST), ~fields.mail),
        (UNLIKE, links, _are(fields, "Website")),
        (RUNNING, counted & (small | ~seen.filled) | numbered & small, _are(fields, "ExternalId")),
    ]


_LINK = frozenset(("url", "link", "uri", "href", "self"))
_NUMBER = frozenset(("number", "no", "n", "番号", "번호"))


def _of_files(seen: Seen, fields: FieldTable) -> list[Doubt]:
    """Address books have no record ids, owners or revenues, and their main telephone is the one at work.

    They are known by telephones of another age, in any language.
    """
    if sum(_OF_ANOTHER_AGE.search(each.header.joined) is not None for each in seen.read) < 2:
        return []
    every = np.ones(len(seen.read), bool)
    at_work = seen.marked("business")
    return [
        (OF_CONTACTS, every, _are(fields, *_OF_LEADS)),
        (OF_CONTACTS, ~at_work & at_work.any(), _are(fields, "Phone")),
    ]


_OF_ANOTHER_AGE = re.compile(
    r"telex|teleks|телекс|τελεξ|テレックス|텔렉스|电传|電傳|טלקס|تلكس|เทเล็กซ์|टेलेक्स|^isdn|^tty|ttytdd|tddtty"
)
