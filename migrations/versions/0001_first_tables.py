"""The first tables: organizations, uploads, their processing, mappings, corrections and memory.

Every table that holds an organization's rows has forced row-level security from the start. The policies read two
settings of the transaction, `leads.organization` and `leads.scope`, which `store.database` sets.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE organizations (
    id              uuid PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 200),
    share_training  boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_tokens (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    prefix          text NOT NULL UNIQUE,
    hash            bytea NOT NULL CHECK (length(hash) = 32),
    scopes          text[] NOT NULL CHECK (cardinality(scopes) > 0),
    label           text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    CHECK (organization_id IS NOT NULL OR scopes = ARRAY['admin'])
);
CREATE INDEX api_tokens_organization ON api_tokens (organization_id);

CREATE TABLE lead_schemas (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version > 0),
    body            jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, version)
);

CREATE TABLE file_uploads (
    id                  uuid PRIMARY KEY,
    organization_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    filename            text NOT NULL,
    kind                text NOT NULL,
    size_bytes          bigint NOT NULL CHECK (size_bytes > 0),
    sha256              bytea NOT NULL CHECK (length(sha256) = 32),
    source              text NOT NULL CHECK (source IN ('rest', 'inbox')),
    source_key          text,
    status              text NOT NULL DEFAULT 'received'
                        CHECK (status IN ('received', 'processing', 'mapped', 'reviewed', 'failed', 'erased')),
    problem             jsonb,
    warnings            jsonb NOT NULL DEFAULT '[]',
    version             integer NOT NULL DEFAULT 1,
    generation          integer NOT NULL DEFAULT 0,
    sheet_count         integer NOT NULL DEFAULT 0,
    row_count           bigint NOT NULL DEFAULT 0,
    column_count        integer NOT NULL DEFAULT 0,
    mapped_count        integer NOT NULL DEFAULT 0,
    decided_count       integer NOT NULL DEFAULT 0,
    reviewed_count      integer NOT NULL DEFAULT 0,
    corrected_count     integer NOT NULL DEFAULT 0,
    received_at         timestamptz NOT NULL DEFAULT now(),
    mapped_at           timestamptz,
    reviewed_at         timestamptz,
    contents_deleted_at timestamptz,
    UNIQUE (organization_id, id),
    UNIQUE (organization_id, source_key),
    CHECK (status <> 'failed' OR problem IS NOT NULL)
);
COMMENT ON COLUMN file_uploads.version IS 'rises with every visible change: the ETag';
COMMENT ON COLUMN file_uploads.generation IS 'of the mappings that count; 0 before the first';
COMMENT ON COLUMN file_uploads.source_key IS 'names an inbox file, so that it is taken in once';
CREATE INDEX file_uploads_same_bytes ON file_uploads (organization_id, sha256);
CREATE INDEX file_uploads_totals ON file_uploads (organization_id, received_at) INCLUDE
    (status, row_count, column_count, mapped_count, decided_count, reviewed_count, corrected_count, size_bytes);

CREATE TABLE upload_contents (
    upload_id       uuid NOT NULL,
    organization_id uuid NOT NULL,
    chunk           integer NOT NULL CHECK (chunk >= 0),
    bytes           bytea NOT NULL,
    key_id          text,
    nonce           bytea,
    PRIMARY KEY (upload_id, chunk),
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE
);
-- The bytes are spreadsheets, which are compressed already, or text that is read once: not worth the processor.
ALTER TABLE upload_contents ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE sheets (
    upload_id       uuid NOT NULL,
    organization_id uuid NOT NULL,
    generation      integer NOT NULL,
    sheet_index     integer NOT NULL CHECK (sheet_index >= 0),
    name            text NOT NULL,
    header_row      integer CHECK (header_row > 0),
    row_count       bigint NOT NULL CHECK (row_count >= 0),
    column_count    integer NOT NULL CHECK (column_count >= 0),
    warnings        jsonb NOT NULL DEFAULT '[]',
    layout          jsonb NOT NULL,
    PRIMARY KEY (upload_id, generation, sheet_index),
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE processing_jobs (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    upload_id       uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('map', 'remap')),
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    token           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    dagster_run_id  text,
    model_version   text,
    schema_version  integer,
    row_count       bigint,
    column_count    integer,
    llm_calls       integer NOT NULL DEFAULT 0,
    llm_tokens      bigint NOT NULL DEFAULT 0,
    llm_cost_usd    numeric(12, 6) NOT NULL DEFAULT 0,
    timings         jsonb NOT NULL DEFAULT '{}',
    error_code      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'failed' OR error_code IS NOT NULL)
);
COMMENT ON COLUMN processing_jobs.token IS 'fences: rises with every claim, and an outcome under an older one is refused';
CREATE UNIQUE INDEX processing_jobs_one_open ON processing_jobs (upload_id) WHERE state IN ('waiting', 'running');
CREATE INDEX processing_jobs_waiting ON processing_jobs (organization_id, created_at) WHERE state = 'waiting';
CREATE INDEX processing_jobs_poison ON processing_jobs (attempts) WHERE state IN ('waiting', 'running') AND attempts >= 3;
CREATE INDEX processing_jobs_leases ON processing_jobs (lease_until) WHERE state = 'running';
CREATE INDEX processing_jobs_upload ON processing_jobs (upload_id, created_at);
CREATE INDEX processing_jobs_finished ON processing_jobs (organization_id, finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE drains (
    id              uuid PRIMARY KEY,
    dagster_run_id  text NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    heartbeat_at    timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    stopped_because text
);
CREATE INDEX drains_alive ON drains (heartbeat_at) WHERE ended_at IS NULL;

CREATE TABLE run_failures (
    dagster_run_id  text PRIMARY KEY,
    job             text NOT NULL,
    error           text NOT NULL,
    failed_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE field_mappings (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    upload_id       uuid NOT NULL,
    generation      integer NOT NULL,
    sheet_index     integer NOT NULL CHECK (sheet_index >= 0),
    column_index    integer NOT NULL CHECK (column_index >= 0),
    header          text NOT NULL,
    profile         jsonb NOT NULL,
    predicted       text,
    target          text,
    confidence      numeric(4, 1) NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    method          text NOT NULL CHECK (method IN ('memory', 'model', 'llm', 'rule')),
    auto_applied    boolean NOT NULL,
    applied         boolean NOT NULL,
    review          text CHECK (review IN ('confirmed', 'corrected', 'unseated')),
    transform       jsonb,
    alternatives    jsonb NOT NULL DEFAULT '[]',
    explanation     text NOT NULL DEFAULT '',
    header_key      text NOT NULL,
    value_class     text NOT NULL,
    neighbours      text NOT NULL,
    model_version   text NOT NULL,
    schema_version  integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (upload_id, generation, sheet_index, column_index),
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE user_corrections (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    upload_id       uuid NOT NULL,
    mapping_id      uuid NOT NULL,
    predicted       text,
    corrected       text,
    kind            text NOT NULL CHECK (kind IN ('confirmed', 'corrected', 'unseated')),
    caused_by       uuid REFERENCES user_corrections ON DELETE CASCADE,
    comment         text CHECK (length(comment) <= 2000),
    reviewer        text CHECK (length(reviewer) <= 200),
    created_at      timestamptz NOT NULL DEFAULT now(),
    undone_at       timestamptz,
    position        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    FOREIGN KEY (organization_id, mapping_id) REFERENCES field_mappings (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, upload_id) REFERENCES file_uploads (organization_id, id) ON DELETE CASCADE,
    CHECK ((kind = 'unseated') = (caused_by IS NOT NULL))
);
COMMENT ON COLUMN user_corrections.position IS 'orders the answers about one mapping, whatever clocks say';
COMMENT ON COLUMN user_corrections.caused_by IS 'the correction that took this column''s field away';
CREATE INDEX user_corrections_mapping ON user_corrections (mapping_id, position);
CREATE INDEX user_corrections_upload ON user_corrections (upload_id);
CREATE INDEX user_corrections_recent ON user_corrections (organization_id, created_at);
CREATE INDEX user_corrections_caused ON user_corrections (caused_by) WHERE caused_by IS NOT NULL;

CREATE TABLE memory_entries (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    header_key      text NOT NULL,
    value_class     text NOT NULL,
    neighbours      text NOT NULL,
    target          text,
    support         integer NOT NULL,
    last_at         timestamptz NOT NULL DEFAULT now()
);
-- A missing target is an answer ("no target"), and NULLs are never equal in an index before PostgreSQL 15.
CREATE UNIQUE INDEX memory_entries_key ON memory_entries
    (organization_id, header_key, value_class, neighbours, (coalesce(target, '')));

CREATE TABLE field_patterns (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    header_key      text NOT NULL,
    predicted       text,
    header          text NOT NULL,
    seen            bigint NOT NULL,
    confidence_sum  double precision NOT NULL,
    last_seen       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX field_patterns_key ON field_patterns (organization_id, header_key, (coalesce(predicted, '')));

CREATE TABLE training_datasets (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version > 0),
    status          text NOT NULL CHECK (status IN ('building', 'frozen', 'withdrawn', 'failed')),
    parameters      jsonb NOT NULL,
    content_hash    bytea CHECK (length(content_hash) = 32),
    counts          jsonb NOT NULL DEFAULT '{}',
    quality_score   numeric(4, 1) CHECK (quality_score BETWEEN 0 AND 100),
    quality_reasons jsonb NOT NULL DEFAULT '[]',
    card            jsonb NOT NULL DEFAULT '{}',
    lineage         jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    frozen_at       timestamptz,
    CHECK (status <> 'frozen' OR (content_hash IS NOT NULL AND frozen_at IS NOT NULL))
);
CREATE UNIQUE INDEX training_datasets_version ON training_datasets
    ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)), version);

CREATE TABLE model_performance (
    id                uuid PRIMARY KEY,
    organization_id   uuid REFERENCES organizations ON DELETE CASCADE,
    model_version     text NOT NULL,
    measured_on       text NOT NULL CHECK (measured_on IN ('online', 'golden', 'held_out')),
    field             text,
    window_start      timestamptz,
    window_end        timestamptz,
    columns           bigint NOT NULL CHECK (columns >= 0),
    reviewed          bigint NOT NULL DEFAULT 0 CHECK (reviewed >= 0),
    accuracy          double precision CHECK (accuracy BETWEEN 0 AND 1),
    wrong_map_rate    double precision CHECK (wrong_map_rate BETWEEN 0 AND 1),
    coverage          double precision CHECK (coverage BETWEEN 0 AND 1),
    calibration_error double precision CHECK (calibration_error BETWEEN 0 AND 1),
    llm_cost_usd      numeric(12, 6),
    measured_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (window_end >= window_start)
);
CREATE INDEX model_performance_history ON model_performance (model_version, field, measured_at);

CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    key             text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    operation       text NOT NULL,
    fingerprint     bytea,
    status          integer,
    headers         jsonb,
    body            jsonb,
    locked_until    timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
"""

OWN_ROWS = (
    "api_tokens",
    "lead_schemas",
    "file_uploads",
    "upload_contents",
    "sheets",
    "processing_jobs",
    "field_mappings",
    "user_corrections",
    "memory_entries",
    "field_patterns",
    "idempotency_keys",
)
SYSTEM_ROWS = ("drains", "run_failures")
SHARED_ROWS = ("training_datasets", "model_performance")

SCOPE = """
CREATE FUNCTION leads_organization() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('leads.organization', true), '')::uuid $$;
CREATE FUNCTION leads_is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('leads.scope', true), '') = 'system' $$;
"""

# The functions stand in sub-selects so that a query evaluates them once, not once a row.
IS_OWN = "organization_id = (SELECT leads_organization())"
IS_SYSTEM = "(SELECT leads_is_system())"


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS dagster")
    op.execute(SCOPE)
    op.execute(TABLES)
    for table in ("organizations", *SYSTEM_ROWS, *OWN_ROWS, *SHARED_ROWS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for table in OWN_ROWS:
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({IS_SYSTEM} OR {IS_OWN})")
    for table in SHARED_ROWS:
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({IS_SYSTEM} OR {IS_OWN})")
        op.execute(f"CREATE POLICY shared_rows ON {table} FOR SELECT USING (organization_id IS NULL)")
    op.execute(f"CREATE POLICY own_row ON organizations USING ({IS_SYSTEM} OR id = (SELECT leads_organization()))")
    for table in SYSTEM_ROWS:
        op.execute(f"CREATE POLICY system_only ON {table} USING ({IS_SYSTEM})")


def downgrade() -> None:
    for table in reversed(("organizations", *SYSTEM_ROWS, *OWN_ROWS, *SHARED_ROWS)):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION leads_organization(), leads_is_system()")
