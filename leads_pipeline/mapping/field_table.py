"""What is known of the fields of a schema beside the phrases that they go by: what their values look like, their groups.

Which kinds of value a profile tells of is listed here too, since a model knows them by number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.schema import FieldType, LeadField, LeadSchema

KINDS = (
    "arabic", "boolean", "city", "company", "consent", "constant", "coordinate", "country", "country_code",
    "currency", "cyrillic", "date", "date_iso", "date_numbers", "date_serial", "date_words", "datetime", "day_month",
    "decimal", "department", "domain", "email", "email_within", "enumeration", "epoch", "extension", "facebook",
    "four_names", "gender", "given_name", "grouped", "han", "handle", "hangul", "hebrew", "hex", "id", "image",
    "industry", "instagram", "integer", "ip", "job", "json", "kana", "language", "lines", "linkedin",
    "linkedin_company", "locale", "long", "lower", "many", "money", "one_name", "one_word", "other_social", "percent",
    "phone", "phone_digits", "phone_plus", "postal", "postal_five", "postal_us", "range", "rising", "salutation",
    "sentence", "short_name", "small_number", "snake", "social", "source", "state_code", "state_name", "status",
    "street", "suffix", "text", "three_names", "time", "timezone", "token", "twitter", "two_names", "unique", "unit",
    "upper", "url", "url_deep", "url_site", "uuid", "year", "zero_one",
)  # fmt: skip
KIND_AT = {kind: at for at, kind in enumerate(KINDS)}

# Kinds that say clearly what a value is, so that a field which does not hold them is ruled out.
_TELLING = (
    "email", "url", "phone", "phone_plus", "date", "money", "percent", "boolean", "decimal", "uuid", "hex", "token",
    "ip", "json", "image", "integer", "sentence", "country", "street", "company", "two_names", "id", "unit", "epoch",
    "state_name", "many", "job",
)  # fmt: skip
TELLING_AT = np.array([KIND_AT[kind] for kind in _TELLING])

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

MAIL_AT = np.array([KIND_AT[kind] for kind in _OF_TYPE[FieldType.EMAIL]])

GROUPS = {
    "name": ("FirstName", "LastName", "FullName", "MiddleName", "Salutation", "Suffix"),
    "address": ("Street", "Street2", "City", "State", "PostalCode", "Country"),
    "phone": ("Phone", "Phone2", "MobilePhone", "CompanyPhone", "Fax"),
    "email": ("Email", "Email2", "OwnerEmail"),
    "company": ("Company", "Title", "Department", "Industry", "NumberOfEmployees", "AnnualRevenue"),
    "record": ("ExternalId", "CreatedDate", "LastModifiedDate", "LastActivityDate", "Status", "LeadSource"),
}
"""Fields that tend to stand together, or to be told apart by the same words."""


@dataclass(frozen=True)
class FieldTable:
    """One row for each field of a schema.

    `expected[field, kind]` and `typed[field, kind]` tell which kinds its values are by itself and by its type, `mail[field]`
    whether they are e-mail addresses, `groups[field, group]` to which of `GROUPS` the field belongs.
    """

    names: tuple[str, ...]
    expected: Floats
    typed: Floats
    has_type: Floats
    mail: NDArray[np.bool_]
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
            mail=np.array([each.type is FieldType.EMAIL for each in schema.fields], bool),
            groups=groups,
        )


def _selected(kinds: Sequence[str]) -> list[float]:
    return [float(kind in kinds) for kind in KINDS]


def _expected(lead_field: LeadField) -> Sequence[str]:
    return lead_field.values or _OF_TYPE[lead_field.type]
