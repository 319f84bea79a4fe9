"""What Alembic runs: the migrations, on the connection and in the transaction that opened the store."""

from alembic import context

from deepfake.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite cannot alter most of a table: Alembic copies it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
