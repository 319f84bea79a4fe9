"""Cases: what a user keeps on purpose, with name, notes and source, and the clips in them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of cases."""
    op.create_table(
        "cases",
        sa.Column("id", _row_id, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("searched", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_cases_owner", "cases", ["owner", "created_at_us", "id"])
    op.create_table(
        "case_clips",
        sa.Column("id", _row_id, primary_key=True),
        sa.Column("case_id", _row_id, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("kept_at_us", sa.BigInteger, nullable=False),
        sa.Column("analysis", sa.LargeBinary, nullable=False),
        sa.Column("moments", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("case_id", "sha256", "fingerprint", name="uq_case_clips_case_id"),
    )
    op.create_index("ix_case_clips_sha256", "case_clips", ["sha256", "fingerprint"])
