"""The Methods page: every measurement with formula, paper and when it misleads; the six papers."""

from __future__ import annotations

import re

from deepfake.analysis.notebook_rule import RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY
from deepfake.dashboard.methods.content import METHODS, PAPERS, signal_methods
from deepfake.dashboard.methods.learn import SIGNAL_LOOKS
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER, classifier
from deepfake.report.facts import all_facts
from deepfake.report.wording import limits_of
from deepfake.signals.registry import FACE_SIGNALS
from tests.app.driver import User


def test_every_measurement_says_when_it_misleads() -> None:
    user = User("methods").arrive()
    assert not user.exception
    titles = [item.value for item in user.header]
    methods = (*METHODS, *signal_methods())
    for method in methods:
        assert method.title in titles
        assert method.misleads in user.words
        assert all(address in user.words for _, address in method.papers)
    assert user.words.count("When it misleads.") == len(methods) + len(CLASSIFIERS)
    assert {kind.info.title for kind in FACE_SIGNALS} <= set(titles)


def test_the_verdict_is_explained_with_its_error_rates_and_limits() -> None:
    shown, scorer = User("methods").arrive().words, classifier()
    assert scorer.calibration is not None
    assert f"at most {scorer.calibration.false_alarm_rate:.0%}" in shown
    assert f"at most {scorer.calibration.miss_rate:.0%} of fake examples" in shown
    assert f"narrower than {scorer.limits.min_face_width_px:.0f} px" in shown
    assert "takes no part in the verdict" in shown  # the notebook's rule
    for limit in limits_of(DEFAULT_CLASSIFIER):
        assert limit in shown


def test_every_classifier_says_what_it_looks_at_and_whether_a_verdict_rests_on_it() -> None:
    shown = User("methods").arrive().words
    for scorer in CLASSIFIERS.values():
        assert scorer.info.title in shown
        assert scorer.info.looks_at in shown
        assert scorer.info.misleads in shown
    assert shown.count("not calibrated: no verdict rests on it") == sum(
        scorer.calibration is None for scorer in CLASSIFIERS.values()
    )


def test_the_rule_is_shown_with_its_thresholds_and_its_flaws() -> None:
    user = User("methods").arrive()
    formula = next(item.value for item in user.get("latex") if "MAYBE" in item.value)
    assert f"a < {RULE_MAX_AMPLITUDE}" in formula
    assert rf"\min s > {RULE_MIN_SIMILARITY}" in formula
    tables = [table.value.to_csv() for table in user.table]
    assert any("argmax" in table and "amplitude" in table for table in tables)
    assert any("0.98556" in table and "0.98099" in table for table in tables)


def test_the_six_papers_say_what_is_built_and_what_is_not() -> None:
    user = User("methods").arrive()
    assert len(PAPERS) == 6
    for number in ("1911.00686", "1901.08971", "1806.02877", "1910.12467", "1811.00656", "1905.03493"):
        assert number in user.words
    assert user.words.count("**Built:**") == user.words.count("**Not built:**") == 6


def test_kinds_of_fakes_and_every_signal_are_shown_with_pictures_and_the_accuracy_as_it_was_measured() -> None:
    user = User("methods").arrive().wait_until(lambda page: "Lip-sync" in page.words)
    assert not user.exception
    assert not user.errors
    assert {"Face swap", "Re-enactment", "Lip-sync"} <= set(re.findall(r"\*\*(.*?)\*\*", user.words))
    assert {kind.info.name for kind in FACE_SIGNALS} == set(SIGNAL_LOOKS), "each signal has its two pictures"
    shown = user.pictures
    assert shown.count("Suspicious: ") + shown.count("Built-in fake: ") == shown.count("Usual: ") > 0
    table = user.table_with("kind of fake")
    kinds = all_facts()["accuracy"]["kinds"]
    assert set(table["kind of fake"]) == {kind["name"] for kind in kinds}
    assert table["missed: no signs found"].sum() == sum(kind["missed"] for kind in kinds)
    assert (table["found"] + table["missed: no signs found"] + table["not decided"] == table["clips"]).all()


def test_the_address_names_the_open_tab() -> None:
    user = User("methods").arrive(about="Papers")
    assert user.session_state["about"] == "Papers"
