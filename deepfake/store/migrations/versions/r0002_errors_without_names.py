"""Why a clip could not be analyzed, without its place in front: the row has that already."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the location or the name off the front of each error."""
    for column in ("location", "name"):
        op.execute(
            f"UPDATE failures SET error = substr(error, length({column}) + 3) "
            f"WHERE substr(error, 1, length({column}) + 2) = {column} || ': '"
        )
