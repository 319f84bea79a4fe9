"""What makes the files of EXPORTS, one function per format: its content, as text (UTF-8) or as bytes."""

from deepfake.analysis.model import Analysis
from deepfake.report import ExportOptions
from deepfake.report.analysis_json import analysis_to_dict, json_text, recompression_to_dict
from deepfake.report.document import Document
from deepfake.report.html import document_html
from deepfake.report.page import analysis_document
from deepfake.report.pdf import document_pdf
from deepfake.report.table import analysis_to_csv


def as_json(analysis: Analysis, options: ExportOptions) -> str:
    """Return the JSON of an analysis, with its re-compression beside it where there is one."""
    result = options.recompression
    beside = {} if result is None else {"recompression": recompression_to_dict(result)}
    return json_text({**analysis_to_dict(analysis, shown_path=options.shown_path), **beside})


def as_csv(analysis: Analysis, _options: ExportOptions) -> str:
    """Return the table of all frames."""
    return analysis_to_csv(analysis)


def as_html(analysis: Analysis, options: ExportOptions) -> str:
    """Return the report as a page."""
    return document_html(_document(analysis, options))


def as_pdf(analysis: Analysis, options: ExportOptions) -> bytes:
    """Return the report on paper."""
    return document_pdf(_document(analysis, options), paper=options.paper)


def _document(analysis: Analysis, options: ExportOptions) -> Document:
    return analysis_document(
        analysis, shown_path=options.shown_path, moments=options.moments, recompression=options.recompression
    )
