"""Columns about somebody or something else than the lead: "Child's date of birth", "Telefon Verkäufer", "État du bien".

They are made up for training, from `data/bystanders.yaml` and the lexicon: a model learns from them that a field's own
words count for nothing beside words for another person, another time, another thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.text import words_of
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.corpus import IGNORE, Layout
from leads_pipeline.training.headers import Answer
from leads_pipeline.types import Column, ColumnProfile

Donors = Mapping[str, Sequence[ColumnProfile]]
"""Profiles of columns by their field, to lend to columns that are made up."""

Made = tuple[str, tuple[str, ...], str]
"""A column to be: its header, its right answers, the field whose values it holds."""

PERSONAL = (
    "FirstName", "LastName", "FullName", "Email", "Phone", "MobilePhone", "Birthdate", "Gender", "Title", "Company",
)  # fmt: skip
_OF_PUPIL = ("FirstName", "LastName", "FullName", "Birthdate", "Gender")
_OF_GUARDIAN = ("FullName", "Email", "Phone", "MobilePhone", "Title")
_REACHED = ("Email", "Phone", "MobilePhone")
_NAMES = ("FirstName", "LastName", "FullName")
_OF_OWNER = {
    "Phone": (IGNORE,), "MobilePhone": (IGNORE,), "Title": (IGNORE,), "Email": ("OwnerEmail", IGNORE),
}  # fmt: skip
_SECOND = {"Email": (IGNORE, "Email2"), "Phone": (IGNORE, "Phone2"), "MobilePhone": (IGNORE, "Phone2")}
_FORMER = ("Company", "Title", "Company", "Title", "Email", "Industry", "Department")
_PLANNED = ("CreatedDate", "LastActivityDate")
_DESCRIBED = ("Email", "Phone", "MobilePhone", "Company", "Website", "Street", "Title")
_THEIRS = {"person": PERSONAL, "former": _FORMER, "planned": _PLANNED, "aspect": _DESCRIBED, "dated": _DESCRIBED}
_TAUGHT = {"pupil": _OF_PUPIL, "owner": ("Phone", "Title")}
_ASPECTS = ("LeadSource", "EmailStatus", "Status", "OptIn")
_OF_THING = {
    "title": ((IGNORE,), "Product"), "proprietor": ((IGNORE,), "FullName"), "condition": ((IGNORE, "Status"), "Status"),
}  # fmt: skip

KINDS = ("person", "owner", "former", "planned", "thing", "family", "private", "aspect", "dated", "asked")
SHARES = (0.25, 0.16, 0.11, 0.05, 0.12, 0.14, 0.05, 0.07, 0.02, 0.03)
"""How often each kind is made up."""

FEW = 6
"""How many of the first phrases of a field stand for it: the commonest come first."""


@dataclass(frozen=True)
class Language:
    """How one language speaks of others: `forms[kind]` are phrases with {} for a field, `words[kind]` those without."""

    forms: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def read_bystanders() -> dict[str, Language]:
    """All languages, by their code."""
    import yaml

    text = (resources.files("leads_pipeline.training") / "data" / "bystanders.yaml").read_text("utf-8")
    return {
        language: Language(
            forms={kind: tuple(each) for kind, each in kinds.items() if "{}" in each[0]},
            words={kind: tuple(each) for kind, each in kinds.items() if "{}" not in each[0]},
        )
        for language, kinds in yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).items()  # noqa: S506
    }


class Bystanders:
    """Makes columns up, in the words of a lexicon."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._languages = read_bystanders()
        self._called: dict[tuple[str, str], list[str]] = {}
        plain = {"own_person", "other_person", "owner", "pupil", "guardian", "question"}
        marked = [at for at, name in enumerate(vocabulary.marker_names) if name in plain]
        for text, target, language in vocabulary.phrases:
            called = self._called.setdefault((language, target), [])
            if len(called) < FEW and len(text.split()) < 3:
                words = vocabulary.divided(words_of(text))
                if not vocabulary.marks(words, "".join(words))[marked].any():
                    called.append(text)

    def answers(self) -> list[Answer]:
        """What the phrases teach of headers, each with a few fields in turn."""
        found: list[Answer] = []
        turn = 0

        def tell(header: str) -> None:
            found.append(Answer(header, "bystanders", None, 1.0))

        for language, spoken in self._languages.items():
            for kind, among in (*_THEIRS.items(), *_TAUGHT.items()):
                for form in spoken.forms[kind]:
                    for step in range(TOLD):
                        name = among[(turn + 3 * step) % len(among)]
                        tell(self._fill(form, language, name, turn))
                    turn += 1
            for form in spoken.forms["thing"]:
                for kind in ("title", "proprietor", "condition"):
                    words = spoken.words[kind]
                    tell(form.format(words[turn % len(words)]))
                turn += 1
            for question in spoken.words["asked"]:
                tell(question)
        return [each for each in found if each.header]

    def beset(self, layout: Layout, random: np.random.Generator, donors: Donors) -> tuple[Layout, NDArray[np.bool_]]:
        """`layout` with columns beside it that are about somebody or something else, and which columns are new in it."""
        language = layout.language.split("-")[0].split("/")[0]
        spoken: dict[str, list[str]] = {}
        if language not in self._languages or random.random() < ELSEWHERE:
            language = _one(list(self._languages), random)
            spoken = {name: called for (each, name), called in self._called.items() if each == language and called}
        kinds = random.choice(len(KINDS), size=int(random.integers(1, 4)), replace=False, p=SHARES)
        renamed: dict[str, str] = {}
        made: list[list[Made]] = []
        for kind in (KINDS[int(at)] for at in kinds):
            names, others = self._told(kind, layout, language, random)
            renamed.update(names)
            made.append(others)
        snake = sum("_" in column.header for column in layout.sheet.columns) > len(layout.gold) / 2
        found: list[tuple[Column, tuple[str, ...], bool]] = []
        for column, gold in zip(layout.sheet.columns, layout.gold, strict=True):
            header = column.header
            if gold[0] in renamed:
                header = _styled(renamed[gold[0]], snake=snake)
            elif gold[0] in spoken:
                header = _styled(_one(spoken[gold[0]], random), snake=snake)
            found.append((replace(column, header=header), gold, gold[0] in renamed))
        for block in made:
            at = int(random.integers(1, len(found) + 1))
            filled = random.random() < FILLED
            found[at:at] = [
                (Column(0, _styled(header, snake=snake), self._lent(values, donors, random, filled=filled)), gold, True)
                for header, gold, values in block
                if header
            ]
        columns = tuple(replace(column, index=at) for at, (column, _, _) in enumerate(found))
        crowded = replace(
            layout, sheet=replace(layout.sheet, columns=columns), gold=tuple(gold for _, gold, _ in found)
        )
        return crowded, np.array([new for _, _, new in found], bool)

    def _told(
        self, kind: str, layout: Layout, language: str, random: np.random.Generator
    ) -> tuple[dict[str, str], list[Made]]:
        """New headers for the lead's fields, and columns beside them, of one kind."""
        if kind == "family":
            return self._family(layout, language, random)
        if kind == "private":
            return self._private(layout, language, random), []
        if kind == "asked":
            question = _one(self._languages[language].words["asked"], random)
            return {}, [(question, (IGNORE, "Description"), "OptIn")]
        return {}, self._others(kind, layout, language, random)

    def _others(self, kind: str, layout: Layout, language: str, random: np.random.Generator) -> list[Made]:
        """A few columns of one other person, former thing or object."""
        form = _one(self._languages[language].forms[kind], random)
        present = {gold[0] for gold in layout.gold}
        if kind == "thing":
            words = self._languages[language].words
            found = [
                (form.format(_one(words[each], random)), gold, values)
                for each, (gold, values) in _OF_THING.items()
                if random.random() < MENTIONED
            ]
            return found or [(self._fill(form, language, "Rating", int(random.integers(FEW))), (IGNORE,), "Rating")]
        among: Mapping[str, tuple[str, ...]]
        if kind == "owner":
            among = {name: gold for name, gold in _OF_OWNER.items() if gold[0] not in present}
        else:
            among = dict.fromkeys(_THEIRS[kind], (IGNORE,))
        picked = random.choice(list(among), size=min(len(among), int(random.integers(1, 4))), replace=False)
        values = {"aspect": _one(_ASPECTS, random), "dated": "LastModifiedDate"}
        return [
            (
                self._fill(form, language, str(name), int(random.integers(FEW))),
                (IGNORE, "EmailStatus") if kind == "aspect" and name == "Email" else among[str(name)],
                values.get(kind, str(name)),
            )
            for name in picked
        ]

    def _family(self, layout: Layout, language: str, random: np.random.Generator) -> tuple[dict[str, str], list[Made]]:
        """New headers for the lead's fields, and columns of the others of a family: who is reached is the lead."""
        present = {gold[0] for gold in layout.gold}
        if not present & set(_NAMES) or not present & set(_REACHED):
            return {}, []
        forms = self._languages[language].forms
        pupil, guardian = _one(forms["pupil"], random), _one(forms["guardian"], random)
        by_guardian = random.random() < GUARDIAN_LEADS
        mine, theirs, others = (guardian, pupil, _OF_PUPIL) if by_guardian else (pupil, guardian, _OF_GUARDIAN)
        said = random.random() < MENTIONED
        renamed = {
            name: self._fill(mine, language, name, int(random.integers(3)))
            for name in (*_NAMES, *(_REACHED if said or not by_guardian else ()))
            if name in present
        }
        picked = [name for name in others if random.random() < 0.55]
        made: list[Made] = [
            (self._fill(theirs, language, name, int(random.integers(3))), _SECOND.get(name, (IGNORE,)), name)
            for name in picked
        ]
        return {name: header for name, header in renamed.items() if header}, made

    def _private(self, layout: Layout, language: str, random: np.random.Generator) -> dict[str, str]:
        """The only address or number of a list, called private."""
        present = {name for gold in layout.gold for name in gold}
        words = self._languages[language].words
        return {
            name: _one(words[kind], random)
            for name, second, kind in (("Email", "Email2", "private_email"), ("Phone", "Phone2", "private_phone"))
            if name in present and second not in present
        }

    def _fill(self, form: str, language: str, name: str, turn: int) -> str:
        called = self._called.get((language, name)) or self._called.get(("en", name), [])
        return form.format(called[turn % len(called)]) if called else ""

    @staticmethod
    def _lent(name: str, donors: Donors, random: np.random.Generator, *, filled: bool) -> ColumnProfile:
        profiles = donors.get(name)
        if not profiles or not filled:
            return ColumnProfile()
        return profiles[int(random.integers(len(profiles)))]


ELSEWHERE = 0.4
"""How often a list is told in any of the languages, whatever its own is."""

FILLED, MENTIONED, GUARDIAN_LEADS = 0.75, 0.6, 0.7
"""How often columns that are made up have values, what could be said is said, and a guardian is the lead."""

TOLD = 2
"""With how many fields each phrase teaches what headers mean."""


def lenders(layouts: Sequence[Layout]) -> dict[str, list[ColumnProfile]]:
    """Profiles of filled columns by field."""
    found: dict[str, list[ColumnProfile]] = {}
    for layout in layouts:
        for column, gold in zip(layout.sheet.columns, layout.gold, strict=True):
            if column.profile.sampled:
                found.setdefault(gold[0], []).append(column.profile)
    return found


def _one(among: Sequence[str], random: np.random.Generator) -> str:
    return among[int(random.integers(len(among)))]


def _styled(header: str, *, snake: bool) -> str:
    return "_".join(header.lower().replace("-", " ").split()) if snake else header
