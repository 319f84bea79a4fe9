"""Pages of HTML that stand alone, from the templates beside this module."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """Return a page.

    Args:
        template: the name of a file in templates/.
        values: what it shows. Text is escaped, but for what the template marks as safe.
    """
    return _templates().get_template(template).render(**values)


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
