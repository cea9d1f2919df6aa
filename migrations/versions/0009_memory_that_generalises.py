"""Memory knows who answered, finds near variants of a header, and may be shared between organizations that both want it.

`memory_entries` is derived from people's answers, so it is made anew. A row without neighbours tells of all surroundings
of a header together: what is looked up for a header stays small however many files it was seen in.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE organizations ADD COLUMN share_memory boolean NOT NULL DEFAULT false;

ALTER TABLE field_mappings
    ADD COLUMN header_form text NOT NULL DEFAULT '',
    ADD COLUMN header_meaning text NOT NULL DEFAULT '';
CREATE INDEX field_mappings_answered ON field_mappings (organization_id, header_key) WHERE review IS NOT NULL;

DROP INDEX memory_entries_key;
DELETE FROM memory_entries;
ALTER TABLE memory_entries RENAME COLUMN support TO answers;
ALTER TABLE memory_entries
    ADD COLUMN person text NOT NULL DEFAULT '',
    ADD COLUMN form text NOT NULL DEFAULT '',
    ADD COLUMN meaning text NOT NULL DEFAULT '',
    ADD COLUMN disputed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN memory_entries.neighbours IS 'fingerprint of the surroundings; empty: all of them together';
COMMENT ON COLUMN memory_entries.person IS 'who answered, a pseudonym; empty: nobody was named';
COMMENT ON COLUMN memory_entries.disputed IS 'something else was answered for the same key as well';
-- A missing target is an answer ("no target"), and NULLs are never equal in an index before PostgreSQL 15.
CREATE UNIQUE INDEX memory_entries_key ON memory_entries
    (organization_id, header_key, neighbours, value_class, (coalesce(target, '')), person);
CREATE INDEX memory_entries_recent ON memory_entries (organization_id, header_key, last_at DESC) WHERE neighbours <> '';
CREATE INDEX memory_entries_form ON memory_entries (organization_id, form, last_at DESC)
    WHERE neighbours = '' AND form <> '';
CREATE INDEX memory_entries_meaning ON memory_entries (organization_id, meaning, last_at DESC)
    WHERE neighbours = '' AND meaning <> '';
CREATE INDEX memory_entries_disputed ON memory_entries (organization_id, header_key)
    WHERE disputed AND neighbours <> '';
CREATE INDEX memory_entries_shared ON memory_entries (header_key) WHERE neighbours = '' AND target IS NOT NULL;
"""

REBUILD = """
INSERT INTO memory_entries (organization_id, header_key, value_class, neighbours, target, person, answers, last_at, form,
    meaning)
SELECT m.organization_id, m.header_key, m.value_class, n.neighbours, c.corrected, coalesce(c.reviewer, ''), count(*),
       max(c.created_at), max(m.header_form), max(m.header_meaning)
FROM field_mappings m
CROSS JOIN LATERAL (SELECT corrected, kind, reviewer, created_at FROM user_corrections
                    WHERE mapping_id = m.id AND undone_at IS NULL ORDER BY position DESC LIMIT 1) c
CROSS JOIN LATERAL (VALUES (m.neighbours), ('')) n (neighbours)
WHERE c.kind <> 'unseated'
GROUP BY 1, 2, 3, 4, 5, 6;
UPDATE memory_entries m SET disputed = true
WHERE EXISTS (SELECT FROM memory_entries o
              WHERE (o.organization_id, o.header_key, o.neighbours, o.value_class)
                  = (m.organization_id, m.header_key, m.neighbours, m.value_class)
                AND o.target IS DISTINCT FROM m.target);
"""

# The only way from one organization's memory to another's. It looks past row-level security for the length of one query;
# it answers about headers that the caller has itself, only if the caller shares, with nothing but the fields that every
# organization has, and never says who answered or where.
SHARED = """
CREATE FUNCTION shared_memory(headers text[], fields text[])
    RETURNS TABLE (header_key text, value_class text, target text, organizations bigint, age_days float)
    LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    caller CONSTANT uuid := leads_organization();
    scope CONSTANT text := current_setting('leads.scope', true);
BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = caller AND share_memory) THEN
        RETURN;
    END IF;
    PERFORM set_config('leads.scope', 'system', true);
    RETURN QUERY
        WITH answers AS (
            SELECT m.organization_id, m.header_key, m.value_class, m.target, max(m.last_at) AS last_at,
                   count(*) AS people, sum(m.answers) AS answers
            FROM memory_entries m JOIN organizations o ON o.id = m.organization_id AND o.share_memory
            WHERE m.header_key = ANY (headers) AND m.neighbours = '' AND m.target IS NOT NULL AND m.target = ANY (fields)
              AND m.organization_id <> caller
            GROUP BY m.organization_id, m.header_key, m.value_class, m.target
        ), voices AS (
            SELECT DISTINCT ON (organization_id, header_key, value_class) * FROM answers
            ORDER BY organization_id, header_key, value_class, people DESC, last_at DESC, answers DESC, target
        )
        SELECT v.header_key, v.value_class, v.target, count(*),
               extract(epoch FROM now() - max(v.last_at))::float / 86400
        FROM voices v GROUP BY v.header_key, v.value_class, v.target;
    PERFORM set_config('leads.scope', scope, true);
END
$$;
"""


def upgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute(TABLES)
    op.execute(REBUILD)
    op.execute(SHARED)


def downgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute("DROP FUNCTION shared_memory(text[], text[])")
    op.execute("DELETE FROM memory_entries WHERE neighbours = ''")
    op.execute(
        """DROP INDEX memory_entries_key, memory_entries_recent, memory_entries_form, memory_entries_meaning,
               memory_entries_disputed, memory_entries_shared, field_mappings_answered;
           CREATE TEMPORARY TABLE answers ON COMMIT DROP AS
               SELECT organization_id, header_key, value_class, neighbours, target, sum(answers)::integer AS support,
                      max(last_at) AS last_at
               FROM memory_entries GROUP BY 1, 2, 3, 4, 5;
           DELETE FROM memory_entries;
           ALTER TABLE memory_entries DROP COLUMN person, DROP COLUMN form, DROP COLUMN meaning, DROP COLUMN disputed;
           ALTER TABLE memory_entries RENAME COLUMN answers TO support;
           INSERT INTO memory_entries (organization_id, header_key, value_class, neighbours, target, support, last_at)
               SELECT organization_id, header_key, value_class, neighbours, target, support, last_at FROM answers;
           CREATE UNIQUE INDEX memory_entries_key ON memory_entries
               (organization_id, header_key, value_class, neighbours, (coalesce(target, '')));
           ALTER TABLE field_mappings DROP COLUMN header_form, DROP COLUMN header_meaning;
           ALTER TABLE organizations DROP COLUMN share_memory"""
    )
