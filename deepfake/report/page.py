"""The report: one page of HTML that needs nothing else, for someone who wants to check or repeat the analysis."""

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from deepfake.analysis.model import Analysis
from deepfake.analysis.quality import MIN_FRONTAL_SHARE
from deepfake.analysis.verdict import RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY
from deepfake.detectors import quality_limits
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.report.curves import curves_svg
from deepfake.report.html import render
from deepfake.report.table import analysis_to_csv, people_table
from deepfake.report.wording import (
    CAUTION,
    DIRECTION_WORDS,
    VERDICT_ICONS,
    VERDICT_WORDS,
    adjustment_sentence,
    person_name,
    reason_sentences,
    score_text,
    warning_sentences,
)

# What can change a number in the report.
LIBRARIES = ("av", "mtcnn", "numba", "numpy", "opencv-python-headless", "scipy", "tensorflow")


def report_html(analysis: Analysis, *, shown_path: str | None = None) -> str:
    """Return a page of HTML with the verdict, its reasons, the curves, all values, the file's hash and the versions.

    It loads nothing from the network. shown_path: what to write as the clip's path, see analysis_to_dict.
    """
    verdict = analysis.verdict
    return render(
        "analysis.html",
        title=f"Analysis of {analysis.video.path.name}",
        verdict=verdict,
        icon=VERDICT_ICONS[verdict.label],
        word=VERDICT_WORDS[verdict.label],
        probability=score_text(verdict.probability_fake),
        reasons=_reasons(analysis),
        caution=CAUTION,
        warnings=warning_sentences(analysis),
        curves=curves_svg(analysis),
        people=people_table(analysis) if analysis.tracks else [],
        quality=_quality_rows(analysis),
        rule=_rule_rows(analysis),
        file=_file_rows(analysis, shown_path),
        method=_method_rows(analysis),
        frames=len(analysis.frame_timestamps_s),
        values=list(csv.reader(io.StringIO(analysis_to_csv(analysis)))),
    )


def _reasons(analysis: Analysis) -> list[str]:
    return [
        DIRECTION_WORDS[item.direction] + sentence
        for item, sentence in zip(analysis.verdict.reasons, reason_sentences(analysis.verdict), strict=True)
    ]


def _quality_rows(analysis: Analysis) -> list[tuple[str, ...]]:
    """How good the pictures of the judged faces are, each number beside the limit of the quality gate."""
    rows = [(track.track_id, track.quality) for track in analysis.verdict.tracks if track.quality is not None]
    if not rows:
        return []
    limits = quality_limits(analysis.config.classifier)
    head = (
        "quality",
        f"face width, px (at least {limits.min_face_width_px:g})",
        f"blur of its edges, of {BLUR_CROP_PX} px (at most {limits.max_edge_blur_px:g})",
        f"pictures scored (at least {limits.min_scored_crops})",
        f"near frontal (at least {MIN_FRONTAL_SHARE:.0%})",
        "of the clip's frames",
    )
    cells = [
        (
            person_name(track_id),
            f"{quality.face_width_px:.0f}",
            "–" if quality.edge_blur_px is None else f"{quality.edge_blur_px:.1f}",
            str(quality.scored_crops),
            "–" if quality.frontal_share is None else f"{quality.frontal_share:.0%}",
            f"{quality.covered_share:.0%}",
        )
        for track_id, quality in rows
    ]
    return [head, *cells]


def _rule_rows(analysis: Analysis) -> list[tuple[str, str, str]]:
    rule = analysis.notebook_rule
    if rule.label is None:
        return []
    return [
        ("", "measured", "the rule's limit for REAL"),
        ("amplitude", f"{rule.amplitude:.4f}", f"below {RULE_MAX_AMPLITUDE}"),
        ("minimum", f"{rule.minimum:.4f}", f"above {RULE_MIN_SIMILARITY}"),
        ("answer", rule.label, ""),
    ]


def _file_rows(analysis: Analysis, shown_path: str | None) -> list[tuple[str, str]]:
    video = analysis.video
    pace = "uneven" if video.variable_frame_rate else "even"
    rate = f"{float(video.frame_rate):.3f} fps ({video.frame_rate}), {pace}"
    duration = "unknown" if video.duration_s is None else f"{video.duration_s:.3f} s"
    bits = video.bits_per_pixel
    bit_rate = "unknown" if video.bit_rate is None else f"{video.bit_rate / 1000:.0f} kbit/s"
    needed = quality_limits(analysis.config.classifier).min_bits_per_pixel
    bit_rate += "" if bits is None else f", {bits:.2g} bits per pixel (the verdict needs at least {needed:g})"
    return [
        ("field", "value"),
        ("path", str(video.path) if shown_path is None else shown_path),
        ("SHA-256", video.sha256),
        ("size", f"{video.width}×{video.height} px"),
        ("changed on reading", "; ".join(map(adjustment_sentence, video.adjustments)) or "nothing"),
        ("frame rate", rate),
        ("frames read", str(len(analysis.frame_timestamps_s))),
        ("duration", duration),
        ("container, codec, pixels", f"{video.container}, {video.codec}, {video.pixel_format}"),
        ("bit rate", bit_rate),
        ("sound", "yes" if video.has_audio else "no"),
        ("scene cuts at frames", ", ".join(map(str, analysis.cuts.tolist())) or "none"),
    ]


def _method_rows(analysis: Analysis) -> list[tuple[str, str]]:
    settings = ", ".join(f"{name} = {value}" for name, value in asdict(analysis.config).items())
    timings = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in analysis.timings_s.items())
    return [
        ("field", "value"),
        ("deepfake workbench", f"{analysis.software_version}, schema {analysis.schema_version}"),
        ("settings", settings),
        ("time taken", timings),
        ("libraries installed at the time of this report", ", ".join(_installed_libraries())),
        ("report written", datetime.now(UTC).isoformat(timespec="seconds")),
    ]


def _installed_libraries() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
