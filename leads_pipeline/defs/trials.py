"""Trials of models in Dagster: begin one with a new candidate, weigh the evidence, promote, stop, or go back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from leads_pipeline.defs.intake import ON_ITS_WAY
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import LEARNING, OWNERS
from leads_pipeline.store import champions, models, trials, withdrawal
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.models import Model
from leads_pipeline.store.trials import Trial
from leads_pipeline.training.sequential import Evidence, score, weigh
from leads_pipeline.wording import counted

PROBATION = timedelta(days=30)
"""How long the champion before is looked at beside the one that took over."""

SLOWEST = 3.0
"""How many times as long as the champion a challenger may take, at the median, before it is stopped."""
FEWEST_TIMED = 50


def judge_trials(database: Database, *, share: float, now: datetime) -> list[str]:
    """Weigh what there is of every trial, act on it, and begin trials that are due. Returns what was done, a sentence each."""
    done: list[str] = []
    with database.transaction(SYSTEM) as transaction:
        withdrawal.settle(transaction)
        for trial in trials.running(transaction):
            done += _judge(transaction, trial, now)
        done += _begin_due(transaction, share, now)
    return done


def evidence_of(transaction: Transaction, trial: Trial) -> tuple[Evidence, dict[str, Any]]:
    """The evidence of a trial, and as it is written down."""
    reviewed = trials.reviewed(transaction, trial.id)
    found = weigh(score(each.wins, each.losses) for each in reviewed)
    served = weigh(score(each.wins, each.losses) for each in reviewed if each.by_challenger)
    speed = trials.speed(transaction, trial.id)
    return found, {
        "reviewed_uploads": len(reviewed),
        "uploads": speed["uploads"],
        "columns": speed["columns"],
        "served_by_challenger": speed["by_challenger"],
        "wins": sum(each.wins for each in reviewed),
        "losses": sum(each.losses for each in reviewed),
        "mean_score": round(found.mean, 4),
        "capital_better": round(found.better, 3),
        "capital_worse": round(found.worse, 3),
        "guardrail_worse": round(served.worse, 3),
        "verdict": found.verdict if served.verdict != "stop" else "stop",
        "champion_ms": None if speed["champion"] is None else round(speed["champion"], 2),
        "challenger_ms": None if speed["challenger"] is None else round(speed["challenger"], 2),
    }


def _judge(transaction: Transaction, trial: Trial, now: datetime) -> list[str]:
    _, evidence = evidence_of(transaction, trial)
    trials.note(transaction, trial.id, evidence)
    champion, challenger = (models.get(transaction, each) for each in (trial.champion_id, trial.challenger_id))
    told = (
        f"on {counted(evidence['reviewed_uploads'], 'reviewed upload')} it alone was right on "
        f"{counted(evidence['wins'], 'column')}, the other on {evidence['losses']}; the capital won is "
        f"{evidence['capital_better']:g} to {evidence['capital_worse']:g}"
    )
    verdict = evidence["verdict"]
    if trial.kind == "probation":
        return _judge_probation(transaction, trial, champion, challenger, verdict, told, now)
    if _too_slow(evidence):
        verdict, told = (
            "stop",
            f"it takes {evidence['challenger_ms']} ms a file, the champion {evidence['champion_ms']}",
        )
    if verdict == "promote":
        reason = f"Model {challenger.version} is better: {told}."
        trials.end(transaction, trial.id, "promoted", reason)
        champions.promote(transaction, challenger, because=reason)
        return [reason]
    if verdict in ("stop", "no difference"):
        reason = f"Model {challenger.version} is {'worse' if verdict == 'stop' else 'no better'}: {told}."
        trials.end(transaction, trial.id, "stopped", reason)
        trials.reject(transaction, challenger.id, reason)
        return [reason]
    return []


def _judge_probation(
    transaction: Transaction,
    trial: Trial,
    champion: Model,
    before: Model,
    verdict: str,
    told: str,
    now: datetime,
) -> list[str]:
    if verdict == "promote":
        reason = f"Model {before.version}, which was champion before, is better: {told}."
        trials.end(transaction, trial.id, "rolled_back", reason)
        champions.rollback(transaction, champion.organization_id, because=reason)
        return [reason]
    if verdict in ("stop", "no difference") or now - trial.started_at > PROBATION:
        reason = f"Model {champion.version} stays: of model {before.version}, {told}."
        trials.end(transaction, trial.id, "kept", reason)
        return [reason]
    return []


def _too_slow(evidence: dict[str, Any]) -> bool:
    one, other = evidence["champion_ms"], evidence["challenger_ms"]
    return evidence["uploads"] >= FEWEST_TIMED and one is not None and other > SLOWEST * one


def _begin_due(transaction: Transaction, share: float, now: datetime) -> list[str]:
    """A trial of the newest candidate of each scope that has none going on, or the probation of its champion."""
    done: list[str] = []
    busy = {trial.organization_id for trial in trials.running(transaction)}
    for owner in models.scopes(transaction):
        if owner in busy:
            continue
        champion = models.champion(transaction, owner) or models.champion(transaction, None)
        candidate = models.newest_candidate(transaction, owner)
        if champion is None:
            continue
        champions.lock_scope(transaction, owner)
        if candidate is not None and candidate.version > champion.version:
            trials.begin(transaction, "trial", champion, candidate, share)
            done.append(f"Model {candidate.version} is tried beside model {champion.version}.")
        elif _on_probation(transaction, champion, now) and champion.organization_id == owner:
            before = models.predecessor(transaction, champion)
            if before is not None:
                trials.begin(transaction, "probation", champion, before, 0.0)
                done.append(f"Model {champion.version} is on probation beside model {before.version}.")
    return done


def _on_probation(transaction: Transaction, champion: Model, now: datetime) -> bool:
    return (
        champion.replaced is not None
        and champion.promoted_at is not None
        and now - champion.promoted_at < PROBATION
        and not trials.had_probation(transaction, champion.id)
    )


@dg.asset(
    name="model_trials",
    deps=["mapping_models", "user_corrections"],
    group_name=LEARNING,
    owners=OWNERS,
    kinds={"postgres", "python"},
    description=(
        "Which model is better, on real files. A candidate is asked about every upload beside the champion, and maps a "
        "small share of the layouts for real. Each upload that people review as a whole is evidence; a test that may be "
        "looked at at any time decides: promote, stop, or go back to the champion before. Kept in the table `experiments`."
    ),
)
def model_trials(context: dg.AssetExecutionContext, leads: Leads) -> dg.MaterializeResult:
    """Weighs the evidence of every trial, and acts on it."""
    done = judge_trials(leads.database, share=leads.settings.trial_share, now=datetime.now(UTC))
    for sentence in done:
        context.log.info(sentence)
    with leads.database.transaction(SYSTEM) as transaction:
        going = trials.running(transaction)
        newest = trials.newest(transaction)
    shown: dict[str, Any] = {
        "running": len(going),
        "done": dg.MetadataValue.md("\n".join(done) or "Nothing was decided."),
    }
    if newest:
        shown |= {name: value for name, value in newest[0].evidence.items() if isinstance(value, int | float | str)}
    return dg.MaterializeResult(metadata=shown)


judge_model_trials = dg.define_asset_job(
    "judge_model_trials",
    selection=dg.AssetSelection.assets(model_trials),
    description="Weighs the evidence of every trial of a model: promotes, stops, goes back, or begins one.",
)


@dg.sensor(
    name="trials_to_judge",
    job=judge_model_trials,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at trials again when uploads of theirs were reviewed, and when a model became a candidate.",
)
def trials_to_judge(context: dg.SensorEvaluationContext, leads: Leads) -> dg.SensorResult | dg.SkipReason:
    """Asks for a look when there is something that was not there at the last one."""
    with leads.database.transaction(SYSTEM) as transaction:
        state = trials.state(transaction)
    if state is None or state == context.cursor:
        return dg.SkipReason("No model waits for a trial, and no upload of one was reviewed since the last look.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=judge_model_trials.name, statuses=ON_ITS_WAY)):
        return dg.SkipReason("A look is starting.")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=state)
