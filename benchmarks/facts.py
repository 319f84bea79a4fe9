"""Numbers that prose quotes: from facts.json into README, docs and model card.

    python benchmarks/facts.py            write the rules' numbers anew, and every quote in the documents
    python benchmarks/facts.py --check    name the quotes that differ, exit status 1 where there are any

A quote is a number between two comments that a reader of the page does not see. It names the fact and how it is
written, as Python's format() does:

    The AUC is <!--=accuracy.auc:.2f-->0.79<!--/-->.

Sections of deepfake/report/facts.json and who writes them:

    accuracy   python benchmarks/folds.py --docs
    baselines  python benchmarks/accuracy.py MANIFEST.csv --docs
    speed      python benchmarks/clip_speed.py CLIP --facts
    cost       this script: what `speed` comes to for a whole data set
    rules      this script: thresholds of the code
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deepfake.report.facts import FACTS_FILE, all_facts, fact  # noqa: E402
from deepfake.report.files import write_text  # noqa: E402

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "deepfake/detectors/MODEL_CARD.md")
QUOTE = re.compile(r"<!--=(?P<name>[\w.]+)(?::(?P<format>[^>]*?))?-->(?P<text>[^<`]*)<!--/-->")

DFDC_CLIPS = 124_000
USD_A_CORE_HOUR = 0.05  # an example, about what a general-purpose cloud machine costs on demand for a virtual core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; say what differs")
    if parser.parse_args().check:
        differences = [f"{path.relative_to(ROOT)}: {line}" for path in documents() for line in drifted(path)]
        sys.exit("\n".join(differences) or 0)
    write_facts("rules", rules())
    write_facts("cost", cost())
    update_quotes()


def write_facts(section: str, values: dict[str, Any]) -> None:
    """Replace one section of facts.json."""
    facts = all_facts() | {section: values}
    write_text(FACTS_FILE, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    all_facts.cache_clear()


def update_quotes() -> None:
    """Write every quote in the documents anew, and name the documents that changed."""
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = QUOTE.sub(lambda quote: quote[0].replace(f">{quote['text']}<", f">{quoted(quote)}<"), before)
        if after != before:
            write_text(path, after)
            print(f"{path.relative_to(ROOT)}: written anew")


def documents() -> Iterator[Path]:
    """Yield every document that may quote a number."""
    for pattern in DOCUMENTS:
        yield from sorted(ROOT.glob(pattern))


def drifted(path: Path) -> list[str]:
    """Return one line for each quote whose text is not what the fact says."""
    text = path.read_text(encoding="utf-8")
    return [
        f"{quote['name']} is {quoted(quote)}, the text says {quote['text']}"
        for quote in QUOTE.finditer(text)
        if quoted(quote) != quote["text"]
    ]


def quoted(quote: re.Match[str]) -> str:
    """Return a quote's text as the fact says."""
    return format(fact(quote["name"]), quote["format"] or "")


def rules() -> dict[str, float]:
    """Return the thresholds and amounts that the documents explain: those of the classifier that verdicts rest on."""
    from deepfake.detectors import classifier

    chosen = classifier()
    calibration = chosen.calibration
    assert calibration is not None, "verdicts rest on a calibrated classifier"
    return {
        "false_alarm_rate": calibration.false_alarm_rate,
        "miss_rate": calibration.miss_rate,
        "min_fake_probability": calibration.min_fake_probability,
        "min_face_width_px": chosen.limits.min_face_width_px,
        "max_crops": chosen.sampling.most,
    }


def cost() -> dict[str, float]:
    """Return what the measured clip comes to for many: the formula of docs/scale.md."""
    core_s = fact("speed.seconds") * fact("speed.cores")
    hours = core_s * 1000 / 3600
    dfdc_hours = core_s * DFDC_CLIPS / 3600
    return {
        "core_seconds_per_clip": core_s,
        "core_hours_per_1000": hours,
        "usd_per_1000": hours * USD_A_CORE_HOUR,
        "minutes_per_1000_on_16_cores": hours * 60 / 16,
        "minutes_per_1000_on_200_cores": hours * 60 / 200,
        "core_hours_of_dfdc": dfdc_hours,
        "usd_of_dfdc": dfdc_hours * USD_A_CORE_HOUR,
        "hours_of_dfdc_on_16_cores": dfdc_hours / 16,
        "hours_of_dfdc_on_200_cores": dfdc_hours / 200,
    }


if __name__ == "__main__":
    main()
