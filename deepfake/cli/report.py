"""`report`: the report of a case that is kept in the store."""

import argparse
from typing import TYPE_CHECKING

from deepfake.cli.commands import STANDARD_OUTPUT, outputs_of, write_outputs
from deepfake.cli.options import add_outputs
from deepfake.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deepfake.store import Case, Cases

MOST_NAMED = 10


def add_report(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line's parser."""
    report = subparsers.add_parser(
        "report",
        help="write the report of a case",
        description="Write the report of a case that was kept in the dashboard: its notes, the answers of all its "
        "clips, and their pictures. Without a file to write it prints the answers.",
    )
    report.add_argument("case", metavar="CASE", help="the name of a case, or its number")
    add_outputs(
        report,
        html="a report that opens in any browser",
        pdf="the report on paper",
        csv="the table of answers, one row per clip",
    )
    report.set_defaults(run=run, usage_error=report.error)


def run(options: argparse.Namespace) -> None:
    """Write the files that were asked for.

    Raises:
        StoreError: There is no such case, several have that name, or the store cannot be used.
    """
    from deepfake.cli.summaries import print_case
    from deepfake.report.case import case_document
    from deepfake.report.html import document_html
    from deepfake.report.pdf import document_pdf
    from deepfake.report.table import answers_csv
    from deepfake.store import open_store

    with open_store() as store:
        case = _case_of(store.cases, options.case)
        kept = filter(None, map(store.cases.path_of, case.clips))
        outputs = outputs_of(options, "html", "pdf", "csv", inputs=kept)
        contents = [store.cases.content(clip) for clip in case.clips]
    document = case_document(case, contents)
    rows = [(item.clip.name, item.clip.sha256, item.analysis, "") for item in contents]
    writers: dict[str, Callable[[], bytes]] = {
        "html": lambda: document_html(document).encode("utf-8"),
        "pdf": lambda: document_pdf(document, paper=options.paper),
        "csv": lambda: answers_csv(rows).encode("utf-8"),
    }
    written = write_outputs(outputs, writers)
    if STANDARD_OUTPUT not in outputs.values():
        print_case(document, written)


def _case_of(cases: "Cases", wanted: str) -> "Case":
    """The case of that name or number. Whoever reads the store itself may read everybody's."""
    known = cases.find(owner=None)
    found = [case for case in known if case.name == wanted]
    if not found and wanted.isdecimal():
        found = [case for case in known if case.id == int(wanted)]
    if len(found) == 1:
        return found[0]
    shown = found or known
    listed = ", ".join(f"{case.id} ({case.name})" for case in shown[:MOST_NAMED])
    more = ", …" if len(shown) > MOST_NAMED else ""
    if found:
        raise StoreError(wanted, f"several cases have this name; give the number of one: {listed}{more}")
    there = f"there are {listed}{more}" if known else "none was kept yet"
    raise StoreError(wanted, f"there is no such case; {there}")
