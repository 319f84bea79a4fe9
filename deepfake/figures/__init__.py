"""Results as Plotly figures, and faces drawn on frames. Pure: nothing is read, nothing is kept."""

from deepfake.figures.attribution import attributed_crop, attribution_scale_figure, dense_score_figure
from deepfake.figures.counts import fakes_per_original, label_pie, labels_by_split
from deepfake.figures.curves import comparison_figure, cross_similarity_figure, similarity_figure
from deepfake.figures.file import bit_rate_figure
from deepfake.figures.pictures import difference_figure, drawn_faces
from deepfake.figures.robustness import bit_rate_text, recompression_figure, size_text
from deepfake.figures.scores import paired_signal_figure, score_figure, signal_figure, why_no_score
from deepfake.figures.spectrum import share_inside, spectrum_figure
from deepfake.figures.style import COLORS, empty_figure
from deepfake.figures.timeline import timeline_figure
from deepfake.report.wording import format_time, person_name

__all__ = [
    "COLORS",
    "attributed_crop",
    "attribution_scale_figure",
    "bit_rate_figure",
    "bit_rate_text",
    "comparison_figure",
    "cross_similarity_figure",
    "dense_score_figure",
    "difference_figure",
    "drawn_faces",
    "empty_figure",
    "fakes_per_original",
    "format_time",
    "label_pie",
    "labels_by_split",
    "paired_signal_figure",
    "person_name",
    "recompression_figure",
    "score_figure",
    "share_inside",
    "signal_figure",
    "similarity_figure",
    "size_text",
    "spectrum_figure",
    "timeline_figure",
    "why_no_score",
]
