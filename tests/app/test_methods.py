"""The Methods page: every measurement with formula, paper and when it misleads; the six papers."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from deepfake.analysis.verdict import RULE_MAX_AMPLITUDE, RULE_MIN_SIMILARITY
from deepfake.dashboard.methods.content import METHODS, PAPERS, VERDICT_LIMITS
from deepfake.detectors import CLASSIFIERS, classifier

OpenApp = Callable[..., AppTest]


def texts(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.caption])


def test_every_measurement_says_when_it_misleads(app: OpenApp) -> None:
    test = app("methods")
    assert not test.exception
    titles = [item.value for item in test.subheader]
    for method in METHODS:
        assert method.title in titles
        assert method.misleads in texts(test)
        assert all(address in texts(test) for _, address in method.papers)
    assert texts(test).count("When it misleads.") == len(METHODS) + len(CLASSIFIERS)


def test_the_verdict_is_explained_with_its_error_rates_and_limits(app: OpenApp) -> None:
    shown, scorer = texts(app("methods")), classifier()
    assert scorer.calibration is not None
    assert f"at most {scorer.calibration.false_alarm_rate:.0%}" in shown
    assert f"at most {scorer.calibration.miss_rate:.0%} of known fakes" in shown
    assert f"narrower than {scorer.limits.min_face_width_px:.0f} px" in shown
    assert "takes no part in it" in shown  # the notebook's rule
    for limit in VERDICT_LIMITS:
        assert limit in shown


def test_every_classifier_says_what_it_looks_at_and_whether_a_verdict_rests_on_it(app: OpenApp) -> None:
    shown = texts(app("methods"))
    for scorer in CLASSIFIERS.values():
        assert scorer.info.title in shown
        assert scorer.info.looks_at in shown
        assert scorer.info.misleads in shown
    assert shown.count("not calibrated: no verdict rests on it") == sum(
        scorer.calibration is None for scorer in CLASSIFIERS.values()
    )


def test_the_rule_is_shown_with_its_thresholds_and_its_flaws(app: OpenApp) -> None:
    test = app("methods")
    formula = next(item.value for item in test.get("latex") if "MAYBE" in item.value)
    assert f"a < {RULE_MAX_AMPLITUDE}" in formula
    assert rf"\min s > {RULE_MIN_SIMILARITY}" in formula
    tables = [table.value.to_csv() for table in test.table]
    assert any("argmax" in table and "amplitude" in table for table in tables)
    assert any("0.98556" in table and "0.98099" in table for table in tables)


def test_the_six_papers_say_what_is_built_and_what_is_not(app: OpenApp) -> None:
    test = app("methods")
    assert len(PAPERS) == 6
    for number in ("1911.00686", "1901.08971", "1806.02877", "1910.12467", "1811.00656", "1905.03493"):
        assert number in texts(test)
    assert texts(test).count("**Built:**") == texts(test).count("**Not built:**") == 6
