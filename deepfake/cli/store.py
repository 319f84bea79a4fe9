"""`store`: the store of analyses backed up, and checked."""

import argparse
import sys
from pathlib import Path

from deepfake.cli.terminal import printable
from deepfake.errors import StoreError
from deepfake.files import check_writable
from deepfake.words import counted

MOST_NAMED = 20


def add_store(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line's parser."""
    store = subparsers.add_parser(
        "store",
        help="back up or check the store of analyses",
        description="Back up the store of analyses, or check it. Both work while the dashboard or a batch uses it.",
    )
    what = store.add_subparsers(required=True, metavar="WHAT")
    backup = what.add_parser(
        "backup",
        help="copy the store into a file",
        description="Copy a SQLite store into a new file, whole, also while it is written to: a plain copy of the file "
        "lacks what is still in its write-ahead log. Clips kept in cases are files in cases_dir: copy that folder too.",
    )
    backup.add_argument("file", metavar="FILE", type=Path, help="a new file")
    backup.set_defaults(run=run_backup)
    check = what.add_parser("check", help="read all that is kept", description="Read all that the store keeps.")
    check.set_defaults(run=run_check)


def run_backup(options: argparse.Namespace) -> None:
    """Write the copy. Raises OSError, StoreError as back_up_store does."""
    check_writable(options.file)
    from deepfake.store.upkeep import back_up_store

    name = back_up_store(options.file)
    sys.stdout.write(f"Copied {name} to {options.file}. To use the copy: DEEPFAKE_DATABASE_URL=sqlite:///FILE\n")


def run_check(_: argparse.Namespace) -> None:
    """Say what was read. Raises StoreError where something cannot be."""
    from deepfake.store.upkeep import check_store

    report = check_store()
    read = f"{counted(report.analyses, 'analysis', 'analyses')} and {counted(report.kept_clips, 'kept clip')} read"
    sys.stdout.write(f"{report.name}: {read}\n")
    if report.faults:
        sys.stdout.writelines(f"- {printable(' '.join(fault.split()))}\n" for fault in report.faults[:MOST_NAMED])
        raise StoreError(report.name, f"faults: {len(report.faults)}. Other entries are not affected.")
