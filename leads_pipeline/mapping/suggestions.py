"""What a language model's answers are worth, and the mappings that they become.

How sure a language model says it is, is never shown. Until `NEEDED` of its answers have been reviewed they are
suggestions below the gate; from then on the share of its answers that proved right decides.
"""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.assignment import assign
from leads_pipeline.mapping.matcher import ALTERNATIVES, MOST_CERTAIN, gate, transformed
from leads_pipeline.mapping.schema import FieldType, LeadSchema
from leads_pipeline.types import NO_FIELD, Candidate, Column, LlmAnswer, Mapping, Method, Sheet

NEEDED = 150
"""Reviewed answers of a model before its answers may be applied without a person."""
PRIOR = 50
"""An unknown model is believed as one that was right on half of so many answers."""
BIN = 25
"""Reviewed answers that each step of a calibration rests on, at least."""
CONTRADICTED = 0.2
"""A field whose values are told by their form is refused where fewer of the values look like it."""

MORE_LIKELY_THAN_NOT = 0.51
LONGEST_HEADER = 60

_FORMS = {
    FieldType.EMAIL: ("email", "email_within"),
    FieldType.PHONE: ("phone", "phone_digits", "integer", "extension"),
    FieldType.URL: ("url", "handle", "domain"),
    FieldType.DATE: ("date", "day_month", "date_serial", "epoch", "year"),
    FieldType.DATETIME: ("date", "date_serial", "epoch", "time"),
}


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Reviewed answers of one language model: how sure it was (0 to 1) of each, and whether it was right."""

    beliefs: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()

    @property
    def proven(self) -> bool:
        return len(self.right) >= NEEDED

    def confidence(self, belief: float, *, gated_at: float) -> float:
        """The chance, in percent, that an answer is right of which the model is as sure as `belief`.

        Below the gate at `gated_at` percent until the model is proven.
        """
        if not self.proven:
            share = (sum(self.right) + PRIOR / 2) / (len(self.right) + PRIOR)
            return round(max(0.0, min(100 * share, gated_at - 0.1)), 1)
        beliefs, shares = self._curve()
        return round(min(MOST_CERTAIN, 100 * float(np.interp(belief, beliefs, shares))), 1)

    def _curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The share of right answers over belief: steps that never fall, each of a bin of answers."""
        from scipy.optimize import isotonic_regression

        order = np.argsort(np.array(self.beliefs), kind="stable")
        beliefs, right = np.array(self.beliefs)[order], np.array(self.right, float)[order]
        bins = np.array_split(np.arange(len(order)), max(1, len(order) // BIN))
        middle = np.array([beliefs[each].mean() for each in bins])
        share = np.array([(right[each].sum() + 1) / (len(each) + 2) for each in bins])
        risen = isotonic_regression(share, weights=np.array([len(each) for each in bins], float)).x
        return middle, np.asarray(risen, np.float64)


NO_RECORD = TrackRecord()


@dataclass(frozen=True, slots=True)
class _Answer:
    """A usable answer: its field, the chance in percent that it is right, and its weight against other columns' claims."""

    target: str | None
    sure: float
    weight: float


def suggest(
    sheet: Sheet,
    mappings: Sequence[Mapping],
    answers: ReadOnly[int, LlmAnswer],
    schema: LeadSchema,
    *,
    asked: Sequence[int],
    record: TrackRecord = NO_RECORD,
    gated_at: float,
) -> list[Mapping]:
    """The mappings of a sheet when a language model's answers count, by position of the column.

    Only `asked` columns change, and of those that the gate at `gated_at` percent lets pass none before the model is
    proven. An answer that no field of the schema is, or that the column's values contradict, is none. The columns are
    decided together, so that no two columns get the same single-valued field; one that loses its
    field to another, and has nothing else, is proposed for none.
    """
    asked = [at for at in asked if record.proven or not gate(mappings[at], gated_at)]
    usable = {
        at: _Answer(_target(each), sure, sure / 100 if record.proven else max(each.belief, MORE_LIKELY_THAN_NOT))
        for at, each in answers.items()
        if at in asked and _fits(each, sheet.columns[at], schema)
        for sure in [record.confidence(each.belief, gated_at=gated_at)]
    }
    # A proven model's answer stands when it is surer than ours; an unproven one's is the suggestion for a person.
    standing = {
        at: answer
        for at, answer in usable.items()
        if not record.proven or answer.target == mappings[at].target or answer.sure >= mappings[at].confidence
    }
    if not standing:
        return list(mappings)
    chosen = _assigned(mappings, standing, schema, asked)
    changed = list(mappings)
    for at in asked:
        before, target, answer = mappings[at], chosen[at], standing.get(at)
        if answer is not None and answer.target == target:
            changed[at] = (_agreed if before.target == target else _told)(before, answer, record)
        elif target != before.target:
            changed[at] = _unseated(before, _holder(sheet, chosen, before.target))
    # What is done with a column's cells depends on what its neighbours hold.
    return transformed(sheet, [replace(each, transform=None) for each in changed], schema)


def _target(answer: LlmAnswer) -> str | None:
    return None if answer.choice == NO_FIELD else answer.choice


def _fits(answer: LlmAnswer, column: Column, schema: LeadSchema) -> bool:
    if answer.choice == NO_FIELD:
        return True
    if answer.choice not in schema:
        return False
    forms = _FORMS.get(schema[answer.choice].type)
    profile = column.profile
    if forms is None or profile.sampled < 3:
        return True
    return sum(profile.kinds.get(form, 0.0) for form in forms) >= CONTRADICTED


def _assigned(
    mappings: Sequence[Mapping], standing: ReadOnly[int, _Answer], schema: LeadSchema, asked: Sequence[int]
) -> dict[int, str | None]:
    """The field of each asked column when all of them are decided together."""
    names = {each.name: number for number, each in enumerate(schema.fields)}
    none = len(names)
    places: dict[str | None, int] = {None: none, **names}
    belief = np.zeros((len(asked), none + 1), np.float32)
    for row, at in enumerate(asked):
        own, answer = mappings[at], standing.get(at)
        rest = 1.0
        if answer is not None:
            rest -= answer.weight
            belief[row, places[answer.target]] += answer.weight
        belief[row, places[own.target]] += rest * max(own.confidence, 1.0) / 100
        belief[row, none] += 1e-3
    for mapping in (each for at, each in enumerate(mappings) if at not in asked):
        if mapping.target is not None and schema[mapping.target].single_valued:
            belief[:, names[mapping.target]] = 0.0
    chosen = assign(belief, [each.single_valued for each in schema.fields])
    return {
        at: None if int(choice) == none else schema.fields[int(choice)].name
        for at, choice in zip(asked, chosen, strict=True)
    }


def _told(before: Mapping, answer: _Answer, record: TrackRecord) -> Mapping:
    others = [Candidate(before.target, before.confidence), *before.alternatives]
    return replace(
        before,
        target=answer.target,
        confidence=answer.sure,
        method=Method.LLM,
        alternatives=_shared(answer.sure, [each for each in others if each.target != answer.target]),
        explanation=f"A language model suggested this, going by the header and the look of the values; {_worth(record)}.",
        wish=None,
        kin=None,
    )


def _agreed(before: Mapping, answer: _Answer, record: TrackRecord) -> Mapping:
    explanation = f"{before.explanation} A language model says the same; {_worth(record)}."
    if not record.proven or answer.sure <= before.confidence:
        return replace(before, explanation=explanation)
    others = _shared(answer.sure, before.alternatives)
    return replace(before, confidence=answer.sure, method=Method.LLM, alternatives=others, explanation=explanation)


def _unseated(before: Mapping, holder: str) -> Mapping:
    return replace(
        before,
        target=None,
        confidence=next((each.confidence for each in before.alternatives if each.target is None), 0.0),
        method=Method.LLM,
        alternatives=tuple(each for each in before.alternatives if each.target is not None),
        explanation=f"No field: a language model suggests that the column “{holder}” holds the one that fits best.",
        wish=None,
        kin=None,
    )


def _holder(sheet: Sheet, chosen: ReadOnly[int, str | None], field: str | None) -> str:
    header = next((sheet.columns[at].header for at, target in chosen.items() if target == field), "")
    text = " ".join(header.split())
    return text if len(text) <= LONGEST_HEADER else text[: LONGEST_HEADER - 1] + "…"


def _worth(record: TrackRecord) -> str:
    count = len(record.right)
    if record.proven:
        return f"of {count} reviewed answers of this model {sum(record.right)} were right"
    return f"its answers are suggestions until {NEEDED} of them have been reviewed ({count} so far)"


def _shared(sure: float, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The other candidates, among whom the chance that the answer is wrong is shared out."""
    total = sum(each.confidence for each in candidates)
    if total <= 0:
        return ()
    scale = min(1.0, (100.0 - sure) / total)
    return tuple(Candidate(each.target, round(each.confidence * scale, 1)) for each in candidates[:ALTERNATIVES])
