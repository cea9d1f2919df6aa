"""What to do next, in Dagster: the asset, which also checks what earlier advice brought."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import dagster as dg

from leads_pipeline.defs.performance import DAY, WEEK
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import INSIGHT, OWNERS
from leads_pipeline.settings import Settings
from leads_pipeline.store import organizations, performance
from leads_pipeline.store import recommendations as stored
from leads_pipeline.store.database import SYSTEM, Database, Transaction

LOOKS_BACK = 4 * WEEK
CONFIDENCE_LOOKS_BACK = 12 * WEEK
"""A tenth of confidence needs many reviewed columns before it says something."""
CHECKED_AFTER = 2 * WEEK
ENOUGH_TO_CHECK = 30
"""Columns that have to come after a recommendation was closed before its gain is checked, if two weeks are not over."""


def advise(database: Database, settings: Settings, *, today: date) -> tuple[int, int, int]:
    """Make the recommendations of every organization that was measured since, and check what closed ones brought.

    Those about the shared model are the deployment's. Returns how many organizations there were, how many recommendations were
    made, and how many were checked.
    """
    with database.transaction(SYSTEM) as transaction:
        concerned = stored.to_advise(transaction, today)
        record = stored.track_record(transaction)
    made = checked = 0
    for organization in concerned:
        with database.transaction(organization) as transaction:
            checked += _check(transaction, today)
            found = _recommend(transaction, organization, settings, today, record)
            stored.save(transaction, found)
            made += len(found)
    with database.transaction(SYSTEM) as transaction:
        found = _recommend_models(transaction, today)
        stored.save(transaction, found)
    made += len(found)
    return len(concerned), made, checked


def _recommend(
    transaction: Transaction,
    organization: UUID,
    settings: Settings,
    today: date,
    record: Mapping[str, tuple[float, float]],
) -> list[dict[str, Any]]:
    from leads_pipeline.insights.recommendations import Evidence, recommend

    span = (today + DAY - LOOKS_BACK, today + DAY)
    since = datetime.combine(span[0], time(), tzinfo=UTC)
    languages = _by_language(performance.uploads_between(transaction, *span))
    drawn, undrawn = stored.waiting_for_audit(transaction, since)
    evidence = Evidence(
        organization=organizations.organization(transaction, organization).name,
        threshold=organizations.settings_for(transaction, settings).auto_apply_threshold,
        columns=sum(row["columns"] for row in languages),
        headers=stored.troubled_headers(transaction, *span),
        answers=stored.answers_to_headers(transaction, *span),
        conflicts=stored.conflicts(transaction, *span),
        rivals=stored.rivals(transaction, since),
        bands=performance.confidence_between(transaction, today + DAY - CONFIDENCE_LOOKS_BACK, today + DAY),
        languages=languages,
        drawn=drawn,
        undrawn=undrawn,
        learning=stored.learning(transaction),
        synonyms=_synonyms(transaction),
        record=record,
    )
    return [asdict(each) for each in recommend(evidence)]


def _recommend_models(transaction: Transaction, today: date) -> list[dict[str, Any]]:
    """What concerns everybody, and so nobody's own list: the shared model."""
    from leads_pipeline.insights.recommendations import recommend_models

    uploads = performance.uploads_between(transaction, today + DAY - LOOKS_BACK, today + DAY)
    columns = sum(row["columns"] for row in uploads)
    return [asdict(each) for each in recommend_models(stored.learning(transaction), columns)]


def _check(transaction: Transaction, today: date) -> int:
    from leads_pipeline.insights.recommendations import outcome

    checked = 0
    for row in stored.to_check(transaction, datetime.combine(today, time(), tzinfo=UTC)):
        closed = row["closed_at"].astimezone(UTC).date()
        # Files of the day itself came before and after: only whole days are compared.
        after = stored.since_then(transaction, row["watch"], closed + DAY, today + DAY)
        enough = after["columns"] >= ENOUGH_TO_CHECK or today - closed >= CHECKED_AFTER
        if enough and after["columns"]:
            stored.save_outcome(transaction, row["id"], outcome(row, after))
            checked += 1
    return checked


def _by_language(uploads: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in uploads:
        names = ("uploads", "columns", "decided", "reviewed", "correct")
        sums = found.setdefault(row["language"], {"language": row["language"], **dict.fromkeys(names, 0)})
        reviewed = 0 if row["basis"] == "unreviewed" else row["columns"]
        for name, count in zip(names, (*(row[n] for n in names[:3]), reviewed, row["correct"]), strict=True):
            sums[name] += count
    return list(found.values())


def _synonyms(transaction: Transaction) -> dict[str, frozenset[str]]:
    """What the lead schema calls its fields, in plain words."""
    from leads_pipeline.mapping import LeadSchema, default_schema
    from leads_pipeline.mapping.text import words_of

    own = organizations.lead_schema(transaction)
    schema = default_schema() if own is None else LeadSchema.from_json(own[1])
    return {
        field.name: frozenset(" ".join(words_of(name)) for name in (field.name, field.label, *field.synonyms))
        for field in schema.fields
    }


@dg.asset(
    name="recommendations",
    deps=["model_performance"],
    group_name=INSIGHT,
    owners=OWNERS,
    kinds={"postgres", "python"},
    description=(
        "What to do next. For each organization, best first: columns to answer, conflicts to resolve, synonyms to add, "
        "thresholds to move, fields to split, languages to collect, a model to train or promote; each with its evidence, "
        "what it should bring, what it takes, and the command or request that does it (`GET /training/recommendations`). "
        "What it brought is checked afterwards, and the error is shown."
    ),
)
def recommendations(leads: Leads) -> dg.MaterializeResult:
    """Makes recommendations where something was measured, and checks those that were followed."""
    organizations_advised, made, checked = advise(leads.database, leads.settings, today=datetime.now(UTC).date())
    with leads.database.transaction(SYSTEM) as transaction:
        best = stored.over_all(transaction, limit=20)
        record = stored.track_record(transaction)
    metadata: dict[str, Any] = {
        "organizations": organizations_advised,
        "recommendations": made,
        "checked": checked,
        **{f"error/{kind}": round(actual - expected, 1) for kind, (expected, actual) in sorted(record.items())},
    }
    if best:
        metadata["best"] = dg.MetadataValue.md(_table(best))
    return dg.MaterializeResult(metadata=metadata)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """By kind, since a title may quote a header."""
    lines = ["| organization | kind | reviews saved | accuracy | minutes |", "|---|---|---:|---:|---:|"]
    for row in rows:
        saved = "–" if row["reviews_saved"] is None else f"{row['reviews_saved']:,.0f}"
        gain = "–" if row["accuracy_gain"] is None else f"{100 * row['accuracy_gain']:+.2f} points"
        owner = row["organization"] or "all"
        kind = row["kind"].replace("_", " ")
        lines.append(f"| {owner} | {kind} | {saved} | {gain} | {row['effort_minutes']:g} |")
    return "\n".join(lines)
