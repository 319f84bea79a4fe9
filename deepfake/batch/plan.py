"""What a batch need not do: clips that the store has, clips that failed before, files that are not there."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deepfake.batch.progress import BatchResult, Look
from deepfake.batch.worker import kept, known_result
from deepfake.dataset import ClipEntry
from deepfake.errors import ClipError
from deepfake.files import is_url, stamp_of
from deepfake.store import AnalysisStore, Failure

ASKING_THREADS = 32  # a request to a remote file system each: what takes time is the way there and back


@dataclass(frozen=True, slots=True)
class Plan:
    """settled: results that need no work. pending: the clips to give to workers, in the order given."""

    settled: tuple[BatchResult, ...]
    pending: tuple[ClipEntry, ...]


def plan(
    clips: Sequence[ClipEntry],
    store: AnalysisStore,
    looks: Mapping[str, Look],
    *,
    max_faces: int,
    limits: str,
    retry_failed: bool,
) -> Plan:
    """Return what is known of the clips and what is left to do. No clip is read: a file whose size and time are those
    of the last run has the SHA-256 that it had then. looks: as in Task. max_faces: as in kept. limits: as limits_of has
    them; a clip that was over others is tried again."""
    stamps = dict(zip((clip.location for clip in clips), _stamps(clips), strict=True))
    present = {location: stamp for location, stamp in stamps.items() if stamp}
    hashes = store.known_hashes(present)
    found = kept(store, set(hashes.values()), looks, max_faces)
    failures = {} if retry_failed else _failures(store, looks, present, limits)
    settled, pending = [], []
    for clip in clips:
        stamp, failure = stamps[clip.location], failures.get(clip.location)
        analysis = found.get(hashes.get(clip.location, ""))
        if stamp is None:
            settled.append(BatchResult(clip, "failed", error="there is no such file"))
        elif analysis is not None:
            settled.append(known_result(clip, analysis, looks))
        elif failure is not None:
            settled.append(BatchResult(clip, "failed_before", error=failure.error))
        else:
            pending.append(clip)
    return Plan(tuple(settled), tuple(pending))


def _failures(
    store: AnalysisStore, looks: Mapping[str, Look], stamps: Mapping[str, str], limits: str
) -> dict[str, Failure]:
    """Return why clips that look as they did then failed before, by location; of several failures the best look's."""
    return {
        location: failure
        for fingerprint in reversed(list(looks))
        for location, failure in store.failures(fingerprint, stamps).items()
        if failure.stamp == stamps[location] and failure.limits in ("", limits)
    }


def _stamps(clips: Sequence[ClipEntry]) -> Iterator[str | None]:
    """Yield what stamp_of says of each clip; "" for one that cannot be asked, which its worker will tell of."""
    with ThreadPoolExecutor(ASKING_THREADS, thread_name_prefix="stamps") as threads:
        asked = {clip.location: threads.submit(_remote_stamp, clip) for clip in clips if is_url(clip.location)}
        for clip in clips:
            yield asked[clip.location].result() if clip.location in asked else stamp_of(clip.location)


def _remote_stamp(clip: ClipEntry) -> str | None:
    if clip.version:  # a list of files, as a web server makes it, tells nothing of theirs: ask about each
        return clip.version
    try:
        return stamp_of(clip.location)
    except ClipError:
        return ""
