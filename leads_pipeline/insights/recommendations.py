"""What to do next, best first: each with its evidence, what it should bring, and how to do it.

Expected gains are for four weeks like the last four, and cautious: a review saved is a column that nobody need look at. What
came of earlier advice is measured afterwards; where a kind of advice brought less than expected, less is expected of it.
Rows in, recommendations out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Any

from leads_pipeline.insights.intervals import wilson
from leads_pipeline.wording import counted

REMEMBERED = 0.97
"""How often an answer holds for the same header in the next file (docs/architecture.md, "Memory generalises")."""

CLOSED_GAP = 0.5
"""How much of the distance of a language to the others reviews are expected to make up: a guess, until it was checked."""

MINUTES_A_REVIEW, MINUTES_A_WRONG_MAP = 0.25, 5.0
"""What a column costs that a person looks at, and what one costs that is wrong in the leads: for the order alone."""

REVIEWED_NEXT = 20
SAFE, UNSAFE = 0.97, 0.90
"""The share that is surely right from which mappings may be applied, and the share from which they surely may not."""
ENOUGH_OF_A_BAND = 60
ENOUGH_RIVALS = 5
ENOUGH_OF_A_LANGUAGE = 60
ENOUGH_ANSWERS = 2
ENOUGH_CORRECTIONS = 50

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an organization's last weeks came to. The rows are those of `store.recommendations` and `store.performance`.

    `threshold` is from what confidence mappings are applied; `synonyms` are the words of the lead schema by field, plain.
    """

    organization: str
    threshold: float
    columns: int
    headers: Sequence[Row] = ()
    answers: Sequence[Row] = ()
    conflicts: Sequence[Row] = ()
    rivals: Sequence[Row] = ()
    bands: Sequence[Row] = ()
    languages: Sequence[Row] = ()
    drawn: int = 0
    undrawn: int = 0
    learning: Row | None = None
    synonyms: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    record: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One piece of advice. `key` is the same for the same advice at another time.

    `reviews_saved` are columns in four weeks, `accuracy_gain` is a share of all columns; None where nobody can say.
    `steps` give the command, request or place in the UI. `watch` are the columns concerned and how they fared.
    """

    kind: str
    key: str
    title: str
    because: str
    evidence: Mapping[str, Any]
    reviews_saved: float | None
    accuracy_gain: float | None
    effort_minutes: float
    steps: Sequence[Mapping[str, Any]]
    watch: Mapping[str, Any]


def recommend(evidence: Evidence) -> list[Recommendation]:
    """All that the evidence speaks for, the most valuable first, the effort taken off."""
    found = [
        *_review_next(evidence),
        *_resolve_conflicts(evidence),
        *_add_synonyms(evidence),
        *_move_threshold(evidence),
        *_split_fields(evidence),
        *_collect_languages(evidence),
        *_answer_sample(evidence),
        *([] if evidence.learning is None else recommend_models(evidence.learning, evidence.columns)),
    ]
    expected = [_tempered(each, evidence.record) for each in found]
    return sorted(expected, key=lambda each: (-_value(each, evidence.columns), each.key))


def recommend_models(learning: Row, columns: int) -> list[Recommendation]:
    """What to do about the shared model, or an organization's own, by `store.recommendations.learning` and the columns of
    four weeks.
    """
    return [*_promote(learning, columns), *_retrain(learning, columns)]


def _promote(learning: Row, columns: int) -> Iterator[Recommendation]:
    """A candidate that is surely better, on the golden set or on layouts that neither model was trained on."""
    candidate = learning["candidate"]
    if candidate is None:
        return
    better = {
        name: found
        for name in ("golden set", "held-out layouts")
        if (found := candidate["metrics"].get(name)) and found["columns"] and found["interval"][0] > 0
    }
    if not better:
        return
    gain = min(found["difference"] for found in better.values())
    shown = "; ".join(
        f"{name}: {100 * found['candidate']:.1f} % right, the champion {100 * found['champion']:.1f} %"
        for name, found in better.items()
    )
    yield Recommendation(
        kind="promote",
        key=f"promote:{candidate['version']}",
        title=f"Promote model {candidate['version']}",
        because=f"It is better than chance explains. {shown}.",
        evidence={name: {key: found[key] for key in ("columns", "candidate", "champion", "interval")}
                  for name, found in better.items()},
        reviews_saved=None,
        accuracy_gain=gain,
        effort_minutes=1.0,
        steps=[_rest(f"POST /api/v1/models/{candidate['version']}/promote", None, "Maps by it from the next file on.")]
        if learning["own"]
        else [_cli("leads models list"), _cli(f"leads models promote {candidate['version']}")],
        watch={"of": columns, "before": {"columns": 0, "undecided": 0, "reviewed": 0, "wrong": 0}},
    )  # fmt: skip


def _retrain(learning: Row, columns: int) -> Iterator[Recommendation]:
    if learning["corrections"] < ENOUGH_CORRECTIONS:
        return
    gains = learning["gains"]
    expected = None if not gains else round(max(0.0, sum(gains) / len(gains)), 5)
    since = (
        "since the newest model was trained" if learning["trained_at"] is not None else "and no model was trained yet"
    )
    yield Recommendation(
        kind="retrain",
        key="retrain",
        title="Train a model of your own" if learning["own"] else "Train the shared model again",
        because=f"{counted(learning['corrections'], 'correction')} came {since}. "
        + (
            "What it brings is not known before the first time."
            if expected is None
            else f"Earlier ones brought {100 * expected:.1f} points on layouts that they had not seen."
        ),
        evidence={"corrections": learning["corrections"], "trained_at": learning["trained_at"], "gains": list(gains)},
        reviews_saved=None,
        accuracy_gain=expected,
        effort_minutes=2.0,
        steps=[
            _rest("POST /api/v1/training/generate-dataset", {}, "What your people said, as a dataset."),
            _rest("POST /api/v1/training/retrain", {}, "A model that learns from it, once the dataset is there."),
        ]
        if learning["own"]
        else [_cli("leads dataset generate"), _cli("leads models train")],
        watch={"of": columns, "before": {"columns": 0, "undecided": 0, "reviewed": 0, "wrong": 0}},
    )


def outcome(recommendation: Row, after: Row) -> dict[str, Any]:
    """What came of a recommendation: how the columns concerned fare now, beside how they fared, for as many as there were.

    `error` is what came less what was expected.
    """
    before = recommendation["watch"]["before"]
    scale = before["columns"]
    saved = (_rate(before["undecided"], scale) - _rate(after["undecided"], after["columns"])) * scale
    gain: float | None = None
    if before["reviewed"] and after["reviewed"]:
        share = scale / max(1, recommendation["watch"]["of"])
        gain = (_rate(before["wrong"], before["reviewed"]) - _rate(after["wrong"], after["reviewed"])) * share
    expected, expected_gain = recommendation["reviews_saved"], recommendation["accuracy_gain"]
    return {
        "columns": after["columns"],
        "reviews_saved": round(saved, 1),
        "reviews_error": None if expected is None else round(saved - expected, 1),
        "accuracy_gain": None if gain is None else round(gain, 5),
        "accuracy_error": None if gain is None or expected_gain is None else round(gain - expected_gain, 5),
    }


# --- The kinds -----------------------------------------------------------------------------------------------------


def _review_next(evidence: Evidence) -> Iterator[Recommendation]:
    """Of each header that came more than once and undecided one column: an answer teaches memory all of them. What came once
    may never come again.
    """
    waiting = [row for row in evidence.headers if row["sample"] is not None and row["undecided"] > 1]
    chosen = sorted(waiting, key=lambda row: (-row["undecided"], row["confidence"], row["header_key"]))[:REVIEWED_NEXT]
    if not chosen:
        return
    undecided = sum(row["undecided"] for row in chosen)
    wrong = sum(row["undecided"] * (1 - row["confidence"] / 100) for row in chosen)
    known = len(chosen)
    columns = [
        {
            "header": row["header"],
            "mapping_id": str(row["sample"]),
            "upload_id": str(row["upload"]),
            "proposed": row["predicted"],
            "confidence": round(row["confidence"], 1),
            "seen": row["columns"],
            "undecided": row["undecided"],
        }
        for row in chosen
    ]
    yield Recommendation(
        kind="review_columns",
        key="review_columns",
        title=f"Answer {known} column{'s' if known > 1 else ''} whose headers keep coming",
        because=f"{undecided:,} columns of the last four weeks were left to people, under {known} "
        f"header{'s' if known > 1 else ''} that nobody has answered yet. One answer each, and memory knows them in the next "
        "file.",
        evidence={"columns": columns},
        reviews_saved=REMEMBERED * undecided,
        accuracy_gain=REMEMBERED * _rate(wrong, evidence.columns),
        effort_minutes=max(1.0, known * MINUTES_A_REVIEW),
        steps=[
            _rest(
                "POST /api/v1/training/corrections",
                {"corrections": [{"mapping_id": each["mapping_id"], "target": each["proposed"]} for each in columns]},
                "Put the right field where the proposed one is wrong, null for none.",
            )
        ],
        watch=_watch(evidence, chosen),
    )


def _resolve_conflicts(evidence: Evidence) -> Iterator[Recommendation]:
    by_key = {row["header_key"]: row for row in evidence.headers}
    for row in evidence.conflicts:
        answers = row["answers"]
        named = " or ".join(f"{answer['target'] or 'no field'} ({_people(answer['people'])})" for answer in answers)
        header = by_key.get(row["header_key"])
        # Decided by hand as long as it is disputed, whatever the threshold. Beside other columns either may be right.
        anywhere = row["anywhere"]
        because = (
            f"Beside other columns each time, people say {named}. Where it comes beside new ones, it waits for a person."
            if anywhere
            else f"People say {named}. As long as they do, it stays below what is applied without a person."
        )
        yield Recommendation(
            kind="resolve_conflict",
            key=f"resolve_conflict:{row['header_key']}",
            title=f"Agree on what {row['header']!r} is",
            because=because,
            evidence={
                "header": row["header"],
                "values": row["value_class"],
                "answers": answers,
                "seen": row["columns"],
            },
            reviews_saved=REMEMBERED * row["undecided"],
            accuracy_gain=None if anywhere else _rate(row["minority"] * row["columns"], evidence.columns),
            effort_minutes=10.0,
            steps=[
                _rest("GET /api/v1/training/field-patterns", None, "Shows who said what, and when."),
                _rest(
                    "POST /api/v1/training/corrections",
                    {
                        "corrections": [
                            {"mapping_id": str(row["sample"] or "…"), "target": answers[0]["target"], "reviewer": "…"}
                        ]
                    },
                    "Whoever gave the other answer gives the agreed one, under the same name: the newest answer counts.",
                ),
            ],
            watch=_watch(evidence, [header or row]),
        )


def _add_synonyms(evidence: Evidence) -> Iterator[Recommendation]:
    """Headers that people always gave a field that was not proposed. Memory knows the header; a synonym also helps those
    that say it in more words.
    """
    said: dict[str, dict[str | None, int]] = {}
    missed: dict[str, int] = {}
    for row in evidence.answers:
        by_target = said.setdefault(row["header_key"], {})
        by_target[row["target"]] = by_target.get(row["target"], 0) + row["columns"]
        if row["predicted"] != row["target"]:
            missed[row["header_key"]] = missed.get(row["header_key"], 0) + row["columns"]
    for key, by_target in sorted(said.items()):
        target = next(iter(by_target))
        if len(by_target) > 1 or target is None or missed.get(key, 0) < ENOUGH_ANSWERS:
            continue
        if key in evidence.synonyms.get(target, frozenset()):
            continue
        words = set(key.split())
        variants = [
            row for row in evidence.headers
            if row["header_key"] != key and words < set(row["header_key"].split()) and row["undecided"] + row["wrong"] > 0
        ]  # fmt: skip
        if not variants:
            continue
        undecided, wrong = sum(row["undecided"] for row in variants), sum(row["wrong"] for row in variants)
        likely = 0.5
        yield Recommendation(
            kind="add_synonym",
            key=f"add_synonym:{target}:{key}",
            title=f"Add the synonym {key!r} to {target}",
            because=f"People gave {target} to it {by_target[target]} times and nothing else; {len(variants)} longer headers "
            f"with the same words still come undecided or wrong ({counted(undecided + wrong, 'column')} in four weeks).",
            evidence={
                "header": key,
                "answers": by_target[target],
                "missed": missed[key],
                "variants": [{"header": row["header"], "columns": row["columns"]} for row in variants[:10]],
            },
            reviews_saved=likely * undecided,
            accuracy_gain=likely * _rate(wrong, evidence.columns),
            effort_minutes=2.0,
            steps=[
                _cli(f"leads schema show --organization {quote(evidence.organization)} > schema.yaml"),
                {"do": f"Add {key!r} to the `synonyms` of {target} in schema.yaml."},
                _cli(f"leads schema set schema.yaml --organization {quote(evidence.organization)}"),
                _rest("PUT /api/v1/schema", None, "The same by REST: the whole schema, as GET /schema shows it."),
            ],
            watch=_watch(evidence, variants),
        )


def _move_threshold(evidence: Evidence) -> Iterator[Recommendation]:
    """By tenths of confidence: the one under the threshold is surely right, or the one from it on surely is not."""
    bands = {row["band"]: row for row in evidence.bands}
    at = int(evidence.threshold // 10)
    below, above = bands.get(at - 1), bands.get(at)
    if evidence.threshold % 10 == 0 and below is not None and below["reviewed"] >= ENOUGH_OF_A_BAND:
        share = wilson(below["correct"], below["reviewed"])
        if share is not None and share.low >= SAFE and below["undecided"]:
            yield _threshold(evidence, (at - 1) * 10, below, saved=below["undecided"], gain=0.0, share=share.value)
    if above is not None and above["reviewed"] >= ENOUGH_OF_A_BAND and at < 9:
        share = wilson(above["correct"], above["reviewed"])
        if share is not None and share.high < UNSAFE:
            applied = above["columns"] - above["undecided"]
            gain = _rate(applied * (1 - share.value), evidence.columns)
            yield _threshold(evidence, (at + 1) * 10, above, saved=-float(applied), gain=gain, share=share.value)


def _threshold(evidence: Evidence, to: int, band: Row, *, saved: float, gain: float, share: float) -> Recommendation:
    lower = to < evidence.threshold
    between = f"{min(to, evidence.threshold):g} and {max(to, evidence.threshold):g}"
    return Recommendation(
        kind="lower_threshold" if lower else "raise_threshold",
        key=f"threshold:{to}",
        title=f"Apply mappings from {to} % on" if lower else f"Apply no mapping below {to} %",
        because=f"Of {band['reviewed']:,} reviewed columns with a confidence between {between}, {100 * share:.1f} % were "
        + ("right: people look at them for nothing." if lower else "right: too few to be applied without a person."),
        evidence={
            "confidence": between,
            **{name: band[name] for name in ("columns", "reviewed", "correct", "undecided")},
        },
        reviews_saved=saved,
        accuracy_gain=gain,
        effort_minutes=1.0,
        steps=[_cli(f"leads organization set {quote(evidence.organization)} auto_apply_threshold={to}")],
        watch=_watch(evidence, None),
    )


def _split_fields(evidence: Evidence) -> Iterator[Recommendation]:
    for row in evidence.rivals:
        if row["files"] < ENOUGH_RIVALS:
            continue
        yield Recommendation(
            kind="split_field",
            key=f"split_field:{row['field']}",
            title=f"Give what competes for {row['field']} a field of its own",
            because=f"In {row['files']} files people gave {row['field']} to one column and took it from another, which has "
            "no field since.",
            evidence={"field": row["field"], "files": row["files"], "headers": list(row["headers"])},
            reviews_saved=float(row["files"]),
            accuracy_gain=None,
            effort_minutes=15.0,
            steps=[
                _cli(f"leads schema show --organization {quote(evidence.organization)} > schema.yaml"),
                {
                    "do": f"Add a field beside {row['field']} (such as {row['field']}2__c), with these headers as `synonyms`."
                },
                _cli(f"leads schema set schema.yaml --organization {quote(evidence.organization)}"),
            ],
            watch=_watch(evidence, None),
        )


def _collect_languages(evidence: Evidence) -> Iterator[Recommendation]:
    """Languages in which fewer columns are decided than in all together, more than chance explains."""
    everything = wilson(
        sum(row["decided"] for row in evidence.languages), sum(row["columns"] for row in evidence.languages)
    )
    for row in evidence.languages:
        share = wilson(row["decided"], row["columns"])
        if share is None or everything is None or row["language"] == "und" or row["columns"] < ENOUGH_OF_A_LANGUAGE:
            continue
        if share.high >= everything.low:
            continue
        gap = everything.value - share.value
        yield Recommendation(
            kind="collect_language",
            key=f"collect_language:{row['language']}",
            title=f"Review more files in {row['language']!r}",
            because=f"Only {100 * share.value:.1f} % of {row['columns']:,} columns in this language needed no person, "
            f"{100 * everything.value:.1f} % of all. {row['reviewed']:,} of them were reviewed: more would teach the model.",
            evidence={name: row[name] for name in ("language", "uploads", "columns", "decided", "reviewed")},
            reviews_saved=CLOSED_GAP * gap * row["columns"],
            accuracy_gain=None,
            effort_minutes=60.0,
            steps=[
                {"do": "Review whole files in this language, the newest first."},
                _rest("POST /api/v1/uploads/{id}/review", {"corrections": [], "rest": "confirmed"}, "One call a file."),
                _cli("leads dataset generate"),
            ],
            watch={
                "language": row["language"],
                "of": evidence.columns,
                "before": {
                    "columns": row["columns"],
                    "undecided": row["columns"] - row["decided"],
                    "reviewed": row["reviewed"],
                    "wrong": row["reviewed"] - row["correct"],
                },
            },
        )


def _answer_sample(evidence: Evidence) -> Iterator[Recommendation]:
    if not evidence.undrawn:
        return
    yield Recommendation(
        kind="answer_sample",
        key="answer_sample",
        title="Review the file that was drawn at random"
        if evidence.undrawn == 1
        else f"Review the {evidence.undrawn} files that were drawn at random",
        because=f"Drawn for an honest figure: {evidence.drawn}; not reviewed yet: {evidence.undrawn}. What people choose to "
        "review does not tell how the rest fares; these do.",
        evidence={"drawn": evidence.drawn, "waiting": evidence.undrawn},
        reviews_saved=None,
        accuracy_gain=None,
        effort_minutes=5.0 * evidence.undrawn,
        steps=[
            _rest("GET /api/v1/uploads?audit=wanted", None, "Lists them."),
            _rest(
                "POST /api/v1/uploads/{id}/review",
                {"corrections": [], "rest": "confirmed"},
                "After a look at every column.",
            ),
        ],
        watch=_watch(evidence, None),
    )


# --- What they share -----------------------------------------------------------------------------------------------


def _tempered(recommendation: Recommendation, record: Mapping[str, tuple[float, float]]) -> Recommendation:
    """Expect as much as this kind of advice has brought so far; ten reviews of doubt keep a few checks from ruling."""
    expected, actual = record.get(recommendation.kind, (0.0, 0.0))
    factor = min(1.5, max(0.1, (actual + 10) / (expected + 10)))
    saved = recommendation.reviews_saved
    return replace(
        recommendation,
        reviews_saved=None if saved is None else round(saved * factor, 1),
        accuracy_gain=None if recommendation.accuracy_gain is None else round(recommendation.accuracy_gain, 5),
        evidence={**recommendation.evidence, "expected_by_record": round(factor, 2)}
        if expected
        else recommendation.evidence,
    )


def _value(recommendation: Recommendation, columns: int) -> float:
    """Minutes that it saves in four weeks, without those that it takes."""
    saved = (recommendation.reviews_saved or 0.0) * MINUTES_A_REVIEW
    mended = (recommendation.accuracy_gain or 0.0) * columns * MINUTES_A_WRONG_MAP
    return saved + mended - recommendation.effort_minutes


def _watch(evidence: Evidence, rows: Sequence[Row] | None) -> dict[str, Any]:
    """The columns under these headers (None: all) and how they fared; `of` is how many there were in all."""
    if rows is None:
        counted = {
            name: sum(row[name] for row in evidence.bands) for name in ("columns", "undecided", "reviewed", "correct")
        }
        wrong = counted.pop("reviewed") - counted.pop("correct")
        reviewed = sum(row["reviewed"] for row in evidence.bands)
        return {"of": evidence.columns, "before": {**counted, "reviewed": reviewed, "wrong": wrong}}
    before = {name: sum(row.get(name, 0) for row in rows) for name in ("columns", "undecided", "reviewed", "wrong")}
    return {"headers": [row["header_key"] for row in rows], "of": evidence.columns, "before": before}


def _rest(request: str, body: Mapping[str, Any] | None, why: str) -> dict[str, Any]:
    return {"rest": request, "do": why} if body is None else {"rest": request, "body": body, "do": why}


def _cli(command: str) -> dict[str, Any]:
    return {"cli": command}


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


def _rate(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
