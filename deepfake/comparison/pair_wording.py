"""A comparison in words: whether two clips belong together, how they were laid on each other, what to know of them."""

from typing import Final

from deepfake.comparison.compare import Comparison
from deepfake.comparison.findings import MIN_PAIR_SIMILARITY, NUDGE_S, SHIFT_S, Finding, FindingCode, PairCheck
from deepfake.report.wording import notes_of
from deepfake.words import counted, format_time

FINDING_TITLES: Final[dict[FindingCode, str]] = {
    "face": "The face differs most",
    "all_over": "They differ all over",
    "alike": "No difference to speak of",
    "out_of_step": "Not in step",
    "no_pair": "Not a pair",
}


def finding_sentence(finding: Finding) -> str:
    """Return what a comparison comes to, with its numbers; "" where the two are no pair."""
    if finding.whole is None:
        return ""
    if finding.face is None:
        return f"The similarity of the whole picture is {finding.whole:.3f}; no face could be compared."
    if finding.from_s is None or finding.to_s is None:
        return f"The similarity of the face is {finding.face:.3f}, that of the whole picture {finding.whole:.3f}."
    when = f"from {format_time(finding.from_s)} to {format_time(finding.to_s)}"
    if finding.from_s == finding.to_s:
        when = f"at {format_time(finding.from_s)}"
    if finding.more:
        when += f" (and in {counted(finding.more, 'shorter part')})"
    return (
        f"The face stands out {when}: its similarity there is {finding.face:.3f}, that of the whole picture "
        f"{finding.whole:.3f}. Another compression alone can do that too, so it is no proof of a fake."
    )


def pair_sentence(check: PairCheck) -> str:
    """Return in words whether two clips belong together, with the numbers that say so."""
    if check.similarity is None:
        return "The pictures are too small to be compared."
    if check.code == "unlike":
        return (
            f"The clips do not belong together: at the same moment their similarity is {check.similarity:.2f} in the "
            f"median; a fake and its original reach at least {MIN_PAIR_SIMILARITY:g}."
        )
    if check.code == "out_of_step":
        apart = f"{SHIFT_S:g} s apart it is {check.shifted:.3f}"
        if check.nudged is not None and check.nudged > check.similarity:
            apart = f"{NUDGE_S:g} s apart it is higher, {check.nudged:.3f}"
        return (
            "The clips show the same scene but do not run in step: one begins later, or they are two takes. At the "
            f"same moment their similarity is {check.similarity:.3f}, {apart}. What differs may be movement alone: "
            "compare clips that begin at the same moment."
        )
    together = f"The clips belong together: at the same moment their similarity is {check.similarity:.3f} in the median"
    if check.moves:
        return f"{together}; {SHIFT_S:g} s apart only {check.shifted:.3f}."
    return f"{together}. They are too short, or move too little, to tell whether the moments are the same."


def alignment_sentences(comparison: Comparison) -> tuple[str, ...]:
    """Return how the two clips were laid on each other: rate, length, size."""
    fake, original = comparison.fake, comparison.original
    moments = len(comparison.cross_similarity.values)
    frames = len(fake.frame_timestamps_s), len(original.frame_timestamps_s)
    rates = tuple(float(analysis.video.frame_rate) for analysis in (fake, original))
    is_same_rate = abs(rates[0] / rates[1] - 1) < 1e-3
    notes = []
    varies = any(analysis.video.variable_frame_rate for analysis in (fake, original))
    begins = offset_text(comparison.offset_s) or "offset 0"
    nearest = f"each frame of A is compared with B's frame nearest in time, {begins}."
    if is_same_rate and not varies:
        notes.append(f"Same frame rate ({rates[0]:.4g} frames/s): frame by frame, {begins}.")
    elif is_same_rate:
        notes.append(f"Same frame rate on average ({rates[0]:.4g} frames/s): {nearest}")
    else:
        notes.append(f"Different frame rates (A {rates[0]:.4g}, B {rates[1]:.4g} frames/s): {nearest}")
    if moments == frames[0] and (frames[0] == frames[1] or not is_same_rate):
        all_of_a = "The only frame of A is" if frames[0] == 1 else f"All {frames[0]} frames of A are"
        notes.append(f"{all_of_a} compared.")
    else:
        what = "Different lengths" if frames[0] != frames[1] else "Frames at different times"
        notes.append(
            f"{what} (A {counted(frames[0], 'frame')}, {fake.frame_timestamps_s[-1]:.2f} s; "
            f"B {counted(frames[1], 'frame')}, {original.frame_timestamps_s[-1]:.2f} s): the {moments} moments that "
            "both have are compared."
        )
    return (*notes, _size_sentence(comparison))


def offset_text(offset_s: float) -> str:
    """Return where one clip begins in the other, "" where they begin together. offset_s: as in Comparison."""
    if offset_s == 0:
        return ""
    later, earlier = ("A", "B") if offset_s > 0 else ("B", "A")
    return f"{later} begins at {format_time(abs(offset_s))} of {earlier}"


def _size_sentence(comparison: Comparison) -> str:
    overlap = comparison.overlap
    clips = comparison.fake, comparison.original
    fake_size, original_size = (f"{analysis.video.width}×{analysis.video.height}" for analysis in clips)
    sizes = f"(A {fake_size}, B {original_size} px)"
    return {
        "same size": f"Same size ({fake_size} px).",
        "scaled": f"Different sizes {sizes}: the larger is scaled to {overlap.size[0]}×{overlap.size[1]} px.",
        "center of the original": f"Different sizes {sizes}: A shows the middle of B.",
        "center of the fake": f"Different sizes {sizes}: B shows the middle of A.",
    }[overlap.kind]


def pair_warnings(comparison: Comparison) -> tuple[str, ...]:
    """Return the warnings of both clips, each with which clip it is about; what holds of both is said once."""
    whose: dict[str, list[str]] = {}
    for name, analysis in (("A", comparison.fake), ("B", comparison.original)):
        for warning in notes_of(analysis):
            whose.setdefault(warning, []).append(name)
    return tuple(f"{' and '.join(names)}: {warning}" for warning, names in whose.items())
