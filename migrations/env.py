"""What Alembic runs. The connection comes from `leads db upgrade`, which knows where the database is."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table_schema="public")
with context.begin_transaction():
    context.run_migrations()
