"""The report of an analysis, for someone who wants to use, to check or to repeat it."""

import shlex
from collections.abc import Callable
from dataclasses import asdict

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.moments import Moments
from deepfake.analysis.notebook_rule import RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY
from deepfake.analysis.quality import MIN_FRONTAL_SHARE, TrackQuality
from deepfake.analysis.recompression import Recompression
from deepfake.analysis.verdict import Answer
from deepfake.detectors import CLASSIFIERS, QualityLimits, classifier_title, quality_limits
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.files import file_sha256, readable
from deepfake.report import Paper
from deepfake.report.card import (
    ANSWER_WORDS,
    card_reasons,
    marked_answer,
    rate_sentence,
    stability_sentence,
    strength_text,
)
from deepfake.report.curves import curves_svg, score_svg
from deepfake.report.document import Document, Picture, Row, Section, Tone, written_rows
from deepfake.report.file_wording import adjustment_sentence, declared_sentences
from deepfake.report.table import frames_table, people_table
from deepfake.report.wording import (
    RULE_BLIND_SPOT,
    directed_sentences,
    has_rates,
    is_of_this_version,
    limits_of,
    person_name,
    rate_name,
    warning_sentences,
)
from deepfake.words import beside, format_time, probability_text

RULE_NOTE = f"{RULE_BLIND_SPOT} It has no part in the verdict."
TONES: dict[Answer, Tone] = {"LIKELY_FAKE": "fake", "LIKELY_REAL": "real"}
HEAD: Row = ("field", "value")
MAP_NOTE = (
    "Orange with a solid outline is where the picture adds to the score, as fakes do; teal with a broken outline is "
    "where it takes from it. It shows what moved the classifier, not that something is wrong there."
)
SCORE_NOTE = (
    "Each point is one picture of the face. Filled points look more fake than real; the dashed line is P(fake) of a "
    "person who was judged."
)
SIMILARITY_NOTE = (
    "1 means that a frame equals the one before it (SSIM). Solid: the whole frame. Dashed: a face. Dotted vertical "
    "lines: scene cuts."
)


def analysis_document(
    analysis: Analysis,
    *,
    shown_path: str | None = None,
    moments: Moments | None = None,
    recompression: Recompression | None = None,
    paper: Paper = "a4",
) -> Document:
    """Return the report of a clip: answer, faces, score over time, reasons, limits, file, and how it was made.

    Args:
        analysis: of the clip.
        shown_path: what to write as the clip's path; by default the path itself.
        moments: the most suspicious moments as pictures, where they are at hand.
        recompression: of the same clip, where it was done.
        paper: of a PDF, for the command that makes it again.
    """
    verdict = analysis.verdict
    path = str(analysis.video.path) if shown_path is None else shown_path
    values = tuple(tuple(map(str, row)) for row in frames_table(analysis))
    sections = [
        *_face_sections(analysis, moments or Moments()),
        Section("The answer in numbers", items=directed_sentences(verdict)),
        Section("What this cannot tell", items=limits_of(analysis.config.classifier, with_rates=has_rates(analysis))),
        *_warning_sections(analysis),
        *([] if recompression is None else [_recompression_section(recompression)]),
        _people_section(analysis),
        Section("File", rows=tuple(file_rows(analysis, path))),
        made_section(analysis, "analyze", path, recompress=recompression is not None, paper=paper),
        *_similarity_sections(analysis),
        Section("Values of every frame", rows=values, is_long=True),
    ]
    return Document(
        title=f"Analysis of {name_of(path)}",
        answer=marked_answer(verdict.answer),
        tone=TONES.get(verdict.answer, "none"),
        strength=strength_text(verdict),
        reasons=(*declared_sentences(analysis.video), *(reason.sentence for reason in card_reasons(verdict))),
        note=rate_sentence(analysis),
        sections=tuple(sections),
    )


def name_of(path: str) -> str:
    """Return the last part of a clip's path, of whatever system it is."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def command_of(command: str, config: AnalysisConfig, *paths: str, recompress: bool = False, paper: Paper = "a4") -> str:
    """Return the command line that makes a report again: all that it can say, where that is not the default.

    Args:
        command: "analyze" or "compare", which has neither a quick look nor a re-compression.
        config: of the analysis.
        paths: of its clips.
        recompress: whether the report has the re-compression.
        paper: of the PDF.
    """
    names = [readable(name_of(path)) for path in paths]
    names = [f"./{name}" if name.startswith("-") else name for name in names]  # which is no option
    choice = ["--face-detector", config.face_detector, "--classifier", config.classifier]
    choice += ["--quick"] if config.quick and command == "analyze" else []
    choice += ["--recompress"] if recompress else []
    choice += ["--paper", paper] if paper != "a4" else []
    return shlex.join(["deepfake", command, *names, *choice, "--html", "report.html", "--pdf", "report.pdf"])


def _face_sections(analysis: Analysis, moments: Moments) -> list[Section]:
    sections = []
    if moments.track_id is not None and moments.pictures:
        pictures = tuple(
            Picture(
                picture.looked or picture.face,
                f"{format_time(picture.timestamp_s)}, frame {picture.frame_index}: P(fake) "
                f"{picture.probability_fake:.2f} of this picture alone",
                f"The face at {format_time(picture.timestamp_s)}, with what moved the classifier",
            )
            for picture in moments.pictures
        )
        has_map = any(picture.looked for picture in moments.pictures)
        title = f"The moments of {person_name(moments.track_id)} that score highest"
        sections.append(Section(title, pictures=pictures, note=MAP_NOTE if has_map else ""))
    track_id = analysis.verdict.most_suspicious
    if track_id is not None:
        title = f"P(fake) of {person_name(track_id)} over time"
        sections.append(Section(title, curve=score_svg(analysis, track_id), note=SCORE_NOTE))
    return sections


def _warning_sections(analysis: Analysis) -> list[Section]:
    warnings = warning_sentences(analysis)
    return [Section("Warnings", items=warnings)] if warnings else []


def _recompression_section(result: Recompression) -> Section:
    rows: list[Row] = [("encoded", "P(fake)", "answer")]
    for rate in result.rates:
        chance = probability_text(rate.clip.told_probability, rate.clip.interval)
        rows.append((rate_name(rate), chance, ANSWER_WORDS[rate.clip.answer]))
    return Section("Re-compressed", text=(stability_sentence(result),), rows=tuple(rows))


def _people_section(analysis: Analysis) -> Section:
    if not analysis.tracks:
        return Section("People", text=("No face was found in any frame.",))
    return Section("People", rows=tuple(people_table(analysis)), more_rows=tuple(_quality_rows(analysis)))


def _similarity_sections(analysis: Analysis) -> list[Section]:
    rule = _rule_rows(analysis)
    return [
        Section("Similarity of successive frames", curve=curves_svg(analysis), note=SIMILARITY_NOTE),
        Section(
            "The rule this project began with",
            text=(RULE_NOTE if rule else "Not applied: the clip has fewer than two frames.",),
            rows=tuple(rule),
        ),
    ]


def _quality_rows(analysis: Analysis) -> list[Row]:
    """How good the pictures of the judged faces are, each number beside the limit of the quality gate."""
    rows = [(track.track_id, track.quality) for track in analysis.verdict.tracks if track.quality is not None]
    if not rows:
        return []
    limits = quality_limits(analysis.config.classifier)
    changes = _changes(limits)
    head = (
        "quality",
        f"face width, px (at least {limits.min_face_width_px:g})",
        f"blur of its edges, of {BLUR_CROP_PX} px (at most {limits.max_edge_blur_px:g})",
        f"pictures scored (at least {limits.min_scored_crops})",
        f"near frontal (at least {MIN_FRONTAL_SHARE:.0%})",
        *(f"{name} (at most {most:.0%})" for name, most, _ in changes),
        "of the clip's frames",
    )
    cells = [
        (
            person_name(track_id),
            beside(quality.face_width_px, limits.min_face_width_px, ".0f"),
            "–" if quality.edge_blur_px is None else beside(quality.edge_blur_px, limits.max_edge_blur_px, ".1f"),
            str(quality.scored_crops),
            "–" if quality.frontal_share is None else beside(quality.frontal_share, MIN_FRONTAL_SHARE, ".0%"),
            *(
                "–" if (share := measured(quality)) is None else beside(share, most, ".1%")
                for _, most, measured in changes
            ),
            f"{quality.covered_share:.0%}",
        )
        for track_id, quality in rows
    ]
    return [head, *cells]


def _changes(limits: QualityLimits) -> list[tuple[str, float, Callable[[TrackQuality], float | None]]]:
    """What the classifier has a limit for, of a face that is missing in part or altered: (name, at most, measured)."""
    known: list[tuple[str, float, Callable[[TrackQuality], float | None]]] = [
        ("outside the picture", limits.max_outside_share, lambda quality: quality.outside_share),
        ("hidden", limits.max_hidden_share, lambda quality: quality.hidden_share),
        ("probably smoothed", limits.max_smoothed_probability, lambda quality: quality.smoothed_probability),
    ]
    return [change for change in known if change[1] < 1]


def _rule_rows(analysis: Analysis) -> list[Row]:
    rule = analysis.notebook_rule
    if rule.label is None:
        return []
    return [
        ("", "measured", "the rule's limit for REAL"),
        ("amplitude", f"{rule.amplitude:.4f}", f"below {RULE_MAX_AMPLITUDE}"),
        ("minimum", f"{rule.minimum:.4f}", f"above {RULE_MIN_SIMILARITY}"),
        ("answer", rule.label, ""),
    ]


def file_rows(analysis: Analysis, path: str) -> list[Row]:
    """Return what is known of the file, as rows of a table. path: as readers may see it."""
    video = analysis.video
    pace = "uneven: times are the clip’s own" if video.variable_frame_rate else "even"
    rate = f"{float(video.frame_rate):.3f} frames/s ({video.frame_rate}), {pace}"
    duration = f"{analysis.length_s:.3f} s"
    if video.duration_s is not None and abs(video.duration_s - analysis.length_s) > 1 / video.frame_rate:
        duration += f" by its frames (the header says {video.duration_s:.3f} s)"
    bits = video.bits_per_pixel
    bit_rate = "unknown" if video.bit_rate is None else f"{video.bit_rate / 1000:.0f} kbit/s"
    needed = quality_limits(analysis.config.classifier).min_bits_per_pixel
    bit_rate += "" if bits is None else f", {bits:.2g} bits per pixel (the verdict needs at least {needed:g})"
    return [
        HEAD,
        ("path", path),
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


def made_section(
    analysis: Analysis, command: str, *paths: str, recompress: bool = False, paper: Paper = "a4"
) -> Section:
    """Return how an analysis came about: classifier, weights, settings, versions, date, and the command that makes the
    report again. command, paths, recompress, paper: as in command_of."""
    settings = ", ".join(f"{name} = {value}" for name, value in asdict(analysis.config).items())
    timings = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in analysis.timings_s.items())
    rows = (
        HEAD,
        ("classifier", classifier_title(analysis.config.classifier)),
        *((f"SHA-256 of {file}", sha256) for file, sha256 in weights_of(analysis)),
        *([] if is_of_this_version(analysis) else [("weights", f"those of version {analysis.software_version}")]),
        ("settings", settings),
        ("time taken", timings),
        *written_rows(f"{analysis.software_version}, schema {analysis.schema_version}"),
    )
    code = command_of(command, analysis.config, *paths, recompress=recompress, paper=paper)
    return Section("How this was made", rows=rows, code=code)


def weights_of(analysis: Analysis) -> list[tuple[str, str]]:
    """Return the files that the scores of an analysis rest on, each with its SHA-256; none where they are not here."""
    scorer = CLASSIFIERS.get(analysis.config.classifier)
    if scorer is None or not scorer.is_available or not is_of_this_version(analysis):
        return []
    return [(path.name, file_sha256(path)) for path in scorer.files]
