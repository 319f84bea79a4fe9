"""What makes the files of EXPORTS, one function per format: its content, as text (UTF-8) or as bytes."""

from datetime import UTC, datetime
from typing import Any

from deepfake.analysis.model import Analysis
from deepfake.detectors import CLASSIFIERS, classifier_title
from deepfake.files import csv_text
from deepfake.report import ExportOptions
from deepfake.report.analysis_json import analysis_to_dict, json_text, recompression_to_dict
from deepfake.report.document import Document
from deepfake.report.html import document_html
from deepfake.report.page import analysis_document, command_of, weights_of
from deepfake.report.pdf import document_pdf
from deepfake.report.table import frames_table
from deepfake.report.wording import is_of_this_version


def as_json(analysis: Analysis, options: ExportOptions) -> str:
    """Return the JSON of an analysis, with its re-compression beside it where there is one, and what is needed to make
    it again."""
    result = options.recompression
    beside = {} if result is None else {"recompression": recompression_to_dict(result)}
    shown = analysis_to_dict(analysis, shown_path=options.shown_path)
    return json_text({**shown, **beside, "made": _made(analysis, options)})


def as_csv(analysis: Analysis, _options: ExportOptions) -> str:
    """Return the table of all frames."""
    return csv_text(frames_table(analysis))


def as_html(analysis: Analysis, options: ExportOptions) -> str:
    """Return the report as a page."""
    return document_html(_document(analysis, options))


def as_pdf(analysis: Analysis, options: ExportOptions) -> bytes:
    """Return the report on paper."""
    return document_pdf(_document(analysis, options), paper=options.paper)


def _made(analysis: Analysis, options: ExportOptions) -> dict[str, Any]:
    """The command, the classifier with its weights and calibration as far as they are here, and the date."""
    scorer = CLASSIFIERS.get(analysis.config.classifier)
    is_known = scorer is not None and scorer.is_available and is_of_this_version(analysis)
    calibration = scorer.calibration if scorer is not None and is_known else None
    rates = ("slope", "offset", "min_fake_probability", "false_alarm_rate", "miss_rate")
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command_of(
            "analyze",
            analysis.config,
            options.shown_path or str(analysis.video.path),
            recompress=options.recompression is not None,
            paper=options.paper,
        ),
        "classifier": classifier_title(analysis.config.classifier),
        "classifier_fingerprint": scorer.fingerprint() if scorer is not None and is_known else None,
        "files": dict(weights_of(analysis)),
        "calibration": None if calibration is None else {name: getattr(calibration, name) for name in rates},
    }


def _document(analysis: Analysis, options: ExportOptions) -> Document:
    return analysis_document(
        analysis,
        shown_path=options.shown_path,
        moments=options.moments,
        recompression=options.recompression,
        paper=options.paper,
    )
