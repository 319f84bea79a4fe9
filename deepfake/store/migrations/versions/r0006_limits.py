"""The limits that an analysis or a failure ran into: once they are raised, the clip is analyzed again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add two columns. What was kept before counts as within the limits."""
    op.add_column("analyses", sa.Column("faces_limit", sa.Integer))
    op.add_column("failures", sa.Column("limits", sa.Text, nullable=False, server_default=""))
