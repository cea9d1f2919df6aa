"""Which lead field each column of a sheet holds.

Everything here is a pure function of a sheet, a schema, a model and a memory: no database, no Dagster, no network.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leads_pipeline.mapping.assignment import assign
from leads_pipeline.mapping.explanation import explain, explain_dispute, explain_memory
from leads_pipeline.mapping.memory import NOTHING_REMEMBERED, Memory, Recollection
from leads_pipeline.mapping.model import MappingModel
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.transforms import ColumnTarget, rival, transforms
from leads_pipeline.mapping.variants import meanings, memory_keys
from leads_pipeline.types import Candidate, Mapping, Method, Sheet

ALTERNATIVES = 3
"""Most alternatives that a mapping names."""

MOST_CERTAIN = 99.5
"""No mapping is surer than this, in percent."""

STRICTER = {
    "Email": 10.0,
    "OptIn": 10.0,
    "SmsOptIn": 10.0,
    "OwnerEmail": 20.0,
    "OwnerId": 10.0,
    "OwnerName": 20.0,
    "ExternalId": 10.0,
}
"""How much surer than the threshold, in percent points, a mapping to a field must be whose mistakes hurt."""


def map_sheet(
    sheet: Sheet, schema: LeadSchema, model: MappingModel, memory: Memory = NOTHING_REMEMBERED
) -> list[Mapping]:
    """Propose a lead field, or none, for every column of `sheet`.

    Returns one mapping per column, in column order. `confidence` is the calibrated chance, in percent, that the proposal
    is right. No two columns get the same single-valued field.
    """
    if not sheet.columns:
        return []
    scores = model.score(sheet, schema)
    keys = memory_keys(sheet, model.vocabulary)
    recalled = [
        memory.recall(key, schema, meanings(model.vocabulary.read(column.header), model.vocabulary)) if memory else None
        for key, column in zip(keys, sheet.columns, strict=True)
    ]
    believed = _remembering(scores.probability, recalled, schema)
    chosen = assign(believed, _single_valued(recalled, schema))
    mappings: list[Mapping] = []
    for at, (column, key) in enumerate(zip(sheet.columns, keys, strict=True)):
        choice = int(chosen[at])
        recollection = recalled[at]
        target = _name(choice, schema)
        calibrate = model.unmapped if target is None else model.mapped
        confidence = float(calibrate(scores.probability[at, choice]))
        if target is None:
            confidence *= 1 - float(scores.unnamed[at])
        from_memory = recollection is not None and recollection.target == target
        if recollection is not None:
            confidence = _with_people(confidence, recollection, agreeing=from_memory)
        mappings.append(
            Mapping(
                index=column.index,
                header=column.header,
                target=target,
                confidence=_percent(confidence),
                method=Method.MEMORY if from_memory else Method.MODEL,
                alternatives=_alternatives(believed[at], choice, confidence, schema),
                explanation=explain_memory(recollection, schema)
                if recollection is not None and from_memory
                else explain(sheet, at, choice, chosen.tolist(), scores, schema)
                + explain_dispute(recollection, schema),
                memory_key=key,
                wish=recollection.wish if recollection is not None and from_memory else None,
                kin=scores.prepared.kin.get(target or ""),
            )
        )
    return transformed(sheet, mappings, schema)


def gate(mapping: Mapping, threshold: float) -> bool:
    """Whether a mapping is used without a person, at `threshold` percent.

    "No target" passes too when it is sure enough: the column is decided, and nothing is filled with it.
    """
    needed = threshold + STRICTER.get(mapping.kin or mapping.target or "", 0.0)
    return mapping.confidence >= min(needed, max(threshold, 95.0))


def transformed(sheet: Sheet, mappings: Sequence[Mapping], schema: LeadSchema) -> list[Mapping]:
    """The mappings, each with what is to be done with its cells."""
    columns = [
        ColumnTarget(
            sheet.index,
            mapping.index,
            mapping.header,
            mapping.target,
            applied=True,
            kinds=column.profile.kinds,
            wish=mapping.wish,
            rival=rival(mapping.target, mapping.confidence, mapping.alternatives),
        )
        for column, mapping in zip(sheet.columns, mappings, strict=True)
    ]
    decided = zip(mappings, transforms(columns, schema), strict=True)
    return [mapping if each is None else replace(mapping, transform=each) for mapping, each in decided]


def _single_valued(recalled: Sequence[Recollection | None], schema: LeadSchema) -> list[bool]:
    """Which fields one column at most may get. Several columns that people merged once are merged again."""
    remembered = Counter(each.target for each in recalled if each is not None and each.same_header)
    return [each.single_valued and not (each.merges and remembered[each.name] > 1) for each in schema.fields]


def _remembering(probability: Floats, recalled: Sequence[Recollection | None], schema: LeadSchema) -> Floats:
    """What is believed when people's answers count beside the model."""
    if not any(recalled):
        return probability
    names = {each.name: at for at, each in enumerate(schema.fields)}
    believed = probability.copy()
    for at, recollection in enumerate(recalled):
        if recollection is not None:
            place = len(names) if recollection.target is None else names[recollection.target]
            if recollection.outweighs:
                believed[at] *= 1 - recollection.certainty
                believed[at, place] += recollection.certainty
            else:
                believed[at] *= 1 - recollection.certainty
                believed[at, place] *= recollection.certainty / (1 - recollection.certainty)
                believed[at] /= believed[at].sum()
    return believed


def _with_people(confidence: float, recollection: Recollection, *, agreeing: bool) -> float:
    """How sure two witnesses make us, each of whom can be wrong: the model, and the people who answered.

    People who disagree among themselves make nobody surer, whatever the model says.
    """
    sure = recollection.certainty
    if recollection.against:
        return sure if agreeing else confidence * (1 - sure)
    if agreeing and recollection.outweighs:
        return max(sure, confidence)
    right = confidence * (sure if agreeing else 1 - sure)
    wrong = (1 - confidence) * (1 - sure if agreeing else sure)
    return right / (right + wrong) if right else 0.0


def _alternatives(believed: Floats, choice: int, confidence: float, schema: LeadSchema) -> tuple[Candidate, ...]:
    """The next best answers, among whom the chance that `choice` is wrong is shared out."""
    others = believed.copy()
    others[choice] = 0
    total = float(others.sum())
    if total <= 0:
        return ()
    shares = others * (1 - confidence) / total
    best = [int(at) for at in np.argsort(-shares, kind="stable")[:ALTERNATIVES]]
    return tuple(
        Candidate(_name(at, schema), _percent(float(shares[at])))
        for at in best
        if at != choice and shares[at] >= 0.0005
    )


def _name(choice: int, schema: LeadSchema) -> str | None:
    return None if choice == len(schema.fields) else schema.fields[choice].name


def _percent(chance: float) -> float:
    return round(min(MOST_CERTAIN, max(0.0, 100 * chance)), 1)
