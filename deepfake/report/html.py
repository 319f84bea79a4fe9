"""Pages of HTML that stand alone, from the templates beside this module."""

from base64 import b64encode
from dataclasses import fields
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deepfake.files import readable
from deepfake.report.document import Document


def render(template: str, **values: object) -> str:
    """Return a page.

    Args:
        template: the name of a file in templates/.
        values: what it shows. Text is escaped, but for what the template marks as safe; bytes of names that are not
            UTF-8 are spelled out.
    """
    return readable(_templates().get_template(template).render(**values))


def document_html(document: Document) -> str:
    """Return a report as one page of HTML that loads nothing: its pictures are inside."""
    return render("document.html", **{field.name: getattr(document, field.name) for field in fields(document)})


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda data: b64encode(data).decode("ascii")
    return environment
