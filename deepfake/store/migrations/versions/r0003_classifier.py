"""What was called detector is the face detector; which classifier scored the faces is kept beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rename a column and add one."""
    # Both databases rename in place: Alembic would copy the whole table in SQLite.
    op.execute("ALTER TABLE analyses RENAME COLUMN detector TO face_detector")
    op.add_column("analyses", sa.Column("classifier", sa.String(64), nullable=False, server_default="efficientnet"))
