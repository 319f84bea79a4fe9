"""Results as files. EXPORTS has a row for each format; command line and page offer what stands there."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from deepfake.analysis.model import Analysis
    from deepfake.analysis.moments import Moments
    from deepfake.analysis.recompression import Recompression

Paper = Literal["a4", "us-letter"]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a file may show besides the analysis; each format takes what it has a place for.

    shown_path: the clip's path as readers may see it; None for the path itself. moments: pictures of the most
    suspicious moments. recompression: of the same clip. paper: of a PDF.
    """

    shown_path: str | None = None
    moments: "Moments | None" = None
    recompression: "Recompression | None" = None
    paper: Paper = "a4"


@dataclass(frozen=True, slots=True)
class Export:
    """A format that an analysis can be written in.

    kind: its option on the command line and the ending of its files; `deepfake.report.exports` has a function as_<kind>
    that makes it. title, icon: of its button. mime: of its files. what: it is, for the help of the command line.
    has_pictures: whether it shows the most suspicious moments.
    """

    kind: str
    title: str
    icon: str
    mime: str
    what: str
    has_pictures: bool = False

    def make(self, analysis: "Analysis", options: ExportOptions | None = None) -> bytes:
        """Return the content of the file."""
        # Imported when a file is made: the command line reads these rows for its help.
        function = getattr(import_module("deepfake.report.exports"), f"as_{self.kind}")
        made: str | bytes = function(analysis, options or ExportOptions())
        return made.encode("utf-8") if isinstance(made, str) else made


EXPORTS: Final = (
    Export(
        "html", "Report", ":material/description:", "text/html", "a report that opens in any browser",
        has_pictures=True,
    ),
    Export("pdf", "PDF", ":material/picture_as_pdf:", "application/pdf", "the report on paper", has_pictures=True),
    Export(
        "json", "JSON", ":material/data_object:", "application/json",
        "everything that was measured, as JSON (docs/analysis.schema.json)",
    ),
    Export("csv", "CSV", ":material/table:", "text/csv", "one row per frame, for a spreadsheet"),
)  # fmt: skip
