"""How an analysis is made: choices in the sidebar that few need."""

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.address import keep_in_url
from deepfake.dashboard.text import plain
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER, classifier_title
from deepfake.faces.detection import FACE_DETECTORS

FACE_DETECTOR_KEY, CLASSIFIER_KEY = "settings-face-detector", "settings-classifier"
CLASSIFIER_PARAMETER = "classifier"


def choose_classifier_from_url() -> None:
    """Choose the classifier that the URL names, in a session that has none yet; one that is not here is told of. Call
    it before analysis_config."""
    name = st.query_params.get(CLASSIFIER_PARAMETER)
    if name is None or CLASSIFIER_KEY in st.session_state:
        return
    if name in _available():
        st.session_state[CLASSIFIER_KEY] = name
    else:
        st.warning(
            f"The address names a classifier that is not here: {plain(name)}. The usual one answers instead.",
            icon=":material/link_off:",
        )


def keep_classifier_in_url(name: str) -> None:
    """Let the URL name the classifier, unless it is the usual one: whoever opens the link gets the same answer."""
    keep_in_url(CLASSIFIER_PARAMETER, None if name == DEFAULT_CLASSIFIER else name)


def _available() -> list[str]:
    return [row.name for row in CLASSIFIERS.values() if row.is_available]


def analysis_config() -> AnalysisConfig:
    """Draw the settings in the sidebar and return them."""
    with st.sidebar.expander("Settings of the analysis", icon=":material/tune:"):
        face_detector = st.selectbox(
            "Faces are found by",
            list(FACE_DETECTORS),
            format_func=lambda name: FACE_DETECTORS[name].title,
            key=FACE_DETECTOR_KEY,
            persist_state="session",
            help="The face detector. Another choice analyzes the clip again; results of both are kept.",
        )
        classifier = st.selectbox(
            "Faces are scored by",
            _available(),
            format_func=classifier_title,
            key=CLASSIFIER_KEY,
            persist_state="session",
            help="The classifier, on which the verdict rests. A baseline is there to compare with: it has no "
            "calibration, so that no verdict is given.",
        )
        search_every_s = st.slider(
            "Look for new faces every (s)",
            0.2,
            5.0,
            AnalysisConfig().search_every_s,
            0.2,
            key="settings-search",
            persist_state="session",
            help="The whole frame is searched this often, after a cut, and when a face was lost.",
        )
    return AnalysisConfig(face_detector, classifier, search_every_s=float(search_every_s))
