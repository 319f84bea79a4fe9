"""A labeled clip of a data set among others: its picture, and its label in word, icon and color."""

import streamlit as st

from deepfake.dashboard.snapshots import thumbnail
from deepfake.dashboard.text import plain
from deepfake.dataset import ClipEntry, Dataset, allowed_root
from deepfake.dataset.model import Label
from deepfake.errors import DeepfakeError
from deepfake.figures.counts import NO_LABEL

LABEL_LOOKS = {"REAL": (":material/verified:", "green"), "FAKE": (":material/warning:", "orange")}


def draw_picture(dataset: Dataset, entry: ClipEntry) -> str | None:
    """Draw a frame of a clip; one that cannot be read says why in its place. Return that, or None."""
    try:
        path = allowed_root(entry.path, [dataset.root])
        st.image(thumbnail(path, entry.name), width="stretch", alt=f"A frame of {entry.name}")
    except (DeepfakeError, OSError) as error:
        st.caption(f":material/broken_image: {plain(error)}")
        return str(error)
    return None


def label_badge(label: Label | None) -> str:
    """Return the label of a clip as a badge, Markdown."""
    icon, color = LABEL_LOOKS.get(label or "", (":material/help:", "gray"))
    return f":{color}-badge[{icon} {plain(label or NO_LABEL)}]"
