"""Settings of an organization's own, and tokens that are replaced by others."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE organizations
    ADD COLUMN auto_apply_threshold         numeric(4, 1) CHECK (auto_apply_threshold BETWEEN 0 AND 100),
    ADD COLUMN min_confidence_threshold     numeric(4, 1) CHECK (min_confidence_threshold BETWEEN 0 AND 100),
    ADD COLUMN training_data_retention_days integer CHECK (training_data_retention_days BETWEEN 0 AND 36500),
    ADD COLUMN llm_monthly_budget_usd       numeric(12, 2) CHECK (llm_monthly_budget_usd >= 0),
    ADD COLUMN max_daily_uploads            integer CHECK (max_daily_uploads >= 0),
    ADD COLUMN max_storage_bytes            bigint CHECK (max_storage_bytes >= 0);
COMMENT ON COLUMN organizations.auto_apply_threshold IS 'NULL, here and in the settings beside it: as the deployment is set';
COMMENT ON COLUMN organizations.training_data_retention_days IS '0: deleted as soon as nobody needs them';

ALTER TABLE api_tokens ADD COLUMN replaced_by uuid REFERENCES api_tokens ON DELETE SET NULL;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("ALTER TABLE api_tokens DROP COLUMN replaced_by")
    for column in (
        "auto_apply_threshold",
        "min_confidence_threshold",
        "training_data_retention_days",
        "llm_monthly_budget_usd",
        "max_daily_uploads",
        "max_storage_bytes",
    ):
        op.execute(f"ALTER TABLE organizations DROP COLUMN {column}")
