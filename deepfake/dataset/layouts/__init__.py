"""The layouts that data sets come in, one file each. The first in LAYOUTS that recognizes a folder reads it.

To add one: a file that defines a Layout, and its row here.
"""

from deepfake.dataset.layouts import (
    celebdf,
    deeperforensics,
    dfdc,
    faceforensics,
    faceforensics_kaggle,
    fakeavceleb,
    plain,
    real_fake,
    table,
)
from deepfake.dataset.layouts.base import Layout

LAYOUTS: tuple[Layout, ...] = (
    dfdc.ONE_PART,
    faceforensics.LAYOUT,
    faceforensics_kaggle.LAYOUT,
    celebdf.LAYOUT,
    fakeavceleb.LAYOUT,
    real_fake.LAYOUT,
    deeperforensics.LAYOUT,
    dfdc.PARTS,
    table.LAYOUT,
    plain.LAYOUT,
)


def layout_title(name: str) -> str:
    """Return what a layout is called for the reader. Raises KeyError for a name that no row has."""
    return {layout.name: layout.title for layout in LAYOUTS}[name]
