"""What an erasure deletes: what is in an upload, what was learned from it, and every text in which a person is named.

Figures, fields and jobs stay as they were. The transactions are the system's, since what was learned belongs to no one
organization; statements about an upload name its organization (`Transaction.within`).
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError
from leads_pipeline.store import audit, contents, corrections, memory
from leads_pipeline.store.database import Transaction, as_json

MARK = "•"
"""What stands where something was taken out."""

ERASED = "erased"
"""The stem of an erased upload's name, and what became of a job that it had."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An upload that is to be looked at, by whom it is, and whether its bytes are still there."""

    upload_id: UUID
    organization_id: UUID
    filename: str
    has_contents: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """What people wrote that is kept of an upload: its name, headers, names of sheets, comments and who made them."""

    filename: str
    headers: Sequence[str]
    sheets: Sequence[str]
    comments: Sequence[str]


@dataclass(slots=True)
class Forgotten:
    """What went with an upload: `headers` counts columns, `datasets` are the versions that held its examples."""

    headers: int = 0
    comments: int = 0
    examples: int = 0
    datasets: list[UUID] = field(default_factory=list[UUID])
    texts: list[str] = field(default_factory=list[str])


# --- Looking -------------------------------------------------------------------------------------------------------


def uploads_to_look_at(
    transaction: Transaction, organization: UUID | None, *, after: UUID | None, until: datetime, limit: int
) -> list[Kept]:
    """Uploads that came before `until`, in the order of their ids, after a certain one."""
    rows = transaction.all(
        """SELECT id AS upload_id, organization_id, filename, contents_deleted_at IS NULL AS has_contents,
                  status = 'failed' AS failed
           FROM file_uploads
           WHERE (CAST(:organization AS uuid) IS NULL OR organization_id = :organization)
             AND (CAST(:after AS uuid) IS NULL OR id > :after) AND received_at <= :until
           ORDER BY id LIMIT :limit""",
        organization=organization,
        after=after,
        until=until,
        limit=limit,
    )
    return [Kept(**row) for row in rows]


def texts_of(transaction: Transaction, upload_id: UUID) -> Texts | None:
    """None for an upload that somebody has deleted meanwhile."""
    row = transaction.first(
        """SELECT filename,
                  ARRAY(SELECT DISTINCT header FROM field_mappings WHERE upload_id = u.id) AS headers,
                  ARRAY(SELECT DISTINCT name FROM sheets WHERE upload_id = u.id) AS sheets,
                  ARRAY(SELECT DISTINCT unnest(ARRAY[comment, reviewer]) FROM user_corrections WHERE upload_id = u.id)
                      AS comments
           FROM file_uploads u WHERE id = :id""",
        id=upload_id,
    )
    if row is None:
        return None
    return Texts(**{**row, "comments": [each for each in row["comments"] if each is not None]})


# --- An upload -----------------------------------------------------------------------------------------------------


def forget_upload(transaction: Transaction, upload_id: UUID, told: Collection[str] | None) -> Forgotten:
    """Delete what is in an upload and what was learned from it; its figures, fields and jobs stay.

    `told` are the headers and names of sheets that tell of somebody; None: all of them. Where a header does, memory forgets
    what was answered in this upload. Needs a transaction within the upload's organization.
    """
    who = {"organization": transaction.organization, "id": upload_id}
    transaction.run("SELECT FROM file_uploads WHERE organization_id = :organization AND id = :id FOR UPDATE", **who)
    gone = Forgotten(examples=0)
    transaction.run(
        """UPDATE processing_jobs SET state = 'failed', error_code = :code, lease_until = NULL,
               finished_at = clock_timestamp(), token = token + 1
           WHERE organization_id = :organization AND upload_id = :id AND state IN ('waiting', 'running')""",
        code=ERASED,
        **who,
    )
    _forget_examples(transaction, who, gone)
    _forget_headers(transaction, who, told, gone)
    contents.delete_with_samples(transaction, upload_id)
    gone.comments = transaction.run(
        """UPDATE user_corrections SET comment = NULL
           WHERE organization_id = :organization AND upload_id = :id AND comment IS NOT NULL""",
        **who,
    )
    transaction.run(
        """DELETE FROM idempotency_keys
           WHERE organization_id = :organization AND strpos(body::text, CAST(:id AS text)) > 0""",
        **who,
    )
    erased_now = transaction.value(
        "SELECT erased_at IS NULL FROM file_uploads WHERE organization_id = :organization AND id = :id", **who
    )
    # What is left of a name or a hash could still be compared with a file that somebody has.
    transaction.run(
        f"""UPDATE file_uploads SET filename = :name || '.' || kind, sha256 = sha256(uuid_send(id)), source_key = NULL,
                warnings = {_BARE_WARNINGS}, erased_at = coalesce(erased_at, now()),
                contents_deleted_at = coalesce(contents_deleted_at, now()), version = version + 1,
                examples_version = CASE WHEN examples_version IS NOT NULL OR reviewed_count > 0 THEN version + 1 END,
                examples_problem = NULL,
                problem = CASE WHEN status IN ('received', 'processing') THEN CAST(:problem AS jsonb) ELSE problem END,
                status = CASE WHEN status IN ('received', 'processing') THEN 'failed' ELSE status END
            WHERE organization_id = :organization AND id = :id""",
        name=ERASED,
        problem=as_json(
            LeadsError(
                "It was erased before it was mapped.", code=ERASED, status=410, title="The upload was erased"
            ).as_problem()
        ),
        **who,
    )
    if erased_now:
        audit.record(transaction, "upload.erased", ("upload", upload_id), details={"examples": gone.examples})
    return gone


_BARE_WARNINGS = """(SELECT coalesce(jsonb_agg(jsonb_build_object('code', w -> 'code', 'sheet', NULL,
    'detail', 'The upload was erased.')), '[]') FROM jsonb_array_elements(warnings) w)"""


def _forget_examples(transaction: Transaction, who: dict[str, Any], gone: Forgotten) -> None:
    held = transaction.all(
        """SELECT DISTINCT d.dataset_id FROM dataset_examples d JOIN training_examples e ON e.id = d.example_id
           WHERE e.organization_id = :organization AND e.upload_id = :id""",
        **who,
    )
    gone.datasets = [row["dataset_id"] for row in held]
    templates = transaction.all(
        """SELECT DISTINCT encode(template, 'hex') AS template FROM training_examples
           WHERE organization_id = :organization AND upload_id = :id""",
        **who,
    )
    gone.examples = transaction.run(
        "DELETE FROM training_examples WHERE organization_id = :organization AND upload_id = :id", **who
    )
    transaction.run(
        """DELETE FROM training_templates t
           WHERE t.organization_id = :organization AND encode(t.template, 'hex') = ANY(CAST(:templates AS text[]))
             AND NOT EXISTS (SELECT FROM training_examples e
                             WHERE e.organization_id = t.organization_id AND e.template = t.template)""",
        organization=who["organization"],
        templates=[row["template"] for row in templates],
    )


def _forget_headers(
    transaction: Transaction, who: dict[str, Any], told: Collection[str] | None, gone: Forgotten
) -> None:
    wanted = {"everything": told is None, "told": list(told or ()), "mark": MARK, **who}
    rows = transaction.all(
        """SELECT DISTINCT header, header_key FROM field_mappings
           WHERE organization_id = :organization AND upload_id = :id AND (:everything OR header = ANY(:told))
             AND header <> :mark""",
        **wanted,
    )
    transaction.run(
        f"""UPDATE sheets SET warnings = {_BARE_WARNINGS},
                name = CASE WHEN :everything OR name = ANY(:told) THEN :mark ELSE name END
            WHERE organization_id = :organization AND upload_id = :id""",
        **wanted,
    )
    if not rows:
        return
    memory.change(transaction, before=corrections.answers_in(transaction, who["id"]), after=())
    gone.headers = transaction.run(
        """UPDATE field_mappings SET header = :mark, header_key = '', header_form = '', header_meaning = ''
           WHERE organization_id = :organization AND upload_id = :id AND (:everything OR header = ANY(:told))""",
        **wanted,
    )
    # An explanation quotes the header; a fingerprint of the surroundings is made of those beside it.
    transaction.run(
        """UPDATE field_mappings SET explanation = '', neighbours = ''
           WHERE organization_id = :organization AND upload_id = :id""",
        **who,
    )
    # What nobody else has as a header is not counted as one any more, and is looked for wherever it may be quoted.
    unique = {"keys": [row["header_key"] for row in rows], "organization": who["organization"]}
    for table in ("field_patterns", "performance_headers"):
        transaction.run(
            f"""DELETE FROM {table} t WHERE organization_id = :organization AND header_key = ANY(:keys)
                AND NOT EXISTS (SELECT FROM field_mappings m
                                WHERE m.organization_id = t.organization_id AND m.header_key = t.header_key)""",
            **unique,
        )
    left = transaction.all(
        """SELECT DISTINCT header FROM field_mappings
           WHERE organization_id = :organization AND header = ANY(CAST(:headers AS text[]))""",
        organization=who["organization"],
        headers=[row["header"] for row in rows],
    )
    still = {row["header"] for row in left}
    gone.texts = [
        text for row in rows if row["header"] not in still for text in dict.fromkeys((row["header"], row["header_key"]))
    ]


# --- Who answered --------------------------------------------------------------------------------------------------


def forget_reviewers(transaction: Transaction, organization: UUID | None, is_the_person: Callable[[str], bool]) -> int:
    """Take a person's name from the answers that the person gave; the answers stay, as nobody's. Returns how many."""
    rows = transaction.all(
        """SELECT DISTINCT organization_id, reviewer FROM user_corrections WHERE reviewer IS NOT NULL
             AND (CAST(:organization AS uuid) IS NULL OR organization_id = :organization)""",
        organization=organization,
    )
    changed = 0
    for row in rows:
        if is_the_person(row["reviewer"]):
            transaction.run(
                """UPDATE training_examples SET reviewer = NULL WHERE correction_id IN (
                       SELECT id FROM user_corrections WHERE organization_id = :organization_id AND reviewer = :reviewer)""",
                **row,
            )
            changed += transaction.run(
                """UPDATE user_corrections SET reviewer = NULL
                   WHERE organization_id = :organization_id AND reviewer = :reviewer""",
                **row,
            )
            memory.forget_person(transaction.within(row["organization_id"]), row["reviewer"])
    return changed


# --- An organization -----------------------------------------------------------------------------------------------


def count_uploads(transaction: Transaction) -> int:
    """How many uploads the organization has."""
    return transaction.value(
        "SELECT count(*) FROM file_uploads WHERE organization_id = :organization", organization=transaction.organization
    )


def shut_out(transaction: Transaction, organization: UUID) -> None:
    """Let nobody of this organization in any more: no token and no session is good. Needs the system's scope."""
    for table in ("login_sessions", "api_tokens"):
        transaction.run(f"DELETE FROM {table} WHERE organization_id = :id", id=organization)


def datasets_holding(transaction: Transaction, organization: UUID) -> list[UUID]:
    """The versions of others, shared ones among them, that hold examples of this organization. Needs the system's scope."""
    rows = transaction.all(
        """SELECT DISTINCT d.id FROM training_datasets d JOIN dataset_examples e ON e.dataset_id = d.id
           WHERE e.organization_id = :organization AND d.organization_id IS DISTINCT FROM :organization""",
        organization=organization,
    )
    return [row["id"] for row in rows]


def delete_some_uploads(transaction: Transaction, organization: UUID, *, limit: int) -> int:
    """Delete up to `limit` uploads with everything that hangs on them; how many were deleted."""
    return transaction.run(
        """DELETE FROM file_uploads WHERE id IN (
               SELECT id FROM file_uploads WHERE organization_id = :organization ORDER BY id LIMIT :limit)""",
        organization=organization,
        limit=limit,
    )


def delete_organization(transaction: Transaction, organization: UUID) -> bool:
    """Delete an organization with everything that is its own: settings, schema, memory, models, tokens, sessions, its
    pseudonym key. What stays is the audit trail. False when there is none.
    """
    transaction.run(
        """UPDATE content_objects SET upload_id = NULL, abandoned_at = coalesce(abandoned_at, now())
           WHERE organization_id = :id""",
        id=organization,
    )
    return bool(transaction.run("DELETE FROM organizations WHERE id = :id", id=organization))


# --- Wherever else -------------------------------------------------------------------------------------------------

OURS = "public"
DERIVED = frozenset({"memory_entries", "field_patterns", "performance_headers", "training_templates"})
"""Rows that are known by such a text: they are deleted, since another may be called the same without it."""
LEFT_ALONE = frozenset(
    {"audit_events", "audit_seals", "audit_head", "audit_unsealed", "alembic_version", "erasures", "organizations"}
)
"""The trail holds no personal data and is never changed; the others are ours, or the operator's to name."""
OF_OPERATORS = frozenset({"login_sessions", "api_tokens"})
TOUCHED = (
    "file_uploads", "upload_contents", "sheets", "processing_jobs", "field_mappings", "user_corrections", "memory_entries",
    "field_patterns", "performance_headers", "training_examples", "training_templates", "dataset_examples",
    "mapping_models", "mapping_model_chunks", "idempotency_keys", "recommendations", "weekly_summaries",
)  # fmt: skip
"""Where an upload is, and what was learned from it."""
OF_ORGANIZATION = ("organizations", "organization_keys", "lead_schemas", "api_tokens", "login_sessions")
"""Where an organization is beside that."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of PostgreSQL's, and what stands in its place afterwards, its groups by number."""

    expression: str
    instead: str
    literals: tuple[str, ...] = ()
    """Texts in lower case of which one is in whatever is found: looking for those first is a hundred times faster."""

    def found_in(self, text: str) -> str:
        """The condition that `text`, an SQL expression, holds it; its values are `values`."""
        regular = f"{text} ~* :expression"
        if not self.literals:
            return regular
        return f"CASE WHEN lower({text}) LIKE ANY(CAST(:literals AS text[])) THEN {regular} ELSE false END"

    @property
    def values(self) -> dict[str, Any]:
        escaped = [each.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for each in self.literals]
        return {"expression": self.expression, **({"literals": [f"%{each}%" for each in escaped]} if escaped else {})}


def quoting(texts: Collection[str]) -> Pattern | None:
    """What finds these texts where they are quoted: between marks, in a cell of a table, as a value in JSON; not as a key."""
    escaped = [_escaped(text) for text in texts if text.strip()]
    if not escaped:
        return None
    either = "|".join(sorted(escaped, key=len, reverse=True))
    return Pattern(
        rf"(['\"|“«] ?)(?:{either})( ?(?:['|”»]|\"(?!\s*:)))",
        rf"\1{MARK}\2",
        tuple(text.lower() for text in texts) if all(map(_is_plain, texts)) else (),
    )


def naming(name: str) -> list[Pattern]:
    """What finds the name of an organization: quoted, and before the version of a dataset in the key of a run."""
    quoted = quoting([name])
    return [] if quoted is None else [quoted, Pattern(rf"^{_escaped(name)}(?= \d+$)", MARK)]


def take_out(
    transaction: Transaction, table: "TextTable", patterns: Sequence[Pattern], *, organization: UUID | None = None
) -> int:
    """Take what the patterns find out of every text of a table; how many texts were changed, or rows deleted.

    Of an organization, in its own rows and in those that are the whole deployment's. Needs the system's scope.
    """
    if table.name in LEFT_ALONE or (organization is not None and not table.owned and table.schema == OURS):
        return 0
    of_organization: dict[str, Any] = {}
    if organization is not None and table.owned:
        if table.name in OF_OPERATORS:
            return 0
        of_organization["organization"] = organization
    return sum(_take_out(transaction, table, pattern, of_organization) for pattern in patterns)


def _take_out(transaction: Transaction, table: "TextTable", pattern: Pattern, organization: Mapping[str, Any]) -> int:
    whose = "AND (organization_id = :organization OR organization_id IS NULL)" if organization else ""
    together = f"concat_ws(' ', {', '.join(f'{column}::text' for column in table.columns)})"
    values = {**pattern.values, **organization}
    if table.name in DERIVED:
        return transaction.run(f"DELETE FROM {table.place} WHERE {pattern.found_in(together)} {whose}", **values)
    if not transaction.value(
        f"SELECT EXISTS (SELECT FROM {table.place} WHERE {pattern.found_in(together)} {whose})", **values
    ):
        return 0
    return sum(
        transaction.run(
            f"""UPDATE {table.place} SET {column} = CAST(
                    regexp_replace({column}::text, :expression, :instead, 'gi') AS {kind})
                WHERE {pattern.found_in(f"{column}::text")} {whose}""",
            instead=pattern.instead,
            **values,
        )
        for column, kind in table.columns.items()
    )


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table, its columns that hold texts, by type, and whether its rows are an organization's."""

    schema: str
    name: str
    columns: Mapping[str, str]
    owned: bool

    @property
    def place(self) -> str:
        return f'{self.schema}."{self.name}"'


def tables_with_texts(transaction: Transaction, schema: str) -> list[TextTable]:
    """Every table of a schema that has texts, those that join us later among them; none where there is no such schema."""
    rows = transaction.all(
        """SELECT c.relname AS name, jsonb_object_agg(quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)) AS columns,
                  EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'organization_id') AS owned
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           WHERE n.nspname = :schema AND c.relkind = 'r'
             AND format_type(a.atttypid, NULL) IN ('text', 'character varying', 'jsonb', 'json', 'text[]')
           GROUP BY c.oid, c.relname ORDER BY c.relname""",
        schema=schema,
    )
    return [TextTable(schema, **row) for row in rows]


def _is_plain(text: str) -> bool:
    """Whether a text stands everywhere as it is, but for its case: in JSON, and under any locale."""
    return text.isascii() and text.isprintable() and not set(text) & {'"', "\\"}


def _escaped(text: str) -> str:
    """A text in a regular expression, as it stands in a table and as JSON writes it."""
    forms = dict.fromkeys((text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]))
    escaped = ["".join(each if each.isalnum() else rf"\{each}" for each in form) for form in forms]
    return escaped[0] if len(escaped) == 1 else f"(?:{'|'.join(escaped)})"
