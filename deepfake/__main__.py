"""python -m deepfake: the command line."""

import sys

from deepfake.cli import main

if __name__ == "__main__":
    sys.exit(main())
