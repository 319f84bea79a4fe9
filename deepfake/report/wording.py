"""Every sentence about verdicts, their reasons and their limits, for pages, command line and files."""

from collections.abc import Sequence
from typing import Final

from deepfake import __version__
from deepfake.analysis.evidence import RARE_SHARE, Direction, Evidence
from deepfake.analysis.model import Analysis, NotJudged
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.recompression import RateOutcome
from deepfake.analysis.verdict import TrackVerdict, Verdict, VerdictLabel
from deepfake.detectors import CLASSIFIERS, FaceClassifier, training_clips
from deepfake.report.facts import all_facts
from deepfake.report.file_wording import declared_sentences, reading_warnings
from deepfake.report.strength import told_direction
from deepfake.signals.registry import signal_info
from deepfake.words import beside, counted, format_time, part_text

VERDICT_WORDS: Final[dict[VerdictLabel, str]] = {
    "LIKELY_REAL": "No signs of a fake",
    "INCONCLUSIVE": "Inconclusive",
    "LIKELY_FAKE": "Likely fake",
}
# What a reason speaks for, before its sentence; a limit says so itself.
DIRECTION_WORDS: Final[dict[Direction, str]] = {"for": "For a fake: ", "against": "Against a fake: ", "limits": ""}

# What a verdict cannot tell, in full and in a line.
LIMIT_PROBABILITY: Final = (
    "P(fake) assumes that fakes are as frequent as real clips; its interval holds the choice of frames, not what "
    "the classifier gets wrong about the clip as a whole."
)
LIMIT_OTHERS: Final = (
    "Forgeries unlike those of its training (newer methods, a face generated whole, lips moved to another voice) can "
    "pass; strong compression, small faces, masks, heavy make-up, beauty filters and writing over the face mislead it "
    "either way."
)
LIMIT_OUTSIDE: Final = "It does not say who made a clip, whether its sound is real, or whether the scene is staged."
CAUTION: Final = f"{LIMIT_PROBABILITY} {LIMIT_OTHERS}"
KNOWN_CLIP: Final = "The classifier was trained on this clip: its answer here says nothing about other clips."
ALONE_NOTE: Final = "Each verdict is of that clip alone: it does not know of the other clip, or of its label."
PROVISIONAL: Final = (
    "This answer is provisional: it rests on a first look at a few moments of the clip. The full analysis reads every "
    "frame and can come to another one."
)
RULE_BLIND_SPOT: Final = "It measures how evenly the picture changes, not whether a face is real."


def limits_of(classifier: str, *, with_rates: bool = True) -> tuple[str, ...]:
    """Return what a verdict that rests on a classifier cannot tell, sentences, the gravest first.

    classifier: its name in `deepfake.detectors.CLASSIFIERS`; of an unknown one, what holds for all is said. with_rates:
    whether what was measured of it is said, see has_rates.
    """
    scorer = CLASSIFIERS.get(classifier)
    if scorer is None:
        return LIMIT_OTHERS, LIMIT_PROBABILITY, LIMIT_OUTSIDE
    rates = _rates_of(scorer) if with_rates else ""
    return f"{scorer.info.misleads}{rates}", LIMIT_PROBABILITY, LIMIT_OUTSIDE


def _rates_of(scorer: FaceClassifier) -> str:
    known = all_facts().get("accuracy", {})
    if known.get("classifier") == scorer.name:
        were = "was" if known["false_alarms"] == 1 else "were"
        return (
            f" In a test with clips new to it, {known['false_alarms']} of {known['n_real']} real clips {were} called "
            f"fake, and no signs were found in {known['missed']} of {known['n_fake']} fakes: yours may not be like "
            "them."
        )
    if scorer.calibration is None:
        return ""
    return (
        f" Its limits were set so that {scorer.calibration.false_alarm_rate:.0%} of the real examples at hand are "
        f"called fake, and no signs are found in {scorer.calibration.miss_rate:.0%} of the fakes; on other clips "
        "it can be more."
    )


def is_of_this_version(analysis: Analysis) -> bool:
    """Return whether this version made an analysis: the weights and rates of another one are not here."""
    return analysis.software_version == __version__


def has_rates(analysis: Analysis) -> bool:
    """Return whether error rates that were measured hold for an analysis: a full one of this version."""
    return is_of_this_version(analysis) and not analysis.config.quick


def is_known_clip(analysis: Analysis) -> bool:
    """Return whether the classifier of an analysis was trained on its very file. Raises ClassifierError when the list
    of such files is missing."""
    return analysis.video.sha256 in training_clips(analysis.config.classifier)


def notes_of(analysis: Analysis) -> tuple[str, ...]:
    """Return warning_sentences, and before them what the file declares and whether the classifier knows the clip: where
    no card is shown."""
    known = (KNOWN_CLIP,) if is_known_clip(analysis) else ()
    return (*declared_sentences(analysis.video), *known, *warning_sentences(analysis))


def evidence_sentence(item: Evidence) -> str:
    """Return one fact in words, without whose it is."""
    if "sentence" in item.values:
        return str(item.values["sentence"])
    return _SENTENCES[item.code](item)


def reason_sentences(answer: Verdict | TrackVerdict) -> tuple[str, ...]:
    """Return the reasons of a verdict in words, the strongest first.

    Those of a clip say whose they are, where several people are judged.
    """
    several = isinstance(answer, Verdict) and len(answer.tracks) > 1
    return tuple(named_sentence(item) if several else evidence_sentence(item) for item in answer.reasons)


def directed_sentences(verdict: Verdict) -> tuple[str, ...]:
    """Return reason_sentences, each after what it speaks for; where nobody was judged, none speaks for a side."""
    sentences = zip(verdict.reasons, reason_sentences(verdict), strict=True)
    judged = verdict.answer != "NOT_JUDGED"
    return tuple((DIRECTION_WORDS[told_direction(item)] if judged else "") + sentence for item, sentence in sentences)


def named_sentence(item: Evidence) -> str:
    """Return one fact in words, with whose it is."""
    sentence = evidence_sentence(item)
    return sentence if item.track_id is None else f"{person_name(item.track_id)}: {sentence}"


def abstention_sentences(items: Sequence[Evidence]) -> tuple[str, ...]:
    """Return why people were not judged, each cause once."""
    return tuple(dict.fromkeys(map(evidence_sentence, items)))


def cause_of_abstention(item: Evidence | None) -> str:
    """Return a verdict's first reason without its numbers and its person, so that like cases are counted together."""
    return "No reason given" if item is None else _CAUSES.get(item.code, "The score is too close to call")


def _score(item: Evidence) -> str:
    probability, frames, share = _numbers(item, "probability_fake", "frames", "share_fake")
    return (
        f"P(fake) is {probability:.2f} over {counted(frames, 'frame')}; {share:.0%} of them look more fake than real."
    )


def _reals(item: Evidence) -> str:
    count, total = _numbers(item, "count", "of")
    look = "looks" if count == 1 else "look"
    return f"{count} of {total} real calibration examples {look} at least as suspicious."


def _fakes(item: Evidence) -> str:
    count, total, share = _numbers(item, "count", "of", "at_most")
    score = "scores" if count == 1 else "score"
    return (
        f"{count} of {total} fake examples {score} as low (at most {share:.0%} may): a fake can be among the clips "
        "that are called real."
    )


def _too_close(item: Evidence) -> str:
    least, reals, fakes = _numbers(item, "min_probability_fake", "at_most_reals", "at_most_fakes")
    return (
        f"Inconclusive because the score is too close to call: called fake are only scores of {least:g} or more that "
        f"at most {reals:.0%} of real examples reach, called real only scores that at most {fakes:.0%} of fake "
        "examples stay below."
    )


def _too_many_people(item: Evidence) -> str:
    judged, rate = _numbers(item, "judged", "at_most_reals")
    return (
        f"Inconclusive because {judged} faces of the clip were judged, which share the rate of false alarms of "
        f"{rate:.0%}: for one alone the score would be enough to call it a fake."
    )


def _too_small(item: Evidence) -> str:
    width, needed = _numbers(item, "px", "at_least")
    return f"The face is too small: {beside(width, needed, '.0f')} px wide, at least {needed:.0f} px are needed."


def _too_blurred(item: Evidence) -> str:
    blur, side, most = _numbers(item, "px", "of_px", "at_most")
    return (
        f"The face is too blurred: its edges are smeared by {beside(blur, most, '.1f')} of {side} px for the whole "
        f"picture, at most {most:.1f} can be judged."
    )


def _too_compressed(item: Evidence) -> str:
    bits, needed = _numbers(item, "bits_per_pixel", "at_least")
    size = ""
    if "width" in item.values:
        width, height, rate = _numbers(item, "width", "height", "frame_rate")
        size = f"{width}×{height} px, {rate:.4g} frames/s"
        if "bit_rate" in item.values:
            size = f"{_numbers(item, 'bit_rate')[0] / 1000:.0f} kbit/s for {size}"
        size = f" ({size})"
    bits_text = beside(bits, needed, ".4f")
    return f"The clip is compressed too hard: {bits_text} bits per pixel{size}, at least {needed:g} are needed."


def _cut_off(item: Evidence) -> str:
    share, limit = _numbers(item, "outside_share", "at_most")
    return (
        f"The head is cut off by the edge of the picture: {beside(share, limit, '.0%')} of the area that the "
        f"classifier looks at lies outside, at most {limit:.0%} may."
    )


def _hidden(item: Evidence) -> str:
    share, limit = _numbers(item, "hidden_share", "at_most")
    return (
        "Something seems to hide a part of the face, such as writing, a sticker or mirrored glasses: "
        f"{beside(share, limit, '.1%' if share < 0.1 else '.0%')} of it; at most {limit:.0%} may be hidden."
    )


def _smoothed(item: Evidence) -> str:
    probability, limit = _numbers(item, "probability", "at_most")
    return (
        f"A filter seems to have smoothed the face: the classifier gives this a probability of "
        f"{beside(probability, limit, '.1%')}; at most {limit:.0%} is let through."
    )


def _too_briefly(item: Evidence) -> str:
    pictures, needed = _numbers(item, "pictures", "at_least")
    return f"The face is seen too briefly: {counted(pictures, 'picture')} of it, at least {needed} are needed."


def _turned_away(item: Evidence) -> str:
    share, needed = _numbers(item, "frontal_share", "at_least")
    turned = "turned away"
    if "yaw_deg" in item.values:
        turned = f"in profile, turned by {_numbers(item, 'yaw_deg')[0]:.0f}°"
    frontal = beside(share, needed, ".0%")
    return f"The face is {turned}: near frontal in {frontal} of its frames, at least {needed:.0%} are needed."


def _hardly_a_face(item: Evidence) -> str:
    frames, total, needed = _numbers(item, "frames", "of", "at_least")
    share = beside(frames / max(total, 1), needed, ".1%")
    return (
        f"Too little of the clip shows a face: {frames} of {total} frames ({share}), at least {needed:.0%} are needed."
    )


def _nothing_moves(item: Evidence) -> str:
    return (
        f"Nothing moves: the clip shows the same picture {item.values['frames']} times, and one picture is no evidence "
        "that a clip is real."
    )


def _a_picture(item: Evidence) -> str:
    seconds, change, most = _numbers(item, "seconds", "change", "at_most")
    return (
        f"This is a picture of a face, not a person: over {seconds:.1f} s it changes by {change:.1f} of 255 gray "
        f"levels, a living face by more than {most:g}."
    )


def _no_persons(item: Evidence) -> str:
    count = item.values["count"]
    when = ""
    if "from_s" in item.values:
        start, end = _numbers(item, "from_s", "to_s")
        when = f", seen between {format_time(start)} and {format_time(end)},"
    are = "is no person" if count == 1 else "are no persons"
    return f"{count} of the detections{when} {are}: the face mesh sees no face there (a pattern)."


def _in_part(item: Evidence) -> str:
    (share,) = _numbers(item, "share")
    return f"This face is seen in {part_text(share)} of the clip's frames; the answer is about these alone."


def _signal(item: Evidence) -> str:
    value, count, total, low, high = _numbers(item, "value", "count", "of", "auc_low", "auc_high")
    info = signal_info(item.signal)
    title, unit = (item.signal, "") if info is None else (info.title, info.unit)
    found = f"{title}: {value:.2g}" + (f" {unit}" if unit else "")
    if count <= RARE_SHARE * total:
        than = "lower" if info is not None and info.suspicious == "low" else "higher"
        found = f"{found}, {than} than in {total - count} of {total} real clips, as in fakes"
    else:
        found = f"{found}, and {count} of {total} real clips look at least as suspicious"
    measured = f"AUC {low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"AUC {low:.2f} to {high:.2f}"
    alone = "is a weak signal" if item.is_weak else "tells some fakes apart"
    return f"{found}; alone it {alone} ({measured}, 0.5 is chance)."


def _numbers(item: Evidence, *names: str) -> list[int | float]:
    values = [item.values[name] for name in names]
    return [value for value in values if not isinstance(value, str)]


_SENTENCES: Final = {
    "no_persons": _no_persons,
    "faces_left_out": lambda item: (
        f"Inconclusive as to everybody: {item.values['count']} more faces were in the picture at once than the "
        f"{item.values['most']}, the largest, that are followed (max_faces)."
    ),
    "no_face": lambda _: "No face was found in any frame: nothing to judge.",
    "unscored": lambda _: "This face has no aligned crops: choose MTCNN as the face detector to have it scored.",
    "all_damaged": lambda _: "Every picture of this face is damaged.",
    "uncalibrated": lambda _: "This classifier is not calibrated: how often its scores are right was not measured.",
    "face_too_small": _too_small,
    "face_too_blurred": _too_blurred,
    "cut_off": _cut_off,
    "face_hidden": _hidden,
    "face_smoothed": _smoothed,
    "compressed_too_hard": _too_compressed,
    "seen_too_briefly": _too_briefly,
    "turned_away": _turned_away,
    "hardly_a_face": _hardly_a_face,
    "nothing_moves": _nothing_moves,
    "a_picture": _a_picture,
    "score": _score,
    "reals_as_suspicious": _reals,
    "fakes_as_low": _fakes,
    "too_close": _too_close,
    "too_many_people": _too_many_people,
    "seen_in_part": _in_part,
    "signal_rare": _signal,
    "signal_usual": _signal,
}
_CAUSES: Final = {
    "no_face": "No face was found in any frame",
    "unscored": "This face has no aligned crops",
    "all_damaged": "Every picture of the face is damaged",
    "uncalibrated": "This classifier is not calibrated",
    "face_too_small": "The face is too small",
    "face_too_blurred": "The face is too blurred",
    "cut_off": "The head is cut off by the edge of the picture",
    "face_hidden": "Something seems to hide a part of the face",
    "face_smoothed": "A filter seems to have smoothed the face",
    "compressed_too_hard": "The clip is compressed too hard",
    "seen_too_briefly": "The face is seen too briefly",
    "turned_away": "The face is turned away",
    "hardly_a_face": "Too little of the clip shows a face",
    "nothing_moves": "Nothing moves in the clip",
    "a_picture": "It is a picture of a face, not a person",
    "too_many_people": "For so many faces the score is not enough",
}


def rule_sentence(rule: NotebookRule) -> str:
    """Return what the notebook's rule says, with its numbers."""
    if rule.label is None:
        return "needs at least two frames"
    return f"says {rule.label.replace('_', ' ')} (amplitude {rule.amplitude:.3f}, lowest similarity {rule.minimum:.3f})"


def warning_sentences(analysis: Analysis) -> tuple[str, ...]:
    """Return what a reader has to know of a clip: whether it was only looked at, what was wrong with the file, whether
    anything moves, and who of several people was not judged."""
    looked = (PROVISIONAL,) if analysis.config.quick else ()
    still = analysis.still_frames
    moves = (f"Nothing moves in this clip: it shows the same picture {still} times.",) if still else ()
    # Of one person alone, the verdict's first reason says the same.
    several = len(analysis.verdict.tracks) > 1
    left_out = [item for item in analysis.verdict.reasons if item.code == "faces_left_out"]
    crowd = [
        f"There are too many faces in the picture at once: {item.values['count']} more than the {item.values['most']} "
        "largest, which are followed. Nothing is said of them; max_faces in the settings follows more."
        for item in left_out
    ]
    unjudged = map(not_judged_sentence, analysis.not_judged) if several else ()
    return (*looked, *reading_warnings(analysis.video), *moves, *crowd, *unjudged)


def not_judged_sentence(person: NotJudged) -> str:
    """Return who was not judged, when they are seen, and why."""
    when = f"{format_time(person.from_s)} to {format_time(person.to_s)}"
    return f"{person_name(person.track_id)}, {when}, was not judged: {causes_text(person)}."


def causes_text(person: NotJudged) -> str:
    """Return why somebody was not judged, without numbers, each cause once: a part of a sentence."""
    causes = dict.fromkeys(cause_of_abstention(item) for item in person.causes)
    return ", ".join(f"{cause[0].lower()}{cause[1:]}" for cause in causes)


def rate_name(rate: RateOutcome) -> str:
    """Return what a rate is called."""
    return "as it is" if rate.crf is None else f"CRF {rate.crf}"


def person_name(track_id: int) -> str:
    """Return what a track is called for readers: track 0 is person 1."""
    return f"Person {track_id + 1}"
