"""The command line: `deepfake COMMAND`, as `deepfake --help` lists them.

Exit status 0: done, whatever the verdict. 1: the input cannot be used, or a result cannot be written; one line on
standard error says which file, what and why. 2: wrong usage. 130: interrupted, by Ctrl-C or SIGTERM. Nothing heavy is
imported before it is needed, so that --help answers at once.
"""

import sys
from collections.abc import Sequence

__all__ = ["main"]

INTERRUPTED = 130  # 128 + SIGINT, as shells have it; of SIGTERM too, which does the same


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. arguments: by default those of the process."""
    try:
        from deepfake.cli.entry import main as run  # takes a tenth of a second, in which Ctrl-C may come
    except KeyboardInterrupt:
        sys.stderr.write("deepfake: interrupted\n")
        return INTERRUPTED
    return run(arguments)
