"""What people say of how a column is transformed: beside each answer, and as it counts for the mapping."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    wishes = "CHECK ({} IN ('none', 'split', 'merge', 'value_map'))"
    op.execute(f"ALTER TABLE user_corrections ADD COLUMN transform text {wishes.format('transform')}")
    op.execute(f"ALTER TABLE field_mappings ADD COLUMN transform_wish text {wishes.format('transform_wish')}")


def downgrade() -> None:
    op.execute("ALTER TABLE field_mappings DROP COLUMN transform_wish")
    op.execute("ALTER TABLE user_corrections DROP COLUMN transform")
