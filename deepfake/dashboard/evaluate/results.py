"""What the store has of a data set, measured: asked for anew every few seconds, computed anew when it has changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from deepfake.dashboard.state import runtime
from deepfake.dataset import Dataset
from deepfake.detectors import training_clips
from deepfake.evaluation.measured import Measured, measure
from deepfake.evaluation.scored import AucDifference, auc_difference
from deepfake.evaluation.stored import KnownClips, StoredResults, counts_by_fingerprint, known_clips, stored_results
from deepfake.store import AnalysisStore, StoredFingerprint

ASKED_AGAIN_S = 5  # moving the threshold runs the page again, and must not look at thousands of files each time
OFFERED_SETTINGS = 20  # the latest: each is asked how many clips of the set it has


@dataclass(frozen=True, slots=True)
class SetInStore:
    """What the store has of a data set. settings: that have analyses of anything, the latest first; counts: of this
    set's labeled clips, by fingerprint."""

    known: KnownClips
    settings: tuple[StoredFingerprint, ...]
    counts: dict[str, int]


def set_in_store(dataset: Dataset) -> SetInStore | None:
    """Return what the store has of a data set, or None where the store cannot be used, which the page warns of."""
    return _set_in_store(dataset.root, str(runtime().settings.database_url), _dataset=dataset)


def measured_settings(
    dataset: Dataset,
    found: SetInStore,
    chosen: Sequence[StoredFingerprint],
    names: Sequence[str],
    *,
    only_new: bool,
) -> list[Measured]:
    """Return the evaluation of each of the chosen settings; fewer where the store could not be asked.

    only_new: leave out the clips that one of their classifiers was trained on.
    """
    address = str(runtime().settings.database_url)
    left_out = trained_on_by(chosen) if only_new else frozenset()
    stored = [
        _stored(dataset.root, address, item.fingerprint, left_out, _dataset=dataset, _known=found.known)
        for item in chosen
    ]
    return [
        _measured(_digest(results), name, _stored=results)
        for results, name in zip(stored, names, strict=True)
        if results is not None
    ]


def has_new(dataset: Dataset, found: SetInStore, chosen: Sequence[StoredFingerprint]) -> bool:
    """Return whether the first of these settings has analyzed a clip that none of their classifiers was trained on."""
    address = str(runtime().settings.database_url)
    known = trained_on_by(chosen)
    stored = _stored(dataset.root, address, chosen[0].fingerprint, known, _dataset=dataset, _known=found.known)
    return stored is None or stored.n_analyzed > 0  # None: the store does not answer


def trained_on_by(chosen: Sequence[StoredFingerprint]) -> frozenset[str]:
    """Return the SHA-256 of the clips that one of the classifiers of these settings was trained on."""
    return frozenset[str]().union(*(training_clips(item.classifier) for item in chosen))


def difference_of(evaluations: Sequence[Measured]) -> AucDifference | None:
    """Return how the AUC of two evaluations differs on the clips that both score, or None."""
    if len(evaluations) < 2:
        return None
    first, second = evaluations[:2]
    return _difference(_digest(first.stored), _digest(second.stored), _first=first, _second=second)


# cache_resource throughout: nothing of it is changed, and cache_data would copy thousands of rows on every run.
@st.cache_resource(ttl=ASKED_AGAIN_S, max_entries=8, show_spinner="Looking for analyses of this data set")
def _set_in_store(root: Path, address: str, *, _dataset: Dataset) -> SetInStore | None:
    def look_up(store: AnalysisStore) -> SetInStore | None:
        known = known_clips(_dataset, store)
        settings = store.fingerprints()[:OFFERED_SETTINGS]
        return SetInStore(known, settings, counts_by_fingerprint(known, store, [item.fingerprint for item in settings]))

    return runtime().store.ask(look_up, None)


@st.cache_resource(ttl=ASKED_AGAIN_S, max_entries=8, show_spinner=False)
def _stored(
    root: Path, address: str, fingerprint: str, left_out: frozenset[str], *, _dataset: Dataset, _known: KnownClips
) -> StoredResults | None:
    return runtime().store.ask(
        lambda store: stored_results(_dataset, store, fingerprint, known=_known, left_out=left_out), None
    )


@st.cache_resource(max_entries=8, show_spinner="Measuring")
def _measured(digest: str, name: str, *, _stored: StoredResults) -> Measured:
    return measure(_stored, name=name)


@st.cache_resource(max_entries=8, show_spinner=False)
def _difference(first: str, second: str, *, _first: Measured, _second: Measured) -> AucDifference | None:
    return auc_difference(_first.clips, _second.clips)


def _digest(stored: StoredResults) -> str:
    """What changes with anything that is measured or shown."""
    counts = (stored.fingerprint, stored.unlabeled, len(stored.missing), len(stored.absent), stored.left_out)
    digest = hashlib.sha256(repr(counts).encode())
    for result in stored.results:
        shown = (result.clip, result.probability_fake)
        digest.update(
            repr((*shown, result.verdict, result.answer, result.reason, result.error)).encode(
                "utf-8", "surrogateescape"
            )
        )
    return digest.hexdigest()
