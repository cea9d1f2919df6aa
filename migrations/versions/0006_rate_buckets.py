"""How much each token may ask at the moment, shared by all web processes."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Unlogged: written often, and after a crash every bucket may be full.
TABLE = """
CREATE UNLOGGED TABLE rate_buckets (
    key         uuid PRIMARY KEY,
    level       double precision NOT NULL,
    granted     double precision NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN rate_buckets.key IS 'a token or a session';
COMMENT ON COLUMN rate_buckets.granted IS 'what was given out last';
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("ALTER TABLE rate_buckets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY system_only ON rate_buckets USING ((SELECT leads_is_system()))")


def downgrade() -> None:
    op.execute("DROP TABLE rate_buckets")
