"""Analysis -> JSON (a contract), CSV (one row a frame) and a page of HTML that stands alone."""

from deepfake.report.analysis_json import analysis_from_dict, analysis_to_dict, json_text, read_json, write_json
from deepfake.report.files import write_text
from deepfake.report.page import report_html
from deepfake.report.table import analysis_to_csv, people_table
from deepfake.report.wording import CAUTION, VERDICT_ICONS, VERDICT_WORDS, format_time, person_name

__all__ = [
    "CAUTION",
    "VERDICT_ICONS",
    "VERDICT_WORDS",
    "analysis_from_dict",
    "analysis_to_csv",
    "analysis_to_dict",
    "format_time",
    "json_text",
    "people_table",
    "person_name",
    "read_json",
    "report_html",
    "write_json",
    "write_text",
]
