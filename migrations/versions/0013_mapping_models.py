"""Models and their trials: what was trained, what is in use, and how a challenger does beside the champion.

A model's artifact lies in the database, in pieces, since web process and worker may be on different machines.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = """
CREATE SEQUENCE mapping_model_versions;

CREATE TABLE mapping_models (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    version         integer NOT NULL UNIQUE DEFAULT nextval('mapping_model_versions') CHECK (version > 0),
    name            text NOT NULL UNIQUE,
    status          text NOT NULL CHECK (status IN ('candidate', 'champion', 'challenger', 'retired', 'rejected')),
    shipped         boolean NOT NULL DEFAULT false,
    base            text NOT NULL,
    dataset_id      uuid REFERENCES training_datasets ON DELETE SET NULL,
    inputs_hash     bytea CHECK (length(inputs_hash) = 32),
    content_hash    bytea CHECK (length(content_hash) = 32),
    seed            bigint,
    feature_version integer NOT NULL,
    metrics         jsonb NOT NULL DEFAULT '{}',
    card            jsonb NOT NULL DEFAULT '{}',
    reason          text,
    artifact_bytes  bigint NOT NULL DEFAULT 0 CHECK (artifact_bytes >= 0),
    dagster_run_id  text,
    replaced        uuid REFERENCES mapping_models ON DELETE SET NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    promoted_at     timestamptz,
    ended_at        timestamptz,
    CHECK (shipped OR (inputs_hash IS NOT NULL AND content_hash IS NOT NULL)),
    CHECK (status <> 'champion' OR promoted_at IS NOT NULL)
);
COMMENT ON COLUMN mapping_models.name IS 'what field_mappings.model_version says';
COMMENT ON COLUMN mapping_models.shipped IS 'comes with the package, and has no artifact here';
COMMENT ON COLUMN mapping_models.replaced IS 'the champion before, which a rollback goes back to';
CREATE UNIQUE INDEX mapping_models_champion ON mapping_models
    ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid))) WHERE status = 'champion';
CREATE INDEX mapping_models_dataset ON mapping_models (dataset_id);

CREATE TABLE mapping_model_chunks (
    model_id        uuid NOT NULL REFERENCES mapping_models ON DELETE CASCADE,
    position        integer NOT NULL CHECK (position >= 0),
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    bytes           bytea NOT NULL CHECK (length(bytes) <= 1048576),
    PRIMARY KEY (model_id, position)
);

CREATE TABLE experiments (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('trial', 'probation')),
    champion_id     uuid NOT NULL REFERENCES mapping_models ON DELETE CASCADE,
    challenger_id   uuid NOT NULL REFERENCES mapping_models ON DELETE CASCADE,
    share           real NOT NULL CHECK (share BETWEEN 0 AND 1),
    outcome         text NOT NULL DEFAULT 'running'
                    CHECK (outcome IN ('running', 'promoted', 'stopped', 'rolled_back', 'kept', 'overtaken')),
    reason          text,
    evidence        jsonb NOT NULL DEFAULT '{}',
    started_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CHECK ((outcome = 'running') = (ended_at IS NULL))
);
COMMENT ON COLUMN experiments.kind IS 'trial: may the challenger take over; probation: was it right to let it';
COMMENT ON COLUMN experiments.share IS 'of the templates that the challenger maps for real';
CREATE UNIQUE INDEX experiments_running ON experiments
    ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid))) WHERE outcome = 'running';

CREATE TABLE shadow_mappings (
    experiment_id   uuid NOT NULL REFERENCES experiments ON DELETE CASCADE,
    organization_id uuid NOT NULL,
    upload_id       uuid NOT NULL,
    generation      integer NOT NULL,
    by_challenger   boolean NOT NULL,
    milliseconds    real NOT NULL,
    shadow_milliseconds real NOT NULL,
    columns         integer NOT NULL,
    different       jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (upload_id, generation, experiment_id),
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN shadow_mappings.by_challenger IS 'the challenger mapped the upload, and the champion was the shadow';
COMMENT ON COLUMN shadow_mappings.different IS '[sheet, column, field or null, confidence] where the shadow said otherwise';
CREATE INDEX shadow_mappings_experiment ON shadow_mappings (experiment_id);
"""

SHARED_ROWS = ("mapping_models", "mapping_model_chunks", "experiments")
OWN_ROWS = ("shadow_mappings",)

IS_OWN = "organization_id = (SELECT leads_organization())"
IS_SYSTEM = "(SELECT leads_is_system())"


def upgrade() -> None:
    op.execute(TABLES)
    for table in (*SHARED_ROWS, *OWN_ROWS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({IS_SYSTEM} OR {IS_OWN})")
    for table in SHARED_ROWS:
        op.execute(f"CREATE POLICY shared_rows ON {table} FOR SELECT USING (organization_id IS NULL)")


def downgrade() -> None:
    for table in reversed((*SHARED_ROWS, *OWN_ROWS)):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP SEQUENCE mapping_model_versions")
