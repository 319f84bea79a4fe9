"""An upload is kept on purpose, found again in another session, opened, handed on, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dashboard import state
from deepfake.dashboard.text import plain
from deepfake.server.results import player_key
from deepfake.settings import Settings
from deepfake.store import open_store
from tests.app.driver import RUN_LIMIT_S, User
from tests.store.samples import sample_analysis

NAME = "A *bold* [story](http://x) :red[no]"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A store and a folder of kept clips of its own, which the application uses as well."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", url)
    monkeypatch.setenv("DEEPFAKE_CASES_DIR", str(tmp_path / "cases"))
    return Settings(database_url=url, cases_dir=tmp_path / "cases")


def test_an_upload_is_kept_found_opened_and_deleted(settings: Settings, moving_square_clip: Path) -> None:
    user = User().with_haar().arrive().upload(moving_square_clip).wait_for_verdict()
    assert state._runtime_for(settings) is not None
    user.click("keep")
    assert "Everybody who can open these pages sees a case" in user.words
    user.text_input(key="keep-name").set_value(NAME)
    user.text_input(key="keep-source").set_value("https://example.org/a_b_c")
    user.text_area(key="keep-notes").set_value("# heard\n\nfrom *them*")
    user.run()
    assert user.text_input(key="keep-name").value == NAME, "the dialog stays open when the page runs again"
    user.click("keep-yes")
    assert not user.exception
    assert not [item for item in user.text_input if item.key == "keep-name"]
    with open_store(settings) as store:
        [case] = store.cases.find(owner="")
        assert (case.name, [clip.name for clip in case.clips]) == (NAME, [moving_square_clip.name])
    assert len(list(settings.cases_dir.iterdir())) == 1
    # Another session: uploads have gone, the case has not.
    other = User("history").with_haar().arrive()
    assert list(other.table_with("case")["case"]) == [NAME]
    other.text_input(key="cases").set_value("nobody").run()
    assert "No case holds these words." in other.words
    named = User("history").with_haar().arrive(cases="no body")
    assert "No case holds these words." in named.words
    other = User("history").with_haar().arrive(case=str(case.id))
    assert [item.value for item in other.header] == [plain(NAME)], "shown as text"
    assert other.text_area(key=f"case-notes-{case.id}").value == "# heard\n\nfrom *them*"
    assert [item.label for item in other.get("download_button")] == ["Report", "PDF", "Save the table"]
    [link] = other.get("page_link")
    address = parse_qs(link.proto.query_string)
    assert address == {"clip": [f"kept/{case.clips[0].id}"]}
    assert User().with_haar().arrive(clip=address["clip"][0]).has_verdict(), "what was found comes from the case"
    other.text_area(key=f"case-notes-{case.id}").set_value("heard twice")
    other.click("case-save")
    assert [item.value for item in other.toast] == ["Changes saved"]
    other.click("case-delete")
    assert "all that is kept in it are deleted for good" in other.words
    other.click("case-yes")
    assert not other.exception
    assert list(settings.cases_dir.iterdir()) == []
    assert not [item for item in other.dataframe if "case" in item.value]


def test_a_clip_of_a_long_name_is_kept_without_naming_the_case(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path
) -> None:
    name = f"fake/{'a' * 120}/{'b' * 120}/{'c' * 210}.mp4"
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(moving_square_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "set"))
    user = User().with_haar().arrive(clip=f"set/{name}").wait_for_verdict().click("keep")
    offered = user.text_input(key="keep-name").placeholder
    user.click("keep-yes")
    assert not user.exception
    with open_store(settings) as store:
        [case] = store.cases.find(owner="")
    assert case.name == offered
    assert name.endswith(case.name)
    assert [clip.name for clip in case.clips] == [name]


def test_what_was_found_is_shown_without_its_clip(settings: Settings) -> None:
    with open_store(settings) as store:
        case = store.cases.make("only found")
        kept = store.cases.keep(case, sample_analysis(1), name="gone_*.mp4")
    converted = player_key(kept.sha256, is_upload=True)
    with state.runtime().cache.making(converted):
        pass
    user = User("history").arrive(case=str(case.id))
    assert plain("gone_*.mp4") in user.words
    user.click(f"case-found-{kept.id}")
    assert "SHA-256" in user.words
    assert [item.label for item in user.get("download_button")][:2] == ["Report", "PDF"]
    user.click(f"case-remove-{kept.id}")
    assert "What the case keeps of it is deleted for good" in user.words
    user.click("case-yes")
    assert "This case has no clips" in user.words
    assert state.runtime().cache.get(converted) is None


@pytest.mark.parametrize("reference", ["77", "x", "9" * 30])
def test_a_case_that_is_not_there_is_told(settings: Settings, reference: str) -> None:
    user = User("history").arrive(case=reference)
    assert not user.exception
    assert "not kept here" in user.words


def test_a_page_that_was_reloaded_offers_what_was_uploaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def reloaded() -> None:
        from deepfake.dashboard import resume

        resume.draw_resume()

    server = state.runtime()
    before = server.sessions.open(None)
    server.sessions.connected(before.session_id)
    with (tmp_path / "a.mp4").open("w+b") as clip:
        before.save("*a*.mp4", clip, 10)
    monkeypatch.setattr(
        "streamlit.components.v2.component",
        lambda *_, **__: lambda **_: {"earlier": f"{before.session_id} *a*.mp4"},
    )
    test = AppTest.from_function(reloaded, default_timeout=RUN_LIMIT_S).run()
    assert plain("*a*.mp4") in test.markdown[0].value
    test.button(key="resume-no").click().run()
    assert not test.exception
    assert not test.markdown
    assert server.sessions.uploads_of(before.session_id) == ()
    afresh = AppTest.from_function(reloaded, default_timeout=RUN_LIMIT_S).run()  # as after a start of the server
    said = afresh.markdown[0].value
    assert plain("*a*.mp4") in said
    assert "no longer here" in said
    afresh.button(key="resume-close").click().run()
    assert not afresh.exception
    assert not afresh.markdown


def test_of_an_upload_that_failed_a_reload_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moving_square_clip: Path
) -> None:
    told: dict[str, Any] = {}
    earlier = ""

    def component(*_: object, **__: object) -> Callable[..., dict[str, str]]:
        def drawn(*, key: str, data: dict[str, Any], **_: object) -> dict[str, str]:
            if key == "resume":
                told.update(data)
            return {"earlier": earlier}

        return drawn

    monkeypatch.setattr("streamlit.components.v2.component", component)
    notes = tmp_path / "notes.mp4"
    notes.write_text("These are notes, not a clip.")
    user = User().with_haar().arrive().upload(notes).wait_for_error()
    user.run()
    assert (told["uploads"], told["at_stake"]) == ("", False)
    earlier = f"{told['session']} notes.mp4"
    assert not User().with_haar().arrive().has_button("resume-yes")
    earlier = ""
    user.upload(moving_square_clip).wait_for_verdict()
    assert (told["uploads"], told["at_stake"]) == (moving_square_clip.name, True)
    earlier = f"{told['session']} {moving_square_clip.name}"
    assert User().with_haar().arrive().has_button("resume-yes")


def test_who_went_on_with_another_upload_hears_nothing_of_the_earlier_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def reloaded() -> None:
        from deepfake.dashboard import resume

        resume.draw_resume()

    monkeypatch.setattr("streamlit.components.v2.component", lambda *_, **__: lambda **_: {"earlier": "gone"})
    now = state.runtime().sessions.open(None)
    with (tmp_path / "b.mp4").open("w+b") as clip:
        now.save("b.mp4", clip, 10)
    test = AppTest.from_function(reloaded, default_timeout=RUN_LIMIT_S)
    test.session_state[state.SESSION_KEY] = now.session_id
    test.run()
    assert not test.exception
    assert not test.markdown


def test_the_dialog_goes_when_its_page_is_left(settings: Settings, moving_square_clip: Path) -> None:
    user = User().with_haar().arrive().upload(moving_square_clip).wait_for_verdict().click("keep")
    assert user.text_input(key="keep-name").label == "Name"
    user.go_to("compare").go_to("analyze")
    assert user.has_button("keep")
    assert not [item for item in user.text_input if item.key == "keep-name"]
