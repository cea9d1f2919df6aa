"""What is learned from: anonymised examples, the datasets that they are in, and requests for datasets.

A dataset's rows name examples, and an example goes with its upload; a trigger marks the datasets that it was in as
withdrawn, whoever deletes it and however.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE user_corrections ADD COLUMN as_rest boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN user_corrections.as_rest IS 'confirmed with the rest of its upload, not by itself';

ALTER TABLE file_uploads ADD COLUMN examples_version integer, ADD COLUMN examples_attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN examples_problem text;
COMMENT ON COLUMN file_uploads.examples_version IS 'of the upload, when its examples were brought up to date';
CREATE INDEX file_uploads_examples_due ON file_uploads (reviewed_at, id)
    WHERE (reviewed_count > 0 OR examples_version IS NOT NULL) AND examples_version IS DISTINCT FROM version
      AND examples_attempts < 3;

CREATE TABLE organization_keys (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    pseudonym_key   bytea NOT NULL CHECK (length(pseudonym_key) = 32),
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE organization_keys IS 'Pseudonyms are made with it; when the organization goes, nobody can make them again.';

CREATE TABLE category_sightings (
    digest          text NOT NULL CHECK (length(digest) = 32),
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    PRIMARY KEY (digest, organization_id)
);
CREATE INDEX category_sightings_organization ON category_sightings (organization_id);

CREATE TABLE common_categories (
    digest          text PRIMARY KEY CHECK (length(digest) = 32),
    since           timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE common_categories IS 'those that enough organizations have; stays when one of them goes';

CREATE TABLE training_templates (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    template        bytea NOT NULL CHECK (length(template) = 16),
    family          bytea NOT NULL CHECK (length(family) = 16),
    header_keys     text[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, template)
);
COMMENT ON COLUMN training_templates.family IS 'templates that differ by a few columns; a split never divides one';
CREATE INDEX training_templates_headers ON training_templates USING gin (header_keys);
CREATE INDEX training_templates_template ON training_templates (template);

CREATE TABLE training_examples (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    upload_id       uuid NOT NULL,
    mapping_id      uuid NOT NULL UNIQUE,
    sheet_index     integer NOT NULL,
    column_index    integer NOT NULL,
    template        bytea NOT NULL CHECK (length(template) = 16),
    family          bytea NOT NULL CHECK (length(family) = 16),
    language        text NOT NULL,
    header          text NOT NULL,
    header_key      text NOT NULL,
    value_class     text NOT NULL,
    profile         jsonb NOT NULL,
    surrogates      jsonb NOT NULL,
    dropped         jsonb NOT NULL DEFAULT '{}',
    feature_version integer NOT NULL,
    content_hash    bytea NOT NULL CHECK (length(content_hash) = 32),
    predicted       text,
    target          text,
    confidence      real NOT NULL,
    method          text NOT NULL,
    evidence        text CHECK (evidence IN ('corrected', 'confirmed', 'reviewed', 'unreviewed')),
    correction_id   uuid,
    reviewer        text,
    answered_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, mapping_id) REFERENCES field_mappings (organization_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN training_examples.evidence IS 'NULL: the column only stands beside others';
COMMENT ON COLUMN training_examples.reviewer IS 'a pseudonym by the organization''s key';
CREATE INDEX training_examples_upload ON training_examples (upload_id);

ALTER TABLE training_datasets
    ADD COLUMN example_count integer NOT NULL DEFAULT 0,
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_because text,
    ADD CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL));

CREATE TABLE dataset_examples (
    dataset_id      uuid NOT NULL REFERENCES training_datasets ON DELETE CASCADE,
    position        integer NOT NULL,
    organization_id uuid NOT NULL,
    example_id      uuid NOT NULL REFERENCES training_examples ON DELETE CASCADE,
    column_key      bigint NOT NULL,
    split           text NOT NULL CHECK (split IN ('train', 'validation', 'test')),
    target          text,
    evidence        text,
    correction_id   uuid,
    copies          integer NOT NULL,
    agreement       real NOT NULL,
    quality         real NOT NULL CHECK (quality BETWEEN 0 AND 100),
    reasons         integer NOT NULL,
    weight          real NOT NULL CHECK (weight >= 0),
    PRIMARY KEY (dataset_id, position)
);
COMMENT ON COLUMN dataset_examples.weight IS '0: not learned from, only seen beside the others of its sheet';
CREATE INDEX dataset_examples_example ON dataset_examples (example_id);

CREATE TABLE dataset_requests (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    parameters      jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    dagster_run_id  text,
    dataset_id      uuid REFERENCES training_datasets ON DELETE SET NULL,
    unchanged       boolean NOT NULL DEFAULT false,
    problem         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK (state <> 'failed' OR problem IS NOT NULL)
);
CREATE INDEX dataset_requests_open ON dataset_requests (created_at) WHERE state IN ('waiting', 'running');
CREATE INDEX dataset_requests_organization ON dataset_requests (organization_id, created_at);
"""

# Whoever deletes an upload of theirs touches shared datasets, too: the function sees them all, for its own length.
WITHDRAWAL = """
CREATE FUNCTION withdraw_datasets() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    scope text := coalesce(current_setting('leads.scope', true), '');
BEGIN
    PERFORM set_config('leads.scope', 'system', true);
    UPDATE training_datasets d SET status = 'withdrawn', withdrawn_at = now(),
        withdrawn_because = 'Examples that it holds were erased with their upload.'
    WHERE d.status = 'frozen' AND d.id IN (SELECT dataset_id FROM gone);
    PERFORM set_config('leads.scope', scope, true);
    RETURN NULL;
END $$;
CREATE TRIGGER dataset_examples_erased AFTER DELETE ON dataset_examples
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION withdraw_datasets();
"""

OWN_ROWS = (
    "organization_keys",
    "category_sightings",
    "training_templates",
    "training_examples",
    "dataset_examples",
    "dataset_requests",
)
SYSTEM_ROWS = ("common_categories",)

IS_OWN = "organization_id = (SELECT leads_organization())"
IS_SYSTEM = "(SELECT leads_is_system())"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(WITHDRAWAL)
    for table in (*OWN_ROWS, *SYSTEM_ROWS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for table in OWN_ROWS:
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({IS_SYSTEM} OR {IS_OWN})")
    for table in SYSTEM_ROWS:
        op.execute(f"CREATE POLICY system_only ON {table} USING ({IS_SYSTEM})")


def downgrade() -> None:
    for table in reversed((*OWN_ROWS, *SYSTEM_ROWS)):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION withdraw_datasets()")
    op.execute(
        "ALTER TABLE training_datasets DROP COLUMN example_count, DROP COLUMN withdrawn_at, DROP COLUMN withdrawn_because"
    )
    op.execute("DROP INDEX file_uploads_examples_due")
    op.execute(
        "ALTER TABLE file_uploads DROP COLUMN examples_version, DROP COLUMN examples_attempts, DROP COLUMN examples_problem"
    )
    op.execute("ALTER TABLE user_corrections DROP COLUMN as_rest")
