"""What makes the files of EXPORTS, one function per format: its content, as text (UTF-8) or as bytes."""

from deepfake.analysis.model import Analysis
from deepfake.analysis.recompression import Recompression
from deepfake.report.analysis_json import analysis_to_dict, json_text, recompression_to_dict
from deepfake.report.page import report_html
from deepfake.report.table import analysis_to_csv


def as_json(analysis: Analysis, shown_path: str | None, recompression: Recompression | None) -> str:
    """Return the JSON of an analysis, with its re-compression beside it where there is one."""
    beside = {} if recompression is None else {"recompression": recompression_to_dict(recompression)}
    return json_text({**analysis_to_dict(analysis, shown_path=shown_path), **beside})


def as_csv(analysis: Analysis, _shown_path: str | None, _recompression: Recompression | None) -> str:
    """Return the table of all frames."""
    return analysis_to_csv(analysis)


def as_html(analysis: Analysis, shown_path: str | None, _recompression: Recompression | None) -> str:
    """Return the report."""
    return report_html(analysis, shown_path=shown_path)
