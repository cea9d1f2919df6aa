"""What people asked to be done with a column's cells is remembered with their answer, and counts for the next file."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WISHES = "CHECK ({} IN ('none', 'split', 'merge', 'value_map'))"

# Until now, memory knew nothing of it: the newest answer of each person about a header tells.
REMEMBER = """
UPDATE memory_entries e SET transform_wish = a.transform
FROM (
    SELECT DISTINCT ON (1, 2, 3, 4, 5)
           m.organization_id, m.header_key, m.value_class, c.corrected, coalesce(c.reviewer, '') AS person, c.transform
    FROM user_corrections c JOIN field_mappings m ON m.id = c.mapping_id
    WHERE c.undone_at IS NULL AND c.kind <> 'unseated'
      AND m.header_key IN (SELECT f.header_key FROM field_mappings f WHERE f.transform_wish IS NOT NULL)
    ORDER BY 1, 2, 3, 4, 5, c.created_at DESC) a
WHERE a.transform IS NOT NULL AND (e.organization_id, e.header_key, e.value_class, e.person)
    = (a.organization_id, a.header_key, a.value_class, a.person) AND e.target IS NOT DISTINCT FROM a.corrected
"""


def upgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute(f"ALTER TABLE memory_entries ADD COLUMN transform_wish text {WISHES.format('transform_wish')}")
    op.execute(
        f"ALTER TABLE field_mappings ADD COLUMN transform_remembered text {WISHES.format('transform_remembered')}"
    )
    op.execute("COMMENT ON COLUMN memory_entries.transform_wish IS 'what the newest of these answers asked for'")
    op.execute(
        "COMMENT ON COLUMN field_mappings.transform_remembered IS 'what was asked for before, as memory knew it'"
    )
    op.execute(REMEMBER)


def downgrade() -> None:
    op.execute("ALTER TABLE field_mappings DROP COLUMN transform_remembered")
    op.execute("ALTER TABLE memory_entries DROP COLUMN transform_wish")
