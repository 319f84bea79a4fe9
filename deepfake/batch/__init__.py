"""Many clips into the store: on this machine's cores or on a cluster, resumable, one bad clip never stopping the rest.

batch = Batch(collect_clips(["/data/dfdc"]), workers=4)
for result in batch.run():
    print(result.clip.name, result.verdict, batch.progress().seconds_left)
print(batch.summary())
"""

from deepfake.batch.clips import collect_clips
from deepfake.batch.progress import BatchProgress, BatchResult, BatchSummary
from deepfake.batch.run import Batch
from deepfake.batch.table import TABLE_COLUMNS, check_table, write_table

__all__ = [
    "TABLE_COLUMNS",
    "Batch",
    "BatchProgress",
    "BatchResult",
    "BatchSummary",
    "check_table",
    "collect_clips",
    "write_table",
]
