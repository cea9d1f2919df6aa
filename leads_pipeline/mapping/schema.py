"""What a lead consists of: the fields that columns are mapped to, and an organization's own variants of them.

Which column means which field is decided elsewhere; here is only what the fields are.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from leads_pipeline.errors import RequestInvalid


class FieldType(StrEnum):
    """What a lead field holds."""

    STRING = "string"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    DATE = "date"
    DATETIME = "datetime"
    NUMBER = "number"
    CURRENCY = "currency"
    BOOLEAN = "boolean"
    PICKLIST = "picklist"
    TEXTAREA = "textarea"
    ID = "id"


@dataclass(frozen=True, slots=True)
class LeadField:
    """One field of a lead.

    `id` never changes, whatever becomes of name and label. `api_name` is Salesforce's name. A field that is not
    `single_valued` may take several columns of one sheet. `values` are the kinds of cell that the field usually holds
    (see `spreadsheets.profile`); without them the type says enough. `picklist` are the values that it may have,
    `picklist_synonyms` what people write for them beside the words that we know.
    """

    id: str
    name: str
    label: str
    api_name: str
    type: FieldType = FieldType.STRING
    single_valued: bool = True
    description: str = ""
    synonyms: tuple[str, ...] = ()
    picklist: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    picklist_synonyms: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def merges(self) -> bool:
        """Whether people may give it several columns of a sheet: a long text, but no street."""
        return self.type is FieldType.TEXTAREA and "street" not in self.values


@dataclass(frozen=True)
class LeadSchema:
    """An ordered set of lead fields. Immutable: a changed schema is a new version."""

    fields: tuple[LeadField, ...]
    name: str = "default"
    version: int = 1
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {lead_field.name: at for at, lead_field in enumerate(self.fields)})

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __getitem__(self, name: str) -> LeadField:
        """The field called `name`; KeyError if there is none."""
        return self.fields[self._index[name]]

    @cached_property
    def digest(self) -> int:
        """Equal schemas have equal digests."""
        return hash(self.fields)

    @cached_property
    def single_valued(self) -> frozenset[str]:
        """The fields that people may give one column of a sheet only. Long texts are merged from as many as they like."""
        return frozenset(each.name for each in self.fields if each.single_valued and not each.merges)

    def as_json(self) -> dict[str, Any]:
        """The schema as plain JSON, from which `from_json` makes an equal one."""
        return {"name": self.name, "version": self.version, "fields": [_field_as_json(each) for each in self.fields]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "LeadSchema":
        """Read a schema. Raises `RequestInvalid` with code `schema_invalid` and a pointer to what is wrong.

        A document that `extends: default` starts from the default schema: `remove` names fields that go, and `fields` are
        added, or take the place of those of the same name; what such a field does not say stays as it was.
        """
        _refuse_unknown(document, _SCHEMA_MEMBERS, "A schema", "")
        name, version = document.get("name", "default"), document.get("version", 1)
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_TEXT:
            raise _invalid("`name` must be a short text.", "/name")
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise _invalid("`version` must be a whole number of 0 or more.", "/version")
        placed = _fields_of(document) if "extends" not in document else _extended(document)
        if not placed:
            raise _invalid("A schema needs a list of `fields` with at least one field.", "/fields")
        if len(placed) > MOST_FIELDS:
            raise _invalid(f"A schema may have at most {MOST_FIELDS} fields.", "/fields")
        for key in ("name", "id", "api_name"):
            _refuse_twins(placed, key)
        return cls(fields=tuple(each.field for each in placed), name=name, version=version)

    @classmethod
    def from_yaml(cls, text: str) -> "LeadSchema":
        """Read a schema that a person wrote. Raises `RequestInvalid` like `from_json`."""
        import yaml

        try:
            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" near line {mark.line + 1}" if mark else ""
            raise _invalid(f"The schema is not valid YAML{where}.", "") from error
        if not isinstance(document, dict):
            raise _invalid("A schema is a mapping with `fields`.", "")
        return cls.from_json(cast("dict[str, Any]", document))


@lru_cache(maxsize=1)
def default_schema() -> LeadSchema:
    """Salesforce's Lead and what lead lists often hold beside it."""
    return LeadSchema.from_yaml(
        resources.files("leads_pipeline.mapping").joinpath("lead_schema.yaml").read_text("utf-8")
    )


# --- Reading a document --------------------------------------------------------------------------------------------

MOST_FIELDS = 800
LONGEST_TEXT = 255
LONGEST_DESCRIPTION = 4_000
MOST_SYNONYMS = 200
MOST_VALUES = 1_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ID_SPACE = uuid5(NAMESPACE_URL, "leads-pipeline/lead-field")
_SCHEMA_MEMBERS = {"name", "version", "fields", "extends", "remove"}
_FIELD_MEMBERS = {
    "id", "name", "label", "api_name", "type", "single_valued", "description", "synonyms", "picklist", "values",
    "picklist_synonyms",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Placed:
    """A field, and where a document says so: a JSON pointer, "" for a field of the default schema."""

    field: LeadField
    place: str = ""


def _fields_of(document: Mapping[str, Any]) -> list[_Placed]:
    """The fields of a document that stands alone."""
    if "remove" in document:
        raise _invalid("`remove` is for a schema that says `extends: default`.", "/remove")
    return [_Placed(_field_from_json(given, place), place) for given, place in _given_fields(document)]


def _extended(document: Mapping[str, Any]) -> list[_Placed]:
    """The fields of the default schema, as the document changes them: removed, replaced, added."""
    if document["extends"] != "default":
        raise _invalid("`extends` can only be `default`.", "/extends")
    defaults = default_schema()
    removed = _removed(document, defaults)
    fields = {each.name: _Placed(each) for each in defaults.fields if each.name not in removed}
    for given, place in _given_fields(document):
        stated = cast("dict[str, Any]", given).get("name") if isinstance(given, dict) else None
        name = stated if isinstance(stated, str) else ""
        if name in removed:
            raise _invalid("A field cannot be removed and defined at once.", f"{place}/name")
        before = fields.get(name)
        if before is not None and before.place:
            raise _invalid(f"The field {name} is defined twice.", f"{place}/name")
        whole = cast("dict[str, Any]", given)
        if before is not None:
            whole = {**_field_as_json(before.field), **whole}
        read = _field_from_json(whole, place)
        fields[read.name] = _Placed(read, place)
    return list(fields.values())


def _removed(document: Mapping[str, Any], defaults: LeadSchema) -> set[str]:
    """The names of the fields that a document removes."""
    names = document.get("remove")
    if names is None:
        return set()
    if not isinstance(names, list):
        raise _invalid("`remove` must be a list of names of fields.", "/remove")
    removed: set[str] = set()
    for at, name in enumerate(cast("list[Any]", names)):
        if not isinstance(name, str) or name not in defaults:
            raise _invalid(f"The default schema has no field `{str(name)[:40]}`.", f"/remove/{at}")
        removed.add(name)
    return removed


def _given_fields(document: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """The members of `fields`, as they were written, and where each stands."""
    fields = document.get("fields")
    if fields is None and "extends" in document:
        return []
    if not isinstance(fields, Sequence) or isinstance(fields, str):
        raise _invalid("A schema needs a list of `fields` with at least one field.", "/fields")
    written = cast("Sequence[Any]", fields)
    if len(written) > MOST_FIELDS:
        raise _invalid(f"A schema may have at most {MOST_FIELDS} fields.", "/fields")
    return [(each, f"/fields/{at}") for at, each in enumerate(written)]


def _refuse_unknown(given: Mapping[str, Any], known: set[str], what: str, place: str) -> None:
    unknown = sorted(str(member)[:40] for member in set(given) - known)
    if unknown:
        raise _invalid(f"{what} has no member `{unknown[0]}`.", f"{place}/{unknown[0]}")


# --- Reading one field ---------------------------------------------------------------------------------------------


def _field_as_json(lead_field: LeadField) -> dict[str, Any]:
    return {
        "id": lead_field.id,
        "name": lead_field.name,
        "label": lead_field.label,
        "api_name": lead_field.api_name,
        "type": lead_field.type.value,
        "single_valued": lead_field.single_valued,
        "description": lead_field.description,
        "synonyms": list(lead_field.synonyms),
        "picklist": list(lead_field.picklist),
        "values": list(lead_field.values),
        "picklist_synonyms": {value: list(words) for value, words in lead_field.picklist_synonyms},
    }


def _field_from_json(document: Any, place: str) -> LeadField:
    if not isinstance(document, dict):
        raise _invalid("A field is a mapping with at least a `name`.", place)
    given = cast("dict[str, Any]", document)
    _refuse_unknown(given, _FIELD_MEMBERS, "A field", place)
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _invalid("A field's `name` is a letter, then up to 79 letters, digits or underscores.", f"{place}/name")
    kind = given.get("type", FieldType.STRING.value)
    if not isinstance(kind, str) or kind not in set(FieldType):
        raise _invalid(f"`type` must be one of: {', '.join(FieldType)}.", f"{place}/type")
    single = given.get("single_valued", True)
    if not isinstance(single, bool):
        raise _invalid("`single_valued` must be true or false.", f"{place}/single_valued")
    api_name = _text(given, "api_name", place, default=name)
    if not _NAME.fullmatch(api_name):
        raise _invalid("`api_name` is a letter, then letters, digits or underscores.", f"{place}/api_name")
    return LeadField(
        id=_stable_id(given, name, place),
        name=name,
        label=_text(given, "label", place, default=_spelled(name)),
        api_name=api_name,
        type=FieldType(kind),
        single_valued=single,
        description=_text(given, "description", place, default="", longest=LONGEST_DESCRIPTION),
        synonyms=_texts(given, "synonyms", place),
        picklist=_texts(given, "picklist", place, most=MOST_VALUES),
        values=_texts(given, "values", place),
        picklist_synonyms=_picklist_synonyms(given, place),
    )


def _picklist_synonyms(given: Mapping[str, Any], place: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What people write for each value of the field's pick-list."""
    value = given.get("picklist_synonyms")
    if value is None:
        return ()
    where = f"{place}/picklist_synonyms"
    if not isinstance(value, dict):
        raise _invalid("`picklist_synonyms` must give a list of texts for values of `picklist`.", where)
    by_value = cast("dict[str, Any]", value)
    picklist = _texts(given, "picklist", place, most=MOST_VALUES)
    for each in by_value:
        if each not in picklist:
            raise _invalid(f"`picklist` has no value `{str(each)[:40]}`.", where)
    return tuple((each, _texts(by_value, each, where)) for each in by_value)


def _stable_id(given: Mapping[str, Any], name: str, place: str) -> str:
    """The id that is given, or one that follows from the name."""
    stated = given.get("id")
    if stated is None:
        return str(uuid5(_ID_SPACE, name))
    try:
        return str(UUID(stated))
    except (ValueError, TypeError, AttributeError) as error:
        raise _invalid("`id` must be a UUID, or left out.", f"{place}/id") from error


def _text(given: Mapping[str, Any], key: str, place: str, *, default: str, longest: int = LONGEST_TEXT) -> str:
    value = given.get(key)
    if value is None:
        return default
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise _invalid(f"`{key}` must be a text of at most {longest} characters.", f"{place}/{key}")
    return value.strip() or default


def _texts(given: Mapping[str, Any], key: str, place: str, *, most: int = MOST_SYNONYMS) -> tuple[str, ...]:
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or len(cast("list[Any]", value)) > most:
        raise _invalid(f"`{key}` must be a list of at most {most} texts.", f"{place}/{key}")
    texts = cast("list[Any]", value)
    for at, each in enumerate(texts):
        if not isinstance(each, str) or not each.strip() or len(each) > LONGEST_TEXT or "\x00" in each:
            raise _invalid(f"`{key}` must hold short texts only.", f"{place}/{key}/{at}")
    return tuple(each.strip() for each in texts)


def _refuse_twins(fields: Iterable[_Placed], key: str) -> None:
    seen: dict[str, _Placed] = {}
    for each in fields:
        value = str(getattr(each.field, key)).lower()
        twin = seen.setdefault(value, each)
        if twin is not each:
            names = f"{twin.field.name} and {each.field.name}"
            raise _invalid(f"Two fields have the same `{key}`: {names}.", f"{each.place or twin.place}/{key}")


def _spelled(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", name.removesuffix("__c")).strip()
    return words[:1].upper() + words[1:].lower() if words else name


def _invalid(detail: str, pointer: str) -> RequestInvalid:
    return RequestInvalid(
        detail, code="schema_invalid", title="The lead schema is not valid", extra={"errors": [{"pointer": pointer}]}
    )
