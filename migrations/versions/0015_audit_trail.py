"""The audit trail: events that nobody may change, and the seals that chain them.

An event is inserted in the transaction of what it tells of, and is only chained later, by one sealer. What waits for its seal
stands in `audit_unsealed`: a cursor over the events would lose those whose transaction ends late.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# No foreign keys: what was done outlives what it was done to.
TABLES = """
CREATE TABLE audit_events (
    id              uuid PRIMARY KEY,
    organization_id uuid,
    happened_at     timestamptz NOT NULL,
    actor_kind      text NOT NULL CHECK (actor_kind IN ('token', 'person', 'operator', 'dagster', 'system', 'nobody')),
    actor           text NOT NULL CHECK (actor ~ '^[A-Za-z0-9_.-]{0,80}$'),
    action          text NOT NULL CHECK (action ~ '^[a-z_]+\\.[A-Za-z_]+$'),
    object_kind     text CHECK (object_kind ~ '^[a-z_]+$'),
    object          text CHECK (object ~ '^[A-Za-z0-9_.:-]{1,80}$'),
    network         bytea CHECK (length(network) = 16),
    details         jsonb NOT NULL DEFAULT '{}',
    CHECK ((object IS NULL) = (object_kind IS NULL))
);
COMMENT ON TABLE audit_events IS 'Who did what to what, when, from where. Holds no personal data, and is never changed.';
COMMENT ON COLUMN audit_events.actor IS 'the prefix of a token, a pseudonym of a person, the id of a run';
COMMENT ON COLUMN audit_events.network IS 'a keyed hash of the network that it came from';
CREATE INDEX audit_events_organization ON audit_events (organization_id, id);
CREATE INDEX audit_events_time ON audit_events (happened_at);

CREATE TABLE audit_seals (
    position        bigint PRIMARY KEY CHECK (position > 0),
    event_id        uuid NOT NULL UNIQUE,
    organization_id uuid,
    sealed_at       timestamptz NOT NULL,
    hash            bytea NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON COLUMN audit_seals.hash IS 'of the event, its place, and the hash before: a change of any byte breaks the chain';

CREATE TABLE audit_head (
    id              boolean PRIMARY KEY DEFAULT true CHECK (id),
    position        bigint NOT NULL,
    hash            bytea NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON TABLE audit_head IS 'The newest seal once more: seals that are cut off at the end are missed.';
INSERT INTO audit_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_unsealed (
    event_id        uuid PRIMARY KEY
);
"""

# The database's clock dates events, so that nobody dates one back.
RULES = """
CREATE FUNCTION audit_dated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.happened_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER audit_events_dated BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_dated();

CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_events_wait AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_waits();

CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_events_final BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_is_final();
CREATE TRIGGER audit_events_whole BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_is_final();
CREATE TRIGGER audit_seals_final BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_is_final();
CREATE TRIGGER audit_seals_whole BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION audit_is_final();

CREATE FUNCTION audit_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.position <= OLD.position THEN
        RAISE EXCEPTION 'The head of the audit trail only moves on.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_head_goes_on BEFORE UPDATE OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_goes_on();

REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_seals FROM PUBLIC, CURRENT_USER;
"""

# A token that was not narrowed holds the new scope as well.
SCOPE = """
SELECT set_config('leads.scope', 'system', true);
UPDATE api_tokens SET scopes = scopes || '{audit:read}'
WHERE scopes @> ARRAY['uploads:read', 'uploads:write', 'corrections:write', 'schema:write', 'training:read'];
"""

IS_OWN = "organization_id = (SELECT leads_organization())"
IS_SYSTEM = "(SELECT leads_is_system())"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RULES)
    for table in ("audit_events", "audit_seals", "audit_head", "audit_unsealed"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for table in ("audit_events", "audit_seals"):
        op.execute(f"CREATE POLICY own_rows ON {table} FOR SELECT USING ({IS_SYSTEM} OR {IS_OWN})")
    op.execute(f"CREATE POLICY own_events ON audit_events FOR INSERT WITH CHECK ({IS_SYSTEM} OR {IS_OWN})")
    op.execute(f"CREATE POLICY system_seals ON audit_seals FOR INSERT WITH CHECK ({IS_SYSTEM})")
    op.execute(f"CREATE POLICY system_only ON audit_head USING ({IS_SYSTEM})")
    op.execute(f"CREATE POLICY system_only ON audit_unsealed USING ({IS_SYSTEM})")
    op.execute("CREATE POLICY anybody_waits ON audit_unsealed FOR INSERT WITH CHECK (true)")
    op.execute(SCOPE)


def downgrade() -> None:
    op.execute("SELECT set_config('leads.scope', 'system', true)")
    op.execute("DELETE FROM api_tokens WHERE scopes = '{audit:read}'")
    op.execute("UPDATE api_tokens SET scopes = array_remove(scopes, 'audit:read') WHERE 'audit:read' = ANY (scopes)")
    op.execute("DROP TABLE audit_unsealed, audit_head, audit_seals, audit_events")
    op.execute("DROP FUNCTION audit_dated(), audit_waits(), audit_is_final(), audit_goes_on()")
