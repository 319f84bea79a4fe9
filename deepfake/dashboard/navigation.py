"""Where the pages are, for links from one to another: names relative to the script that every page runs through."""

from typing import Final

ANALYZE: Final = "analyze.py"
COMPARE: Final = "compare.py"
DATASET: Final = "dataset.py"
EVALUATE: Final = "evaluate.py"
HISTORY: Final = "history.py"
METHODS: Final = "methods.py"
ANALYSIS_PARAMETER: Final = "analysis"  # names a kept analysis in the URL: SHA-256 and fingerprint
CASE_PARAMETER: Final = "case"  # names a case in the URL by its number
