"""What people asked to be forgotten: one row for each erasure, from the wish to the certificate.

Whom or what it is about stands in `subject` until the work is done, and only as a keyed hash afterwards.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# No foreign key to organizations: the certificate outlives what it certifies the end of.
TABLES = """
CREATE TABLE erasures (
    id              uuid PRIMARY KEY,
    organization_id uuid,
    kind            text NOT NULL CHECK (kind IN ('person', 'upload', 'organization')),
    dry_run         boolean NOT NULL DEFAULT false,
    subject         jsonb,
    subject_hash    bytea NOT NULL CHECK (length(subject_hash) = 32),
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    token           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    dagster_run_id  text,
    looked_at       uuid,
    texts           jsonb NOT NULL DEFAULT '[]',
    outcome         jsonb NOT NULL DEFAULT '{}',
    problem         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
    CHECK (finished_at IS NULL OR (subject IS NULL AND texts = '[]')),
    CHECK (state <> 'failed' OR problem IS NOT NULL)
);
COMMENT ON COLUMN erasures.organization_id IS 'in whose data; NULL: in everybody''s';
COMMENT ON COLUMN erasures.subject IS 'whom or what it is about, until it is done';
COMMENT ON COLUMN erasures.subject_hash IS 'a keyed hash of the same, by which the certificate can be found again';
COMMENT ON COLUMN erasures.token IS 'fences: rises with every claim, and progress under an older one is refused';
COMMENT ON COLUMN erasures.looked_at IS 'the upload that was looked at last, in the order of their ids';
COMMENT ON COLUMN erasures.texts IS 'what was taken out of headers and names, to be looked for elsewhere; emptied at the end';
COMMENT ON COLUMN erasures.outcome IS 'counts and versions: the certificate';
CREATE INDEX erasures_open ON erasures (created_at) WHERE state IN ('waiting', 'running');
CREATE INDEX erasures_organization ON erasures (organization_id, created_at);

ALTER TABLE erasures ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON erasures USING
    ((SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()));

ALTER TABLE file_uploads ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN file_uploads.erased_at IS 'its contents and names are gone, its figures count on as its status says';

ALTER TABLE mapping_models ADD COLUMN withdrawn_at timestamptz;
COMMENT ON COLUMN mapping_models.withdrawn_at IS 'it had learned from examples that were erased; another is trained without';
"""

# A token that was not narrowed holds the new scope as well.
SCOPE = """
SELECT set_config('leads.scope', 'system', true);
UPDATE api_tokens SET scopes = scopes || '{erasures:write}'
WHERE scopes @> ARRAY['uploads:read', 'uploads:write', 'corrections:write', 'schema:write', 'training:read', 'audit:read'];
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(SCOPE)


def downgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute("DELETE FROM api_tokens WHERE scopes = '{erasures:write}'")
    op.execute("UPDATE api_tokens SET scopes = array_remove(scopes, 'erasures:write')")
    op.execute("ALTER TABLE mapping_models DROP COLUMN withdrawn_at")
    op.execute("ALTER TABLE file_uploads DROP COLUMN erased_at")
    op.execute("DROP TABLE erasures")
