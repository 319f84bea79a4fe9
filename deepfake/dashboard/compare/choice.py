"""Which fake and which original: the original by the data set's metadata, or another by hand."""

from pathlib import Path

import streamlit as st

from deepfake.dashboard.clip_choice import choice_of, choose_clip, set_choice
from deepfake.dashboard.navigation import ANALYZE
from deepfake.dashboard.snapshots import thumbnail
from deepfake.dashboard.sources import DEMO_ID, UPLOADS_ID, ClipChoice, dataset_source
from deepfake.dashboard.state import ComparePage, PageState, analyze_page
from deepfake.dataset import ClipEntry
from deepfake.errors import DeepfakeError

MAX_FAKES_OFFERED = 12
SAMPLES = ("fake_a_flicker", "fake_b_warped", "fake_pair_right")


def choose_original(fake: ClipChoice, page: ComparePage, choice: PageState) -> ClipChoice | None:
    """Draw which clip the fake is compared with, by metadata where it names one, and return it, or None.

    choice: of another original.
    """
    named = _named_original(fake)
    if named is not None:
        # A choice of its own for each fake; an address that names another original has made it.
        manual = page.key(f"by-hand-{fake.sha256[:16]}")
        st.session_state.setdefault(manual, st.query_params.get("original", named.reference) != named.reference)
        found, other = st.columns([4, 1], vertical_alignment="center")
        found.markdown(f":green[:material/link:] **Original:** {named.name}, named by the data set's metadata")
        if not other.toggle("Another original", key=manual, help="Compare with a clip of your own choice instead."):
            return named
    else:
        _say_why_none(fake)
    st.markdown("**Original**")
    original = choose_clip(choice, label="Original")
    if original is None and st.button(
        "Analyze the fake alone", key=page.key("alone"), icon=":material/frame_inspect:", type="tertiary"
    ):
        set_choice(analyze_page(), fake.source_id, fake.sha256 if fake.source_id == UPLOADS_ID else fake.name)
        st.switch_page(ANALYZE)
    return original


def _named_original(fake: ClipChoice) -> ClipChoice | None:
    entry = fake.entry
    if entry is None or entry.original is None or not entry.original_on_disk:
        return None
    try:
        return choice_of(fake.source_id, entry.original)
    except (DeepfakeError, OSError) as error:
        st.error(f"{entry.original}, the original, cannot be opened: {error}", icon=":material/error:")
        return None


def _say_why_none(fake: ClipChoice) -> None:
    entry = fake.entry
    if fake.source_id == UPLOADS_ID:
        st.info(
            "An upload has no metadata that names its original: choose or upload the original.", icon=":material/link:"
        )
    elif entry is not None and entry.original is not None:
        st.warning(
            f"The metadata names {entry.original} as the original of {fake.name}, but that clip is not on disk. Put it "
            "into the data set's folder, or choose or upload it here.",
            icon=":material/link_off:",
        )
    elif entry is not None and entry.label == "REAL":
        st.info(
            f"{fake.name} is labeled REAL: it is an original. Choose a fake above, or any clip to compare it with.",
            icon=":material/info:",
        )
    else:
        st.info(f"The data set names no original for {fake.name}: choose or upload one.", icon=":material/link_off:")


def offer_fakes_of(clip: ClipChoice, page: ComparePage) -> None:
    """Where an original was chosen as the fake, offer the fakes that were made from it."""
    if clip.dataset is None or clip.label != "REAL":
        return
    fakes = [entry for entry in clip.dataset.fakes_of(clip.name) if entry.on_disk]
    if not fakes:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Fakes made from {clip.name}:")
        for entry in fakes[:MAX_FAKES_OFFERED]:
            st.button(
                entry.name,
                key=page.key(f"fake-of-{entry.name}"),
                icon=":material/compare:",
                on_click=set_choice,
                args=(page, clip.source_id, entry.name),
            )


def draw_sample_pairs(page: ComparePage) -> None:
    """Draw three fakes of the built-in set beside their originals, each with a button that compares them."""
    st.subheader("Or begin with a sample pair")
    st.caption(
        "Synthetic clips, made on this computer from one public-domain portrait: the fakes' flaws were put there to "
        "show what a comparison shows."
    )
    for entry, column in zip(_sample_fakes(), st.columns(3, gap="medium"), strict=False):
        with column.container(border=True):
            _draw_pair(entry, page)


def _sample_fakes() -> list[ClipEntry]:
    source = dataset_source(DEMO_ID)
    if source is None or source.dataset is None:
        return []
    fakes = [entry for entry in source.dataset.entries if entry.on_disk and entry.original_on_disk]
    preferred = [entry for word in SAMPLES for entry in fakes if Path(entry.name).stem == word]
    return [*preferred, *(entry for entry in fakes if entry not in preferred)][: len(SAMPLES)]


def _draw_pair(entry: ClipEntry, page: ComparePage) -> None:
    original = None if entry.original is None else choice_of(DEMO_ID, entry.original)
    if original is None:
        return
    try:
        left, right = st.columns(2, gap="small")
        left.image(thumbnail(entry.path, entry.name), caption="Fake", width="stretch", alt=f"A frame of {entry.name}")
        picture = thumbnail(original.path, original.name)
        right.image(picture, caption="Original", width="stretch", alt=f"A frame of {original.name}")
    except (DeepfakeError, OSError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.markdown(f"**{entry.name}** ↔ {entry.original}")
    st.button(
        "Compare this pair",
        key=page.key(f"sample-{entry.name}"),
        icon=":material/compare:",
        on_click=set_choice,
        args=(page, DEMO_ID, entry.name),
        width="stretch",
    )
