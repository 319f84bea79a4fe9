"""Which clip a page is about: an upload of this session, or a clip of a data set that may be opened."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from deepfake.dashboard.address import keep_in_url
from deepfake.dashboard.cases import kept_clips
from deepfake.dashboard.sources import (
    DEMO_ID,
    KEPT_ID,
    UPLOADS_ID,
    ClipChoice,
    dataset_source,
    dataset_sources,
    demo_clips,
    demo_when_ready,
)
from deepfake.dashboard.state import PageState, runtime, session
from deepfake.dashboard.text import plain, told_apart, without_first_folders
from deepfake.dataset import ClipEntry, allowed_root
from deepfake.errors import DeepfakeError
from deepfake.files import file_sha256
from deepfake.server.sessions import Upload
from deepfake.video.reader import CLIP_SUFFIXES

SAMPLES = ("real_a.mp4", "fake_a_flicker.mp4", "fake_pair_right.mp4")
KEPT_TITLE = "Kept in cases"
UPLOADS_TITLE = "Your uploads"


def choose_clip(page: PageState, *, label: str = "Clip", several: bool = False) -> ClipChoice | None:
    """Draw the choice of a clip, which is remembered between pages, and return the chosen one, or None.

    several: whether more than one can be uploaded at once; then the first of them is chosen. Bad uploads are told of in
    the place.
    """
    upload, source, clip = st.columns([3, 3, 5], gap="medium", vertical_alignment="top")
    with upload:
        _draw_upload(page, several=several)
    with source:
        source_id = _draw_source(page)
    with clip:
        return _draw_clip(page, source_id, label)


def choice_of(source_id: str, name: str) -> ClipChoice | None:
    """Return the clip of that name in a data set, the upload of this session with that SHA-256, or the clip of a case
    with that number; None when there is none. Raises DeepfakeError when the file lies outside the folders that may be
    opened."""
    if source_id == UPLOADS_ID:
        upload = session().uploads.get(name)
        return None if upload is None else _upload_choice(upload)
    if source_id == KEPT_ID:
        return _kept_choice(name)
    source = dataset_source(source_id)
    if source is None or source.dataset is None:
        return None
    entry = next((entry for entry in source.dataset.entries if entry.name == name and entry.on_disk), None)
    if entry is None:
        return None
    path = allowed_root(entry.path, [source.root])
    return ClipChoice(path, entry.name, _sha256_of(path), entry.label, source_id, source.dataset, entry)


def set_choice(page: PageState, source_id: str, name: str) -> None:
    """Choose a clip for a page from the program: a sample that was clicked, a row of a table, a URL.

    Call it in a callback or before choose_clip draws, then open_page where it is another page.
    """
    _renew(page)
    page.choice = source_id, name


def begin_with(page: PageState, source_id: str, name: str) -> None:
    """Choose a clip by a button that goes then, and the focus of the keyboard with it: it is to be at the answer."""
    set_choice(page, source_id, name)
    page.was_waiting = True


def _renew(page: PageState) -> None:
    page.renew("source")
    page.renew("clip")


def clear_choice(page: PageState) -> None:
    """Choose no clip, of the same data set. Call it as set_choice."""
    source_id = st.session_state.get(page.key("source"))
    _renew(page)
    page.choice = page.address = None
    if source_id is not None:
        st.session_state[page.key("source")] = source_id


def choose_from_url(page: PageState, parameter: str = "clip", about: Sequence[str] = ()) -> None:
    """Take the clip that the URL names, once per session and URL; what it names and is not there is told of. about: the
    parameters that say what to show of that clip, and go with it."""
    reference = st.query_params.get(parameter)
    if not reference or page.address == reference:
        return
    source_id, _, name = reference.partition("/")
    if source_id == DEMO_ID and not demo_when_ready():
        st.stop()  # the page runs again, with the same address, when the samples have been made
    page.address = reference
    if source_id == UPLOADS_ID or choice_of(source_id, name) is None:
        st.warning(f"The address names a clip that is not here: {plain(reference)}", icon=":material/link_off:")
        for name in (parameter, *about):
            st.query_params.pop(name, None)
        return
    set_choice(page, source_id, name)


def keep_url(page: PageState, clip: ClipChoice | None, parameter: str = "clip") -> None:
    """Let the URL name the chosen clip, unless it is an upload."""
    reference = None if clip is None else clip.reference
    page.address = reference
    keep_in_url(parameter, reference)


def _draw_upload(page: PageState, *, several: bool) -> None:
    limit_mb = runtime().settings.max_clip_mb
    # A new key empties the widget: Streamlit keeps an upload in memory for as long as a widget holds it.
    file = st.file_uploader(
        "Upload clips" if several else "Upload a clip",
        type=sorted(suffix[1:] for suffix in CLIP_SUFFIXES),
        key=page.key("upload"),
        max_upload_size=limit_mb,
        accept_multiple_files=several,
        help="mp4, mov, mkv, avi, webm or mpg. It stays on this computer, only this browser "
        "session sees it, and it is deleted, with its results, when the session ends, unless it is kept in a case.",
    )
    files = file if isinstance(file, list) else [] if file is None else [file]
    if files:
        _save(page, files)
        page.renew("upload")
        st.rerun()
    if page.upload_error is not None:
        st.error(page.upload_error, icon=":material/error:")
    for sha256, names in page.doubles.items():
        if sha256 in session().uploads:
            same = plain(f"{', '.join(names[:-1])} and {names[-1]}")
            st.info(
                f"{same} are the same file: it is listed once, as {plain(names[-1])}.", icon=":material/content_copy:"
            )


def _save(page: PageState, files: Sequence[UploadedFile]) -> None:
    """Keep uploads for the session and choose the first that could be; remember what was wrong with the others, and
    which are one file by two names."""
    problems, saved = [], []
    names = {upload.sha256: [upload.name] for upload in session().uploads.values()}
    for file in files:
        try:
            upload = runtime().save_upload(session(), file.name, file)
            saved.append(upload.sha256)
            same = names.setdefault(upload.sha256, [])
            if upload.name in same:
                same.remove(upload.name)
            same.append(upload.name)
        except DeepfakeError as error:
            problems.append(str(error))
        finally:
            _release(file)
    page.upload_error = "  \n".join(map(plain, problems)) or None
    page.doubles = {sha256: same for sha256, same in names.items() if len(same) > 1}
    if saved:
        set_choice(page, UPLOADS_ID, saved[0])


def _release(file: UploadedFile) -> None:
    """Let go of Streamlit's own copy of an upload: it would keep that in memory until the session has ended."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    file.close()


def _draw_source(page: PageState) -> str:
    uploads = {UPLOADS_ID: UPLOADS_TITLE} if session().uploads else {}
    kept = {KEPT_ID: KEPT_TITLE} if kept_clips() else {}
    folders = {source.source_id: source.title for source in dataset_sources()}
    apart = told_apart(uploads | kept | folders)  # of a folder by one of our names, the folder gets the number
    titles = {source_id: apart[source_id] for source_id in (*uploads, *folders, *kept)}
    key = page.key("source")
    remembered = None if page.choice is None else page.choice[0]
    if st.session_state.get(key) not in titles:
        st.session_state[key] = remembered if remembered in titles else next(iter(titles))
    chosen: str = st.selectbox(
        "Data set",
        list(titles),
        format_func=lambda source_id: titles[source_id],
        key=key,
        help="The built-in samples, the folders named in data_dirs (deepfake.toml or DEEPFAKE_DATA_DIRS), and what "
        "you uploaded in this session.",
    )
    return chosen


def _draw_clip(page: PageState, source_id: str, label: str) -> ClipChoice | None:
    names = _clips_of(source_id)
    key = page.key("clip")
    if st.session_state.get(key) not in names:
        remembered = page.choice[1] if page.choice is not None and page.choice[0] == source_id else None
        st.session_state[key] = remembered if remembered in names else None
    chosen = st.selectbox(
        label,
        list(names),
        index=None,
        format_func=lambda name: names[name],
        key=key,
        placeholder="Choose a clip",
        disabled=not names,
    )
    if source_id == UPLOADS_ID and chosen is not None:
        st.button(
            "Delete this upload",
            key=page.key("delete"),
            icon=":material/delete:",
            on_click=runtime().delete_upload,
            args=(session(), chosen),
        )
    if chosen is None:
        _say_why_empty(source_id, names)
        return None
    page.choice = source_id, chosen
    try:
        return choice_of(source_id, chosen)
    except (DeepfakeError, OSError) as error:
        st.error(f"{plain(chosen)} cannot be opened: {plain(error)}", icon=":material/error:")
        return None


def _clips_of(source_id: str) -> dict[str, str]:
    """What can be chosen in a source, and how it is written: names of clips on disk, SHA-256 of uploads, numbers of
    kept clips."""
    if source_id == UPLOADS_ID:
        return _newest_first({sha256: upload.name for sha256, upload in session().uploads.items()})
    if source_id == KEPT_ID:
        kept = [clip for clip, _ in reversed(kept_clips())]
        return _newest_first({str(clip.id): f"{clip.name} · kept {clip.kept_at:%Y-%m-%d}" for clip in kept})
    source = dataset_source(source_id)
    if source is None or source.dataset is None:
        return {}
    entries = [entry for entry in source.dataset.entries if entry.on_disk]
    short = {entry.name: without_first_folders(entry.name) for entry in entries}
    counts = Counter(short.values())
    return {
        entry.name: _title_of(short[entry.name] if counts[short[entry.name]] == 1 else entry.name, entry.label)
        for entry in entries
    }


def _newest_first(titles: dict[str, str]) -> dict[str, str]:
    """Tell titles apart from the oldest on, which comes first: a newer one leaves the titles of the others alone."""
    return dict(reversed(told_apart(titles).items()))


def _title_of(name: str, label: str | None) -> str:
    return f"{name} · {label}" if label else name


def _say_why_empty(source_id: str, names: dict[str, str]) -> None:
    source = dataset_source(source_id)
    if source is not None and source.error is not None:
        st.error(plain(source.error), icon=":material/error:")
    elif source is not None and source.dataset is not None and not names:
        st.caption("None of the clips that this data set names is on disk.")


def _upload_choice(upload: Upload) -> ClipChoice:
    return ClipChoice(upload.path, upload.name, upload.sha256, None, UPLOADS_ID)


def _kept_choice(number: str) -> ClipChoice | None:
    found = next(((clip, path) for clip, path in kept_clips() if str(clip.id) == number), None)
    if found is None:
        return None
    clip, path = found
    return ClipChoice(path, clip.name, clip.sha256, None, KEPT_ID, kept_id=clip.id)


def _sha256_of(path: Path) -> str:
    status = path.stat()
    return _sha256(str(path), status.st_mtime_ns, status.st_size)


@st.cache_data(max_entries=2048, show_spinner=False)
def _sha256(path: str, modified_ns: int, size: int) -> str:
    return file_sha256(Path(path))


def sample_clips() -> list[ClipEntry]:
    """Return three clips of the built-in data set to begin with: real, fake, and one with two people."""
    return demo_clips(SAMPLES, lambda entry: entry.on_disk and entry.label is not None)
