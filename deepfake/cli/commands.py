"""What each command does: read the input, ask the core, write the results."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfake.cli.options import config_of
from deepfake.cli.outputs import check_apart
from deepfake.cli.terminal import complain, progress_bars, warn
from deepfake.files import check_writable, output
from deepfake.report import EXPORTS, ExportOptions

if TYPE_CHECKING:
    from deepfake.analysis.model import Progress
    from deepfake.comparison.compare import ComparisonProgress
    from deepfake.store.recall import Answer

STANDARD_OUTPUT = "-"
STAGES = {
    "models": "Loading models",
    "frames": "Analyzing frames",
    "finishing": "Finishing",
    "recompression": "Re-compressing",
}
COMPARISON_STAGES = {"fake": "Analyzing the fake", "original": "Analyzing the original", "comparison": "Comparing"}


def demo(options: argparse.Namespace) -> None:
    """Write the built-in data set."""
    from deepfake.demo.writer import demo_is_complete, write_demo

    if demo_is_complete(options.folder):
        _say(f"{options.folder} holds the built-in data set already.")
        return
    with progress_bars({"frames": "Writing frames"}) as report, output(options.folder):
        write_demo(options.folder, progress=lambda done, total: report("frames", done, total))
    _say(f"Wrote the built-in data set to {options.folder}; README.txt there says what it is.")


def analyze(options: argparse.Namespace) -> None:
    """Analyze one clip, or say what the store has of it."""
    outputs = outputs_of(options, *(export.kind for export in EXPORTS), inputs=(options.clip,))
    if options.faces is not None:
        faces_there = [("--faces", path) for path in options.faces.glob("face-*.mp4")]
        check_apart(faces_there, (options.clip,), options.usage_error)
    from deepfake.analysis.recompression import recompress
    from deepfake.cli.summaries import print_analysis
    from deepfake.report.card import stability_sentence
    from deepfake.store import analyze_once
    from deepfake.video.reader import probe
    from deepfake.views.face_clips import FaceClips
    from deepfake.views.moments import suspicious_moments

    with ExitStack() as stack:
        clips = on_crop = None
        if options.faces is not None:
            frame_rate = probe(options.clip).frame_rate
            options.faces.mkdir(parents=True, exist_ok=True)
            clips = stack.enter_context(FaceClips(options.faces, frame_rate))
            on_crop = output(options.faces)(clips.__call__)
        show = stack.enter_context(progress_bars(STAGES))

        def tell(state: "Progress") -> None:
            show(state.stage, state.frames_done, None if state.stage == "models" else state.frames_total)

        answer = analyze_once(options.clip, config_of(options), progress=tell, on_crop=on_crop, trouble=complain)
        analysis, faces = answer.analysis, {}
        if clips is not None:
            with output(options.faces):
                faces = clips.close({track.track_id for track in analysis.tracks})
        recompression = None
        if options.recompress:
            recompression = recompress(options.clip, analysis, progress=partial(show, "recompression"))
    _tell_if_kept(options.clip, answer)
    if clips is not None:
        _tell_without_clip([track.track_id for track in analysis.tracks if track.track_id in clips.skipped])
    moments = None
    if any(export.has_pictures and export.kind in outputs for export in EXPORTS):
        moments = suspicious_moments(options.clip, analysis)
    shown = ExportOptions(moments=moments, recompression=recompression, paper=options.paper)
    writers = {export.kind: partial(export.make, analysis, shown) for export in EXPORTS}
    written = [*write_outputs(outputs, writers), *map(str, faces.values())]
    if STANDARD_OUTPUT not in outputs.values():
        print_analysis(analysis, written)
        if recompression is not None:
            _say(f"Re-compressed: {stability_sentence(recompression)}")


def _tell_without_clip(track_ids: list[int]) -> None:
    from deepfake.report.wording import person_name

    if track_ids:
        names = ", ".join(map(person_name, track_ids))
        warn(f"--faces: there is no clip of {names}: more faces were in view than it writes at a time")


def _tell_if_kept(clip: Path, answer: "Answer") -> None:
    if answer.kept_at is not None:
        complain(f"{clip}: from the store, analyzed on {answer.kept_at.astimezone():%Y-%m-%d %H:%M}")


def compare(options: argparse.Namespace) -> None:
    """Compare a fake with its original."""
    outputs = outputs_of(options, "json", "html", "pdf", inputs=(options.fake, options.original))
    from deepfake.cli.summaries import print_comparison
    from deepfake.comparison.compare import compare as compare_clips
    from deepfake.comparison.report import comparison_document, moment_pictures
    from deepfake.comparison.to_json import comparison_to_dict
    from deepfake.report.analysis_json import json_text
    from deepfake.report.html import document_html
    from deepfake.report.pdf import document_pdf
    from deepfake.store import analyze_once
    from deepfake.video.reader import probe

    config = config_of(options)
    for clip in (options.fake, options.original):
        probe(clip)  # what cannot be used is told before minutes go into the other
    with progress_bars(COMPARISON_STAGES) as show:

        def shown(state: "ComparisonProgress") -> None:
            show(state.stage, state.frames_done, state.frames_total)

        def analyzed(clip: Path, stage: str) -> "Answer":
            def tell(state: "Progress") -> None:
                show(stage, state.frames_done, state.frames_total)

            return analyze_once(clip, config, progress=tell, trouble=complain)

        fake, original = analyzed(options.fake, "fake"), analyzed(options.original, "original")
        found = compare_clips(
            options.fake,
            options.original,
            config,
            progress=shown,
            fake_analysis=fake.analysis,
            original_analysis=original.analysis,
        )
    _tell_if_kept(options.fake, fake)
    _tell_if_kept(options.original, original)
    document = None
    if {"html", "pdf"} & outputs.keys():
        pictures = moment_pictures(options.fake, options.original, found)
        document = comparison_document(found, pictures=pictures, paper=options.paper)
    writers: dict[str, Callable[[], bytes]] = {"json": lambda: json_text(comparison_to_dict(found)).encode()}
    if document is not None:
        writers["html"] = lambda: document_html(document).encode("utf-8")
        writers["pdf"] = lambda: document_pdf(document, paper=options.paper)
    written = write_outputs(outputs, writers)
    if STANDARD_OUTPUT not in outputs.values():
        print_comparison(found, written)


def dataset(options: argparse.Namespace) -> None:
    """Say what a data set holds."""
    from deepfake.cli.summaries import print_dataset
    from deepfake.dataset import open_dataset, summary_json
    from deepfake.report.analysis_json import json_text

    found = open_dataset(options.folder, anywhere=True)
    outputs = outputs_of(options, "json", inputs=[*found.lists, *(entry.location for entry in found.entries)])
    summary = summary_json(found)
    written = write_outputs(outputs, {"json": lambda: json_text(summary).encode()})
    if STANDARD_OUTPUT not in outputs.values():
        print_dataset(summary, written)


def outputs_of(options: argparse.Namespace, *kinds: str, inputs: Iterable[Path | str] = ()) -> dict[str, str]:
    """Return the files to write, by kind. inputs: the files that the command reads.

    Ends the program, before any work, where check_apart finds wrong usage. Raises OSError where a file cannot be
    written.
    """
    named = {kind: getattr(options, kind) for kind in kinds if getattr(options, kind) is not None}
    files = [(f"--{kind}", Path(name)) for kind, name in named.items() if str(name) != STANDARD_OUTPUT]
    check_apart(files, inputs, options.usage_error)
    for _, path in files:
        check_writable(path)
    return named


def write_outputs(outputs: dict[str, str], writers: Mapping[str, Callable[[], bytes]]) -> list[str]:
    """Write each result; return the names of the files."""
    from deepfake.report.files import write_bytes

    for kind, name in outputs.items():
        content = writers[kind]()
        if name == STANDARD_OUTPUT:
            with output("standard output"):
                _write_standard_output(content)
        else:
            write_bytes(name, content)
    return [name for name in outputs.values() if name != STANDARD_OUTPUT]


def _write_standard_output(content: bytes) -> None:
    """Bytes as they are, whatever the terminal's encoding: what is piped on is a file's content."""
    buffer: Any = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(content.decode("utf-8", "replace"))
        return
    sys.stdout.flush()
    buffer.write(content)
    buffer.flush()


def _say(sentence: str) -> None:
    from deepfake.cli.summaries import console

    console().print(sentence, soft_wrap=True)
