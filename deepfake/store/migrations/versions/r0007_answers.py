"""What a reader is told of a clip, for which a row had to be asked before and knew it of one person only; and what its
file declares of how its pictures were made."""

import sqlalchemy as sa
from alembic import op

from deepfake.analysis.evidence import STOPPING
from deepfake.analysis.keeping import reason_from_text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add two columns. What was kept before is told as its row knows it, and declares nothing."""
    op.add_column("analyses", sa.Column("answer", sa.String(16), nullable=False, server_default=""))
    op.add_column("analyses", sa.Column("declared", sa.String(64)))
    op.execute("UPDATE analyses SET answer = verdict")
    rows = op.get_bind().execute(sa.text("SELECT id, reason, faces FROM analyses WHERE verdict = 'INCONCLUSIVE'"))
    told = [{"id": row.id, "answer": _answer(row.reason, row.faces)} for row in rows]
    changed = [row for row in told if row["answer"] != "INCONCLUSIVE"]
    if changed:
        op.get_bind().execute(sa.text("UPDATE analyses SET answer = :answer WHERE id = :id"), changed)


def _answer(reason: str, faces: int) -> str:
    found = reason_from_text(reason)
    code = None if found is None else found.code
    if code == "no_face":
        return "NO_FACE"
    return "NOT_JUDGED" if faces == 1 and code in STOPPING else "INCONCLUSIVE"
