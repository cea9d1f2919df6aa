"""What speaks for and against each lead field for each column of a sheet, as numbers.

The weights are learned in `training`; nothing here decides. Evidence comes from headers, profiles and neighbours alone,
never from cells, so that a model trained on stored profiles meets the same numbers at work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.phrases import SIMILARITIES, Comparison, Floats, PhraseTable
from leads_pipeline.mapping.schema import FieldType, LeadField, LeadSchema
from leads_pipeline.types import ColumnProfile, Sheet

KINDS = (
    "arabic", "boolean", "city", "company", "consent", "constant", "coordinate", "country", "country_code", "currency", "cyrillic", "date",
    "date_iso", "date_numbers", "date_serial", "date_words", "datetime", "day_month", "decimal", "department", "domain", "email",
    "email_within", "enumeration", "epoch", "extension", "facebook", "four_names", "gender", "given_name", "grouped", "han", "handle",
    "hangul", "hebrew", "hex", "id", "image", "industry", "instagram", "integer", "ip", "job", "json", "kana", "language", "lines",
    "linkedin", "linkedin_company", "locale", "long", "lower", "many", "money", "one_name", "one_word", "other_social", "percent", "phone",
    "phone_digits", "phone_plus", "postal", "postal_five", "postal_us", "range", "rising", "salutation", "sentence", "short_name",
    "small_number", "snake", "social", "source", "state_code", "state_name", "status", "street", "suffix", "text", "three_names", "time",
    "timezone", "token", "twitter", "two_names", "unique", "unit", "upper", "url", "url_deep", "url_site", "uuid", "year", "zero_one",
)  # fmt: skip
_KIND_INDEX = {kind: at for at, kind in enumerate(KINDS)}

# Kinds that say clearly what a value is, so that a field which does not hold them is ruled out.
_TELLING = (
    "email", "url", "phone", "phone_plus", "date", "money", "percent", "boolean", "decimal", "uuid", "hex", "token", "ip", "json", "image",
    "integer", "sentence", "country", "street", "company", "two_names", "id", "unit", "epoch", "state_name", "many", "job",
)  # fmt: skip
_TELLING_AT = np.array([_KIND_INDEX[kind] for kind in _TELLING])

_OF_TYPE = {
    FieldType.EMAIL: ("email", "email_within"),
    FieldType.PHONE: ("phone", "phone_digits"),
    FieldType.URL: ("url",),
    FieldType.DATE: ("date", "day_month", "date_serial"),
    FieldType.DATETIME: ("date", "epoch", "date_serial"),
    FieldType.NUMBER: ("integer", "decimal", "grouped", "range", "percent"),
    FieldType.CURRENCY: ("money", "integer", "decimal", "grouped", "range"),
    FieldType.BOOLEAN: ("boolean", "zero_one", "consent"),
    FieldType.PICKLIST: ("enumeration", "one_word", "one_name", "status"),
    FieldType.TEXTAREA: ("sentence", "long", "lines", "text"),
    FieldType.ID: ("id", "integer", "uuid", "hex", "token"),
    FieldType.STRING: (),
}

ADDRESS = ("Street", "Street2", "City", "State", "PostalCode", "Country")
GROUPS = {
    "name": ("FirstName", "LastName", "FullName", "MiddleName", "Salutation", "Suffix"),
    "address": ADDRESS,
    "phone": ("Phone", "Phone2", "MobilePhone", "CompanyPhone", "Fax"),
    "email": ("Email", "Email2", "OwnerEmail"),
    "company": ("Company", "Title", "Department", "Industry", "NumberOfEmployees", "AnnualRevenue"),
    "record": ("ExternalId", "CreatedDate", "LastModifiedDate", "LastActivityDate", "Status", "LeadSource"),
}
"""Fields that tend to stand together, or to be told apart by the same words."""

_COMPATIBILITY = 6
_MARKER_BLOCKS = ("home", "business", "billing", "shipping", "other_block", "mailing", "company")


@dataclass(frozen=True)
class Evidence:
    """`pairs[column, field, :]` speaks about a column and a field; `columns[column, :]` about the column alone."""

    pairs: Floats
    columns: Floats
    none: Floats
    comparison: Comparison


@dataclass(frozen=True)
class FieldTable:
    """What is known of the fields of a schema beside their phrases."""

    names: tuple[str, ...]
    expected: Floats
    typed: Floats
    has_type: Floats
    groups: Floats

    @classmethod
    def of(cls, schema: LeadSchema) -> "FieldTable":
        names = tuple(each.name for each in schema.fields)
        groups = np.array([[name in members for members in GROUPS.values()] for name in names], np.float32)
        typed = np.array([_selected(_OF_TYPE[each.type]) for each in schema.fields], np.float32)
        return cls(
            names=names,
            expected=np.array([_selected(_expected(each)) for each in schema.fields], np.float32),
            typed=typed,
            has_type=np.array([bool(_OF_TYPE[each.type]) for each in schema.fields], np.float32),
            groups=groups,
        )


def gather(sheet: Sheet, table: PhraseTable, fields: FieldTable) -> Evidence:
    """The evidence of headers and values, each column by itself."""
    read = [table.read(column.header) for column in sheet.columns]
    comparison = table.compare([column.header for column in sheet.columns])
    similar = comparison.similar
    kinds = np.array([_kinds_of(column.profile) for column in sheet.columns], np.float32)
    has_values = kinds[:, -1]
    count, targets = similar.shape[0], similar.shape[1] - 1

    # Similarities, and how far each is ahead of the next best target.
    best_two = np.sort(similar[:, :, _RELATIVE], axis=1)[:, -2:, :]
    others = np.where(similar[:, :, _RELATIVE] >= best_two[:, 1:, :], best_two[:, :1, :], best_two[:, 1:, :])
    lead = similar[:, :, _RELATIVE] - others
    to_none = similar[:, :targets, _RELATIVE] - similar[:, targets:, _RELATIVE]

    # Do the values look like what the field holds?
    shares = kinds[:, :-1]
    fitting = np.minimum(1, shares @ fields.expected.T)
    typed = np.minimum(1, shares @ fields.typed.T) * fields.has_type
    held = np.minimum(1, fields.expected + fields.typed)[:, _TELLING_AT]
    against = np.minimum(2, shares[:, _TELLING_AT] @ (1 - held).T) * has_values[:, None]
    filled = np.broadcast_to(has_values[:, None], fitting.shape)
    mistyped = filled * fields.has_type * (1 - typed)
    compatibility = np.stack(
        [fitting, typed, against, mistyped, filled * (1 - fitting), fitting * (1 - similar[:, :targets, 6])], axis=2
    )
    words = similar[:, :targets, 9]
    crossed = np.stack([words * against, words * fitting, similar[:, :targets, 1] * mistyped], axis=2)

    # Words in the header that this field's own phrases hold, or do not.
    marks = np.array([each.marks for each in read], np.float32)
    own = table.owned[:targets]
    owned = marks[:, None, :] * own[None, :, :]
    foreign = marks[:, None, :] * (1 - own[None, :, :])

    pairs = np.concatenate(
        [similar[:, :targets], lead[:, :targets], to_none, compatibility, crossed, owned, foreign], axis=2
    ).astype(np.float32)
    about = np.array(
        [
            [
                1.0,
                each.header.nameless,
                each.header.question,
                min(len(each.spelled), 8) / 8,
                min(each.header.ordinal, 4) / 4,
                each.header.ordinal > 1,
                *_emptiness(column.profile),
            ]
            for each, column in zip(read, sheet.columns, strict=True)
        ],
        np.float32,
    )
    columns = np.concatenate([about, marks, kinds, _places(sheet, count)], axis=1)
    top = similar[:, :targets].max(axis=1)
    none = np.concatenate(
        [columns, top, similar[:, targets], fitting.max(axis=1, keepdims=True), _unknown(read, table)], axis=1
    )
    return Evidence(pairs, columns.astype(np.float32), none.astype(np.float32), comparison)


_RELATIVE = [
    SIMILARITIES.index(each) for each in ("exact_here", "grams_here", "covered", "jaccard_here", "ending", "beginning")
]


def _unknown(read: Sequence[object], table: PhraseTable) -> Floats:
    """How much of each header the lexicon has never seen."""
    known = table.vocabulary.known
    shares = [
        sum(word not in known for word in each.spelled) / max(1, len(each.spelled))  # type: ignore[attr-defined]
        for each in read
    ]
    return np.array(shares, np.float32)[:, None]


def _places(sheet: Sheet, count: int) -> Floats:
    """Where a column stands, and the how-manieth of its header it is."""
    seen: dict[str, int] = {}
    places: list[list[float]] = []
    for at, column in enumerate(sheet.columns):
        key = column.header.strip().lower()
        seen[key] = seen.get(key, 0) + 1
        places.append([at == 0, at / max(1, count - 1), min(count, 60) / 60, seen[key] > 1])
    return np.array(places, np.float32).reshape(count, 4)


def _kinds_of(profile: ColumnProfile) -> list[float]:
    shares = [0.0] * (len(KINDS) + 1)
    for kind, share in profile.kinds.items():
        at = _KIND_INDEX.get(kind)
        if at is not None:
            shares[at] = share
    shares[-1] = float(profile.sampled > 0)
    return shares


def _emptiness(profile: ColumnProfile) -> tuple[float, float]:
    if not profile.sampled:
        return 0.0, 0.0
    return min(profile.mean_length, 80) / 80, float(profile.mean_length <= 3)


def _selected(kinds: Sequence[str]) -> list[float]:
    return [float(kind in kinds) for kind in KINDS]


def _expected(lead_field: LeadField) -> Sequence[str]:
    return lead_field.values or _OF_TYPE[lead_field.type]


# --- The file as a whole -------------------------------------------------------------------------------------------

_FILE_FIELDS = (
    "FirstName", "LastName", "FullName", "Email", "Phone", "MobilePhone", "Company", "Title", "Salutation", "Street", "City", "PostalCode",
    "ExternalId", "CreatedDate", "Status", "Website", "OptIn", "OwnerName", "Campaign", "NumberOfEmployees", "Product",
)  # fmt: skip


@dataclass(frozen=True)
class Affinity:
    """Which fields stand beside which, as log-odds: `left[a, b]` that `b` follows `a`. Learned; the last is none."""

    left: Floats
    right: Floats


def gather_context(
    sheet: Sheet, first: Floats, table: PhraseTable, fields: FieldTable, affinity: Affinity
) -> tuple[Floats, Floats]:
    """Evidence from the rest of the file, given a first opinion: probabilities `first[column, field or none]`.

    Returns more of `Evidence.pairs` and of `Evidence.columns`.
    """
    count, targets = first.shape[0], first.shape[1] - 1
    log = np.log(np.maximum(first, 1e-5))
    mine, rivals = first[:, :targets], np.zeros((count, targets), np.float32)
    if count > 1:
        top = np.sort(mine, axis=0)[-2:]
        rivals = np.where(mine >= top[1], top[0], top[1])
    before = np.zeros_like(mine)
    before[1:] = np.maximum.accumulate(mine, axis=0)[:-1]
    after = np.zeros_like(mine)
    after[:-1] = np.maximum.accumulate(mine[::-1], axis=0)[::-1][1:]
    rank = (mine >= np.maximum(rivals, 0.02)).astype(np.float32)
    beside: list[Floats] = []
    for offset in (-1, 1, -2, 2):
        moved = np.zeros_like(first)
        if abs(offset) < count:
            if offset < 0:
                moved[-offset:] = first[:offset]
            else:
                moved[:-offset] = first[offset:]
        matrix = affinity.left if offset < 0 else affinity.right
        beside.append((moved @ matrix)[:, :targets] if matrix.size else np.zeros_like(mine))
    marks = np.array([table.read(column.header).marks for column in sheet.columns], np.float32)
    blocks, block_pairs = _blocks(sheet, marks, fields, table)
    pairs = np.stack(
        [
            log[:, :targets], log[:, :targets] - log[:, targets:], np.log(np.maximum(rivals, 1e-5)), rank, mine * before, mine * after,
            before, after, *beside,
        ],
        axis=2,
    )  # fmt: skip
    index = {name: at for at, name in enumerate(fields.names)}
    present = [mine[:, index[name]].max() if name in index else 0.0 for name in _FILE_FIELDS]
    whole = np.array([*present, first[:, targets].mean()], np.float32)
    grouped = mine @ fields.groups
    around: list[Floats] = []
    for offset in (-1, 1):
        moved = np.zeros((count, grouped.shape[1] + 1), np.float32)
        source = np.concatenate([grouped, first[:, targets:]], axis=1)
        if count > 1:
            if offset < 0:
                moved[1:] = source[:-1]
            else:
                moved[:-1] = source[1:]
        around.append(moved)
    columns = np.concatenate(
        [
            np.broadcast_to(whole, (count, len(whole))),
            *around,
            log[:, targets:],
            mine.max(axis=1, keepdims=True),
            blocks,
        ],
        axis=1,
    )
    return (
        np.concatenate([pairs, block_pairs], axis=2).astype(np.float32),
        columns.astype(np.float32),
    )


def _blocks(sheet: Sheet, marks: Floats, fields: FieldTable, table: PhraseTable) -> tuple[Floats, Floats]:
    """Which block (home, business, billing, ...) a column belongs to, and which others the file has."""
    names = table.vocabulary.marker_names
    at = [names.index(block) for block in _MARKER_BLOCKS if block in names]
    mine = marks[:, at]
    if mine.shape[1] < len(_MARKER_BLOCKS):
        mine = np.concatenate([mine, np.zeros((len(mine), len(_MARKER_BLOCKS) - mine.shape[1]), np.float32)], axis=1)
    home, business, billing, shipping, other, _, company = (mine[:, column] for column in range(len(_MARKER_BLOCKS)))
    work = np.maximum(business, company)
    some = (mine.sum(axis=0) > 0).astype(np.float32)
    has_work = max(some[1], some[6])
    plain = (mine.sum(axis=1) == 0).astype(np.float32)
    signs = np.stack(
        [
            home * has_work, home * (1 - has_work), work * some[0], shipping * some[2], shipping * (1 - some[2]), other * has_work,
            plain * max(some[0], some[1]), plain * some[2], billing * some[3], company * plain.max(initial=0), home * plain.max(initial=0),
        ],
        axis=1,
    )  # fmt: skip
    address = fields.groups[:, list(GROUPS).index("address")]
    phone = fields.groups[:, list(GROUPS).index("phone")]
    return signs, np.concatenate(
        [signs[:, None, :] * address[None, :, None], signs[:, None, :] * phone[None, :, None]], axis=2
    )


def names_of_pairs(markers: Sequence[str]) -> tuple[str, ...]:
    """What each number of `Evidence.pairs` is, for explanations and for reading a model."""
    relative = [SIMILARITIES[at] for at in _RELATIVE]
    return (
        *SIMILARITIES,
        *(f"{each} ahead" for each in relative),
        *(f"{each} against none" for each in relative),
        "values fit", "values of type", "values against", "values not of type", "values unfit", "values fit, header unknown",
        "words, values against", "words, values fit", "exact, not of type",
        *(f"own {marker}" for marker in markers),
        *(f"foreign {marker}" for marker in markers),
    )  # fmt: skip


def columns_of(evidence: Sequence[NDArray[np.float32]]) -> Floats:
    """Several tables of numbers about columns, one below the other."""
    return np.concatenate(evidence, axis=0)
