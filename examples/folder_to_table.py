"""A folder of clips to a table, one row per clip: python examples/folder_to_table.py FOLDER TABLE.csv

Analyses go into the store as they are done, so a second run over the same folder computes nothing again.
"""

import sys
from pathlib import Path

import deepfake
from deepfake.batch import collect_clips, write_table


def main(folder: str, table: str) -> None:
    """Analyze every clip of the folder with all cores of this machine, and write the table."""
    batch = deepfake.Batch(collect_clips([folder]))
    results = []
    for result in batch.run():
        results.append(result)
        print(f"{len(results)} of {batch.progress().total}: {result.clip.name}: {result.error or result.verdict}")
    write_table(Path(table), results)


# Worker processes import this file anew: there it must do nothing.
if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
