"""The command line: `deepfake COMMAND`, as `deepfake --help` lists them.

Exit status 0: done, whatever the verdict. 1: the input cannot be used, or a result cannot be written; one line on
standard error says which file, what and why. 2: wrong usage. 130: interrupted. Nothing heavy is imported before it is
needed, so that --help answers at once.
"""

from deepfake.cli.entry import main

__all__ = ["main"]
