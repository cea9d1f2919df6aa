"""A simulated year: what files cost people with memory, with retraining, with both, and with neither.

    make bench-learning

The deployment begins with a model that has seen no real file: it was trained on the layouts written for training alone. Two
thirds of the corpus' families are what its organizations send, week after week; the others are never sent, and tell how well
files of unknown systems come out. A reviewer looks at every file, corrects what is wrong, and gets 3 of 100 corrections wrong.
A language model is only counted: a file with a column below the threshold would be one call.

Families never sent are few, so what is learned about them is measured three times, with each third of the families as the one
that is never sent.

What is left to learn of systems whose language the model speaks is little where they are mapped onto the lead schema that it
knows. So the same files are sent to organizations whose schema has other names for all of it, abbreviations (`FRST_NM`). And a
second model has seen a tenth of the written layouts, a third forgets five languages, to show how far 50 corrected files take
one that has more to learn.
"""

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.table import Figure, show
from leads_pipeline.insights.charts import lines, percent, standalone
from leads_pipeline.mapping import (
    LeadField,
    LeadSchema,
    MappingModel,
    Memory,
    default_schema,
    gate,
    map_sheet,
    memory_keys,
)
from leads_pipeline.mapping.lexicon import read_lexicon
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.comparison import figures, objections, pair
from leads_pipeline.training.corpus import IGNORE, Layout, shipped_corpus, written_layouts
from leads_pipeline.training.recipe import Kitchen, Recipe, answers, family_parts, train
from leads_pipeline.training.refit import LabelledFile, refit
from leads_pipeline.types import ANYWHERE, MemoryEntry, MemoryKey

OURS = default_schema()
SEED = 20261126
ORGANIZATIONS, FILES, MONTHS = 12, 240, 12
CORRECTED = 50
"""After so many corrected files the targets are held."""
THRESHOLD = 70.0
MISTAKES, POISON = 0.03, 0.10
YOUNG = 0.1
"""The share of the written families that the second model has seen."""
FOREIGN = ("de", "fr", "es", "ja", "pt")
"""Languages that the third model has forgotten: those that most layouts are written in, after English."""
ARMS = {"neither": (False, False), "memory": (True, False), "retraining": (False, True), "both": (True, True)}
"""What an arm of the simulation has: memory, retraining."""
TONES = {"neither": "alarm", "memory": "second", "retraining": "third", "both": "main"}
Curve = dict[int, dict[str, float]]
"""After how many corrected files which share of the columns of each family is wrong."""
PICTURES = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of the year: from whom, and how often this sender has sent one of this layout before."""

    organization: int
    layout: Layout
    times: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file cost: its columns, how many a person had to correct, how many were wrong and applied without a person,
    how many needed none, and whether a language model would have been asked.
    """

    times: int
    columns: int
    corrected: int
    wrong_maps: int
    decided: int
    asked: bool


@dataclass
class People:
    """What those of one organization have answered, as memory keeps it."""

    answers: dict[tuple[MemoryKey, str | None], tuple[int, float]] = field(default_factory=dict)

    def answer(self, keys: Sequence[MemoryKey], said: Sequence[str | None], day: float) -> None:
        for key, target in zip(keys, said, strict=True):
            for place in (key, replace(key, neighbours=ANYWHERE)):
                self.answers[place, target] = self.answers.get((place, target), (0, 0))[0] + 1, day

    def memory(self, day: float) -> Memory:
        return Memory(
            MemoryEntry(key, target, answers=times, person="ann", age_days=day - last)
            for (key, target), (times, last) in self.answers.items()
        )


def main() -> None:
    thirds = _thirds()
    sent, unseen = thirds[0]
    kitchen = Kitchen.of(Vocabulary.of(read_lexicon()), Recipe())
    start = train(
        kitchen, written_layouts(), version="no real file", progress=lambda step: _say(f"first model: {step}")
    )
    year = list(_year(sent))
    results: dict[str, list[Outcome]] = {}
    reviewed: list[LabelledFile] = []
    for name, (remembers, retrains) in ARMS.items():
        results[name], reviewed = _simulate(name, start, year, remembers=remembers, retrains=retrains)
    systems = _systems(start, thirds)
    own = _systems(start, _in_own_words(thirds), _own_schema())
    young = _systems(_young(kitchen), thirds)
    poisoned = _poisoned(start, reviewed, unseen)
    languages = _languages(start)
    curves = {
        "systems": systems,
        "systems, onto a schema of abbreviations": own,
        "systems, by a young model": young,
        "systems in new languages": languages,
    }
    _tell(results, curves, _within_reach(start, thirds), poisoned)
    _draw(results, curves)


def _thirds() -> list[tuple[list[Layout], list[Layout]]]:
    """The layouts that are sent in the year, and those that never are, in three ways: each is one of the latter once."""
    layouts = shipped_corpus()
    parts = family_parts([layout.family for layout in layouts], 3)
    return [
        (
            [layout for layout, part in zip(layouts, parts, strict=True) if part != third],
            [layout for layout, part in zip(layouts, parts, strict=True) if part == third],
        )
        for third in range(3)
    ]


def _own_schema() -> LeadSchema:
    """The fields of our schema as an organization's own, called by abbreviations and not described."""
    fields = [
        replace(each, id=name, name=name, api_name=name, label=name, description="", synonyms=(), values=())
        for each, name in zip(OURS.fields, map(_abbreviated, OURS.fields), strict=True)
    ]
    return LeadSchema(tuple(fields), name="own")


def _abbreviated(ours: LeadField) -> str:
    """A name as old systems have them: "First name" is `FRST_NM`."""
    words = re.findall("[a-z0-9]+", ours.label.lower())
    return "_".join(word[0] + re.sub("[aeiou]", "", word[1:]) for word in words).upper()


def _own(name: str) -> str:
    return name if name == IGNORE else _abbreviated(OURS[name])


def _in_own_words(
    thirds: Sequence[tuple[Sequence[Layout], Sequence[Layout]]],
) -> list[tuple[list[Layout], list[Layout]]]:
    """The same layouts, with what is right in the names of `_own_schema`."""

    def told(layouts: Sequence[Layout]) -> list[Layout]:
        return [
            replace(each, gold=tuple(tuple(_own(name) for name in names) for names in each.gold)) for each in layouts
        ]

    return [(told(sent), told(unseen)) for sent, unseen in thirds]


def _year(layouts: Sequence[Layout]) -> Iterator[Sent]:
    """Files in random order: each organization has a few systems that send it lists."""
    random = np.random.default_rng(SEED)
    senders = [random.permutation(len(layouts))[: random.integers(3, 7)].tolist() for _ in range(ORGANIZATIONS)]
    times: Counter[tuple[int, int]] = Counter()
    for _ in range(FILES):
        organization = int(random.integers(ORGANIZATIONS))
        layout = int(random.choice(senders[organization]))
        yield Sent(organization, layouts[layout], times[organization, layout])
        times[organization, layout] += 1


def _simulate(
    name: str,
    start: MappingModel,
    year: Sequence[Sent],
    schema: LeadSchema = OURS,
    *,
    remembers: bool,
    retrains: bool,
) -> tuple[list[Outcome], list[LabelledFile]]:
    """The outcome of each file of the year, and the files as people answered them."""
    random = np.random.default_rng(SEED)
    people = [People() for _ in range(ORGANIZATIONS)]
    model = start
    outcomes: list[Outcome] = []
    reviewed: list[LabelledFile] = []
    for number, file in enumerate(year):
        day = 365 * number / FILES
        if retrains and number and number % (FILES // MONTHS) == 0:
            model = _refit(start, reviewed, f"{name}-{number}")
            _say(f"{name}: {number} of {FILES} files")
        memory = people[file.organization].memory(day) if remembers else Memory(())
        proposed = map_sheet(file.layout.sheet, schema, model, memory)
        right = [_right(gold) for gold in file.layout.gold]
        wrong = _wrong([each.target for each in proposed], right)
        decided = [gate(each, THRESHOLD) for each in proposed]
        outcomes.append(
            Outcome(
                times=file.times,
                columns=len(proposed),
                corrected=sum(wrong),
                wrong_maps=sum(
                    a and b and each.target is not None for a, b, each in zip(wrong, decided, proposed, strict=True)
                ),
                decided=sum(decided),
                asked=not all(decided),
            )
        )
        said = [
            _corrected(answers[0], random, MISTAKES, schema) if bad else each.target
            for each, answers, bad in zip(proposed, right, wrong, strict=True)
        ]
        people[file.organization].answer(memory_keys(file.layout.sheet, model.vocabulary), said, day)
        reviewed.append(_labelled(file.layout, said))
    return outcomes, reviewed


def _right(gold: Sequence[str]) -> list[str | None]:
    return [None if name == IGNORE else name for name in gold]


def _wrong(targets: Sequence[str | None], right: Sequence[Sequence[str | None]]) -> list[bool]:
    """Which columns a reviewer would correct. One whose field another column holds rightly may stay without."""
    held = {target for target, answers in zip(targets, right, strict=True) if target is not None and target in answers}
    return [
        target not in answers and not (target is None and held.intersection(answers))
        for target, answers in zip(targets, right, strict=True)
    ]


def _corrected(
    right: str | None, random: np.random.Generator, mistakes: float, schema: LeadSchema = OURS
) -> str | None:
    """What a reviewer says, who gets some wrong."""
    if random.random() >= mistakes:
        return right
    names = [each.name for each in schema.fields if each.name != right]
    return None if right is not None and random.random() < 0.5 else str(random.choice(names))


def _labelled(layout: Layout, said: Sequence[str | None]) -> LabelledFile:
    ones = (1.0,) * len(said)
    return LabelledFile(layout.family, "train", layout.sheet, tuple(said), ones, (True,) * len(said), ones)


def _refit(start: MappingModel, reviewed: Sequence[LabelledFile], name: str, schema: LeadSchema = OURS) -> MappingModel:
    """A model of what was reviewed so far. A layout that came often counts once, with its newest answers."""
    newest = {id(file.sheet): file for file in reviewed}
    return refit(start, list(newest.values()), schema, name=name, seed=SEED)


def _errors(model: MappingModel, layouts: Sequence[Layout], schema: LeadSchema = OURS) -> dict[str, float]:
    """The share of columns that are wrong, for each family."""
    by_family: dict[str, list[float]] = {}
    for layout in layouts:
        proposed = map_sheet(layout.sheet, schema, model)
        wrong = [each.target not in _right(gold) for each, gold in zip(proposed, layout.gold, strict=True)]
        by_family.setdefault(layout.family, []).append(mean(wrong))
    return {family: mean(each) for family, each in by_family.items()}


def _systems(
    start: MappingModel,
    thirds: Sequence[tuple[Sequence[Layout], Sequence[Layout]]],
    schema: LeadSchema = OURS,
) -> Curve:
    """How many files were corrected, and the errors in families never sent of the model that learned from them."""
    curves: list[Curve] = []
    for sent, unseen in thirds:
        _, reviewed = _simulate("answers", start, list(_year(sent)), schema, remembers=True, retrains=False)
        curves.append(_curve(start, reviewed, unseen, schema))
    return {
        count: {family: errors for curve in curves for family, errors in curve[count].items()} for count in curves[0]
    }


def _within_reach(start: MappingModel, thirds: Sequence[tuple[Sequence[Layout], Sequence[Layout]]]) -> tuple[int, int]:
    """Of how many columns that are wrong in families never sent a family that is sent has the header, with an answer that is
    right here, too; and of how many. Whoever knew all answers of the year by heart could mend no others.
    """
    reach = total = 0
    for sent, unseen in thirds:
        meant: dict[tuple[str, ...], set[str | None]] = {}
        for layout in sent:
            for column, gold in zip(layout.sheet.columns, layout.gold, strict=True):
                meant.setdefault(start.vocabulary.words(column.header), set()).add(_right(gold)[0])
        for layout in unseen:
            proposed = map_sheet(layout.sheet, OURS, start)
            for column, each, gold in zip(layout.sheet.columns, proposed, layout.gold, strict=True):
                if each.target not in (right := _right(gold)):
                    total += 1
                    reach += not meant.get(start.vocabulary.words(column.header), set()).isdisjoint(right)
    return reach, total


def _curve(
    start: MappingModel,
    reviewed: Sequence[LabelledFile],
    unseen: Sequence[Layout],
    schema: LeadSchema = OURS,
) -> Curve:
    curve = {0: _errors(start, unseen, schema)}
    for count in (10, 25, CORRECTED, 2 * CORRECTED, len(reviewed)):
        if count <= len(reviewed):
            curve[count] = _errors(_refit(start, reviewed[:count], f"after-{count}", schema), unseen, schema)
            _say(f"after {count} files {mean(curve[count].values()):.2%} of the columns are wrong in files never sent")
    return curve


def _young(kitchen: Kitchen) -> MappingModel:
    """A model that has seen few layouts, and speaks all languages."""
    written = written_layouts()
    families = np.random.default_rng(SEED).permutation(sorted({layout.family for layout in written})).tolist()
    seen = set(families[: round(YOUNG * len(families))])
    _say(f"a model that has seen {len(seen)} written families")
    return train(kitchen, [layout for layout in written if layout.family in seen], version="few layouts")


def _languages(start: MappingModel) -> Curve:
    """The same for languages that the first model has no words for."""
    written = written_layouts()
    _say("a model that has forgotten five languages")
    forgetful = _without(start, FOREIGN, [layout for layout in written if _language(layout) not in FOREIGN])
    foreign = [layout for layout in written if _language(layout) in FOREIGN]
    random = np.random.default_rng(SEED)
    families = random.permutation(sorted({layout.family for layout in foreign})).tolist()
    sent = [layout for layout in foreign if layout.family in families[:CORRECTED]]
    unseen = [layout for layout in foreign if layout.family not in families[:CORRECTED]]
    reviewed = [
        _labelled(layout, [_corrected(_right(gold)[0], random, MISTAKES) for gold in layout.gold])
        for layout in (sent[at] for at in random.permutation(len(sent)))
    ]
    return _curve(forgetful, reviewed[:CORRECTED], unseen)


def _without(start: MappingModel, languages: Collection[str], layouts: Sequence[Layout]) -> MappingModel:
    """What `start` would be without the words of some languages: it has only read `layouts`. How it weighs evidence stays."""
    lexicon = read_lexicon()
    spoken = replace(lexicon, phrases=tuple(each for each in lexicon.phrases if each[2] not in languages))
    vocabulary = Vocabulary.of(spoken)
    table = Kitchen.of(vocabulary, Recipe()).table(answers(layouts))
    return replace(
        start,
        version="fewer languages",
        vocabulary=vocabulary,
        precedents=table.precedents,
        meaning=table.meaning,
        _prepared={},
    )


def _language(layout: Layout) -> str:
    return layout.language.split("-")[0]


def _poisoned(
    start: MappingModel, reviewed: Sequence[LabelledFile], unseen: Sequence[Layout]
) -> tuple[float, float, float, bool]:
    """Errors on families never sent: of a champion that learned from the first files, of a candidate that learned from all
    files after people got every tenth column of them wrong, of whichever of the two is used then, and whether the candidate
    was turned down.

    A candidate has to be right more often than the champion on families that neither learned from.
    """
    random = np.random.default_rng(SEED + 1)
    champion = _refit(start, reviewed[:CORRECTED], "champion")
    candidate = _refit(
        start,
        [replace(file, targets=tuple(_corrected(each, random, POISON) for each in file.targets)) for file in reviewed],
        "poisoned",
    )
    paired = pair(champion, candidate, unseen, OURS)
    whole = figures(paired, seed=SEED)
    refused = bool(objections({"families kept out": paired}, seed=SEED)) or whole.wins <= whole.losses
    errors = mean(_errors(champion, unseen).values()), mean(_errors(candidate, unseen).values())
    return *errors, errors[0] if refused else errors[1], refused


def _tell(
    results: dict[str, list[Outcome]],
    curves: dict[str, Curve],
    within_reach: tuple[int, int],
    poisoned: tuple[float, float, float, bool],
) -> None:
    quarter = FILES // 4

    def a_file(name: str, outcomes: Sequence[Outcome]) -> float:
        return mean(getattr(each, name) for each in outcomes)

    rows: list[Figure] = []
    for name, outcomes in results.items():
        first, last = outcomes[:quarter], outcomes[-quarter:]
        decided = sum(each.decided for each in last) / sum(each.columns for each in last)
        rows += [
            Figure(
                f"{name}: corrections a file, first and last quarter",
                f"{a_file('corrected', first):.2f}, {a_file('corrected', last):.2f}",
            ),
            Figure(f"{name}: wrong maps a file, last quarter", f"{a_file('wrong_maps', last):.2f}"),
            Figure(f"{name}: columns that needed no person, last quarter", f"{decided:.1%}"),
            Figure(f"{name}: language model calls a file, last quarter", f"{a_file('asked', last):.2f}"),
        ]
    both, neither = results["both"], results["neither"]
    again = [(each, other) for each, other in zip(both, neither, strict=True) if each.times >= 2]
    left = sum(each.corrected for each, _ in again) / sum(other.corrected for _, other in again)
    calls = a_file("asked", both[-quarter:]) / a_file("asked", neither[-quarter:])
    rows += [
        Figure("a layout sent for the third time or later: errors fewer by", f"{1 - left:.1%}", "at least 99 %"),
        Figure("language model calls a file, last quarter: fewer by", f"{1 - calls:.0%}", "at least 80 %"),
    ]
    for what, curve in curves.items():
        before, after = mean(curve[0].values()), mean(curve[CORRECTED].values())
        better, worse = (
            sum(sign * curve[CORRECTED][family] < sign * errors for family, errors in curve[0].items())
            for sign in (1, -1)
        )
        rows += [
            Figure(f"{what}, never sent: wrong before and after {CORRECTED} files", f"{before:.2%}, {after:.2%}"),
            Figure("the same: fewer by", f"{1 - after / before:.0%}", "at least 30 %"),
            Figure(f"of {len(curve[0])} families: better, worse", f"{better}, {worse}"),
        ]
    reach, total = within_reach
    rows.append(
        Figure(f"{total} columns wrong in systems: header answered alike in a sent one", f"{reach / total:.0%}")
    )
    champion, candidate, used, refused = poisoned
    rows += [
        Figure("taught by people who get a tenth wrong: candidate, champion", f"{candidate:.2%}, {champion:.2%} wrong"),
        Figure(
            f"the candidate is {'turned down' if refused else 'promoted'}; in use then",
            f"{used:.2%} wrong",
            f"at most {champion:.2%}",
        ),
    ]
    show(f"A simulated year: {FILES} files, {ORGANIZATIONS} organizations", rows)


def _draw(results: dict[str, list[Outcome]], curves: dict[str, Curve]) -> None:
    months = [str(month + 1) for month in range(MONTHS)]
    size = FILES // MONTHS

    def monthly(what: str, of: str | None = None) -> list[tuple[str, str, list[float]]]:
        return [
            (
                name,
                TONES[name],
                [
                    sum(getattr(each, what) for each in outcomes[at : at + size])
                    / (sum(getattr(each, of) for each in outcomes[at : at + size]) if of else size)
                    for at in range(0, FILES, size)
                ],
            )
            for name, outcomes in results.items()
        ]

    by_month = "The simulated year, with memory, retraining, both, and neither."
    for name, picture in {
        "corrections": lines("Corrections a file, by month", by_month, months, monthly("corrected")),
        "wrong-maps": lines("Wrong maps a file, without a person, by month", by_month, months, monthly("wrong_maps")),
        "coverage": lines(
            "Columns that needed no person, by month",
            by_month,
            months,
            monthly("decided", "columns"),
            unit=percent,
            whole=1.0,
        ),
        "calls": lines("Language model calls a file, by month", by_month, months, monthly("asked")),
        "unseen": lines(
            "Wrong columns in unseen systems, by files corrected",
            "After so many corrected files.",
            [str(count) for count in curves["systems"] if count <= CORRECTED],
            [
                (name, tone, [mean(errors.values()) for count, errors in curve.items() if count <= CORRECTED])
                for name, tone, curve in zip(
                    ("systems", "a schema of abbreviations", "a young model", "new languages"),
                    ("main", "alarm", "second", "third"),
                    curves.values(),
                    strict=True,
                )
            ],
            unit=percent,
        ),
    }.items():
        (PICTURES / f"learning-{name}.svg").write_text(standalone(picture) + "\n")


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
