"""What recommendations are made of, and the recommendations themselves: made, closed when they no longer hold, and checked.

The evidence is read from counts of the last weeks, never from all that is stored. What follows from it is up to `insights`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import SYSTEM, Transaction, as_json
from leads_pipeline.store.ids import new_id

MOST_HEADERS = 500

# --- Evidence ------------------------------------------------------------------------------------------------------


def troubled_headers(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Headers that cost people work, of files mapped from `since` to before `until`: those whose columns were left
    undecided or were wrong, most of them first. `sample` is a mapping that nobody has answered yet, with its `upload`; None
    where somebody has answered the header elsewhere, so that memory knows it, or it is no name ("Column 5").
    """
    return transaction.all(
        """WITH counted AS (
               SELECT header_key, sum(columns)::bigint AS columns, sum(undecided)::bigint AS undecided,
                      sum(waiting)::bigint AS waiting, sum(recalled)::bigint AS recalled,
                      sum(confidence_sum) / sum(columns) AS confidence,
                      coalesce(sum(columns) FILTER (WHERE reviewed), 0)::bigint AS reviewed,
                      coalesce(sum(columns) FILTER (WHERE reviewed AND predicted IS DISTINCT FROM target), 0)::bigint
                          AS wrong,
                      (array_agg(sample ORDER BY day DESC) FILTER (WHERE sample IS NOT NULL))[1:3] AS samples
               FROM performance_headers
               WHERE organization_id = :organization AND day >= :since AND day < :until
               GROUP BY header_key
           )
           SELECT c.header_key, p.header, c.columns, c.undecided, c.waiting, c.recalled, c.confidence, c.reviewed, c.wrong,
                  m.id AS sample, m.upload_id AS upload, m.predicted
           FROM counted c
           CROSS JOIN LATERAL (SELECT header FROM field_patterns
                               WHERE organization_id = :organization AND header_key = c.header_key LIMIT 1) p
           LEFT JOIN LATERAL (SELECT m.id, m.upload_id, m.predicted FROM field_mappings m
                              JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
                              WHERE m.organization_id = :organization AND m.id = ANY(c.samples) AND m.review IS NULL
                                AND c.header_key !~ '^column [0-9]+ ' AND NOT EXISTS (
                                    SELECT FROM memory_entries e
                                    WHERE e.organization_id = :organization AND e.header_key = c.header_key)
                              ORDER BY m.id DESC LIMIT 1) m ON true
           WHERE c.undecided + c.wrong > 0
           ORDER BY c.undecided + c.wrong DESC, c.header_key LIMIT :most""",
        organization=transaction.organization,
        since=since,
        until=until,
        most=MOST_HEADERS,
    )


def answers_to_headers(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """What people said of the columns of fully reviewed files that were mapped in that time, by header and proposal."""
    return transaction.all(
        """SELECT header_key, predicted, target, sum(columns)::bigint AS columns, sum(recalled)::bigint AS recalled,
                  count(DISTINCT day)::integer AS days
           FROM performance_headers
           WHERE organization_id = :organization AND day >= :since AND day < :until AND reviewed
           GROUP BY header_key, predicted, target ORDER BY columns DESC, header_key LIMIT :most""",
        organization=transaction.organization,
        since=since,
        until=until,
        most=10 * MOST_HEADERS,
    )


def conflicts(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Headers about which people contradict each other: the fields they named, by how many of them and when last, how many
    columns with the header came in that time, and one that waits. `anywhere`: nobody did so in the same surroundings, but
    columns in others wait.
    """
    return transaction.all(
        """WITH came AS (
               SELECT header_key, sum(columns) AS columns, sum(undecided) AS undecided,
                      (array_agg(sample ORDER BY day DESC) FILTER (WHERE sample IS NOT NULL))[1:3] AS samples
               FROM performance_headers
               WHERE organization_id = :organization AND day >= :since AND day < :until GROUP BY header_key
           ), said AS (
               SELECT * FROM memory_entries WHERE organization_id = :organization AND disputed AND neighbours <> ''
               UNION ALL
               SELECT m.* FROM came CROSS JOIN LATERAL (
                   SELECT * FROM memory_entries
                   WHERE organization_id = :organization AND header_key = came.header_key AND disputed AND neighbours = '') m
               WHERE came.undecided > 0
           ), voices AS (
               SELECT header_key, neighbours, value_class, target, person, last_at,
                      person = '' OR last_at = max(last_at) OVER (
                          PARTITION BY header_key, neighbours, value_class, person) AS holds
               FROM said
           ), answers AS (
               SELECT header_key, neighbours, value_class, target, count(*) AS people, max(last_at) AS newest
               FROM voices WHERE holds GROUP BY 1, 2, 3, 4
           ), disputed AS (
               SELECT header_key, neighbours, value_class,
                      jsonb_agg(jsonb_build_object('target', target, 'people', people, 'newest', newest)
                                ORDER BY people DESC, newest DESC) AS answers,
                      sum(people) AS people, max(people) AS most
               FROM answers GROUP BY header_key, neighbours, value_class HAVING count(*) > 1
           )
           SELECT d.header_key, p.header, d.value_class, d.answers, 1 - d.most::float / d.people AS minority,
                  coalesce(came.columns, 0)::bigint AS columns, coalesce(came.undecided, 0)::bigint AS undecided,
                  d.neighbours = '' AS anywhere, m.id AS sample
           FROM (SELECT DISTINCT ON (header_key) * FROM disputed ORDER BY header_key, neighbours = '', people DESC) d
           CROSS JOIN LATERAL (SELECT header FROM field_patterns
                               WHERE organization_id = :organization AND header_key = d.header_key LIMIT 1) p
           LEFT JOIN came USING (header_key)
           LEFT JOIN LATERAL (SELECT m.id FROM field_mappings m
                              JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
                              WHERE m.organization_id = :organization AND m.id = ANY(came.samples)
                              ORDER BY m.id DESC LIMIT 1) m ON true
           ORDER BY 6 DESC, 1 LIMIT 50""",
        organization=transaction.organization,
        since=since,
        until=until,
    )


def rivals(transaction: Transaction, since: datetime) -> list[dict[str, Any]]:
    """Fields that only one column of a sheet may hold, and that people took from one column to give them to another: how
    many files, and the headers of the columns that have no field since.
    """
    return transaction.all(
        """SELECT w.corrected AS field, count(DISTINCT c.upload_id)::integer AS files,
                  (array_agg(DISTINCT m.header))[1:5] AS headers
           FROM user_corrections c
           JOIN user_corrections w ON w.id = c.caused_by
           JOIN field_mappings m ON m.id = c.mapping_id
           WHERE c.organization_id = :organization AND c.created_at >= :since AND c.kind = 'unseated'
             AND c.undone_at IS NULL AND m.target IS NULL AND w.corrected IS NOT NULL
           GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20""",
        organization=transaction.organization,
        since=since,
    )


def waiting_for_audit(transaction: Transaction, since: datetime) -> tuple[int, int]:
    """Files drawn at random since then: how many, and how many of them nobody has reviewed as a whole."""
    row = transaction.one(
        """SELECT count(*) AS drawn, count(*) FILTER (WHERE status = 'mapped') AS waiting FROM file_uploads
           WHERE organization_id = :organization AND audit_share IS NOT NULL AND mapped_at >= :since""",
        organization=transaction.organization,
        since=since,
    )
    return row["drawn"], row["waiting"]


def learning(transaction: Transaction) -> dict[str, Any]:
    """How a model stands: the corrections since the newest one was trained, what earlier ones came to on held-out layouts
    (candidate less champion), and the newest candidate with its metrics.

    In the system's scope of the shared model and those who share; else of the organization's own (`own`), for which the
    corrections of one that shares do not count: they go to the shared one.
    """
    owner = None if transaction.scope is SYSTEM else transaction.organization
    state = transaction.one(
        """WITH mine AS (
               SELECT created_at, metrics -> 'held-out layouts' ->> 'difference' AS gain FROM mapping_models
               WHERE NOT shipped AND organization_id IS NOT DISTINCT FROM CAST(:owner AS uuid)
           ), trained AS (SELECT max(created_at) AS at FROM mine)
           SELECT t.at AS trained_at, (
               SELECT count(*) FROM organizations o JOIN user_corrections c ON c.organization_id = o.id
               WHERE (CASE WHEN CAST(:owner AS uuid) IS NULL THEN o.share_training
                           ELSE o.id = :owner AND NOT o.share_training END)
                 AND c.kind = 'corrected' AND c.undone_at IS NULL AND (t.at IS NULL OR c.created_at > t.at)) AS corrections,
               (SELECT coalesce(array_agg(gain::float), '{}') FROM mine WHERE gain IS NOT NULL) AS gains
           FROM trained t""",
        owner=owner,
    )
    candidate = transaction.first(
        """SELECT version, metrics FROM mapping_models
           WHERE status = 'candidate' AND organization_id IS NOT DISTINCT FROM CAST(:owner AS uuid) AND NOT shipped
           ORDER BY version DESC LIMIT 1""",
        owner=owner,
    )
    return {**state, "candidate": candidate, "own": owner is not None}


# --- What is recommended -------------------------------------------------------------------------------------------


def save(transaction: Transaction, made: Sequence[Mapping[str, Any]]) -> None:
    """Let these be the organization's open recommendations, in this order. Those that no longer hold are closed."""
    organization = None if transaction.scope is SYSTEM else transaction.organization
    transaction.run(
        f"""UPDATE recommendations SET state = 'closed', closed_at = now()
           WHERE {_whose(transaction)} AND state = 'open'
             AND key <> ALL (CAST(:keys AS text[]))""",
        organization=organization,
        keys=[each["key"] for each in made],
    )
    transaction.run(
        """INSERT INTO recommendations (id, organization_id, kind, key, rank, title, because, evidence, reviews_saved,
               accuracy_gain, effort_minutes, steps, watch)
           SELECT id, CAST(:organization AS uuid), kind, key, rank, title, because, evidence, reviews_saved, accuracy_gain,
                  effort_minutes, steps, watch
           FROM jsonb_populate_recordset(NULL::recommendations, CAST(:made AS jsonb))
           ON CONFLICT ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)), key) WHERE state = 'open'
           DO UPDATE SET rank = excluded.rank, title = excluded.title, because = excluded.because,
               evidence = excluded.evidence, reviews_saved = excluded.reviews_saved, accuracy_gain = excluded.accuracy_gain,
               effort_minutes = excluded.effort_minutes, steps = excluded.steps, watch = excluded.watch, last_at = now()""",
        organization=organization,
        made=as_json([{**each, "id": new_id(), "rank": rank} for rank, each in enumerate(made, 1)]),
    )
    if organization is not None:
        transaction.run(
            """INSERT INTO recommendation_runs (organization_id) VALUES (:organization)
               ON CONFLICT (organization_id) DO UPDATE SET made_at = now()""",
            organization=organization,
        )


def newest(transaction: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """The open recommendations, best first: of the transaction's organization, or the deployment's own."""
    return transaction.all(
        f"""SELECT {_SHOWN} FROM recommendations
            WHERE {_whose(transaction)} AND state = 'open'
            ORDER BY rank LIMIT :limit""",
        organization=None if transaction.scope is SYSTEM else transaction.organization,
        limit=limit,
    )


def checked(transaction: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """Recommendations whose gain was checked, newest first: what was expected of them, and what it came to."""
    return transaction.all(
        f"""SELECT {_SHOWN} FROM recommendations
            WHERE {_whose(transaction)} AND state = 'checked'
            ORDER BY checked_at DESC LIMIT :limit""",
        organization=None if transaction.scope is SYSTEM else transaction.organization,
        limit=limit,
    )


def made_at(transaction: Transaction) -> datetime | None:
    """When recommendations were last made for this organization; None: never."""
    return transaction.value(
        "SELECT made_at FROM recommendation_runs WHERE organization_id = :organization",
        organization=transaction.organization,
    )


def to_check(transaction: Transaction, before: datetime) -> list[dict[str, Any]]:
    """Recommendations that were closed before then and whose gain was not checked yet. What a model brings, its trial
    tells.
    """
    return transaction.all(
        f"""SELECT {_SHOWN}, watch FROM recommendations
            WHERE organization_id = :organization AND state = 'closed' AND closed_at < :before
              AND kind NOT IN ('retrain', 'promote') ORDER BY closed_at""",
        organization=transaction.organization,
        before=before,
    )


def since_then(transaction: Transaction, watch: Mapping[str, Any], since: date, until: date) -> dict[str, int]:
    """How the columns fared that a recommendation is about, of files mapped in that time."""
    if "headers" in watch:
        return transaction.one(
            """SELECT coalesce(sum(columns), 0)::bigint AS columns, coalesce(sum(undecided), 0)::bigint AS undecided,
                      coalesce(sum(columns) FILTER (WHERE reviewed), 0)::bigint AS reviewed,
                      coalesce(sum(columns) FILTER (WHERE reviewed AND predicted IS DISTINCT FROM target), 0)::bigint AS wrong
               FROM performance_headers
               WHERE organization_id = :organization AND day >= :since AND day < :until AND header_key = ANY(:headers)""",
            organization=transaction.organization,
            since=since,
            until=until,
            headers=watch["headers"],
        )
    return transaction.one(
        """SELECT coalesce(sum(columns), 0)::bigint AS columns,
                  coalesce(sum(columns) FILTER (WHERE NOT decided), 0)::bigint AS undecided,
                  coalesce(sum(columns) FILTER (WHERE basis <> 'unreviewed'), 0)::bigint AS reviewed,
                  coalesce(sum(columns) FILTER (WHERE basis <> 'unreviewed' AND predicted IS DISTINCT FROM target), 0)::bigint
                      AS wrong
           FROM performance_columns
           WHERE organization_id = :organization AND day >= :since AND day < :until
             AND (CAST(:language AS text) IS NULL OR language = :language)""",
        organization=transaction.organization,
        since=since,
        until=until,
        language=watch.get("language"),
    )


def save_outcome(transaction: Transaction, recommendation: UUID, outcome: Mapping[str, Any]) -> None:
    transaction.run(
        """UPDATE recommendations SET state = 'checked', checked_at = now(), outcome = CAST(:outcome AS jsonb)
           WHERE id = :id AND state = 'closed'""",
        id=recommendation,
        outcome=as_json(outcome),
    )


def track_record(transaction: Transaction) -> dict[str, tuple[float, float]]:
    """By kind, how many reviews the checked recommendations were expected to save, and how many they did. Over everybody's
    in the system's scope, which is where it should be asked: what a kind of advice is worth is hardly a matter of who gets it.
    """
    rows = transaction.all(
        """SELECT kind, sum(reviews_saved) AS expected, sum((outcome ->> 'reviews_saved')::float) AS actual
           FROM recommendations
           WHERE state = 'checked' AND reviews_saved > 0 AND outcome ->> 'reviews_saved' IS NOT NULL GROUP BY kind"""
    )
    return {row["kind"]: (row["expected"], row["actual"]) for row in rows}


def over_all(transaction: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """The best of everybody's open recommendations, without headers, for the operators. Needs the system's scope."""
    return transaction.all(
        """SELECT r.kind, r.title, r.reviews_saved, r.accuracy_gain, r.effort_minutes, o.name AS organization
           FROM recommendations r LEFT JOIN organizations o ON o.id = r.organization_id
           WHERE r.state = 'open' ORDER BY r.reviews_saved DESC NULLS LAST, r.rank LIMIT :limit""",
        limit=limit,
    )


def to_advise(transaction: Transaction, since: date) -> list[UUID]:
    """Organizations that were measured since recommendations were last made for them. Needs the system's scope."""
    rows = transaction.all(
        """SELECT m.organization_id FROM model_performance m LEFT JOIN recommendation_runs r USING (organization_id)
           WHERE m.organization_id IS NOT NULL AND m.window_end >= :since
           GROUP BY m.organization_id, r.made_at HAVING max(m.measured_at) > coalesce(r.made_at, '-infinity') ORDER BY 1""",
        since=since,
    )
    return [row["organization_id"] for row in rows]


def _whose(transaction: Transaction) -> str:
    """The transaction's organization's, or the deployment's own; so that an index serves both."""
    return "organization_id IS NULL" if transaction.scope is SYSTEM else "organization_id = :organization"


_SHOWN = """id, kind, key, rank, title, because, evidence, reviews_saved, accuracy_gain, effort_minutes, steps, outcome,
    first_at, last_at, closed_at, checked_at"""
