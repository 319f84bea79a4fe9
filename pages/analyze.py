"""Analyze: one clip, its verdict first, then what speaks for it."""

import streamlit as st
from deepfake.dashboard.analyses import analysis_when_ready
from deepfake.dashboard.clips import choose_clip
from deepfake.dashboard.sources import demo_when_ready

demo_when_ready()
clip = choose_clip("analyze")
if clip:
    ready = analysis_when_ready(clip)
    if ready:
        st.write(ready.analysis.verdict.label)
