"""Models may be asked for: rows that wait until a run trains what they ask for."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE model_requests (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    parameters      jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    dagster_run_id  text,
    model_id        uuid REFERENCES mapping_models ON DELETE SET NULL,
    problem         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK (state <> 'failed' OR problem IS NOT NULL)
);
COMMENT ON COLUMN model_requests.organization_id IS 'whose own model; NULL: the shared one';
CREATE INDEX model_requests_open ON model_requests (created_at) WHERE state IN ('waiting', 'running');
CREATE INDEX model_requests_organization ON model_requests (organization_id, created_at);
CREATE INDEX model_requests_model ON model_requests (model_id);

ALTER TABLE model_requests ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON model_requests
    USING ((SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()));
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE model_requests")
