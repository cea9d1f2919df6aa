"""What jobs are launched with: configurations whose fields tell in the launchpad what they may be, and what if left out."""

from typing import Any

import dagster as dg
from pydantic.fields import FieldInfo

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


class Launchpad(dg.Config):
    """A configuration of a job. Dagster shows a field's description and type, and neither its bounds nor its default."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            meaning, left_out, default = (field.description or "").partition(" Left out:")
            field.description = f"{meaning}{_bounds(field)}{left_out}{default}{_default(field)}"


def _bounds(field: FieldInfo) -> str:
    limits = [(each, name) for each in field.metadata for name in BOUNDS if hasattr(each, name)]
    words = ", ".join(f"{BOUNDS[name]} {getattr(each, name):,}" for each, name in limits)
    return f" {words.capitalize()}." if words else ""


def _default(field: FieldInfo) -> str:
    """What it is if left out; where that is nothing at all, the field's own words say what it means."""
    value = field.get_default(call_default_factory=True)
    if field.is_required() or value is None or value == []:
        return ""
    match value:
        case bool():
            shown = str(value).lower()
        case int() | float():
            shown = f"{value:,}"
        case list():
            shown = ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
        case _:
            shown = str(value)
    return f" Left out: {shown}."
