"""Models that a service fine-tunes for us: what was asked for, how it stands, and what came of it.

The row is the state: whoever follows a job begins where it says.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE fine_tuning_jobs (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    dataset_id      uuid REFERENCES training_datasets ON DELETE SET NULL,
    base_model      text NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN
                    ('waiting', 'training', 'evaluating', 'candidate', 'rejected', 'failed', 'cancelled')),
    cancel_asked_at timestamptz,
    service_job     text,
    service_files   text[] NOT NULL DEFAULT '{}',
    service_status  text,
    trained_tokens  bigint,
    events          jsonb NOT NULL DEFAULT '[]',
    checkpoints     jsonb NOT NULL DEFAULT '[]',
    model           text,
    evaluation      jsonb NOT NULL DEFAULT '{}',
    problem         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'failed' OR problem IS NOT NULL),
    CHECK (state NOT IN ('evaluating', 'candidate') OR model IS NOT NULL)
);
COMMENT ON COLUMN fine_tuning_jobs.evaluation IS 'counts over columns that it was not trained on, as far as they were asked';
CREATE INDEX fine_tuning_jobs_open ON fine_tuning_jobs (created_at) WHERE state IN ('waiting', 'training', 'evaluating');

ALTER TABLE fine_tuning_jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON fine_tuning_jobs USING
    ((SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()));
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE fine_tuning_jobs")
