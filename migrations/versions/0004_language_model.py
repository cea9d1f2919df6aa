"""What a language model was asked, what it said, and what that cost."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE processing_jobs
    ALTER COLUMN llm_cost_usd DROP NOT NULL,
    ADD COLUMN llm_endpoint      text,
    ADD COLUMN llm_model         text,
    ADD COLUMN llm_cached_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN llm_seconds       double precision NOT NULL DEFAULT 0,
    ADD COLUMN llm_definitions   text,
    ADD COLUMN llm_failure       text;
COMMENT ON COLUMN processing_jobs.llm_cost_usd IS 'NULL: calls were made, and what they cost is not known';
COMMENT ON COLUMN processing_jobs.llm_failure IS 'why a language model''s answers are not in the mappings';
CREATE INDEX processing_jobs_llm ON processing_jobs (finished_at) WHERE llm_calls > 0;

CREATE TABLE llm_answers (
    mapping_id      uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    endpoint        text NOT NULL,
    model           text NOT NULL,
    definitions     text NOT NULL,
    answer          text,
    belief          double precision NOT NULL CHECK (belief BETWEEN 0 AND 1),
    created_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (organization_id, mapping_id) REFERENCES field_mappings (organization_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN llm_answers.belief IS 'how sure the model said it was: no chance of being right, and never shown';
CREATE INDEX llm_answers_record ON llm_answers (endpoint, model, created_at);

CREATE TABLE llm_spending (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    month           date NOT NULL CHECK (extract(day FROM month) = 1),
    calls           bigint NOT NULL DEFAULT 0,
    tokens          bigint NOT NULL DEFAULT 0,
    cost_usd        numeric(14, 8) NOT NULL DEFAULT 0,
    unpriced_calls  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, month)
);
COMMENT ON COLUMN llm_spending.cost_usd IS 'what is known of, and what is set aside for calls under way';
"""


def upgrade() -> None:
    op.execute(UPGRADE)
    for table in ("llm_answers", "llm_spending"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(
            f"""CREATE POLICY own_rows ON {table} USING (
                (SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()))"""
        )


def downgrade() -> None:
    op.execute("DROP TABLE llm_spending, llm_answers")
    op.execute("DROP INDEX processing_jobs_llm")
    op.execute(
        """UPDATE processing_jobs SET llm_cost_usd = 0 WHERE llm_cost_usd IS NULL;
           ALTER TABLE processing_jobs ALTER COLUMN llm_cost_usd SET NOT NULL, DROP COLUMN llm_endpoint,
               DROP COLUMN llm_model, DROP COLUMN llm_cached_tokens, DROP COLUMN llm_seconds,
               DROP COLUMN llm_definitions, DROP COLUMN llm_failure"""
    )
