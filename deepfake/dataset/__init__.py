"""Labelled folders of clips: what is in them, which labels, which originals, and what is missing.

Recognised: the layouts of the Deepfake Detection Challenge (DFDC), of FaceForensics++ and of Celeb-DF v2, `real/` and
`fake/` folders, a CSV, and a plain folder of clips. Nothing is decoded: metadata is read, and each folder is listed
once. Only files inside the data set's folder are ever looked at; entries that lead out of it are left out and named.
"""

from deepfake.dataset.folder import Disk
from deepfake.dataset.model import ClipEntry, Counts, Dataset, Label, Layout, counts, summary_json, to_frame
from deepfake.dataset.opening import allowed_root, dataset_on, open_dataset

__all__ = [
    "ClipEntry",
    "Counts",
    "Dataset",
    "Disk",
    "Label",
    "Layout",
    "allowed_root",
    "counts",
    "dataset_on",
    "open_dataset",
    "summary_json",
    "to_frame",
]
