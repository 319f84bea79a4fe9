"""Which person of a clip the panels follow."""

import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.figures import person_name

MAX_PILLS = 10
HELP = "The panels follow this person. A click on a bar of the timeline chooses as well."


def chosen_track_id(slot: str, analysis: Analysis, clip_id: str) -> int | None:
    """Return the chosen person's track_id, at first the one seen longest, None without a face; draw nothing."""
    if not analysis.tracks:
        return None
    state = st.session_state.setdefault(f"_{slot}-person", {})
    if state.get("clip") != clip_id or analysis.track(state["track"]) is None:
        state.update(clip=clip_id, track=max(analysis.tracks, key=len).track_id)
    return int(state["track"])


def set_person(slot: str, track_id: int) -> None:
    """Follow another person."""
    st.session_state[f"_{slot}-person"]["track"] = track_id


def choose_person(slot: str, analysis: Analysis, clip_id: str) -> None:
    """Draw the choice of a person, where there is more than one."""
    chosen = chosen_track_id(slot, analysis, clip_id)
    if chosen is None or len(analysis.tracks) == 1:
        return
    key = f"{slot}-person"
    st.session_state[key] = chosen
    ids = [track.track_id for track in analysis.tracks]

    def changed() -> None:
        set_person(slot, st.session_state[key])

    if len(ids) <= MAX_PILLS:
        st.pills("Person", ids, required=True, format_func=person_name, key=key, on_change=changed, help=HELP)
    else:
        st.selectbox("Person", ids, format_func=person_name, key=key, on_change=changed, help=HELP)
