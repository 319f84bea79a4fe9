"""Settings come from the file and the environment, and a bad one is named."""

import os
from pathlib import Path

import numpy as np
import pytest

from deepfake.errors import SettingsError
from deepfake.settings import Settings, load_settings


def test_defaults_without_file_and_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings({}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deepfake.toml").write_text('max_clip_mb = 100\ndata_dirs = ["sets"]\nworkers = 2\n')
    settings = load_settings({"DEEPFAKE_MAX_CLIP_MB": "7"})
    assert settings.max_clip_mb == 7
    assert settings.workers == 2
    assert settings.data_dirs == (tmp_path / "sets",)


def test_folders_in_the_environment_are_separated_as_in_path(tmp_path):
    settings = load_settings({"DEEPFAKE_DATA_DIRS": os.pathsep.join(["/a", "/b"])})
    assert [str(folder) for folder in settings.data_dirs] == ["/a", "/b"]


def test_the_store_is_named_by_file_and_environment(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('database_url = "postgresql://host/clips"\n')
    environment = {"DEEPFAKE_SETTINGS": str(path)}
    assert load_settings(environment).database_url == "postgresql://host/clips"
    environment["DEEPFAKE_DATABASE_URL"] = "sqlite:///here.db"
    assert load_settings(environment).database_url == "sqlite:///here.db"
    assert load_settings({}).database_url.startswith("sqlite:///")


def test_settings_do_not_show_the_password_of_the_store():
    assert "secret" not in repr(Settings(database_url="postgresql://me:secret@host/clips"))


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DEEPFAKE_MAX_CLIP_MB": "many"}, "DEEPFAKE_MAX_CLIP_MB"),
        ({"DEEPFAKE_MAX_DURATION_S": "-1"}, "greater than 0"),
        ({"DEEPFAKE_MAX_DURATION_S": "nan"}, "greater than 0"),
        ({"DEEPFAKE_MAX_CLIP_MB": "1.9"}, "max_clip_mb cannot be"),
        ({"DEEPFAKE_MAX_CLIP_MB": "9" * 5_000}, "max_clip_mb cannot be"),
        ({"DEEPFAKE_SETTINGS": "/nowhere/deepfake.toml"}, "cannot be read"),
    ],
)
def test_a_bad_value_is_named(environment, message):
    with pytest.raises(SettingsError, match=message):
        load_settings(environment)


@pytest.mark.parametrize("given", [{"max_faces": 0}, {"max_duration_s": float("nan")}, {"workers": -1}])
def test_a_program_cannot_pass_a_limit_that_lets_nothing_through(given):
    with pytest.raises(SettingsError, match=f"{next(iter(given))} must be greater than 0"):
        Settings(**given)


@pytest.mark.parametrize(
    "given",
    [{"max_faces": 2.5}, {"max_faces": np.float32(2.5)}, {"workers": True}, {"max_clip_mb": None}, {"cache_dir": 5},
     {"data_dirs": "one"}, {"database_url": None}, {"cases_dir": ""}, {"cache_dir": "~nobody_has_this_name/clips"}],
)  # fmt: skip
def test_a_program_cannot_pass_what_a_file_may_not_say(given):
    with pytest.raises(SettingsError, match=f"Settings: {next(iter(given))} cannot be"):
        Settings(**given)


@pytest.mark.parametrize("number", [10**5000, -(10**5000)], ids=["large", "negative"])
@pytest.mark.parametrize("name", ["max_faces", "max_duration_s"])
def test_a_number_too_large_for_python_to_write_is_named(name, number):
    with pytest.raises(SettingsError, match=f"{name} cannot be so large a number"):
        Settings(**{name: number})


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system knows a user's folders")
def test_a_user_without_a_home_is_told_what_to_set(tmp_path, monkeypatch):
    def nobody(_):
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    given = {
        "DEEPFAKE_CACHE_DIR": "cache",
        "DEEPFAKE_CASES_DIR": "cases",
        "DEEPFAKE_DATABASE_URL": "sqlite:///store.db",
    }
    assert load_settings(given).cache_dir == Path("cache")
    for name in given:
        with pytest.raises(SettingsError, match=f"no home folder .* or {name}$"):
            load_settings({other: value for other, value in given.items() if other != name})


def test_a_wrong_address_of_a_store_is_not_shown_with_its_password():
    with pytest.raises(SettingsError, match="database_url cannot be a bytes") as caught:
        Settings(database_url=b"postgresql://me:secret@host/clips")
    assert "secret" not in str(caught.value)


def test_a_program_may_pass_numbers_and_paths_of_other_types():
    given = Settings(max_faces=np.int64(3), max_duration_s=np.float32(1.5), cache_dir="folder", data_dirs=["one"])
    assert (given.max_faces, given.max_duration_s) == (3, 1.5)
    assert (given.cache_dir, given.data_dirs) == (Path("folder"), (Path("one"),))
    assert load_settings({"DEEPFAKE_MAX_FACES": "3"}).max_faces == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_clip_md = 3", "unknown setting 'max_clip_md'"),
        ("max_clip_mb = ", "cannot be read"),
        ('data_dirs = "one"', "list of folders"),
        ("database_url = 5", "an address is expected"),
        (f"max_duration_s = {'9' * 400}", "max_duration_s cannot be"),
        ("cache_mb = inf", "cache_mb cannot be"),
        ("max_clip_mb = 1.9", "max_clip_mb cannot be 1.9: a whole number is expected"),
        ("max_faces = true", "max_faces cannot be True: a number is expected"),
        ("max_duration_s = true", "max_duration_s cannot be True: a number is expected"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, message):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings({"DEEPFAKE_SETTINGS": str(path)})
    assert str(path) in str(caught.value)
