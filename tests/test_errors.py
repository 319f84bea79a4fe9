"""Errors carry their subject and their detail apart, print as one sentence, and travel between processes."""

import pickle
from pathlib import Path

import pytest

from deepfake import errors
from deepfake.errors import ClipError, ClipNotFoundError, DeepfakeError, StoreError, WorkerError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DeepfakeError)]


@pytest.mark.parametrize("kind", KINDS)
def test_subject_and_detail_are_apart_and_survive_the_way_back_from_a_worker(kind: type[DeepfakeError]) -> None:
    error = pickle.loads(pickle.dumps(kind(Path("/clips/a.mp4"), "the file is empty")))
    assert type(error) is kind
    assert (error.subject, error.detail) == ("/clips/a.mp4", "the file is empty")
    assert str(error) == "/clips/a.mp4: the file is empty"


def test_an_error_about_no_one_thing_is_its_detail() -> None:
    assert str(WorkerError("", "The worker processes cannot be started.")) == "The worker processes cannot be started."


def test_a_reader_is_told_the_name_that_he_knows() -> None:
    error = ClipError("/server/uploads/4f/clip.mp4", "the file is empty")
    assert str(error.renamed(Path("/server/uploads/4f/clip.mp4"), "holiday.mp4")) == "holiday.mp4: the file is empty"
    assert error.renamed("/another.mp4", "holiday.mp4") is error


def test_beside_the_name_only_the_detail_is_said_unless_the_error_is_about_something_else() -> None:
    assert ClipNotFoundError("/clips/a.mp4", "there is no such file").beside("a.mp4", "/clips/a.mp4") == (
        "there is no such file"
    )
    assert StoreError("analyses.db", "the disk is full").beside("a.mp4") == "analyses.db: the disk is full"
