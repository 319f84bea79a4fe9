"""Manifests, metrics and their intervals, runs over many clips, and the `evaluate` command."""

import argparse
import csv
import hashlib
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deepfake import detectors
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.keeping import reason_from_text
from deepfake.batch import Batch, BatchResult
from deepfake.cli.evaluate import COLUMNS, add_evaluate
from deepfake.dataset import ClipEntry
from deepfake.errors import DatasetError
from deepfake.evaluation import results as evaluation_results
from deepfake.evaluation.bootstrap import group_draws, mean_draws
from deepfake.evaluation.coverage import abstention_causes, failure_causes
from deepfake.evaluation.curves import accuracy_interval, confusion, precision_recall, roc
from deepfake.evaluation.measured import Measured, measure
from deepfake.evaluation.methods import NO_METHOD, by_method
from deepfake.evaluation.metrics import (
    auc,
    auc_interval,
    brier_score,
    calibration_error,
    calibration_table,
    log_loss,
    share,
)
from deepfake.evaluation.page import evaluation_html
from deepfake.evaluation.parts import by_column, check_column
from deepfake.evaluation.results import ClipResult, result_of
from deepfake.evaluation.scored import auc_difference, scored_clips, worst_errors
from deepfake.evaluation.stored import StoredResults
from deepfake.evaluation.summary import summarize
from deepfake.evaluation.table import clips_csv, numbers_rows
from deepfake.report.wording import cause_of_abstention
from tests import batch_work
from tests.told import told


def _manifest(folder: Path, text: str) -> Path:
    path = folder / "clips.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _clip(label: str, group: str = "", **fields: object) -> ClipEntry:
    name = f"{next(_numbers)}.mp4"
    return ClipEntry(name, name, label, group=group, **fields)


def _result(
    label: str,
    probability: float | None,
    verdict: str | None = "INCONCLUSIVE",
    group: str = "",
    error: str | None = None,
) -> ClipResult:
    return ClipResult(_clip(label, group), probability, verdict, None, error)


_numbers = itertools.count()


class TestAuc:
    @pytest.mark.parametrize(
        ("scores", "is_fake", "expected"),
        [
            ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),  # three of four pairs in order
            ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0),
            ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0.0),
            ([0.5, 0.5, 0.5], [0, 1, 1], 0.5),
            ([0.2, 0.5, 0.5, 0.7], [0, 0, 1, 1], 0.875),  # three pairs in order and one tie
        ],
    )
    def test_known_values(self, scores, is_fake, expected):
        assert auc(scores, is_fake) == pytest.approx(expected)

    def test_one_class_has_none(self):
        assert np.isnan(auc([0.1, 0.9], [True, True]))
        assert np.isnan(auc([], []))

    def test_interval_contains_the_point_and_is_the_same_for_the_same_seed_and_any_order(self):
        random = np.random.default_rng(3)
        is_fake = np.arange(80) % 2 == 0
        scores = random.normal(is_fake * 1.0)
        groups = [f"person {k // 4}" for k in range(80)]
        low, high = auc_interval(scores, is_fake, groups, seed=1)
        assert low < auc(scores, is_fake) < high
        order = random.permutation(80)
        shuffled = auc_interval(scores[order], is_fake[order], [groups[k] for k in order], seed=1)
        assert shuffled == pytest.approx((low, high))
        assert auc_interval(scores, is_fake, groups, seed=2) != (low, high)

    def test_interval_is_that_of_drawing_whole_groups_one_by_one(self):
        """Oracle: the bootstrap written out, each draw scored by scikit-learn; ties, groups of unequal size."""
        random = np.random.default_rng(0)
        is_fake = random.random(40) < 0.5
        scores = np.round(random.normal(is_fake * 0.8), 1)
        groups = random.choice(list("abcdefgh"), 40)
        values = []
        while len(values) < 1000:
            clips = np.concatenate([np.flatnonzero(groups == name) for name in random.choice(list("abcdefgh"), 8)])
            if 0 < is_fake[clips].sum() < len(clips):
                values.append(roc_auc_score(is_fake[clips], scores[clips]))
        expected = np.percentile(values, (2.5, 97.5))
        assert auc_interval(scores, is_fake, groups, draws=3000) == pytest.approx(tuple(expected), abs=0.04)

    def test_copies_within_a_group_do_not_narrow_the_interval(self):
        """Ten copies of each clip are no new evidence as long as they are in their clip's group."""
        random = np.random.default_rng(5)
        is_fake = np.arange(20) % 2 == 0
        scores = random.normal(is_fake * 0.7)
        groups = np.array([f"{k}" for k in range(20)])
        once = auc_interval(scores, is_fake, groups)
        grouped = auc_interval(np.tile(scores, 10), np.tile(is_fake, 10), np.tile(groups, 10))
        apart = auc_interval(np.tile(scores, 10), np.tile(is_fake, 10), [f"{k}" for k in range(200)])
        assert grouped == pytest.approx(once)
        assert apart[1] - apart[0] < 0.5 * (once[1] - once[0])

    def test_perfect_separation_has_the_point_as_interval(self):
        assert auc_interval([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], list("abcd")) == (1.0, 1.0)

    @pytest.mark.parametrize("groups", [["a"] * 4, ["reals", "reals", "fakes", "fakes"]])
    def test_groups_that_cannot_be_drawn_apart_have_no_spread(self, groups):
        low, high = auc_interval([0.1, 0.6, 0.5, 0.9], [0, 0, 1, 1], groups)
        # With all reals in one group and all fakes in the other, every draw with both classes is the whole set.
        assert (np.isnan(low) and np.isnan(high)) if len(set(groups)) == 1 else low == high == 0.75


class TestOtherMetrics:
    def test_log_loss_is_the_mean_negative_logarithm(self):
        assert log_loss([0.8, 0.3], [True, False]) == pytest.approx(-(np.log(0.8) + np.log(0.7)) / 2)
        assert log_loss([0.5] * 7, [True] * 3 + [False] * 4) == pytest.approx(np.log(2))

    def test_log_loss_of_a_certain_mistake_is_finite(self):
        assert log_loss([0.0], [True]) == pytest.approx(-np.log(1e-6))

    def test_balanced_log_loss_weighs_the_classes_alike(self):
        expected = (-np.log(0.9) + -np.log(1 - 0.4)) / 2
        assert log_loss([0.9, 0.9, 0.9, 0.4], [1, 1, 1, 0], balanced=True) == pytest.approx(expected)
        assert np.isnan(log_loss([0.9], [True], balanced=True))

    def test_brier_score(self):
        assert brier_score([1.0, 0.0, 0.5], [True, False, True]) == pytest.approx(0.25 / 3)
        assert np.isnan(brier_score([], []))

    def test_calibration_table_counts_every_clip_once_at_its_place(self):
        table = calibration_table([0.0, 0.05, 0.1, 0.95, 1.0], [0, 1, 0, 1, 1])
        assert [(row.low, row.n) for row in table] == [(0.0, 2), (0.1, 1), (pytest.approx(0.9), 2)]
        assert table[0].mean_probability == pytest.approx(0.025)
        assert [row.share_fake for row in table] == [0.5, 0.0, 1.0]

    def test_calibration_error_is_the_weighted_gap(self):
        assert calibration_error(calibration_table([0.75] * 4, [1, 1, 1, 0])) == pytest.approx(0)
        # Two clips at 0.2 of which none, two at 0.6 of which both are fake: gaps 0.2 and 0.4.
        assert calibration_error(calibration_table([0.2, 0.2, 0.6, 0.6], [0, 0, 1, 1])) == pytest.approx(0.3)

    def test_share_of_none_has_the_rule_of_three_as_its_bound(self):
        none = share(0, 30)
        assert none.rate == 0
        assert none.ci95[0] == 0
        assert none.ci95[1] == pytest.approx(1 - 0.025 ** (1 / 30))
        assert share(0, 0).rate is None
        with pytest.raises(ValueError, match="not a share"):
            share(3, 2)


class TestSummary:
    def test_counts_and_metrics(self):
        results = [
            _result("REAL", 0.1, "LIKELY_REAL"),
            _result("REAL", 0.6, "INCONCLUSIVE"),
            _result("REAL", 0.9, "LIKELY_FAKE"),
            _result("FAKE", 0.95, "LIKELY_FAKE"),
            _result("FAKE", 0.2, "LIKELY_REAL"),
            _result("FAKE", None, "INCONCLUSIVE"),
            _result("FAKE", None, None, error="broken"),
        ]
        found = summarize(results)
        assert (found.n, found.n_real, found.n_fake, found.n_scored) == (7, 3, 4, 5)
        assert found.auc == pytest.approx(4 / 6)
        assert found.accuracy == pytest.approx(2 / 5)
        assert found.log_loss == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.1, 0.95, 0.2])))
        assert found.abstained == 2
        assert found.coverage == pytest.approx(4 / 7)
        assert (found.accuracy_decided.count, found.accuracy_decided.n) == (2, 4)
        assert (found.false_alarms.count, found.false_alarms.n) == (1, 3)
        assert (found.missed.count, found.missed.n) == (1, 3)
        assert [item["path"] for item in found.failed] == [results[6].clip.name]
        assert found.failed[0]["error"] == "broken"
        assert [item["path"] for item in found.without_probability] == [results[5].clip.name]

    def test_a_clip_without_a_probability_changes_no_metric(self):
        scored = [_result("REAL", 0.3), _result("REAL", 0.4), _result("FAKE", 0.35), _result("FAKE", 0.9)]
        without = summarize(scored)
        with_more = summarize([*scored, _result("FAKE", None), _result("REAL", None, None, error="broken")])
        for name in ("auc", "auc_ci95", "log_loss", "accuracy", "brier_score", "calibration_error"):
            assert getattr(with_more, name) == getattr(without, name)

    def test_a_verdict_without_a_probability_is_an_abstention(self):
        found = summarize([_result("REAL", None, "LIKELY_FAKE")])
        assert (found.abstained, found.coverage, found.n_scored) == (1, 0.0, 0)
        assert (found.auc, found.log_loss, found.accuracy) == (None, None, None)
        assert "No clip has a probability" in found.notes[0]

    def test_one_class_has_no_auc_and_says_so(self):
        found = summarize([_result("FAKE", 0.8), _result("FAKE", 0.7)])
        assert found.auc is None
        assert found.auc_ci95 is None
        assert found.log_loss is not None
        assert "needs both classes" in found.notes[0]

    def test_one_group_has_an_auc_without_interval_and_few_groups_a_warning(self):
        one = summarize([_result("REAL", 0.2, group="a"), _result("FAKE", 0.8, group="a")])
        assert (one.auc, one.auc_ci95) == (1.0, None)
        assert "two groups" in one.notes[0]
        few = summarize([_result("REAL", 0.2, group="a"), _result("FAKE", 0.8, group="b")])
        assert "2 groups" in few.notes[0]

    def test_the_numbers_are_json(self):
        for results in ([], [_result("REAL", None)], [_result("REAL", 0.2), _result("FAKE", 0.8)]):
            data = json.loads(json.dumps(asdict(summarize(results)), allow_nan=False))
            wanted = {"n", "n_real", "n_fake", "auc", "auc_ci95", "log_loss", "accuracy", "abstained", "failed"}
            assert wanted <= data.keys()


class TestResults:
    def test_what_a_batch_found_is_a_result_with_its_label(self, monkeypatch):
        judged = BatchResult(_clip("FAKE"), "analyzed", "1" * 64, 0.93, "LIKELY_FAKE", told("blended"))
        undecided = BatchResult(_clip("REAL"), "known", "2" * 64, None, "INCONCLUSIVE", told("No face was found."))
        failed = BatchResult(_clip("REAL"), "failed", error="not a video")
        monkeypatch.setattr(
            evaluation_results, "training_clips", lambda name: frozenset({"2" * 64} if name == "toy" else ())
        )
        found = [result_of(result, "toy") for result in (judged, undecided, failed)]
        assert [(r.verdict, r.probability_fake, r.reason, r.abstained, r.trained_on) for r in found] == [
            ("LIKELY_FAKE", 0.93, None, False, False),
            ("INCONCLUSIVE", None, told("No face was found."), True, True),
            (None, None, None, False, False),
        ]
        assert found[2].error == "not a video"

    def test_false_alarms_and_misses_by_column_have_exact_intervals(self):
        results = [
            *(_scored("REAL", 0.9, "anna") for _ in range(2)),
            replace(_scored("REAL", 0.1, "anna"), verdict="LIKELY_REAL"),
            replace(_scored("FAKE", 0.1, "berta"), verdict="LIKELY_REAL"),
            _result("FAKE", None, None, "berta", error="broken"),
        ]
        anna, berta = by_column(results, "group")
        assert (anna.value, anna.n, anna.n_real, anna.n_fake, anna.failed) == ("anna", 3, 3, 0, 0)
        assert anna.false_alarms == share(2, 3)
        assert anna.missed.rate is None
        assert (berta.n, berta.failed, berta.missed) == (2, 1, share(1, 1))
        whole = summarize(results)
        assert (whole.false_alarms, whole.missed) == (share(2, 3), share(1, 1))

    def test_a_column_of_the_csv_can_part_the_clips_and_a_wrong_name_says_which_there_are(self):
        results = [_scored("REAL", 0.9, extra={"set": "dfdc"}), _scored("FAKE", 0.9, extra={"set": "ff"})]
        assert [(part.value, part.n) for part in by_column(results, "set")] == [("dfdc", 1), ("ff", 1)]
        with pytest.raises(DatasetError, match=r"no clip has a gender.*group.*set"):
            check_column([result.clip for result in results], "gender")


def _run(*arguments: object) -> None:
    parser = argparse.ArgumentParser()
    add_evaluate(parser.add_subparsers())
    options = parser.parse_args(["evaluate", *map(str, arguments)])
    options.run(options)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write_clip(folder: Path, content: str) -> str:
    name = f"{next(_numbers)}.mp4"
    (folder / name).write_text(content)
    return name


def _with_stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Put batch_work in the place of the analysis and the store into the folder; return what tells its calls."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(home))
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{home}/store.db")
    monkeypatch.setitem(Batch.__init__.__kwdefaults__, "analyze", batch_work.analyze)
    return lambda: (home / "calls.txt").read_text().splitlines()


def _numbers_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    _run(*arguments)
    return json.loads(capsys.readouterr().out)


class TestCommand:
    @pytest.mark.usefixtures("quick_network")
    def test_real_clips_one_of_them_broken(self, tmp_path, talking_clip, moving_square_clip, capsys, monkeypatch):
        monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path}/store.db")
        (tmp_path / "broken.mp4").write_text("this is no clip")
        text = f"path,label,group\n{talking_clip},REAL,a\nbroken.mp4,FAKE,b\n{moving_square_clip},FAKE,c\n"
        numbers, table = tmp_path / "numbers.json", tmp_path / "table.csv"
        _run(_manifest(tmp_path, text), "--json", numbers, "--out", table)
        printed = capsys.readouterr()
        data = json.loads(numbers.read_text(encoding="utf-8"))
        assert json.loads(printed.out) == data
        assert (data["n"], data["n_real"], data["n_fake"]) == (3, 1, 2)
        assert [item["path"] for item in data["failed"]] == ["broken.mp4"]
        rows = _table(table)
        assert list(rows[0]) == list(COLUMNS)
        assert [row["path"] for row in rows] == [str(talking_clip), "broken.mp4", str(moving_square_clip)]
        assert rows[1]["verdict"] == ""
        assert "broken.mp4" in rows[1]["error"]
        # A square is no face: nothing to judge, and never a score.
        assert (rows[2]["verdict"], rows[2]["probability_fake"], rows[2]["error"]) == ("INCONCLUSIVE", "", "")
        assert str(moving_square_clip) in [item["path"] for item in data["without_probability"]]
        assert printed.err.count("\n") == 3

    def test_run_again_it_does_only_what_is_missing(self, tmp_path, capsys, monkeypatch):
        clips = [_write_clip(tmp_path, content) for content in ("a", "b", "bad c", "d")]
        rows = "".join(f"{name},{label}\n" for name, label in zip(clips, ("REAL", "FAKE", "FAKE", "FAKE"), strict=True))
        manifest, table = _manifest(tmp_path, f"path,label\n{rows}"), tmp_path / "table.csv"
        calls = _with_stand_in(tmp_path, monkeypatch)
        first = _numbers_of(capsys, manifest, "--out", table)
        assert sorted(calls()) == ["a", "b", "bad c", "d"]
        rows_before = _table(table)
        (tmp_path / clips[0]).write_text("another a")
        second = _numbers_of(capsys, manifest, "--out", table, "--retry-failed")
        assert sorted(calls()[4:]) == ["another a", "bad c"]
        assert _table(table)[1:] == rows_before[1:]
        assert [item["path"] for item in second["failed"]] == [item["path"] for item in first["failed"]] == [clips[2]]

    def test_rows_without_a_label_are_left_out_and_told(self, tmp_path, capsys, monkeypatch):
        _with_stand_in(tmp_path, monkeypatch)
        names = [_write_clip(tmp_path, content) for content in ("a", "b")]
        manifest = _manifest(tmp_path, f"path,label\n{names[0]},REAL\n{names[1]},\n")
        _run(manifest)
        printed = capsys.readouterr()
        assert json.loads(printed.out)["n"] == 1
        assert "1 of 2 clips have no label" in printed.err
        with pytest.raises(DatasetError, match="none of its 2 clips has a label"):
            _run(_manifest(tmp_path, f"path\n{names[0]}\n{names[1]}\n"))

    def test_a_data_set_is_evaluated_by_its_own_labels_and_by_group(self, tmp_path, capsys, monkeypatch):
        _with_stand_in(tmp_path, monkeypatch)
        for name in ("set/real/a.mp4", "set/fake/a.mp4", "set/fake/b.mp4"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        numbers = _numbers_of(capsys, tmp_path / "set", "--by", "group")
        assert (numbers["n_real"], numbers["n_fake"]) == (1, 2)
        parts = {part["value"]: part for part in numbers["by"]["group"]}
        assert {value: (part["n_real"], part["n_fake"]) for value, part in parts.items()} == {
            "real/a.mp4": (1, 1),
            "fake/b.mp4": (0, 1),
        }
        assert parts["real/a.mp4"]["false_alarms"]["n"] == 1
        with pytest.raises(DatasetError, match="no clip has a gender"):
            _run(tmp_path / "set", "--by", "gender")

    def test_a_second_classifier_beside_the_first_with_the_difference_of_the_auc(self, tmp_path, capsys, monkeypatch):
        calls = _with_stand_in(tmp_path, monkeypatch)
        clips = [_write_clip(tmp_path, content) for content in ("a", "b", "c", "bad d")]
        rows = "".join(f"{name},{label}\n" for name, label in zip(clips, ("REAL", "FAKE", "REAL", "FAKE"), strict=True))
        numbers = _numbers_of(capsys, _manifest(tmp_path, f"path,label\n{rows}"), "--compare", "efficientnet")
        assert sorted(calls()) == sorted(["a", "b", "c", "bad d"] * 2)
        compared = numbers["compared"]
        assert compared["classifier"] == "efficientnet"
        assert compared["numbers"]["auc"] == numbers["auc"]  # the stand-in looks at the clip alone
        assert (compared["numbers"]["false_alarms"], compared["numbers"]["abstained"]) == (
            numbers["false_alarms"],
            numbers["abstained"],
        )
        difference = compared["auc_difference"]
        assert (difference["n"], difference["difference"], difference["ci95"]) == (3, 0, [0, 0])

    def test_clips_of_the_training_do_not_count_unless_they_are_asked_for(self, tmp_path, capsys, monkeypatch):
        _with_stand_in(tmp_path, monkeypatch)
        clips = [_write_clip(tmp_path, content) for content in ("a", "b", "c", "bad d")]
        rows = "".join(f"{name},{label}\n" for name, label in zip(clips, ("REAL", "FAKE", "REAL", "FAKE"), strict=True))
        manifest, table = _manifest(tmp_path, f"path,label\n{rows}"), tmp_path / "table.csv"

        def trained_on(**words: str) -> None:
            lists = {name: {hashlib.sha256(word.encode()).hexdigest() for word in text} for name, text in words.items()}
            for module in (detectors, evaluation_results):
                monkeypatch.setattr(module, "training_clips", lambda name: frozenset(lists.get(name, ())))

        trained_on(clip_vit="a", efficientnet="b")
        _run(manifest, "--out", table)
        printed = capsys.readouterr()
        numbers = json.loads(printed.out)
        assert printed.out.splitlines()[1].strip() == '"left_out": 1,'
        assert "1 of 4 clips are left out of the numbers" in printed.err
        assert (numbers["n_real"], numbers["n_fake"], len(numbers["failed"])) == (1, 2, 1)
        assert len(_table(table)) == 4, "the table has every clip"
        numbers = _numbers_of(capsys, manifest, "--compare", "efficientnet")
        assert (numbers["left_out"], numbers["n"], numbers["compared"]["numbers"]["n"]) == (2, 2, 2)
        numbers = _numbers_of(capsys, manifest, "--with-training-clips")
        assert (numbers["left_out"], numbers["n"]) == (0, 4)
        assert "trained on 1 of these 4 clips" in numbers["notes"][0]
        fakes_named = _manifest(tmp_path, f"path,label,method\n{clips[0]},FAKE,swap\n{clips[1]},REAL,\n")
        numbers = _numbers_of(capsys, fakes_named, "--by", "method")
        assert [(part["value"], part["n"]) for part in numbers["by"]["method"]] == [("", 1)], "the rest has no method"
        trained_on(clip_vit="abc")
        only = _manifest(tmp_path, f"path,label\n{clips[0]},REAL\n{clips[1]},FAKE\n")
        assert (_numbers_of(capsys, only)["left_out"], _numbers_of(capsys, only)["n"]) == (0, 2)

    def test_the_table_of_the_first_classifier_is_there_when_the_second_is_interrupted(self, tmp_path, monkeypatch):
        def interrupted(_: Batch) -> NoReturn:
            raise KeyboardInterrupt

        _with_stand_in(tmp_path, monkeypatch)
        runs = iter((Batch.run, interrupted))
        monkeypatch.setattr(Batch, "run", lambda batch: next(runs)(batch))
        name, table = _write_clip(tmp_path, "a"), tmp_path / "table.csv"
        manifest = _manifest(tmp_path, f"path,label\n{name},REAL\n")
        with pytest.raises(KeyboardInterrupt):
            _run(manifest, "--compare", "efficientnet", "--out", table)
        assert [row["path"] for row in _table(table)] == [name]

    def test_one_clip_with_two_labels_is_told(self, tmp_path, monkeypatch, capsys):
        _with_stand_in(tmp_path, monkeypatch)
        first, alike, other = (_write_clip(tmp_path, word) for word in ("a", "a", "b"))
        manifest = _manifest(tmp_path, f"path,label\n{first},REAL\n{alike},FAKE\n{other},FAKE\n")
        _run(manifest)
        told = [line for line in capsys.readouterr().err.splitlines() if "same clip" in line]
        assert len(told) == 1
        assert f"{first} and {alike} are the same clip, labeled REAL and FAKE" in told[0]

    def test_wrong_usage_is_status_2_and_a_bad_output_is_noticed_first(self, tmp_path):
        manifest = _manifest(tmp_path, "path,label\na.mp4,REAL\n")
        same = ["--classifier", "efficientnet", "--compare", "efficientnet"]
        for arguments in (["--resume"], ["--workers", "0"], ["--out", "-"], ["--timeout", "0"], ["--seed", "-1"], same):
            with pytest.raises(SystemExit) as caught:
                _run(manifest, *arguments)
            assert caught.value.code == 2
        with pytest.raises(OSError, match="its folder does not exist"):
            _run(manifest, "--json", tmp_path / "none" / "numbers.json")


def _measured(label: str, score: float | None, *, side: int = 720, fold: str = "1", kind: str = "", error: str = ""):
    from benchmarks.accuracy import EFFICIENTNET, Measured
    from benchmarks.folds import Scored

    name = f"{next(_numbers)}.mp4"
    row = {"clip": name, "label": label, "group": name, "fold": fold, "method": kind, "short_side_px": str(side)}
    scores = {} if score is None else {EFFICIENTNET: score, **({"blinks": score} if label == "FAKE" else {})}
    return Measured(Scored(row, 0.5, 0.5, "LIKELY_FAKE", "LIKELY_FAKE"), "INCONCLUSIVE", scores, error or None)


class TestAccuracyTables:
    def test_a_kind_of_fake_stands_against_the_real_clips_of_its_own_fold(self, monkeypatch):
        from benchmarks import accuracy

        monkeypatch.setattr(accuracy, "LEAST_FAKES", 2)
        real, other = _measured("REAL", 0.1), _measured("REAL", 0.2, fold="2")
        swaps = [_measured("FAKE", score, kind="swap") for score in (0.3, 0.4)]
        rare = _measured("FAKE", 0.5, kind="rare")
        assert accuracy.kinds_of_fakes([real, other, *swaps, rare]) == {"swap": [*swaps, real]}

    def test_cells_say_how_many_clips_have_a_score_and_failures_are_listed(self):
        from benchmarks.accuracy import EFFICIENTNET, report

        clips = [_measured("REAL", 0.2), _measured("FAKE", 0.8), _measured("FAKE", 0.1, side=300)]
        broken = _measured("FAKE", None, error="not a video")
        text = report([*clips, broken])
        rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
        assert "all<br>1 + 2" in rows["AUC"]
        assert "below 400 px<br>0 + 1" in rows["AUC"]
        assert "0.50 [0.00, 1.00]" in next(line for line in text.splitlines() if line.startswith(f"| {EFFICIENTNET} "))
        assert "–, n 0 + 2" in rows["blinks"]
        assert f"- {broken.judged.row['clip']}: not a video" in text

    def test_clips_of_known_sources_are_not_compared(self):
        from benchmarks.folds import Scored, is_seen_before, judged_clips

        def seen(name: str, clip: str = "") -> bool:
            return is_seen_before(Scored({"set": name, "clip": clip}, 0.5, 0.5, "INCONCLUSIVE", "INCONCLUSIVE"))

        assert seen("ff++ c23 youtube")
        assert seen("wild_hdtf")
        assert not seen("wild_vasa1")
        known = [clip for clip in judged_clips() if clip.row["clip"].endswith("KristiNoem_b6d1f8.mp4")]
        assert [is_seen_before(clip) for clip in known] == [True]

    def test_prose_quotes_the_capsule_network_over_the_clips_that_it_scores(self):
        from benchmarks.accuracy import CAPSULE, facts

        clips = [_measured("REAL", 0.2), _measured("FAKE", 0.8), _measured("FAKE", 0.1)]
        for clip, score in zip(clips, (0.3, 0.9, 0.4), strict=True):
            clip.scores[CAPSULE] = score
        found = facts([*clips, _measured("FAKE", 0.1)])
        assert (found["capsule_auc"], found["capsule_real"], found["capsule_fake"]) == (1.0, 1, 2)

    def test_verdicts_are_counted_by_what_the_clip_is(self):
        from benchmarks.accuracy import verdict_table

        table = verdict_table([_measured("REAL", 0.2), _measured("FAKE", 0.8), _measured("FAKE", 0.1)])
        folds, application = ([cell.split(" [")[0] for cell in line.strip("| ").split(" | ")[1:]] for line in table[2:])
        assert folds == ["1 of 1", "0 of 2", "2 of 2", "0 of 3"]
        assert application == ["0 of 1", "0 of 2", "0 of 2", "3 of 3"]

    def test_only_what_is_between_the_marks_is_replaced(self, tmp_path):
        from benchmarks.accuracy import MARKS
        from benchmarks.tables import update_between_marks

        page = tmp_path / "README.md"
        page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
        for _ in range(2):
            update_between_marks(page, "new", MARKS)
        assert page.read_text(encoding="utf-8") == f"before\n{MARKS[0]}\nnew\n{MARKS[1]}\nafter\n"
        page.write_text("no marks\n", encoding="utf-8")
        with pytest.raises(SystemExit, match="accuracy:begin"):
            update_between_marks(page, "new", MARKS)


def _scored(label: str, probability: float, group: str = "", **fields: object) -> ClipResult:
    """A clip with a score; fields: of its entry."""
    return ClipResult(_clip(label, group, **fields), probability, "LIKELY_FAKE")


def _curve_area(x, y) -> float:
    return float(np.trapezoid(y, x))


class TestCurves:
    def test_the_area_below_the_roc_is_the_auc(self):
        random = np.random.default_rng(1)
        is_fake = random.random(200) < 0.4
        scores = np.round(np.clip(random.normal(0.4 + 0.2 * is_fake, 0.2), 0, 1), 2)  # rounded: ties
        curve = roc(scores, is_fake)
        assert _curve_area(curve.false_alarm_rate, curve.found_rate) == pytest.approx(auc(scores, is_fake))

    @pytest.mark.parametrize(
        ("scores", "corner"),
        [([0.1, 0.2, 0.8, 0.9], (0.0, 1.0)), ([0.8, 0.9, 0.1, 0.2], (1.0, 0.0))],
        ids=["perfect", "upside down"],
    )
    def test_perfect_scores_reach_the_corner(self, scores, corner):
        curve = roc(scores, [0, 0, 1, 1])
        points = set(zip(curve.false_alarm_rate.tolist(), curve.found_rate.tolist(), strict=True))
        assert corner in points
        assert {(0.0, 0.0), (1.0, 1.0)} <= points

    def test_scores_that_are_all_alike_give_the_diagonal(self):
        curve = roc([0.5] * 6, [0, 1] * 3)
        assert curve.false_alarm_rate.tolist() == curve.found_rate.tolist() == [0.0, 1.0]
        assert precision_recall([0.5] * 6, [0, 1] * 3).precision.tolist() == [0.5]

    def test_every_point_of_both_curves_is_what_its_threshold_gives(self):
        random = np.random.default_rng(2)
        is_fake = random.random(60) < 0.5
        scores = np.round(random.random(60), 1)
        curve, precision = roc(scores, is_fake), precision_recall(scores, is_fake)
        for x, y, threshold in zip(curve.false_alarm_rate, curve.found_rate, curve.thresholds, strict=True):
            at = confusion(scores, is_fake, threshold)
            assert (at.false_alarm_rate.rate, at.found_rate.rate) == pytest.approx((x, y))
        for x, y, threshold in zip(precision.recall, precision.precision, precision.thresholds, strict=True):
            at = confusion(scores, is_fake, threshold)
            assert (at.found_rate.rate, at.precision.rate) == pytest.approx((x, y))

    def test_average_precision_of_perfect_and_of_blind_scores(self):
        assert precision_recall([0.1, 0.9, 0.8], [0, 1, 1]).average_precision == pytest.approx(1)
        blind = precision_recall([0.3] * 10, [1] + [0] * 9)
        assert blind.average_precision == pytest.approx(blind.share_fake) == pytest.approx(0.1)

    @pytest.mark.parametrize("labels", [[1, 1], [0, 0], []])
    def test_one_class_has_no_curve_but_has_counts(self, labels):
        scores = [0.2, 0.9][: len(labels)]
        assert roc(scores, labels) is None
        assert precision_recall(scores, labels) is None
        assert confusion(scores, labels, 0.5).n == len(labels)

    def test_counts_at_a_threshold_that_a_score_equals(self):
        at = confusion([0.8, 0.79, 0.8, 0.1], [1, 1, 0, 0], 0.8)
        assert (at.found, at.missed, at.false_alarms, at.not_accused) == (1, 1, 1, 1)
        assert at.accuracy.rate == at.precision.rate == 0.5
        assert confusion([0.1], [0], 0.5).precision.rate is None

    def test_the_interval_of_the_accuracy_draws_groups(self):
        """Groups that are all right or all wrong vary far more than as many independent clips."""
        is_fake = np.zeros(100, dtype=bool)
        scores = np.repeat([0.9, 0.1] * 5, 10)
        together = accuracy_interval(scores, is_fake, 0.5, group_draws([str(k // 10) for k in range(100)]))
        apart = accuracy_interval(scores, is_fake, 0.5, group_draws([str(k) for k in range(100)]))
        assert together[0] < 0.3 < apart[0] < 0.5 < apart[1] < 0.7 < together[1]
        assert accuracy_interval(scores, is_fake, 0.5, None) is None

    def test_draws_of_means_are_those_of_the_drawn_clips(self):
        """Oracle: each draw written out, clip by clip."""
        values, places = np.array([1.0, 2.0, 4.0, 8.0]), [0, 1, 0, 2]
        drawn = group_draws(["abc"[place] for place in places], draws=50)
        expected = [np.repeat(values, counts[places]).mean() for counts in drawn.counts]
        assert mean_draws(values, drawn) == pytest.approx(expected)


class TestParts:
    def test_a_method_stands_against_the_real_clips_of_its_own_compression(self):
        results = [
            _scored("REAL", 0.1, "a", compression="c23"),
            _scored("REAL", 0.95, "b", compression="c40"),
            _scored("FAKE", 0.9, "a", compression="c23", method="FaceSwap"),
            _scored("FAKE", 0.9, "b", compression="c40", method="FaceSwap"),
            _scored("FAKE", 0.3, "c"),
            _result("FAKE", None, "INCONCLUSIVE"),
            _result("FAKE", None, None, error="broken"),
        ]
        found = {method.name: method for method in by_method(results)}
        assert list(found) == ["FaceSwap · c23", "FaceSwap · c40", NO_METHOD]
        assert (found["FaceSwap · c23"].auc, found["FaceSwap · c40"].auc) == (1.0, 0.0)
        nameless = found[NO_METHOD]
        assert (nameless.n, nameless.n_scored, nameless.n_real, nameless.abstained) == (2, 1, 2, 1)
        assert nameless.auc == 0.5
        assert (nameless.found_at(0.3).count, nameless.found_at(0.31).count) == (1, 0)

    def test_the_interval_of_a_method_is_that_of_its_groups(self):
        random = np.random.default_rng(0)
        results = [
            _scored("FAKE" if k % 2 else "REAL", float(random.random() * 0.7 + 0.3 * (k % 2)), f"{k // 4}", method="X")
            for k in range(80)
        ]
        drawn = group_draws(scored_clips(results).groups)
        [method] = by_method(results, drawn)
        assert (method.auc, method.auc_ci95) == (summarize(results).auc, summarize(results).auc_ci95)
        assert by_method(results)[0].auc_ci95 is None

    def test_errors_come_with_the_least_likely_label_first(self):
        results = [
            _scored("FAKE", 0.7),
            _scored("REAL", 0.99),
            _scored("FAKE", 0.05),
            _scored("FAKE", 0.9),
            _scored("REAL", 0.2),
        ]
        errors = worst_errors(scored_clips(results), 0.8)
        assert [result.probability_fake for result in errors] == [0.99, 0.05, 0.7]
        assert worst_errors(scored_clips([]), 0.8) == ()

    def test_two_evaluations_are_compared_on_the_clips_that_both_score(self):
        first = [_scored("FAKE" if k % 2 else "REAL", 0.2 + 0.6 * (k % 2), f"{k}") for k in range(20)]
        blind = [replace(result, probability_fake=0.5) for result in first]
        better = auc_difference(scored_clips(first), scored_clips(blind[:10]))
        assert (better.n, better.first, better.second, better.difference) == (10, 1.0, 0.5, 0.5)
        assert better.ci95 == (0.5, 0.5)
        assert auc_difference(scored_clips(first), scored_clips([])) is None
        same = auc_difference(scored_clips(first), scored_clips(list(reversed(first))))
        assert (same.difference, same.ci95) == (0.0, (0.0, 0.0))


class TestReasons:
    def test_abstentions_are_counted_without_their_numbers(self):
        reasons = [
            Evidence("face_too_small", "face_width", 0, {"px": 33.0, "at_least": 48.0}),
            reason_from_text("Person 2: Inconclusive because the face is too small: 21 px wide, 48 px are needed."),
            Evidence("no_face", "face_count", None),
            Evidence("score", "learned_score", 0, {"probability_fake": 0.55, "frames": 32, "share_fake": 0.6}),
            Evidence("too_close", "learned_score", 0),
            None,
        ]
        results = [replace(_result("FAKE", None), reason=reason) for reason in reasons]
        assert abstention_causes([*results, _scored("REAL", 0.1)]) == (
            ("The face is too small", 2),
            ("The score is too close to call", 2),
            ("No face was found in any frame", 1),
            ("No reason given", 1),
        )

    def test_every_reason_of_the_gate_is_a_cause_without_digits(self):
        from deepfake.analysis.quality import ClipQuality, TrackQuality, quality_failures
        from deepfake.detectors import classifier

        poor = TrackQuality(20.0, 9.0, 2, 0.0, 0.01, 0.01, 0.0001)
        clip = ClipQuality(1000, 10, 0.0001)
        failures = quality_failures(poor, clip, classifier().limits, 0)
        causes = {cause_of_abstention(failure) for failure in failures}
        assert len(causes) == len(failures) >= 5
        assert not any(character.isdigit() for cause in causes for character in cause)

    def test_failures_are_counted_without_names_and_shown_without_folders(self):
        def failed(name: str, message: str) -> ClipResult:
            return ClipResult(ClipEntry(name, f"/secret/place/{name}", "FAKE"), None, None, error=message)

        results = [
            failed("a.mp4", "this cannot be read as a video"),
            failed("sub/b.mp4", "this cannot be read as a video"),
            failed("c.mp4", "stopped after the time limit\nof 6 s"),
        ]
        assert failure_causes(results) == (
            ("this cannot be read as a video", 2),
            ("stopped after the time limit of 6 s", 1),
        )
        assert results[1].failure == "sub/b.mp4: this cannot be read as a video"
        assert results[2].failure == "c.mp4: stopped after the time limit of 6 s"


def _measured_set(*results: ClipResult, missing: int = 0, name: str = "MTCNN") -> Measured:
    clips = tuple(ClipEntry(f"missing {k}.mp4", f"{k}.mp4", "REAL") for k in range(missing))
    return measure(StoredResults("f" * 16, tuple(results), clips, (), 0), name=name)


class TestCaveats:
    def test_one_label_few_groups_and_a_part_are_told(self):
        one = _measured_set(_scored("FAKE", 0.9, "a"), missing=3)
        told = " ".join(one.caveats)
        assert "labeled FAKE" in told
        assert "1 of 4 labeled clips" in told
        assert "one group" in told
        assert "Calibration needs" in told
        few = _measured_set(*(_scored("FAKE" if k % 2 else "REAL", k / 10, f"{k % 3}") for k in range(9)))
        assert "3 groups" in " ".join(few.caveats)
        assert "Only 5 real clips" in " ".join(few.caveats)

    def test_an_interval_without_width_is_no_certainty(self):
        perfect = [_scored("FAKE" if k % 2 else "REAL", 0.2 + 0.6 * (k % 2), f"{k}") for k in range(20)]
        assert any("no certainty" in sentence for sentence in _measured_set(*perfect).caveats)
        assert not any("no certainty" in sentence for sentence in _measured_set(*perfect, _scored("FAKE", 0.1)).caveats)

    def test_that_scores_of_people_who_were_not_judged_count_is_told(self):
        clips = [_scored("FAKE" if k % 2 else "REAL", k / 20, f"{k}") for k in range(20)]
        blurred = replace(clips[3], verdict="INCONCLUSIVE", answer="NOT_JUDGED")
        assert "1 of 21 clips with a P(fake) was not judged" in " ".join(_measured_set(*clips, blurred).caveats)
        assert "not judged" not in " ".join(_measured_set(*clips).caveats)

    def test_a_large_whole_set_is_told_only_what_always_holds(self):
        many = [_scored("FAKE" if k % 2 else "REAL", (k % 10) / 10, f"{k // 4}") for k in range(240)]
        assert len(_measured_set(*many).caveats) == 2


class TestExports:
    def test_the_csv_has_every_labeled_clip_once_a_setting(self):
        results = [
            _scored("FAKE", 0.9, "a", method="FaceSwap", compression="c23", split="test"),
            replace(_result("REAL", None), reason=told("No face, “none”")),
            _result("REAL", None, None, error="broken, beyond repair"),
        ]
        text = clips_csv([_measured_set(*results, missing=1), _measured_set(results[0], name="Haar")], 0.8)
        rows = list(csv.DictReader(text.splitlines()))
        assert [row["status"] for row in rows] == ["analyzed", "analyzed", "failed", "missing", "analyzed"]
        assert [row["settings"] for row in rows] == ["MTCNN"] * 4 + ["Haar"]
        first = rows[0]
        assert (first["probability_fake"], first["called_fake"], first["method"]) == ("0.9", "1", "FaceSwap")
        assert (rows[1]["probability_fake"], rows[1]["called_fake"], rows[1]["reason"]) == ("", "", "No face, “none”")
        assert rows[2]["error"] == "broken, beyond repair"
        assert (rows[3]["label"], rows[3]["path"]) == ("REAL", "missing 0.mp4")

    def test_the_page_stands_alone_and_escapes_what_it_is_given(self):
        results = [_scored("FAKE" if k % 2 else "REAL", (k % 7) / 7, f"{k}", method="<b>X</b>") for k in range(30)]
        html = evaluation_html("<script>set", [_measured_set(*results, missing=2)], 0.8)
        assert "<script>set" not in html
        assert "&lt;b&gt;X&lt;/b&gt;" in html
        assert "30 of 32 labeled clips" in html
        assert "Plotly.newPlot" in html
        assert not re.search(r"<(?:script|img|link|iframe)[^>]*\b(?:src|href)\s*=", html)
        body = html[html.index("<body>") :]
        assert body.count("plotly-graph-div") == 6

    def test_the_page_holds_one_class_and_nothing_at_all(self):
        for results in ([], [_scored("FAKE", 0.9)], [_result("REAL", None)]):
            html = evaluation_html("set", [_measured_set(*results)], 0.8)
            assert "NaN" not in html[html.index("<body>") : html.index("<h2>Charts")]

    def test_two_settings_stand_side_by_side(self):
        results = [_scored("FAKE" if k % 2 else "REAL", (k % 7) / 7, f"{k}") for k in range(30)]
        both = [_measured_set(*results), _measured_set(*results[:10], name="Haar")]
        difference = auc_difference(both[0].clips, both[1].clips)
        html = evaluation_html("set", both, 0.8, difference=difference)
        assert "On the 10 clips that both score" in html
        assert "no difference can be told" in html
        rows = numbers_rows(both, 0.8)
        assert rows[0] == ("", "MTCNN", "Haar")
        assert {row[0]: row[2] for row in rows}["analyzed"] == "10"


def test_clips_of_the_training_are_named_in_the_notes_and_not_hidden() -> None:
    unseen = [_scored(label, 0.4, f"{k}") for k in range(12) for label in ("REAL", "FAKE")]
    assert not any("trained" in note for note in summarize(unseen, draws=20).notes)
    evaluation = summarize([replace(result, trained_on=True) for result in unseen], draws=20)
    assert evaluation.n == 24
    assert "trained on 24 of these 24 clips" in evaluation.notes[0]
