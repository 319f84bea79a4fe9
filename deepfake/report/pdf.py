"""A report as PDF, typeset by Typst from the template beside this module: fonts and compiler are in its wheel."""

import json
import tempfile
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import PIL.Image
import typst

from deepfake.files import readable
from deepfake.report import Paper
from deepfake.report.document import Document, Picture, Section

TEMPLATE: Final = Path(__file__).with_name("templates") / "document.typ"
SVG_NAMESPACE: Final = 'xmlns="http://www.w3.org/2000/svg"'
NO_FONT: Final = (
    "Boxes in this report stand for characters that no font on the computer that made it has. The HTML report has them."
)
WIDE: Final = 2.0  # times as wide as high


def document_pdf(document: Document, *, paper: Paper = "a4") -> bytes:
    """Return a report as PDF; sections that are long are left out. Nothing is loaded from the network.

    Args:
        document: the report.
        paper: "a4" or "us-letter".
    """
    with tempfile.TemporaryDirectory(prefix="deepfake-report-") as name:
        folder = Path(name)
        (folder / "document.typ").write_bytes(TEMPLATE.read_bytes())
        sections = [
            _plain(section, f"{place}", folder)
            for place, section in enumerate(document.sections)
            if not section.is_long
        ]
        data = {**asdict(document), "sections": sections, "paper": paper}
        text = json.dumps(_readable(data), ensure_ascii=False)
        (folder / "document.json").write_text(text, encoding="utf-8")
        boxes = "" if _has_all_glyphs(folder) else NO_FONT
        made: bytes = typst.compile(folder / "document.typ", root=folder, sys_inputs={"boxes": boxes})
        return made


def _has_all_glyphs(folder: Path) -> bool:
    """Return whether the fonts of Typst and the system have every character of document.json: where one is missing,
    Typst prints a box, but for PDF/A, which it refuses to write then."""
    (folder / "glyphs.typ").write_text('#read("document.json")', encoding="utf-8")
    try:
        typst.compile(folder / "glyphs.typ", root=folder, pdf_standards="a-2b")
    except typst.TypstError:
        return False
    return True


def _plain(section: Section, name: str, folder: Path) -> dict[str, Any]:
    """A section as JSON's own types; its pictures become files of the folder."""
    pictures = []
    for place, picture in enumerate(section.pictures):
        file = f"{name}-{place}.jpg"
        (folder / file).write_bytes(picture.jpeg)
        pictures.append({"file": file, "caption": picture.caption, "alt": picture.alt})
    curve = ""
    if section.curve.startswith("<svg"):
        curve = f"{name}.svg"
        svg = section.curve.replace("<svg", f"<svg {SVG_NAMESPACE}", 1)
        (folder / curve).write_text(svg, encoding="utf-8")
    return {**asdict(section), "pictures": pictures, "curve": curve, "wide": any(map(_is_wide, section.pictures))}


def _is_wide(picture: Picture) -> bool:
    """Two pictures side by side, say: three of them in a row would be small."""
    width, height = PIL.Image.open(BytesIO(picture.jpeg)).size
    return width > WIDE * height


def _readable(value: Any) -> Any:
    """The same with every text readable: the name of a file may hold bytes that are no text."""
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return readable(value) if isinstance(value, str) else value
