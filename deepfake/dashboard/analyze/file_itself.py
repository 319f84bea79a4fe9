"""What the file says of itself: tags, streams, Content Credentials, bit rate, key frames. None of it is the verdict."""

import io
import zipfile

import numpy as np
import pandas as pd
import streamlit as st

from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.downloads import draw_download, stem_of
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.snapshots import credentials, file_facts, frame_grid
from deepfake.dashboard.text import cells, plain
from deepfake.figures.file import bit_rate_figure
from deepfake.spread import spread
from deepfake.video.credentials import CredentialState
from deepfake.video.file_facts import FileFacts, Tag
from deepfake.views.stills import GridTile, jpeg
from deepfake.words import format_time

MAX_KEY_FRAMES = 12
KEY_FRAME_SIDE_PX = 960  # large enough for a search by picture
SHOWN_PX = 150
WORDS: dict[CredentialState, tuple[str, str, str]] = {
    "none": (
        ":material/no_encryption:", "gray",
        "No Content Credentials. Most files have none, and many sites remove them: this says nothing.",
    ),
    "valid": (
        ":material/verified_user:", "green",
        "Content Credentials hold: the file is what was signed. They say who signed it, not that its pictures are "
        "true; whether the signer can be trusted was not checked.",
    ),
    "tampered": (
        ":material/gpp_bad:", "orange",
        "Content Credentials do not hold: the file was changed after it was signed. A site that re-encodes does that "
        "as well.",
    ),
    "unconfirmed": (
        ":material/gpp_maybe:", "gray",
        "Content Credentials could not be confirmed. The file may be what was signed, but the signature does not "
        "count: its certificate expired, for example.",
    ),
    "unreadable": (":material/gpp_maybe:", "gray", "Content Credentials could not be read."),
}  # fmt: skip


def draw_file_itself(ready: ReadyAnalysis) -> None:
    """Draw what the file says of itself."""
    st.subheader("What the file says of itself", anchor=False)
    st.caption("None of this changes the verdict. Tags are easily changed, and sites remove them.")
    facts = file_facts(ready.clip)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_tags(facts.tags)
    with right:
        _draw_credentials(ready)
        st.markdown("**Streams**")
        st.markdown("\n".join(f"- {plain(line)}" for line in facts.streams))
    _draw_rate(facts)
    _draw_key_frames(ready, facts)


def _draw_tags(tags: tuple[Tag, ...]) -> None:
    st.markdown("**Tags**")
    if any(tag.is_sensitive for tag in tags):
        st.warning(
            "The file tells where, by whom or with what it was taken. Think of that before you pass it on.",
            icon=":material/location_on:",
        )
    if not tags:
        st.caption("The file has none.")
        return
    rows = [{"where": tag.where, "tag": tag.name, "value": tag.value, "tells": tag.kind} for tag in tags]
    st.dataframe(cells(pd.DataFrame(rows)), hide_index=True)


def _draw_credentials(ready: ReadyAnalysis) -> None:
    st.markdown("**Content Credentials (C2PA)**")
    found = credentials(ready.clip)
    icon, color, words = WORDS[found.state]
    st.markdown(f":{color}[{icon}] {words}")
    lines = {
        "Signed by": found.signer,
        "Written by": found.tool,
        "Signed at": found.signed_at,
        "Said to be done": ", ".join(found.claims),
        "Said to come from": ", ".join(found.sources),
        "Problem": "; ".join(found.problems),
    }
    st.markdown("\n".join(f"- {name}: {plain(value)}" for name, value in lines.items() if value))


def _draw_rate(facts: FileFacts) -> None:
    if len(facts.bit_rate):
        draw_chart(
            bit_rate_figure(facts), key="file-rate",
            alt="Bit rate of the pictures in each second, and where the key frames are",
        )  # fmt: skip
    st.caption(f"How to read this: {rate_sentence(facts)}")


def rate_sentence(facts: FileFacts) -> str:
    """Return how far key frames lie apart, and what that tells."""
    count = len(facts.key_times_s)
    if count < 2:
        spacing = "it has one key frame" if count else "no key frame is marked"
    else:
        gaps = np.diff(facts.key_times_s)
        spacing = f"key frames lie {gaps.min():.2f} to {gaps.max():.2f} s apart, usually {np.median(gaps):.2f} s"
    return f"{spacing}. Cameras put them at an even pace; a part with another pace or rate may come from another file."


def _draw_key_frames(ready: ReadyAnalysis, facts: FileFacts) -> None:
    tiles = key_frames(ready, facts)
    if not tiles:
        return
    st.markdown("**Key frames**, for a search by picture")
    with st.container(horizontal=True, gap="small", key="key-frames"):
        for tile in tiles:
            time = format_time(tile.timestamp_s)
            st.image(tile.image, caption=time, width=SHOWN_PX, alt=f"The key frame at {time}")
    draw_download(
        "Save these key frames",
        lambda: zipped(tiles),
        f"{stem_of(ready.clip.name)}-key-frames.zip",
        key="save-key-frames",
    )


def key_frames(ready: ReadyAnalysis, facts: FileFacts) -> list[GridTile]:
    """Return up to twelve key frames, spread evenly over the clip."""
    times_s = ready.analysis.frame_timestamps_s
    frames = np.unique(np.searchsorted(times_s, facts.key_times_s - 1e-3).clip(max=len(times_s) - 1))
    if not len(frames):
        return []
    chosen = frames[spread(len(frames), MAX_KEY_FRAMES)]
    return frame_grid(ready.clip, chosen.tolist(), times_s[chosen].tolist(), tile_side_px=KEY_FRAME_SIDE_PX)


def zipped(tiles: list[GridTile]) -> bytes:
    """Return pictures as JPEGs in a ZIP archive, named by their time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for tile in tiles:
            name = f"{format_time(tile.timestamp_s).replace(':', 'm').replace('.', 's')}-frame{tile.frame_index}.jpg"
            archive.writestr(name, jpeg(tile.image))
    return packed.getvalue()
