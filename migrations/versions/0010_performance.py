"""How well files are mapped, over time: what each day brought, as counts that add up, and what was measured of them.

`performance_columns` and `performance_uploads` hold a day's counts; any span of days is their sum. A day is counted anew when
an upload of it has changed, so that a daily measurement costs what changed and not what is stored.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE sheets ADD COLUMN language text NOT NULL DEFAULT 'und';
COMMENT ON COLUMN sheets.language IS 'of its headers; und where none is known';

ALTER TABLE field_mappings ADD COLUMN decided boolean;
COMMENT ON COLUMN field_mappings.decided IS 'no person is asked, sure "no target" included; NULL: older than this column';

ALTER TABLE field_patterns ADD COLUMN first_seen timestamptz NOT NULL DEFAULT now();
UPDATE field_patterns p SET first_seen = f.first_seen FROM (
    SELECT organization_id, header_key, min(created_at) AS first_seen FROM field_mappings GROUP BY 1, 2) f
WHERE f.organization_id = p.organization_id AND f.header_key = p.header_key;

ALTER TABLE file_uploads
    ADD COLUMN audit_share real CHECK (audit_share > 0 AND audit_share <= 1),
    ADD COLUMN measured_version integer,
    ADD COLUMN measured_day date;
COMMENT ON COLUMN file_uploads.audit_share IS 'drawn at random with this chance, for a full review; NULL: not drawn';
COMMENT ON COLUMN file_uploads.measured_version IS 'of the upload, when its day was counted last';
CREATE INDEX file_uploads_measure_due ON file_uploads (organization_id, reviewed_at)
    WHERE generation > 0 AND measured_version IS DISTINCT FROM version;
CREATE INDEX file_uploads_mapped ON file_uploads (organization_id, mapped_at) WHERE generation > 0;
CREATE INDEX file_uploads_audit ON file_uploads (organization_id, mapped_at) WHERE audit_share IS NOT NULL;

CREATE TABLE performance_columns (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    day             date NOT NULL,
    basis           text NOT NULL CHECK (basis IN ('unreviewed', 'reviewed', 'audited')),
    model_version   text NOT NULL,
    language        text NOT NULL,
    method          text NOT NULL,
    predicted       text,
    target          text,
    decided         boolean NOT NULL,
    band            smallint NOT NULL CHECK (band BETWEEN 0 AND 9),
    columns         bigint NOT NULL CHECK (columns > 0),
    confidence_sum  double precision NOT NULL,
    new_headers     bigint NOT NULL
);
COMMENT ON TABLE performance_columns IS 'columns of the files that were mapped on a day (UTC), counted';
COMMENT ON COLUMN performance_columns.basis IS 'reviewed: as a whole; audited: and drawn at random';
COMMENT ON COLUMN performance_columns.target IS 'what people said is right, NULL: no target, or unreviewed';
COMMENT ON COLUMN performance_columns.band IS 'tenth of the confidence';
CREATE INDEX performance_columns_day ON performance_columns (organization_id, day);

CREATE TABLE performance_uploads (
    organization_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    day                 date NOT NULL,
    basis               text NOT NULL CHECK (basis IN ('unreviewed', 'reviewed', 'audited')),
    model_version       text NOT NULL,
    language            text NOT NULL,
    drawn               bigint NOT NULL,
    uploads             bigint NOT NULL CHECK (uploads > 0),
    columns             bigint NOT NULL,
    decided             bigint NOT NULL,
    accepted            bigint NOT NULL,
    correct             bigint NOT NULL,
    columns_squared     bigint NOT NULL,
    correct_squared     bigint NOT NULL,
    columns_correct     bigint NOT NULL,
    corrections         bigint NOT NULL,
    corrections_squared bigint NOT NULL,
    llm_uploads         bigint NOT NULL,
    llm_calls           bigint NOT NULL,
    llm_tokens          bigint NOT NULL,
    llm_cost_usd        numeric(14, 6) NOT NULL,
    llm_unpriced_calls  bigint NOT NULL,
    timed               bigint NOT NULL,
    work_seconds        double precision NOT NULL,
    wait_seconds        double precision NOT NULL,
    in_time             bigint NOT NULL
);
COMMENT ON TABLE performance_uploads IS 'files that were mapped on a day (UTC), by the language of their largest sheet';
COMMENT ON COLUMN performance_uploads.drawn IS 'drawn at random for the audit, reviewed or not';
COMMENT ON COLUMN performance_uploads.accepted IS 'mappings to a field that count: applied by the gate, or by a person';
COMMENT ON COLUMN performance_uploads.correct IS 'columns of reviewed uploads that needed no correction; 0 for the others';
COMMENT ON COLUMN performance_uploads.columns_squared IS 'summed over uploads, like the next two';
COMMENT ON COLUMN performance_uploads.work_seconds IS 'from claim to outcome; wait_seconds from request to outcome';
CREATE INDEX performance_uploads_day ON performance_uploads (organization_id, day);

ALTER TABLE model_performance
    ALTER COLUMN model_version DROP NOT NULL,
    DROP CONSTRAINT model_performance_measured_on_check,
    ADD CONSTRAINT model_performance_measured_on_check CHECK (measured_on IN ('online', 'audit', 'golden', 'held_out')),
    ADD COLUMN language                 text,
    ADD COLUMN uploads                  bigint,
    ADD COLUMN reviewed_uploads         bigint,
    ADD COLUMN accuracy_low             double precision,
    ADD COLUMN accuracy_high            double precision,
    ADD COLUMN mapped                   bigint,
    ADD COLUMN wrong_map_low            double precision,
    ADD COLUMN wrong_map_high           double precision,
    ADD COLUMN coverage_low             double precision,
    ADD COLUMN coverage_high            double precision,
    ADD COLUMN corrections_per_upload   double precision,
    ADD COLUMN corrections_low          double precision,
    ADD COLUMN corrections_high         double precision,
    ADD COLUMN memory_share             double precision,
    ADD COLUMN llm_share                double precision,
    ADD COLUMN llm_calls                bigint,
    ADD COLUMN llm_tokens               bigint,
    ADD COLUMN accepted                 bigint,
    ADD COLUMN cost_per_accepted_usd    double precision,
    ADD COLUMN seconds_per_upload       double precision,
    ADD COLUMN in_time_share            double precision,
    ADD COLUMN new_header_share         double precision,
    ADD COLUMN audit_response           double precision;
COMMENT ON COLUMN model_performance.model_version IS 'NULL: all that mapped in the window';
COMMENT ON COLUMN model_performance.field IS 'NULL: all; "(none)": no target';
COMMENT ON COLUMN model_performance.measured_on IS 'online: fully reviewed uploads; audit: the drawn ones of them';
COMMENT ON COLUMN model_performance.accuracy_low IS 'bounds of the 95 % interval, like all that end in low and high';
COMMENT ON COLUMN model_performance.accuracy IS 'of the columns that hold the field, the share that was mapped to it';
COMMENT ON COLUMN model_performance.wrong_map_rate IS 'of the columns mapped to the field, the share that is wrong';
CREATE INDEX model_performance_window ON model_performance (organization_id, window_end);
-- How all organizations together fare is the deployment's; what a golden set says of a model is everybody's.
DROP POLICY shared_rows ON model_performance;
CREATE POLICY shared_rows ON model_performance FOR SELECT
    USING (organization_id IS NULL AND measured_on IN ('golden', 'held_out'));
"""

OWN_ROWS = ("performance_columns", "performance_uploads")


def upgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute(TABLES)
    for table in OWN_ROWS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(
            f"""CREATE POLICY own_rows ON {table} USING (
                (SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()))"""
        )


def downgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute(
        """DROP POLICY shared_rows ON model_performance;
           CREATE POLICY shared_rows ON model_performance FOR SELECT USING (organization_id IS NULL);
           DROP INDEX model_performance_window;
           DELETE FROM model_performance WHERE measured_on = 'audit' OR model_version IS NULL;
           ALTER TABLE model_performance
               DROP CONSTRAINT model_performance_measured_on_check,
               ADD CONSTRAINT model_performance_measured_on_check CHECK (measured_on IN ('online', 'golden', 'held_out')),
               ALTER COLUMN model_version SET NOT NULL,
               DROP COLUMN language, DROP COLUMN uploads, DROP COLUMN reviewed_uploads, DROP COLUMN accuracy_low,
               DROP COLUMN accuracy_high, DROP COLUMN mapped, DROP COLUMN wrong_map_low, DROP COLUMN wrong_map_high,
               DROP COLUMN coverage_low, DROP COLUMN coverage_high, DROP COLUMN corrections_per_upload,
               DROP COLUMN corrections_low, DROP COLUMN corrections_high, DROP COLUMN memory_share, DROP COLUMN llm_share,
               DROP COLUMN llm_calls, DROP COLUMN llm_tokens, DROP COLUMN accepted, DROP COLUMN cost_per_accepted_usd,
               DROP COLUMN seconds_per_upload, DROP COLUMN in_time_share, DROP COLUMN new_header_share,
               DROP COLUMN audit_response;
           DROP TABLE performance_columns, performance_uploads;
           DROP INDEX file_uploads_measure_due, file_uploads_mapped, file_uploads_audit;
           ALTER TABLE file_uploads DROP COLUMN audit_share, DROP COLUMN measured_version, DROP COLUMN measured_day;
           ALTER TABLE field_patterns DROP COLUMN first_seen;
           ALTER TABLE field_mappings DROP COLUMN decided;
           ALTER TABLE sheets DROP COLUMN language"""
    )
