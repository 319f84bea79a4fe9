"""Results as files. EXPORTS has a row for each format; command line and page offer what stands there."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deepfake.analysis.model import Analysis
    from deepfake.analysis.recompression import Recompression


@dataclass(frozen=True, slots=True)
class Export:
    """A format that an analysis can be written in.

    kind: its option on the command line and the ending of its files; `deepfake.report.exports` has a function as_<kind>
    that makes it. title, icon: of its button. mime: of its files. what: it is, for the help of the command line.
    """

    kind: str
    title: str
    icon: str
    mime: str
    what: str

    def make(
        self, analysis: "Analysis", *, shown_path: str | None = None, recompression: "Recompression | None" = None
    ) -> bytes:
        """Return the content of the file.

        Args:
            analysis: what to write.
            shown_path: the clip's path as readers may see it; by default the path itself.
            recompression: of the same clip, for the formats that have a place for it.
        """
        # Imported when a file is made: the command line reads these rows for its help.
        function = getattr(import_module("deepfake.report.exports"), f"as_{self.kind}")
        made: str | bytes = function(analysis, shown_path, recompression)
        return made.encode("utf-8") if isinstance(made, str) else made


EXPORTS: Final = (
    Export(
        "json", "JSON", ":material/data_object:", "application/json",
        "everything that was measured, as JSON (docs/analysis.schema.json)",
    ),
    Export("csv", "CSV", ":material/table:", "text/csv", "one row per frame, for a spreadsheet"),
    Export("html", "Report", ":material/description:", "text/html", "a report that opens in any browser"),
)  # fmt: skip
