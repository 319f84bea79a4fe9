"""In motion: a person's face, looping, at full, half and quarter speed."""

import streamlit as st

from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.slow_motion import SPEEDS, slowed_clip
from deepfake.report.wording import person_name
from deepfake.words import counted, format_time


def draw_motion(ready: ReadyAnalysis, track_id: int | None) -> None:
    """Draw three looping clips of a person's face."""
    if track_id is None:
        st.info("No face was found in any frame, so there is none to show in motion.", icon=":material/face:")
        return
    if not ready.face_clips_when_ready(place="motion"):
        return
    clip = ready.face_clip(track_id)
    track = ready.analysis.track(track_id)
    if clip is None or track is None:
        st.info(
            f"{person_name(track_id)} has no clip: too many faces were in the picture at once.", icon=":material/face:"
        )
        return
    for (title, factor), column in zip(SPEEDS.items(), st.columns(3, gap="medium"), strict=True):
        with column:
            st.markdown(f"**{title}**")
            path = slowed_clip(clip, factor, key=f"{ready.key}-face{track_id}", name=ready.clip.name)
            st.video(path, loop=True, autoplay=True, muted=True, alt=f"{person_name(track_id)}, {title.lower()}")
    times_s = ready.analysis.frame_timestamps_s[track.frame_indices]
    st.caption(
        f"{person_name(track_id)} from {format_time(float(times_s[0]))} to {format_time(float(times_s[-1]))}, "
        f"{counted(len(track), 'frame')}. The crop follows the face; where it is out of sight the picture stays. Look "
        "at the edge of the face, the teeth and the eyes: flicker that the head's motion does not explain is what to "
        "look for."
    )
