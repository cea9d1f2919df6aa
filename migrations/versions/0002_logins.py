"""Logins to the dashboard: sessions, attempts, logins under way at a provider, the local password, keys of the deployment.

All of it is the system's own: no organization's transaction sees a row.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE login_sessions (
    id              uuid PRIMARY KEY,
    hash            bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    previous_hash   bytea UNIQUE CHECK (length(previous_hash) = 32),
    role            text NOT NULL CHECK (role IN ('admin', 'viewer', 'organization')),
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    token_id        uuid REFERENCES api_tokens ON DELETE CASCADE,
    source          text NOT NULL,
    name            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    seen_at         timestamptz NOT NULL DEFAULT now(),
    rotated_at      timestamptz NOT NULL DEFAULT now(),
    confirmed_at    timestamptz,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    CHECK ((role = 'organization') = (organization_id IS NOT NULL))
);
COMMENT ON COLUMN login_sessions.hash IS 'of what the cookie holds; the cookie itself is stored nowhere';
COMMENT ON COLUMN login_sessions.previous_hash IS 'of the cookie before, which requests under way still carry';
COMMENT ON COLUMN login_sessions.confirmed_at IS 'when the browser first sent the newest cookie';
COMMENT ON COLUMN login_sessions.source IS 'password, token, or the issuer that vouched for the person';
CREATE INDEX login_sessions_organization ON login_sessions (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX login_sessions_token ON login_sessions (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX login_sessions_expiry ON login_sessions (expires_at);

CREATE TABLE login_attempts (
    key             bytea PRIMARY KEY,
    attempts        integer NOT NULL,
    since           timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN login_attempts.key IS 'a keyed hash of an account, a network, or both';

CREATE TABLE login_flows (
    state           bytea PRIMARY KEY CHECK (length(state) = 32),
    browser         bytea NOT NULL CHECK (length(browser) = 32),
    nonce           text NOT NULL,
    verifier        text NOT NULL,
    redirect_uri    text NOT NULL,
    next_page       text NOT NULL,
    expires_at      timestamptz NOT NULL
);
COMMENT ON TABLE login_flows IS 'logins that a browser has begun at a provider; a row is taken out when the browser is back';
CREATE INDEX login_flows_expiry ON login_flows (expires_at);

CREATE TABLE local_passwords (
    name            text PRIMARY KEY,
    hash            text NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deployment_keys (
    name            text PRIMARY KEY,
    key             bytea NOT NULL CHECK (length(key) = 32),
    created_at      timestamptz NOT NULL DEFAULT now()
);
"""

ORGANIZATIONS = """
ALTER TABLE organizations ADD COLUMN salesforce_organization text UNIQUE
    CHECK (salesforce_organization ~ '^00D[A-Za-z0-9]{12}$');
COMMENT ON COLUMN organizations.salesforce_organization IS 'whose people are this ones; without the checksum';
"""

SYSTEM_ROWS = ("login_sessions", "login_attempts", "login_flows", "local_passwords", "deployment_keys")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(ORGANIZATIONS)
    for table in SYSTEM_ROWS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system_only ON {table} USING ((SELECT leads_is_system()))")


def downgrade() -> None:
    op.execute("ALTER TABLE organizations DROP COLUMN salesforce_organization")
    for table in reversed(SYSTEM_ROWS):
        op.execute(f"DROP TABLE {table}")
