"""How well the verdict's classifier does on sources and kinds of fakes that it has not seen: tables in Markdown.

    python benchmarks/folds.py [--people LABELS.csv] [--docs]

Reads training/folds/clip_vit_b16.csv: of each clip the logit of networks that were trained without its source, which
training.clip_folds wrote, and that of the classifier before. Calibration and limits are fitted on the other folds, so
that no clip decides on itself. Only the classifier is measured, on crops of faces found and followed as the application
does, of heads that are not cut off, hidden or smoothed; what else the verdict asks for (size, pose, blur, every person)
only makes it abstain more. --docs puts the tables between the marks of docs/accuracy.md and the numbers that prose
quotes into facts.json, README and docs.

LABELS.csv says of each clip, in the columns clip, sex, age and skin, how the person looks to somebody; empty where that
cannot be told. Such labels of people are not kept with the project: only the table that follows from them is.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.facts import rules, update_quotes, write_facts  # noqa: E402
from benchmarks.tables import markdown_table, share_cell, update_between_marks  # noqa: E402
from deepfake import __version__  # noqa: E402
from deepfake.detectors.calibration import Calibration, read_calibration  # noqa: E402
from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS, auc_draws, group_draws, percentile_interval  # noqa: E402
from deepfake.evaluation.metrics import auc, auc_interval, share  # noqa: E402
from training.clip_calibrate import STATES, calibration_of, clip_logit, is_judged  # noqa: E402

SCORES = ROOT / "training" / "folds" / "clip_vit_b16.csv"
DOCUMENT = ROOT / "docs" / "accuracy.md"
MARKS = ("<!-- folds:begin -->", "<!-- folds:end -->")
PEOPLE_MARKS = ("<!-- people:begin -->", "<!-- people:end -->")
PEOPLE_COLUMNS = ("sex", "age", "skin")
# Sources that the classifier before and the capsule network were trained on, or judged by, and clips of other sets that
# show the same people.
SEEN_BEFORE = ("ff++", "hdtf", "grid", "dfdc", "wild_hdtf", "wild_vidtimit")
SEEN_CLIPS = (
    "wild/REAL/edtalk_input/mouth_source_b371f9.mp4",
    "wild/REAL/styletalk_input/KristiNoem_b6d1f8.mp4",
    "wild/REAL/videoretalking_input/3_a82110.mp4",
)
LEAST_CLIPS = 3  # of a row of the tables by source and method


@dataclass(frozen=True, slots=True)
class Scored:
    """A clip with P(fake) and verdict by networks and a calibration that had not seen its fold."""

    row: dict[str, str]
    probability: float
    degraded: float
    verdict: str
    degraded_verdict: str

    @property
    def is_fake(self) -> bool:
        return self.row["label"] == "FAKE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=Path, metavar="CSV", help="how the people look: a table by sex, age and skin")
    parser.add_argument("--docs", action="store_true", help="put tables and quoted numbers into the documents")
    arguments = parser.parse_args()
    clips = judged_clips()
    text = report(clips)
    print(text)
    people = None if arguments.people is None else by_people(clips, arguments.people)
    if people is not None:
        print(people)
    if arguments.docs:
        update_between_marks(DOCUMENT, text, MARKS)
        if people is not None:
            update_between_marks(DOCUMENT, people, PEOPLE_MARKS)
        write_facts("accuracy", facts(clips))
        write_facts("rules", rules())
        update_quotes()


def judged_clips() -> list[Scored]:
    """Return the clips of the folds."""
    with SCORES.open(newline="") as file:
        return scored(list(csv.DictReader(file)))


def is_seen_before(clip: Scored) -> bool:
    """Tell whether the classifier before knows the clip's source or who is in it."""
    return clip.row["set"].startswith(SEEN_BEFORE) or clip.row["clip"] in SEEN_CLIPS


def by_size(clips: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Return the clips by the short side of their picture."""
    limits = {"short side below 400 px": (0, 400), "400 to 719 px": (400, 720), "720 px and more": (720, math.inf)}
    return {
        name: [clip for clip in clips if low <= int(clip.row["short_side_px"]) < high]
        for name, (low, high) in limits.items()
    }


def scored(rows: Sequence[dict[str, str]]) -> list[Scored]:
    """Return all clips, each judged by the calibration of the other folds, without the people who are in its own."""
    found = []
    for fold in sorted({row["fold"] for row in rows}):
        people = {row["group"] for row in rows if row["fold"] == fold}
        calibration = _calibration([row for row in rows if row["fold"] != fold and row["group"] not in people])
        for row in rows:
            if row["fold"] == fold:
                logits = np.array([clip_logit(row, state) for state in STATES], np.float32)
                plain, degraded = calibration.probability(logits).tolist()
                verdicts = [
                    _verdict(calibration, value) if is_judged(row, state) else "INCONCLUSIVE"
                    for value, state in zip((plain, degraded), STATES, strict=True)
                ]
                found.append(Scored(row, plain, degraded, *verdicts))
    return found


def _calibration(rows: Sequence[dict[str, str]]) -> Calibration:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibration.json"
        path.write_text(json.dumps(calibration_of(rows)))
        return read_calibration(path)


def _verdict(calibration: Calibration, probability: float) -> str:
    if calibration.is_fake(probability):
        return "LIKELY_FAKE"
    return "LIKELY_REAL" if calibration.is_real(probability) else "INCONCLUSIVE"


def report(clips: Sequence[Scored]) -> str:
    """Return the tables."""
    reals = [clip for clip in clips if not clip.is_fake]
    fakes = [clip for clip in clips if clip.is_fake]
    folds = {
        f"fold {fold}": [c for c in clips if c.row["fold"] == fold] for fold in sorted({c.row["fold"] for c in clips})
    }
    unseen = [clip for clip in clips if not is_seen_before(clip)]
    lines = [
        f"Measured with version {__version__} by `python benchmarks/folds.py` on {len(clips)} clips, {len(reals)} real "
        f"and {len(fakes)} fake, of {len({c.row['group'] for c in clips})} groups of people. Five folds: each leaves "
        "out whole sources of real clips, whole kinds of fakes, and everybody who is linked to them by a swap, from "
        f"training and from calibration. A cell holds the AUC and its 95% interval ({BOOTSTRAP_DRAWS} bootstrap draws "
        "of whole groups, so over people, not over sources); shares have exact 95% intervals, which take clips for "
        "independent.",
        "",
        *markdown_table(
            ["", "real + fake", "AUC", "AUC, degraded", "false alarms", "misses", "not decided"],
            [[name, *_row(some)] for name, some in {"all": list(clips), **folds, **by_size(clips)}.items()],
        ),
        "",
        f"Degraded once more, {_called_fake(reals)} real clips are called LIKELY FAKE and {_called_fake(fakes)} fakes.",
        "",
        f"Beside the classifier before, on the {len(unseen)} clips of sources that neither had seen: "
        f"{_auc_cell(unseen, lambda c: c.probability)} against {_auc_cell(unseen, _before)} (EfficientNet-Lite0 "
        f"twice). {_difference(unseen)} Their mean log odds did not do better than the first alone.",
        "",
        "Each kind of fake against the real clips of its fold:",
        "",
        *markdown_table(["kind of fake", "clips", "AUC", "mean P(fake)", "found", "called real"], _by_method(clips)),
        "",
        "Real clips by source:",
        "",
        *markdown_table(
            ["source", "clips", "highest P(fake)", "mean P(fake)", "called fake", "called real"],
            list(_by_source(reals)),
        ),
    ]
    return "\n".join(lines)


def by_people(clips: Sequence[Scored], labels: Path) -> str:
    """Return the table by how people look."""
    with labels.open(newline="", encoding="utf-8") as file:
        looks = {row["clip"]: row for row in csv.DictReader(file)}
    groups: dict[str, list[Scored]] = {}
    for column in PEOPLE_COLUMNS:
        for value in sorted({row[column] for row in looks.values()} - {""}):
            groups[value] = [clip for clip in clips if looks.get(clip.row["clip"], {}).get(column) == value]
    rows = [[name, str(len({c.row["group"] for c in some})), *_row(some)] for name, some in groups.items()]
    header = ["looks like", "groups of people", "real + fake", "AUC", "AUC, degraded", "false alarms", "misses"]
    return "\n".join(markdown_table([*header, "not decided"], rows))


def _called_fake(some: Sequence[Scored]) -> str:
    """How many clips are called fake when they are degraded once more, of those that are judged then."""
    judged = [clip for clip in some if is_judged(clip.row, "degraded_")]
    return share_cell(share(sum(clip.degraded_verdict == "LIKELY_FAKE" for clip in judged), len(judged)))


def _row(some: Sequence[Scored]) -> list[str]:
    reals, fakes = [c for c in some if not c.is_fake], [c for c in some if c.is_fake]
    alarms = share(sum(c.verdict == "LIKELY_FAKE" for c in reals), len(reals))
    misses = share(sum(c.verdict == "LIKELY_REAL" for c in fakes), len(fakes))
    undecided = sum(c.verdict == "INCONCLUSIVE" for c in some)
    aucs = [_auc_cell(some, lambda c: c.probability), _auc_cell(some, lambda c: c.degraded)]
    return [
        f"{len(reals)} + {len(fakes)}",
        *aucs,
        share_cell(alarms),
        share_cell(misses),
        f"{undecided} of {len(some)}",
    ]


def _before(clip: Scored) -> float:
    return float(clip.row["efficientnet_logit"])


def _auc_cell(some: Sequence[Scored], score: Callable[[Scored], float]) -> str:
    value, (low, high) = _auc(some, score)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _auc(some: Sequence[Scored], score: Callable[[Scored], float]) -> tuple[float, tuple[float, float]]:
    scores, is_fake = [score(clip) for clip in some], [clip.is_fake for clip in some]
    return auc(scores, is_fake), auc_interval(scores, is_fake, [clip.row["group"] for clip in some])


def _difference(some: Sequence[Scored]) -> str:
    """The gain over the classifier before, with the interval of paired draws of whole groups."""
    is_fake = [clip.is_fake for clip in some]
    now, before = [clip.probability for clip in some], [_before(clip) for clip in some]
    drawn = group_draws([clip.row["group"] for clip in some])
    assert drawn is not None  # of hundreds of groups
    interval = percentile_interval(auc_draws(now, is_fake, drawn) - auc_draws(before, is_fake, drawn))
    assert interval is not None
    low, high = interval
    gain = auc(now, is_fake) - auc(before, is_fake)
    return f"The gain is {gain:+.2f} [{low:+.2f}, {high:+.2f}], paired."


def _by_method(clips: Sequence[Scored]) -> list[list[str]]:
    kinds: dict[tuple[str, str], list[Scored]] = {}
    for clip in clips:
        if clip.is_fake:
            name = clip.row["set"] if clip.row["set"].startswith("ff++") else clip.row["method"]
            kinds.setdefault((clip.row["fold"], name), []).append(clip)
    rows = []
    for (fold, name), found in sorted(kinds.items()):
        if len(found) >= LEAST_CLIPS:
            both = [*found, *(c for c in clips if not c.is_fake and c.row["fold"] == fold)]
            value = auc([c.probability for c in both], [c.is_fake for c in both])
            rows.append([name, str(len(found)), f"{value:.2f}", *_told(found)])
    return rows


def _by_source(reals: Sequence[Scored]) -> list[list[str]]:
    sources: dict[str, list[Scored]] = {}
    for clip in reals:
        sources.setdefault(clip.row["set"].removeprefix("wild_"), []).append(clip)
    return [
        [name, str(len(found)), f"{max(clip.probability for clip in found):.2f}", *_told(found)]
        for name, found in sorted(sources.items())
        if len(found) >= LEAST_CLIPS
    ]


def _told(found: Sequence[Scored]) -> list[str]:
    """Mean P(fake), and how many are called fake and real."""
    verdicts = [clip.verdict for clip in found]
    mean = np.mean([clip.probability for clip in found])
    return [f"{mean:.2f}", str(verdicts.count("LIKELY_FAKE")), str(verdicts.count("LIKELY_REAL"))]


def facts(clips: Sequence[Scored]) -> dict[str, Any]:
    """Return the numbers that prose quotes."""
    reals, fakes = [c for c in clips if not c.is_fake], [c for c in clips if c.is_fake]
    unseen = [clip for clip in clips if not is_seen_before(clip)]
    value, interval = _auc(clips, lambda c: c.probability)
    shares = {
        "false_alarms": share(sum(c.verdict == "LIKELY_FAKE" for c in reals), len(reals)),
        "found": share(sum(c.verdict == "LIKELY_FAKE" for c in fakes), len(fakes)),
        "missed": share(sum(c.verdict == "LIKELY_REAL" for c in fakes), len(fakes)),
        "abstained": share(sum(c.verdict == "INCONCLUSIVE" for c in clips), len(clips)),
    }
    return {
        "command": "python benchmarks/folds.py --docs",
        "version": __version__,
        "classifier": "clip_vit",
        "n": len(clips), "n_real": len(reals), "n_fake": len(fakes),
        "unseen": len(unseen), "unseen_auc": _auc(unseen, lambda c: c.probability)[0],
        "unseen_before_auc": _auc(unseen, _before)[0],
        "groups": len({c.row["group"] for c in clips}),
        "auc": value, "auc_low": interval[0], "auc_high": interval[1],
        **{name: found.count for name, found in shares.items()},
        **{f"{name}_{end}": limit for name, found in shares.items() if found.ci95
           for end, limit in zip(("low", "high"), found.ci95, strict=True)},
        "kinds": [
            {"name": name, "clips": int(count), "auc": float(area), "found": int(found), "missed": int(missed)}
            for name, count, area, _, found, missed in _by_method(clips)
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
