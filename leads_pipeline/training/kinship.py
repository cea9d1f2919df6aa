"""Which fields of an organization's own are fields that the shipped model knows, by another name.

A model knows a field of an organization's own by what its schema says of it, and a field of ours by all that it has learned.
Where people give `Kunde_Mail` just the columns that the model takes for `Email`, and the schema has no `Email` of its own, the
one is the other's kin, and shares what is known of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from leads_pipeline.mapping import FieldType, LeadSchema, MappingModel, default_schema
from leads_pipeline.mapping.assignment import assign

if TYPE_CHECKING:
    from leads_pipeline.training.refit import LabelledFile

WITNESSES = 2
"""In so many families people gave a field the columns taken for its kin. A label that means the kin counts as one of them."""

AGREEMENT = 0.6
"""The share of the families with a column of the one that must have said so, and of those with a column of the other."""

Guesses = tuple[str | None, ...]
"""What the shipped model takes each column of a file for, by fields of its own."""


def strangers(base: MappingModel, schema: LeadSchema) -> frozenset[str]:
    """The fields of `schema` that may have kin: those that `base` does not know, if it knows others that `schema` lacks."""
    own = {each.name for each in schema.fields}
    known = set(base.trained)
    return frozenset[str](own - known) if known - own else frozenset[str]()


def guess(base: MappingModel, file: "LabelledFile") -> Guesses:
    """What `base` takes the columns for, whatever the organization calls its fields."""
    schema = default_schema()
    belief = base.score(file.sheet, schema).probability
    names = [*(each.name for each in schema.fields), None]
    choices: list[int] = assign(belief, [each.single_valued for each in schema.fields]).tolist()
    return tuple(names[choice] for choice in choices)


def kin_of(
    base: MappingModel, files: Sequence["LabelledFile"], guesses: Sequence[Guesses], schema: LeadSchema
) -> Mapping[str, str]:
    """The kin of each stranger in `schema` that has one, by name. No field is the kin of two.

    Whether people mean yes by a yes is told by the type of a field, so one with yes and no has kin of that type only.
    """
    own = strangers(base, schema)
    missing = set(base.trained) - {each.name for each in schema.fields}
    together: dict[tuple[str, str], set[str]] = {}
    seen: dict[str, set[str]] = {}
    for file, guessed in zip(files, guesses, strict=True):
        for target, taken, weight, said in zip(file.targets, guessed, file.weights, file.said, strict=True):
            if weight <= 0 or not said:
                continue
            if target in own:
                seen.setdefault(target, set()).add(file.family)
                if taken in missing:
                    together.setdefault((target, taken), set()).add(file.family)
            if taken in missing:
                seen.setdefault(taken, set()).add(file.family)
    labels = {name: base.meaning.likeliest(base.vocabulary.words(schema[name].label)) for name in own}
    agreed = Counter({
        (name, kin): len(families)
        for (name, kin), families in together.items()
        if (schema[name].type is FieldType.BOOLEAN) == (default_schema()[kin].type is FieldType.BOOLEAN)
        and len(families) + (labels[name] == kin) >= WITNESSES
        and len(families) >= AGREEMENT * max(len(seen[name]), len(seen[kin]))
    })  # fmt: skip
    found: dict[str, str] = {}
    for (name, kin), _ in sorted(agreed.items(), key=lambda each: (-each[1], each[0])):
        if name not in found and kin not in found.values():
            found[name] = kin
    return found
