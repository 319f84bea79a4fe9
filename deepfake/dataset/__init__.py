"""Labeled folders of clips: what is in them, which labels, which originals, and what is missing.

Each layout that is recognized is one file in `layouts/`; LAYOUTS lists them. Nothing is decoded: metadata is read, and
each folder is listed once. Only files inside the data set's folder are looked at, unless `anywhere` is asked for;
entries that lead out of it are left out and named.
"""

from deepfake.dataset.folder import Disk
from deepfake.dataset.layouts import LAYOUTS, layout_title
from deepfake.dataset.model import ClipEntry, Counts, Dataset, counts, summary_json, to_frame
from deepfake.dataset.opening import allowed_root, dataset_on, open_dataset

__all__ = [
    "LAYOUTS",
    "ClipEntry",
    "Counts",
    "Dataset",
    "Disk",
    "allowed_root",
    "counts",
    "dataset_on",
    "layout_title",
    "open_dataset",
    "summary_json",
    "to_frame",
]
