"""What the Evaluate page is about: a data set, one setting or two, a threshold. All of it in the URL."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.address import keep_in_url
from deepfake.dashboard.evaluate.results import SetInStore, has_new, trained_on_by
from deepfake.dataset import Dataset
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER, classifier_title
from deepfake.faces.detection import FACE_DETECTORS, face_detector_title
from deepfake.store import StoredFingerprint
from deepfake.words import counted

SETTINGS_KEY, OTHER_KEY, THRESHOLD_KEY = "evaluate-settings", "evaluate-other", "evaluate-threshold"
ONLY_NEW_KEY = "evaluate-only-new"
SHOWN_DIGITS = 8  # of a fingerprint
EVEN_ODDS = 0.5
QUICK_CAVEAT = (
    "A quick batch keeps the clips that a quick look decides apart from those that it analyzes in full: each part is "
    "chosen by its answers, and says nothing about the whole set."
)


@dataclass(frozen=True, slots=True)
class ChosenSettings:
    """What is evaluated. analyzed: one setting, or two to compare, that have analyzed clips of the set. compared: how
    to analyze the clips that the second has not, where that can be done here."""

    analyzed: tuple[StoredFingerprint, ...]
    compared: AnalysisConfig | None


def choose_settings(kept: Sequence[StoredFingerprint], counts: Mapping[str, int]) -> ChosenSettings:
    """Draw the choice of one setting, or of two to compare, and return them.

    kept: what the store has analyses of. counts: how many clips of the data set each has. Those without cannot come
    first; every classifier that is there can be compared with, and analyze the set then.
    """
    by_id = {item.fingerprint: item for item in kept if counts.get(item.fingerprint)}
    ordered = sorted(by_id, key=lambda fingerprint: -counts[fingerprint])  # stable: the newest first among equals
    titles = titles_of([by_id[fingerprint] for fingerprint in ordered], counts)
    first, second = st.columns(2, gap="medium")
    _restore(SETTINGS_KEY, "settings", ordered, ordered[0])
    chosen: str = first.selectbox(
        "Settings and weights",
        ordered,
        format_func=lambda fingerprint: titles[fingerprint],
        key=SETTINGS_KEY,
        persist_state="session",
        help="A batch, and every analysis of a clip of this set, is kept by the settings, the version and the "
        "weights that made it.",
    )
    configs = _other_classifiers(by_id[chosen])
    others = [*(item for item in ordered if item != chosen), *(item for item in configs if item not in by_id)]

    titles |= {
        item: f"{classifier_title(config.classifier)}: has not analyzed this set yet"
        for item, config in configs.items()
        if item not in by_id
    }
    _restore(OTHER_KEY, "with", others, None)
    other: str | None = second.selectbox(
        "Compare with",
        others,
        index=None,
        format_func=lambda fingerprint: titles[fingerprint],
        key=OTHER_KEY,
        persist_state="session",
        placeholder="Nothing",
        help="Other settings or another classifier, beside the first, clip by clip. One that has not analyzed this set "
        "can do so here.",
    )
    for place, item in ((first, chosen), (second, other)):
        if item in by_id:
            place.caption(_described(by_id[item]))
    st.query_params["settings"] = chosen
    keep_in_url("with", other)
    if any(map(_is_quick_look, by_id.values())):
        st.caption(QUICK_CAVEAT)
    analyzed = tuple(by_id[item] for item in (chosen, other) if item is not None and item in by_id)
    return ChosenSettings(analyzed, configs.get(other) if other is not None else None)


def choose_only_new(dataset: Dataset, found: SetInStore, chosen: Sequence[StoredFingerprint]) -> bool:
    """Draw whether the clips that a classifier of the chosen settings was trained on are left out, and return it. True
    as long as nobody says otherwise and analyzed clips remain; with none of them in the set, nothing is drawn.

    Each data set has a switch of its own, and the URL speaks of the first that is looked at.
    """
    key = f"{ONLY_NEW_KEY}-{dataset.root}"
    asked_for = st.query_params.get("trained") == "in"
    if st.session_state.setdefault(f"{ONLY_NEW_KEY}-first", key) == key and asked_for and key not in st.session_state:
        st.session_state[key], st.session_state[f"{key}-chosen"] = False, True
    known = trained_on_by(chosen)
    trained_on = sum(sha256 in known for sha256 in found.known.sha256s.values())
    if not trained_on:
        keep_in_url("trained", None)
        return False
    if f"{key}-chosen" not in st.session_state:  # by anybody: until then it follows what is analyzed
        st.session_state[key] = has_new(dataset, found, chosen)
    only_new = st.toggle(
        f"Leave out clips that the classifier was trained on ({trained_on})",
        key=key,
        persist_state="session",
        on_change=st.session_state.__setitem__,
        args=(f"{key}-chosen", True),
        help="It knows them: that it is right about them says nothing about other clips.",
    )
    keep_in_url("trained", "in" if f"{key}-chosen" in st.session_state and not only_new else None)
    return only_new


def choose_threshold(chosen: Sequence[StoredFingerprint]) -> float:
    """Draw the slider of the threshold and return it, in [0, 1]; it begins at that of the first setting's verdict."""
    begins_at = verdict_threshold(chosen[0].classifier if chosen else DEFAULT_CLASSIFIER)
    if THRESHOLD_KEY not in st.session_state:
        st.session_state[THRESHOLD_KEY] = threshold_of(st.query_params.get("threshold"), begins_at)
    threshold = float(
        st.slider(
            "Threshold: a clip is called fake from this P(fake) on",
            0.0,
            1.0,
            step=0.01,
            key=THRESHOLD_KEY,
            persist_state="session",
            help=f"It begins at {begins_at:.2f}, from which on one person alone is “likely fake”. The arrow keys move "
            "it. The verdict asks for more than a threshold: see Methods.",
        )
    )
    st.query_params["threshold"] = f"{threshold:.2f}"
    return threshold


def verdict_threshold(name: str) -> float:
    """Return the least P(fake) that a classifier's verdict calls "likely fake"; 0.5 where it has no calibration."""
    calibration = CLASSIFIERS[name].calibration if name in CLASSIFIERS else None
    fake_from = None if calibration is None else calibration.label_limits()[1]
    return EVEN_ODDS if fake_from is None else math.ceil(round(fake_from * 1000) / 10) / 100


def threshold_of(text: str | None, begins_at: float) -> float:
    """Return the threshold that a URL names, in [0, 1]; begins_at where it names none that can be used."""
    try:
        value = float(text) if text else begins_at
    except ValueError:
        return begins_at
    return round(value, 2) if 0 <= value <= 1 else begins_at


def names_of(chosen: Sequence[StoredFingerprint]) -> list[str]:
    """Return short names: the classifier, and what tells the chosen settings apart."""
    classifiers = [_classifier_name(item) for item in chosen]
    if len(set(classifiers)) == len(chosen):
        return classifiers
    differing = [
        parts
        for parts in (
            [f"faces by {face_detector_title(item.face_detector)}" for item in chosen],
            [f"version {item.software_version}" for item in chosen],
            [f"weights {item.model[:SHOWN_DIGITS]}" for item in chosen],
        )
        if len(set(parts)) > 1
    ]
    together = [", ".join(parts) for parts in zip(*differing, strict=True)]
    for parts in (*differing, together):
        if len(set(parts)) == len(chosen):
            return [f"{title}, {part}" for title, part in zip(classifiers, parts, strict=True)]
    return [
        f"{title}, settings {item.fingerprint[:SHOWN_DIGITS]}" for title, item in zip(classifiers, chosen, strict=True)
    ]


def titles_of(kept: Sequence[StoredFingerprint], counts: Mapping[str, int]) -> dict[str, str]:
    """Return what a box of choice calls settings, by fingerprint: short, so that it has room for it."""
    by_classifier: dict[str, list[StoredFingerprint]] = {}
    for item in kept:
        by_classifier.setdefault(_classifier_name(item), []).append(item)
    return {
        item.fingerprint: f"{name}: {counted(counts[item.fingerprint], 'clip')}"
        for alike in by_classifier.values()
        for item, name in zip(alike, names_of(alike), strict=True)
    }


def _other_classifiers(first: StoredFingerprint) -> dict[str, AnalysisConfig]:
    """Return how the set can be analyzed by the other classifiers, faces found as by the first; by fingerprint."""
    if first.face_detector not in FACE_DETECTORS:
        return {}
    names = [name for name, row in CLASSIFIERS.items() if row.is_available and name != first.classifier]
    configs = [AnalysisConfig(first.face_detector, name) for name in names]
    return {config.fingerprint(): config for config in configs}


def _classifier_name(item: StoredFingerprint) -> str:
    title = classifier_title(item.classifier)
    return f"{title}, quick look" if _is_quick_look(item) else title


def _is_quick_look(item: StoredFingerprint) -> bool:
    """Whether these are quick looks; those of another version or of other weights are not recognized."""
    row = CLASSIFIERS.get(item.classifier)
    if item.face_detector not in FACE_DETECTORS or row is None or not row.is_available:
        return False
    return AnalysisConfig(item.face_detector, item.classifier, quick=True).fingerprint() == item.fingerprint


def _described(item: StoredFingerprint) -> str:
    weights, settings = item.model[:SHOWN_DIGITS], item.fingerprint[:SHOWN_DIGITS]
    return (
        f"Faces by {face_detector_title(item.face_detector)} · version {item.software_version} · weights {weights} · "
        f"settings {settings}"
    )


def _restore(key: str, parameter: str, options: Sequence[str], default: str | None) -> None:
    """Begin with what the URL names, and let a choice that is gone become the default; None stays None where it may."""
    if key not in st.session_state:
        named = st.query_params.get(parameter)
        st.session_state[key] = named if named in options else default
    elif st.session_state[key] not in (*options, default):
        st.session_state[key] = default
