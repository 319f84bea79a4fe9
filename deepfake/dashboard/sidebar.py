"""How an analysis is made: choices in the sidebar that few need."""

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.faces.detection import DETECTOR_NAMES

TITLES = {"mtcnn": "MTCNN (neural network)", "haar": "Haar cascade (faster, frontal faces only)"}


def analysis_config() -> AnalysisConfig:
    """Draw the settings in the sidebar and return them."""
    with st.sidebar.expander("Settings of the analysis", icon=":material/tune:"):
        detector = st.selectbox(
            "Faces are followed with",
            DETECTOR_NAMES,
            format_func=lambda name: TITLES[name],
            key="settings-detector",
            persist_state="session",
            help="Another choice analyses the clip anew; results of both are kept.",
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
    return AnalysisConfig(detector=detector, search_every_s=float(search_every_s))
