"""What became of people's corrections: did they reach the dataset, and does the new model do as they said."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leads_pipeline.mapping import LeadSchema, MappingModel, map_sheet
from leads_pipeline.training.refit import LabelledFile, given_away
from leads_pipeline.types import Sheet

MOST_SHOWN = 50
"""Corrections that are named with a reason, at most."""

MOST_TRIED = 2_000
"""Corrections that are tried on the new model, at most; the newest."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction: its column's scrubbed header, what people said, and where in the dataset it is: `file` None for
    nowhere, with the reason in `missing`.
    """

    header: str
    target: str | None
    file: LabelledFile | None = None
    column: int = 0
    missing: str = ""


def prove(model: MappingModel, corrections: Sequence[Corrected], schema: LeadSchema) -> Mapping[str, Any]:
    """Counts and reasons: how many corrections entered the dataset, how many of them the model now gets right on their own
    file and with their header in another hand, and which not.
    """
    entered = [each for each in corrections if each.file is not None]
    tried = entered[-MOST_TRIED:]
    failures: list[dict[str, Any]] = [_failure(each, each.missing, None) for each in corrections if each.file is None]
    reasons = Counter(each.missing for each in corrections if each.file is None)
    own = variants = variants_right = 0
    for each in tried:
        file = each.file
        assert file is not None, "it entered the dataset"
        said = map_sheet(file.sheet, schema, model)[each.column]
        if said.target == each.target:
            own += 1
        else:
            reason = _why(file, each, schema, model)
            reasons[reason] += 1
            failures.append(_failure(each, reason, said.target))
        for spelling in respelled(each.header):
            variants += 1
            respelt = map_sheet(_with_header(file.sheet, each.column, spelling), schema, model)[each.column]
            variants_right += respelt.target == each.target
    return {
        "corrections": len(corrections),
        "entered": len(entered),
        "tried": len(tried),
        "right": own,
        "variants": variants,
        "variants_right": variants_right,
        "reasons": dict(reasons.most_common()),
        "not_right": failures[:MOST_SHOWN],
    }


def respelled(header: str) -> list[str]:
    """The same header as other systems would write it, without those that are the same again."""
    words = header.replace("_", " ").split()
    spellings = (
        "_".join(words).lower(),
        "".join(word.capitalize() for word in words),
        header.upper(),
        f"{header} *",
    )
    return [each for each in dict.fromkeys(spellings) if words and each != header]


def _with_header(sheet: Sheet, column: int, header: str) -> Sheet:
    columns = tuple(replace(each, header=header) if at == column else each for at, each in enumerate(sheet.columns))
    return replace(sheet, columns=columns)


def _why(file: LabelledFile, corrected: Corrected, schema: LeadSchema, model: MappingModel) -> str:
    if file.targets[corrected.column] != corrected.target:
        return "a newer or more frequent answer about the same column says otherwise"
    if file.weights[corrected.column] <= 0:
        return "it is in the dataset beside others only: there are enough of its field"
    if file.split != "train":
        return "its layout is held out, to judge models by"
    if file.agreement[corrected.column] < 1:
        return "people disagree about this header"
    if corrected.target is not None and corrected.target not in schema:
        return "the lead schema has no such field any more"
    return (
        "another column of its file has the field that its header speaks of, so it says nothing about the header"
        if given_away(model, file, corrected.column, schema)
        else "too few files say the same yet, or other evidence outweighs it: values, neighbours, the header elsewhere"
    )


def _failure(corrected: Corrected, reason: str, said: str | None) -> dict[str, Any]:
    return {"header": corrected.header, "target": corrected.target, "model": said, "reason": reason}
