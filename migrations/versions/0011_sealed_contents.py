"""Contents of files may be encrypted, and may lie in an object store.

All of it stands in `upload_contents`, so that whoever deletes those rows, a cascade included, deletes the file: the
wrapped data key goes with them, and a trigger leaves word of an object that nobody needs any more.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE upload_contents ADD COLUMN wrapped_key bytea, ADD COLUMN object text;
ALTER TABLE upload_contents
    ADD CHECK ((wrapped_key IS NULL AND key_id IS NULL) OR (wrapped_key IS NOT NULL AND key_id IS NOT NULL AND chunk = 0)),
    ADD CHECK (object IS NULL OR chunk = 0);
COMMENT ON COLUMN upload_contents.key_id IS 'on the first chunk: which key of the settings wraps the data key';
COMMENT ON COLUMN upload_contents.wrapped_key IS 'on the first chunk: the key of all chunks, wrapped; NULL: not encrypted';
COMMENT ON COLUMN upload_contents.nonce IS 'of this chunk, where it is encrypted';
COMMENT ON COLUMN upload_contents.object IS 'on the first chunk: the object that holds the bytes in its place';
CREATE INDEX upload_contents_keys ON upload_contents (key_id, upload_id) WHERE chunk = 0;

CREATE TABLE content_objects (
    name            text PRIMARY KEY,
    place           text NOT NULL,
    organization_id uuid NOT NULL,
    upload_id       uuid,
    announced_at    timestamptz NOT NULL DEFAULT now(),
    abandoned_at    timestamptz,
    CHECK (upload_id IS NULL OR abandoned_at IS NULL)
);
COMMENT ON TABLE content_objects IS
    'an object is announced here before it is written, and stays here until it is deleted: none is ever forgotten';
COMMENT ON COLUMN content_objects.upload_id IS 'whose bytes it holds; NULL: nobody''s yet, or no more';
COMMENT ON COLUMN content_objects.organization_id IS
    'no foreign key: the row outlives the organization, until the object is gone';
CREATE INDEX content_objects_unneeded ON content_objects (announced_at) WHERE upload_id IS NULL;

CREATE FUNCTION abandon_content_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE content_objects SET upload_id = NULL, abandoned_at = now()
    WHERE name IN (SELECT object FROM gone WHERE object IS NOT NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER abandon_content_objects AFTER DELETE ON upload_contents
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION abandon_content_objects();

ALTER TABLE content_objects ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON content_objects USING
    ((SELECT leads_is_system()) OR organization_id = (SELECT leads_organization()));
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TRIGGER abandon_content_objects ON upload_contents; DROP FUNCTION abandon_content_objects()")
    op.execute("DROP TABLE content_objects")
    op.execute("ALTER TABLE upload_contents DROP COLUMN wrapped_key, DROP COLUMN object")
