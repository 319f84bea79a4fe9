"""Alembic's folder: how a store of one version becomes one of the next. Run when a store is opened."""
