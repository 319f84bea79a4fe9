"""Buttons that save a file: what every page knows of the files that it offers."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

import streamlit as st

from deepfake.report import EXPORTS, Paper
from deepfake.report.document import Document
from deepfake.report.html import document_html
from deepfake.report.pdf import document_pdf

# By the ending of a file: its type, and the icon of its button.
KINDS: Final = {export.kind: (export.mime, export.icon) for export in EXPORTS} | {
    "jpg": ("image/jpeg", ":material/image:"),
    "mp4": ("video/mp4", ":material/splitscreen_vertical_add:"),
    "zip": ("application/zip", ":material/photo_library:"),
}
LETTER_COUNTRIES = ("-US", "-CA", "-MX", "-PH", "-CL", "-CO")


def draw_download(
    title: str,
    make: Callable[[], bytes | str],
    file_name: str,
    *,
    key: str,
    note: str | None = None,
    disabled: bool = False,
) -> None:
    """Draw a button that saves a file, which is made when somebody asks for it. note: its help."""
    mime, icon = KINDS[file_name.rpartition(".")[2]]
    st.download_button(
        title, make, file_name, mime, key=key, icon=icon, on_click="ignore", help=note, disabled=disabled
    )


def draw_document_downloads(document: Callable[[], Document], stem: str, *, key: str, disabled: bool = False) -> None:
    """Draw the buttons that save a document as a page and on paper. key: what theirs begin with."""
    paper = readers_paper()
    draw_download("Report", lambda: document_html(document()), f"{stem}.html", key=f"{key}-html", disabled=disabled)
    draw_download(
        "PDF", lambda: document_pdf(document(), paper=paper), f"{stem}.pdf", key=f"{key}-pdf", disabled=disabled
    )


def stem_of(name: str) -> str:
    """Return what the files about a clip are called: its name without folders and ending."""
    return PurePosixPath(name).stem


def readers_paper() -> Paper:
    """Return the paper that the reader's country uses."""
    return "us-letter" if (st.context.locale or "").endswith(LETTER_COUNTRIES) else "a4"
