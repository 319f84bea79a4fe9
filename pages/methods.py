"""Methods: what each measurement means, when it misleads, and what of the papers is built."""

import pandas as pd
import streamlit as st

from deepfake.dashboard.methods.content import (
    FLAWS,
    METHODS,
    P_VALUE_FORMULA,
    PAPERS,
    RULE_FORMULA,
    RULE_TEXT,
    TF_ROWS,
    TF_TEXT,
    Method,
    Paper,
    classifier_facts,
    signal_methods,
    verdict_steps,
)
from deepfake.dashboard.methods.learn import draw_learn
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER, FaceClassifier, classifier
from deepfake.report.wording import limits_of


def page() -> None:
    st.title("Methods")
    st.markdown(
        "What is measured, how, and when it misleads. In short: a classifier scores each person's face and a "
        "test against real clips turns the score into a verdict; besides, it is measured how steady picture and "
        "face are, and a fake is compared with its original."
    )
    learn, verdict, measured, rule, papers = st.tabs(
        ["Fakes and accuracy", "The verdict", "What is measured", "The notebook's rule", "Papers"],
        key="about",
        bind="query-params",
    )
    with learn:
        draw_learn()
    with verdict:
        draw_verdict()
    with measured:
        for method in (*METHODS, *signal_methods()):
            draw_method(method)
    with rule:
        draw_rule()
    with papers:
        draw_papers()


def draw_method(method: Method) -> None:
    with st.container(border=True):
        st.header(method.title)
        st.markdown(method.measures)
        if method.formula is not None:
            st.latex(method.formula)
        st.markdown("\n".join(f"- {detail}" for detail in method.details))
        st.markdown(f":orange[:material/warning:] **When it misleads.** {method.misleads}")
        links = " · ".join(f"[{citation}]({address})" for citation, address in method.papers)
        st.caption(links)


def draw_verdict() -> None:
    st.header("From a face to a verdict")
    st.markdown("\n".join(f"1. **{name}.** {text}" for name, text in verdict_steps(classifier())))
    st.latex(P_VALUE_FORMULA)
    st.header("What can score a face")
    st.markdown("The steps above are those of the first. Another is chosen in the settings of the analysis.")
    for scorer in CLASSIFIERS.values():
        draw_classifier(scorer)
    st.header("What it cannot tell")
    st.markdown("\n".join(f"- {limit}" for limit in limits_of(DEFAULT_CLASSIFIER)))


def draw_classifier(scorer: FaceClassifier) -> None:
    info = scorer.info
    with st.container(border=True):
        st.markdown(f"**{info.title}** (`{info.name}`): {classifier_facts(scorer)}.")
        st.markdown(info.looks_at)
        st.markdown(f":orange[:material/warning:] **When it misleads.** {info.misleads}")
        st.caption(info.paper if scorer.is_available else f"{info.paper} · its weights are not here")


def draw_rule() -> None:
    st.header("The notebook's rule, a heuristic")
    st.latex(RULE_FORMULA)
    st.markdown(RULE_TEXT)
    st.header("What the notebook got wrong, and what is done here")
    table = pd.DataFrame(FLAWS, columns=["in the notebook", "here"])
    st.table(table, hide_index=True, border="horizontal")
    st.header("A similarity that depends on the library")
    st.markdown(TF_TEXT)
    numbers = pd.DataFrame(TF_ROWS, columns=["SSIM of the same pair of 1080p frames", "value"])
    st.table(numbers, hide_index=True, border="horizontal")


def draw_papers() -> None:
    st.markdown("The notebook names six papers. What this version has of each:")
    for paper in PAPERS:
        draw_paper(paper)


def draw_paper(paper: Paper) -> None:
    with st.container(border=True):
        st.markdown(f"**[{paper.citation}]({paper.address})**")
        st.markdown(paper.says)
        built, missing = st.columns(2, gap="medium")
        built.markdown(f":material/check: **Built:** {paper.built}")
        missing.markdown(f":material/hourglass_empty: **Not built:** {paper.missing}")


page()
