"""Amendments to the definitions of fields that a language model is told, in versions, with their evidence."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE llm_definitions (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version > 0),
    status          text NOT NULL CHECK (status IN ('applied', 'rejected', 'retired')),
    definitions     text NOT NULL,
    amendments      jsonb NOT NULL,
    evidence        jsonb NOT NULL,
    gain            jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, version)
);
CREATE UNIQUE INDEX llm_definitions_in_use ON llm_definitions (organization_id) WHERE status = 'applied';
COMMENT ON COLUMN llm_definitions.definitions IS 'names the text of all definitions; answers carry it, too';
ALTER TABLE llm_definitions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON llm_definitions USING (
    (SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()));
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE llm_definitions")
