"""For newcomers: what kinds of fakes there are, what each signal looks for, and how often the verdict is right."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from deepfake.dashboard.clip_choice import choice_of
from deepfake.dashboard.grid import in_columns
from deepfake.dashboard.snapshots import cached_frame
from deepfake.dashboard.sources import DEMO_ID, demo_when_ready
from deepfake.errors import DeepfakeError
from deepfake.report.facts import all_facts, fact
from deepfake.signals.registry import signal_info

FRAME_S: Final = 0.04  # of a clip of the built-in set


@dataclass(frozen=True, slots=True)
class Look:
    """A frame of a clip of the built-in set, of which the face is shown, and what is said below it."""

    clip: str
    frame: int
    caption: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fake in plain words, with two pictures."""

    title: str
    text: str
    looks: tuple[Look, Look]


KINDS: Final = (
    Kind(
        "Face swap",
        "Somebody else's face is laid over the face in the clip. Hair, ears, body, light and background stay those of "
        "the person who was filmed. Look at the border of the face: forehead, temples, chin.",
        (
            Look("real_b.mp4", 40, "Before: the person who was filmed"),
            Look("fake_b_warped.mp4", 40, "After: another face, laid over it"),
        ),
    ),
    Kind(
        "Re-enactment",
        "One photograph is made to move like somebody else: it nods, blinks and talks. The whole head may be "
        "synthetic. The built-in set is made like this. Look for hair, ears and shoulders that bend with the face.",
        (
            Look("real_a.mp4", 0, "One photograph …"),
            Look("real_a.mp4", 25, "… moved: it looks aside"),
        ),
    ),
    Kind(
        "Lip-sync",
        "Only the mouth is made anew, so that it fits words that were never said. Everything else is genuine. Listen "
        "and look: do lips close at m, b and p? Are teeth a blur? The built-in set has no lip-sync: these two "
        "pictures show the part that one would change.",
        (
            Look("real_a.mp4", 22, "Mouth closed"),
            Look("real_a.mp4", 10, "Mouth open"),
        ),
    ),
)
# What was planted where, see deepfake.demo.scenes; of each signal what is usual, and what is suspicious or planted.
SIGNAL_LOOKS: Final[dict[str, tuple[Look, Look]]] = {
    "face_similarity": (
        Look("fake_a_flicker.mp4", 19, "Usual: like the frame before"),
        Look("fake_a_flicker.mp4", 20, "Suspicious: the face jumps"),
    ),
    "high_frequency_excess": (
        Look("real_a.mp4", 30, "Usual: fine detail fades evenly"),
        Look("fake_a_blurred.mp4", 30, "Built-in fake: fine detail is missing"),
    ),
    "eye_openness": (
        Look("real_a.mp4", 17, "Usual: eyes blink now and then"),
        Look("fake_a_blurred.mp4", 17, "Suspicious: the same moment, no blink"),
    ),
    "face_sharpness": (
        Look("real_b.mp4", 30, "Usual: as sharp as hair and ears"),
        Look("fake_b_warped.mp4", 30, "Suspicious: softer than hair and ears"),
    ),
    "contour_contrast": (
        Look("real_b.mp4", 33, "Usual: no edge around the face"),
        Look("fake_b_misplaced.mp4", 33, "Suspicious: a seam along the chin"),
    ),
    "face_flicker": (
        Look("real_a.mp4", 47, "Usual: light stays from frame to frame"),
        Look("fake_a_flicker.mp4", 47, "Suspicious: one frame of another tone"),
    ),
    "feature_detail": (
        Look("real_a.mp4", 10, "Usual: lashes and teeth have edges"),
        Look("fake_a_blurred.mp4", 10, "Built-in fake: lashes and teeth are smooth"),
    ),
}


def draw_learn() -> None:
    """Draw the kinds of fakes, the signals and the accuracy."""
    has_pictures = demo_when_ready()
    if has_pictures:
        _draw_kinds()
    _draw_accuracy()
    if has_pictures:
        _draw_signals()


def _draw_kinds() -> None:
    st.header("Three kinds of fakes")
    for kind, column in zip(KINDS, st.columns(len(KINDS), gap="medium"), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{kind.title}**")
            _draw_looks(kind.looks)
            st.markdown(kind.text)
    st.caption(
        "All pictures are of the built-in set: one public-domain portrait, animated on this computer. Fakes made in "
        "earnest are better than these."
    )


def _draw_signals() -> None:
    st.header("What the signals look for")
    st.markdown("Each pair shows what is usual and a flaw that was planted. The verdict rests on none of them.")
    known = [(info, looks) for name, looks in SIGNAL_LOOKS.items() if (info := signal_info(name)) is not None]
    for (info, looks), column in in_columns(known, 2):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{info.title}**")
            _draw_looks(looks)
            st.markdown(info.measures)


def _draw_looks(looks: tuple[Look, Look]) -> None:
    with st.container(horizontal=True, gap="small"):
        for look in looks:
            with st.container(width="stretch"):
                _draw_look(look)


def _draw_look(look: Look) -> None:
    clip = choice_of(DEMO_ID, look.clip)
    if clip is None:
        return
    try:
        moment = cached_frame(clip, look.frame * FRAME_S, detectors=("haar",))
    except DeepfakeError as error:
        st.error(str(error), icon=":material/error:")
        return
    faces = moment.zooms["haar"]
    st.image(faces[0] if faces else moment.view, caption=look.caption, width="stretch", alt=look.caption)


def _draw_accuracy() -> None:
    st.header("How often it is right, and where it fails")
    st.markdown(
        f"Measured on {fact('accuracy.n')} clips of sources and kinds of fakes that the networks had not seen. Of "
        f"{fact('accuracy.n_fake')} fakes it called {fact('accuracy.found')} likely fake and missed "
        f"{fact('accuracy.missed')}; of {fact('accuracy.n_real')} real clips it accused "
        f"{fact('accuracy.false_alarms')}. {fact('accuracy.abstained')} clips were not decided."
    )
    table = pd.DataFrame(all_facts()["accuracy"]["kinds"])
    shown = pd.DataFrame(
        {
            "kind of fake": table["name"],
            "clips": table["clips"],
            "found": table["found"],
            "missed: no signs found": table["missed"],
            "not decided": table["clips"] - table["found"] - table["missed"],
            "AUC": table["auc"],
        }
    ).sort_values(["AUC"], kind="stable")
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_config={"AUC": st.column_config.NumberColumn(format="%.2f", help="Against real clips; 0.5 is chance.")},
        alt="Each kind of fake: how many were found, missed, and not decided; the worst first",
    )
    st.caption(
        "The worst kinds come first. AUC: how well the score alone tells that kind from real clips; 0.5 is chance."
    )
