"""Files that could not be mapped are found by themselves: the home page counts those of the last week."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX file_uploads_failed ON file_uploads (organization_id, received_at) WHERE status = 'failed'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX file_uploads_failed")
