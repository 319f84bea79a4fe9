"""Which two clips: B by the data set's metadata, where A is a fake whose original it names, or by hand."""

import streamlit as st

from deepfake.dashboard.address import open_page
from deepfake.dashboard.clip_choice import begin_with, choice_of, choose_clip, choose_from_url, clear_choice, set_choice
from deepfake.dashboard.navigation import ANALYZE
from deepfake.dashboard.snapshots import thumbnail
from deepfake.dashboard.sources import DEMO_ID, ClipChoice, demo_clips
from deepfake.dashboard.state import ComparePage, PageState, analyze_page
from deepfake.dashboard.text import plain
from deepfake.dataset import ClipEntry
from deepfake.errors import DeepfakeError

MAX_FAKES_OFFERED = 12
A_PARAMETER, B_PARAMETER = "a", "b"  # of the URL
SAMPLES = ("fake_a_flicker.mp4", "fake_b_warped.mp4", "fake_pair_right.mp4")


def choose_other(a: ClipChoice, page: ComparePage, choice: PageState) -> ClipChoice | None:
    """Draw what A is compared with, by metadata where it names an original, and return it, or None.

    choice: of another B.
    """
    if page.a_sha256 not in (None, a.sha256):  # it was the other A's
        st.query_params.pop(B_PARAMETER, None)
        clear_choice(choice)
    page.a_sha256 = a.sha256
    named = _named_original(a)
    if named is not None:
        # A choice of its own for each A; an address that names another B has made it.
        manual = _by_hand_key(page, a)
        st.session_state.setdefault(manual, st.query_params.get(B_PARAMETER, named.reference) != named.reference)
        found, other = st.columns([4, 1], vertical_alignment="center")
        found.markdown(
            f":green[:material/link:] **Clip B:** {plain(named.name)}, named as the original by the data set's metadata"
        )
        if not other.toggle("Another B", key=manual, help="Compare with a clip of your own choice instead."):
            return named
    place = st.container()
    choose_from_url(choice, B_PARAMETER)
    b = choose_clip(choice, label="Clip B")
    if b is None:
        with place:
            _say_why_none(a)
        if st.button("Analyze A alone", key=page.key("alone"), icon=":material/frame_inspect:", type="tertiary"):
            set_choice(analyze_page(), a.source_id, a.key)
            open_page(ANALYZE)
    return b


def draw_swap(page: ComparePage, choice: PageState, a: ClipChoice, b: ClipChoice) -> None:
    """Draw the button that makes A of B and B of A."""
    st.button(
        "Swap A and B",
        key=page.key("swap"),
        icon=":material/swap_horiz:",
        type="tertiary",
        on_click=_swap,
        args=(page, choice, a, b),
    )


def _swap(page: ComparePage, choice: PageState, a: ClipChoice, b: ClipChoice) -> None:
    set_choice(page, b.source_id, b.key)
    set_choice(choice, a.source_id, a.key)
    page.a_sha256 = b.sha256
    named = None if b.entry is None else b.entry.original
    st.session_state[_by_hand_key(page, b)] = (b.source_id, named) != (a.source_id, a.name)


def _by_hand_key(page: ComparePage, a: ClipChoice) -> str:
    return page.key(f"by-hand-{a.sha256[:16]}")


def _named_original(a: ClipChoice) -> ClipChoice | None:
    entry = a.entry
    if entry is None or entry.original is None or not entry.original_on_disk:
        return None
    try:
        return choice_of(a.source_id, entry.original)
    except (DeepfakeError, OSError) as error:
        st.error(f"{plain(entry.original)}, the original, cannot be opened: {plain(error)}", icon=":material/error:")
        return None


def _say_why_none(a: ClipChoice) -> None:
    entry = a.entry
    if entry is None:
        st.info(
            "Nothing names an original of this clip: choose or upload what to compare it with.", icon=":material/link:"
        )
    elif entry.original_on_disk:
        st.info("Choose or upload what to compare it with.", icon=":material/link:")
    elif entry.original is not None:
        st.warning(
            f"The metadata names {plain(entry.original)} as the original of {plain(a.name)}, but that clip is not on "
            "disk. Put it into the data set's folder, or choose or upload it here.",
            icon=":material/link_off:",
        )
    elif entry.label == "REAL":
        st.info(
            f"{plain(a.name)} is labeled REAL: choose a fake made from it above, or any clip to compare it with.",
            icon=":material/info:",
        )
    else:
        st.info(
            f"The data set names no original of {plain(a.name)}: choose or upload what to compare it with.",
            icon=":material/link_off:",
        )


def offer_fakes_of(clip: ClipChoice, page: ComparePage) -> None:
    """Where A is labeled real, offer the fakes that were made from it."""
    if clip.dataset is None or clip.label != "REAL":
        return
    fakes = [entry for entry in clip.dataset.fakes_of(clip.name) if entry.on_disk]
    if not fakes:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Fakes made from {plain(clip.name)}:")
        for entry in fakes[:MAX_FAKES_OFFERED]:
            st.button(
                plain(entry.name),
                key=page.key(f"fake-of-{entry.name}"),
                icon=":material/compare:",
                on_click=begin_with,
                args=(page, clip.source_id, entry.name),
            )


def draw_sample_pairs(page: ComparePage) -> None:
    """Draw three fakes of the built-in set beside their originals, each with a button that compares them."""
    st.header("Or begin with a sample pair")
    st.caption(
        "Synthetic clips, made on this computer from one public-domain portrait: the fakes' flaws were put there to "
        "show what a comparison shows."
    )
    fakes = demo_clips(SAMPLES, lambda entry: entry.on_disk and entry.original_on_disk)
    for entry, column in zip(fakes, st.columns(3, gap="medium"), strict=False):
        with column.container(border=True):
            _draw_pair(entry, page)


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
        st.error(plain(error), icon=":material/error:")
        return
    st.markdown(f"**{plain(entry.name)}** ↔ {plain(entry.original)}")
    st.button(
        f"Compare {plain(entry.name)}",
        key=page.key(f"sample-{entry.name}"),
        icon=":material/compare:",
        on_click=begin_with,
        args=(page, DEMO_ID, entry.name),
        width="stretch",
    )
