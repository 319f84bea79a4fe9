"""The answer in plain words: what the card of a clip says, for readers who know nothing of the method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from deepfake.analysis.evidence import Direction, Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.recompression import Recompression
from deepfake.analysis.verdict import Answer, Verdict
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier_title
from deepfake.report.facts import all_facts
from deepfake.report.strength import STRENGTHS, strength_of, told_direction
from deepfake.report.wording import (
    KNOWN_CLIP,
    evidence_sentence,
    is_known_clip,
    is_of_this_version,
    person_name,
    rate_name,
)
from deepfake.signals.registry import signal_info
from deepfake.words import counted, part_text, score_text

ANSWER_WORDS: Final[dict[Answer, str]] = {
    "LIKELY_FAKE": "Likely fake",
    "INCONCLUSIVE": "Inconclusive",
    "LIKELY_REAL": "No signs of a fake found",
    "NOT_JUDGED": "Not judged",
    "NO_FACE": "No face",
}
ANSWER_MARKS: Final[dict[Answer, str]] = {
    "LIKELY_FAKE": "⚠",
    "INCONCLUSIVE": "?",
    "LIKELY_REAL": "○",
    "NOT_JUDGED": "–",
    "NO_FACE": "–",
}
MAX_REASONS: Final = 3
OF_A_SCORE: Final = frozenset({"score", "reals_as_suspicious"})  # they say nothing of who was not judged
LEFT_OUT: Final = frozenset({"no_persons", "signal_usual"})  # they are under the numbers

StepCode = Literal["moments", "better_copy", "other_part", "compare", "recompress", "face_detector", "classifier"]
STEP_WORDS: Final[dict[StepCode, str]] = {
    "moments": "Look closely at the moments that score highest",
    "better_copy": "Find a better copy: earlier, larger, less compressed, unedited",
    "other_part": "Try another part: lit, near, uncovered, turned to the camera",
    "compare": "Compare with an original",
    "recompress": "Re-compress it: does the answer stay?",
    "face_detector": "Choose MTCNN in the settings",
    "classifier": f"Choose {classifier_title(DEFAULT_CLASSIFIER)} in the settings",
}
# Somebody was not judged for what another copy of the clip may not have.
POOR_COPY: Final = frozenset(
    {"face_too_small", "face_too_blurred", "compressed_too_hard", "cut_off", "face_hidden", "face_smoothed"}
)
NEITHER: Final = "It means neither fake nor real."
NO_RATE: Final = "How often such an answer is right was not measured for this classifier."
NO_RATE_QUICK: Final = "How often such a first look is right was not measured."
OTHER_VERSION: Final = "It was made by another version: how often this one is right says nothing about it."


@dataclass(frozen=True, slots=True)
class CardReason:
    """A reason as the card says it. evidence: what it rests on. sentence: with one number."""

    evidence: Evidence
    sentence: str

    @property
    def direction(self) -> Direction:
        """What it speaks for; a score near the middle for neither side."""
        return told_direction(self.evidence)


def strength_text(verdict: Verdict) -> str:
    """Return how strong an answer is, in dots and a word, and the probability behind it; "" without one."""
    probability = verdict.told_probability
    if probability is None:
        return ""
    number = score_text(probability, verdict.interval)
    if verdict.answer == "INCONCLUSIVE":
        return f"{_lean(probability)} · {number}"
    strength = strength_of(probability)
    filled = max(1, STRENGTHS.index(strength))
    return f"{'●' * filled}{'○' * (3 - filled)} {'weak' if strength == 'none' else strength} evidence · {number}"


def _lean(probability: float) -> str:
    if strength_of(probability) == "none":
        return "leans to neither side"
    return "leans toward a fake" if probability > 0.5 else "leans away from a fake"


def marked_answer(answer: Answer) -> str:
    """Return an answer in its mark and its words."""
    return f"{ANSWER_MARKS[answer]} {ANSWER_WORDS[answer]}"


def card_reasons(verdict: Verdict) -> tuple[CardReason, ...]:
    """Return up to three reasons in plain words, the strongest first; no two of them are one number."""
    found: dict[str, Evidence] = {}
    told: set[tuple[str, str, int | None]] = set()
    several, is_fake = len(verdict.tracks) > 1, verdict.answer == "LIKELY_FAKE"
    is_close = any(item.code == "too_close" for item in verdict.reasons)
    for item in verdict.reasons:
        if item.code in OF_A_SCORE and verdict.answer == "NOT_JUDGED":
            continue
        sentence = _sentence(item, several=several, is_fake=is_fake)
        if item.code == "reals_as_suspicious" and item.direction == "limits" and is_close:
            sentence = f"{sentence.removesuffix('.')}: too many to call it a fake."
        what = item.code, item.signal, item.track_id
        if sentence and what not in told:
            told.add(what)
            found.setdefault(sentence, item)
    return tuple(CardReason(item, sentence) for sentence, item in found.items())[:MAX_REASONS]


def next_steps(verdict: Verdict) -> tuple[StepCode, ...]:
    """Return what somebody can do who got no clear answer, the most helpful first."""
    answer, codes = verdict.answer, {item.code for item in verdict.reasons}
    if answer == "INCONCLUSIVE" and codes & POOR_COPY:
        return "better_copy", "moments", "compare"
    if answer == "INCONCLUSIVE":
        return "moments", "compare", "recompress"
    if answer == "NOT_JUDGED" and "unscored" in codes:
        return ("face_detector",)
    if answer == "NOT_JUDGED" and "uncalibrated" in codes:
        return ("classifier",)
    if answer == "NOT_JUDGED":
        return "better_copy", "other_part", "compare"
    return ("other_part", "compare") if answer == "NO_FACE" else ()


def rate_sentence(analysis: Analysis) -> str:
    """Return how often clips of the other kind got this answer, as it was measured with the default classifier; that
    nothing follows where the classifier knows the clip; "" where there is nothing to rate."""
    known = all_facts().get("accuracy", {})
    answer = analysis.verdict.answer
    if answer == "NO_FACE":
        return ""
    if is_known_clip(analysis):
        return KNOWN_CLIP
    if answer == "NOT_JUDGED":
        return NEITHER
    if not is_of_this_version(analysis):
        return OTHER_VERSION
    if analysis.config.quick:
        return NO_RATE_QUICK
    if known.get("classifier") != analysis.config.classifier:
        return NO_RATE
    if answer == "LIKELY_FAKE":
        return f"In a test with real clips new to it, {_share('false_alarms', 'n_real', known)} got this answer too."
    if answer == "LIKELY_REAL":
        return f"In a test with fakes new to it, {_share('missed', 'n_fake', known)} got this answer too."
    share = _share("abstained", "n", known)
    return f"{NEITHER} In a test with clips new to it, {share} were not decided."


def _share(count: str, total: str, known: dict[str, Any]) -> str:
    low, high = known[f"{count}_low"], known[f"{count}_high"]
    return f"{known[count]} of {known[total]} (95% interval {low:.0%} to {high:.0%})"


def _sentence(item: Evidence, *, several: bool, is_fake: bool) -> str:
    """A fact in plain words; "" for what the card leaves to the numbers."""
    if item.code in LEFT_OUT:
        return ""
    if item.code == "signal_rare":
        return _signal(item)
    face = f"{person_name(item.track_id)}’s face" if several and item.track_id is not None else "the face"
    say = _SENTENCES.get(item.code)
    if item.code == "score":
        sentence = _score(item.values, face, is_fake=is_fake)
    elif say is None:
        return evidence_sentence(item)
    else:
        sentence = say(item.values, face)
    return sentence[:1].upper() + sentence[1:]


def _score(values: dict[str, Any], face: str, *, is_fake: bool) -> str:
    pictures = values["frames"]
    fake = round(values["share_fake"] * pictures)
    what = "manipulated" if is_fake else "more fake than real"
    if strength_of(values["probability_fake"]) == "none":
        # A score near the middle says little, however many pictures it is made of.
        fake, what = (pictures, "a little more real than fake") if fake == 0 else (fake, "a little more fake than real")
    if pictures == 1:
        return f"The one picture of {face} {'looks' if fake else 'does not look'} {what}."
    if fake == pictures:
        return f"All {pictures} pictures of {face} look {what}."
    if fake == 0:
        return f"None of {pictures} pictures of {face} looks {what}."
    return f"{fake} of {pictures} pictures of {face} {'looks' if fake == 1 else 'look'} {what}."


def _rank(values: dict[str, Any], what: str, how: str) -> str:
    count, total = values["count"], values["of"]
    if count == 0:
        return f"None of {total:,} {what} looks as {how}."
    return f"{count:,} of {total:,} {what} {'looks' if count == 1 else 'look'} as {how}."


def _signal(item: Evidence) -> str:
    if item.is_weak:
        return ""
    info = signal_info(item.signal)
    count, total = (int(item.values[name]) for name in ("count", "of"))
    title = item.signal if info is None else info.title
    if count == 0:
        return f"{title}: none of {total:,} real clips is as unusual."
    return f"{title}: {count:,} of {total:,} real clips {'is' if count == 1 else 'are'} as unusual."


_SENTENCES: Final[dict[str, Callable[[dict[str, Any], str], str]]] = {
    "no_face": lambda values, face: "No face was found in any frame.",
    "faces_left_out": lambda values, face: f"{values['count']} more, smaller faces were not looked at.",
    "unscored": lambda values, face: f"{face} could not be scored.",
    "all_damaged": lambda values, face: f"every picture of {face} is damaged.",
    "uncalibrated": lambda values, face: "how often this classifier is right was not measured.",
    "face_too_small": lambda values, face: f"{face} is {values['px']:.0f} pixels wide: too small to judge.",
    "face_too_blurred": lambda values, face: f"{face} is too blurred to judge.",
    "cut_off": lambda values, face: f"the edge of the picture cuts off {part_text(values['outside_share'])} of {face}.",
    "face_hidden": lambda values, face: (
        f"something, such as writing or a sticker, seems to hide {part_text(values['hidden_share'])} of {face}."
    ),
    "face_smoothed": lambda values, face: f"a filter seems to have smoothed {face}.",
    "compressed_too_hard": lambda values, face: "the clip is compressed too hard to judge.",
    "seen_too_briefly": lambda values, face: (
        f"{face} is seen too briefly: in {counted(values['pictures'], 'picture')}."
    ),
    "turned_away": lambda values, face: (
        f"{face} looks into the camera in {part_text(values['frontal_share'])} of its frames: too few to judge."
    ),
    "hardly_a_face": lambda values, face: f"a face is seen in {counted(values['frames'], 'frame')} only.",
    "nothing_moves": lambda values, face: f"nothing moves: one picture is shown {values['frames']} times.",
    "a_picture": lambda values, face: f"{face} is a picture: in {values['seconds']:.1f} seconds nothing of it moves.",
    "reals_as_suspicious": lambda values, face: _rank(values, "real examples", "suspicious"),
    "fakes_as_low": lambda values, face: _rank(values, "fake examples", "harmless"),
    "too_close": lambda values, face: "real clips and fakes both get such a score.",
    "too_many_people": lambda values, face: (
        f"with {values['judged']} faces judged in the clip, the score is not enough to call one of them a fake."
    ),
    "seen_in_part": lambda values, face: (
        f"{face} is seen in {part_text(values['share'])} of the clip; the answer is about that."
    ),
}


def stability_sentence(result: Recompression) -> str:
    """Return in words how stable the verdict is when its clip is encoded again."""
    original, *encoded = result.rates
    if not encoded or all(rate.clip.probability_fake is None for rate in result.rates):
        return "No face of this clip could be scored, so there is nothing to compare."
    if result.spread is None:
        return "The clip is judged neither as it is nor at any rate, so there is nothing to compare."
    known = [rate.clip.told_probability for rate in result.rates if rate.clip.told_probability is not None]
    where = "" if len(known) == len(result.rates) else "Where it is judged, "
    span = f"{where}P(fake) lies between {min(known):.2f} and {max(known):.2f}, {result.spread:.2f} apart."
    words = ANSWER_WORDS[original.clip.answer]
    if result.keeps_label:
        return f"The verdict stays {words} at every rate. {span}"
    changed = [
        f"{ANSWER_WORDS[rate.clip.answer]} at {rate_name(rate)}"
        for rate in encoded
        if rate.clip.answer != original.clip.answer
    ]
    opposite = {"LIKELY_REAL", "LIKELY_FAKE"} <= {rate.clip.label for rate in result.rates}
    warning = " It turns into its opposite: do not rely on it." if opposite else ""
    return f"The verdict changes: {words} as the clip is, {', '.join(changed)}. {span}{warning}"
