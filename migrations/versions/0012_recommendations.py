"""What headers came to, and what to do next: counts by header and day, recommendations, and weekly summaries."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE performance_headers (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    day             date NOT NULL,
    header_key      text NOT NULL,
    predicted       text,
    target          text,
    reviewed        boolean NOT NULL,
    columns         bigint NOT NULL CHECK (columns > 0),
    undecided       bigint NOT NULL,
    waiting         bigint NOT NULL,
    recalled        bigint NOT NULL,
    confidence_sum  double precision NOT NULL,
    sample          uuid
);
COMMENT ON TABLE performance_headers IS 'columns of the files that were mapped on a day (UTC), by header';
COMMENT ON COLUMN performance_headers.waiting IS 'undecided, and nobody has answered; sample is the newest of them';
COMMENT ON COLUMN performance_headers.recalled IS 'answered by memory';
CREATE INDEX performance_headers_day ON performance_headers (organization_id, day);

ALTER TABLE field_patterns ADD COLUMN reviewed bigint NOT NULL DEFAULT 0, ADD COLUMN correct bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN field_patterns.reviewed IS 'columns of fully reviewed files; correct: those of them that were right';

CREATE TABLE recommendations (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    kind            text NOT NULL,
    key             text NOT NULL,
    rank            integer NOT NULL CHECK (rank > 0),
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'checked')),
    title           text NOT NULL,
    because         text NOT NULL,
    evidence        jsonb NOT NULL,
    reviews_saved   double precision,
    accuracy_gain   double precision,
    effort_minutes  double precision NOT NULL CHECK (effort_minutes > 0),
    steps           jsonb NOT NULL,
    watch           jsonb NOT NULL,
    outcome         jsonb,
    first_at        timestamptz NOT NULL DEFAULT now(),
    last_at         timestamptz NOT NULL DEFAULT now(),
    closed_at       timestamptz,
    checked_at      timestamptz,
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state = 'checked') = (outcome IS NOT NULL))
);
COMMENT ON COLUMN recommendations.key IS 'the same for the same advice, so that it stays one row while it holds';
COMMENT ON COLUMN recommendations.reviews_saved IS 'columns in four weeks that a person need not look at; NULL: not known';
COMMENT ON COLUMN recommendations.accuracy_gain IS 'as a share of all columns; NULL: not known';
COMMENT ON COLUMN recommendations.watch IS 'the columns that it is about, and how they fared: what its gain is checked by';
CREATE UNIQUE INDEX recommendations_open ON recommendations
    ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)), key) WHERE state = 'open';
CREATE INDEX recommendations_shown ON recommendations (organization_id, state, rank);

CREATE TABLE recommendation_runs (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    made_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE weekly_summaries (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    monday          date NOT NULL CHECK (extract(isodow FROM monday) = 1),
    body            text NOT NULL,
    figures         jsonb NOT NULL,
    written_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN weekly_summaries.organization_id IS 'NULL: all organizations together, for the deployment';
CREATE UNIQUE INDEX weekly_summaries_week ON weekly_summaries
    ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)), monday);

-- Days are counted by header from now on: those that were counted without it are due again.
UPDATE file_uploads SET measured_version = NULL WHERE measured_version IS NOT NULL;
"""

OWN_ROWS = ("performance_headers", "recommendations", "recommendation_runs", "weekly_summaries")


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
    for table in reversed(OWN_ROWS):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE field_patterns DROP COLUMN reviewed, DROP COLUMN correct")
