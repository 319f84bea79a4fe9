"""Pages of HTML that stand alone, from the templates beside this module."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deepfake.files import readable


def render(template: str, **values: object) -> str:
    """Return a page.

    Args:
        template: the name of a file in templates/.
        values: what it shows. Text is escaped, but for what the template marks as safe; bytes of names that are not
            UTF-8 are spelled out.
    """
    return readable(_templates().get_template(template).render(**values))


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
