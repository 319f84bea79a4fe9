"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from deepfake.files import replacing


def test_what_is_written_appears_whole_and_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 251}.txt"  # no name is longer: the draft's has to be another
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), replacing(path) as draft, draft.open("w", encoding="ascii") as file:
        file.writelines(("half, then ", "é"))
    assert [(file, file.read_text()) for file in tmp_path.iterdir()] == [(path, "before")]
    with replacing(path) as draft:
        draft.write_text("after")
        assert path.read_text() == "before"
    assert [(file, file.read_text()) for file in tmp_path.iterdir()] == [(path, "after")]


def test_a_draft_that_is_gone_or_was_never_made_hides_no_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "file.txt") as draft:
        draft.write_text("")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file.txt"):
        pass
    assert list(tmp_path.iterdir()) == []
