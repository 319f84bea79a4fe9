"""High dynamic range, wide gamut, matrices and ranges: what a person sees on an ordinary screen."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from deepfake.video.light import (
    HLG,
    PQ,
    Light,
    hlg_to_nits,
    nits_to_pq,
    pq_to_nits,
    rolled_off,
)
from deepfake.video.reader import VideoReader
from tests.video.clips import add_stream

BT709, BT2020 = int(ColorPrimaries.BT709), int(ColorPrimaries.BT2020)
PATCHES = np.array([(0.05, 0.05, 0.05), (0.2, 0.2, 0.2), (0.3, 0.18, 0.12), (0.1, 0.2, 0.3)])  # linear, 1 is 203 nits


def write_light(path, code, *, transfer, primaries=BT2020, matrix=Colorspace.BT2020, tag=9):
    """Four patches of color, coded as light f64 (4, 3) in [0, 1], 10 bit."""
    image = np.repeat(np.repeat((code.reshape(1, 4, 3) * 65535).astype(np.uint16), 64, axis=0), 32, axis=1)
    with av.open(str(path), "w") as container:
        stream = add_stream(container, "libx264", image.shape[:2], pix_fmt="yuv420p10le", options={"crf": "4"})
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = (
            transfer,
            primaries,
            tag,
            1,
        )
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb48le")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=matrix, dst_color_range=1)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def patches(path):
    with VideoReader(path) as reader:
        frame = next(reader.frames())
    return np.array([frame.image[32, 16 + 32 * number] for number in range(4)]).astype(float), reader.info


def to_2020(linear):
    light = Light(PQ, BT2020, 1000.0)
    from deepfake.video.light import _to_bt709

    return np.linalg.solve(_to_bt709(light.primaries), linear.T).T


def test_pq_gives_what_an_ordinary_screen_shows(tmp_path):
    code = nits_to_pq(to_2020(PATCHES) * 203)
    seen, info = patches(write_light(tmp_path / "pq.mp4", code, transfer=PQ))
    assert seen == pytest.approx(PATCHES ** (1 / 2.4) * 255, abs=6)
    assert info.adjustment("tone_mapped").values == {"transfer": "PQ", "peak_nits": 1000}


def test_hlg_gives_what_an_ordinary_screen_shows(tmp_path):
    nits = to_2020(PATCHES) * 203
    luminance = nits @ np.array([0.2627, 0.6780, 0.0593])
    scene = nits / 1000 / ((luminance / 1000) ** (0.2 / 1.2))[:, None]
    code = np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )
    assert hlg_to_nits(code) == pytest.approx(nits, rel=1e-3)
    seen, info = patches(write_light(tmp_path / "hlg.mp4", code, transfer=HLG))
    assert seen == pytest.approx(PATCHES ** (1 / 2.4) * 255, abs=6)
    assert info.adjustment("tone_mapped").values["transfer"] == "HLG"


def test_pq_is_that_of_the_standard():
    """SMPTE ST 2084: 10,000 nits is 1, and BT.2408 names 58% for 203 nits."""
    assert pq_to_nits(np.array([0.0, 1.0])) == pytest.approx([0, 10_000])
    assert float(nits_to_pq(203.0)) == pytest.approx(0.58, abs=0.002)
    assert float(hlg_to_nits(np.full((1, 3), 0.75))[0, 0]) == pytest.approx(203, abs=1)


def test_highlights_are_rolled_off_and_the_rest_is_left_alone():
    nits = np.geomspace(0.1, 1000, 200)
    mapped = rolled_off(nits, 1000.0)
    assert np.all(np.diff(mapped) > 0)
    assert mapped[-1] == pytest.approx(203, abs=0.5)
    assert mapped[nits < 80] == pytest.approx(nits[nits < 80])
    assert rolled_off(np.array([50.0, 203.0]), 203.0) == pytest.approx([50, 203])


def test_wide_gamut_is_brought_to_that_of_an_ordinary_screen(tmp_path):
    code = np.clip(to_2020(PATCHES), 0, 1) ** (1 / 2.4)
    seen, info = patches(write_light(tmp_path / "wide.mp4", code, transfer=int(ColorTrc.BT2020_10)))
    assert seen == pytest.approx(PATCHES ** (1 / 2.4) * 255, abs=6)
    assert info.adjustment("gamut_mapped").values == {"primaries": "BT.2020"}


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("matrix", "tag"), [(Colorspace.ITU709, 1), (Colorspace.ITU601, 6)])
def test_matrix_and_range_are_those_that_the_stream_states(tmp_path, matrix, tag, full_range):
    image = np.zeros((64, 64, 3), np.uint8)
    image[...] = (200, 80, 60)
    color_range = 2 if full_range else 1
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = add_stream(container, "libx264", (64, 64), options={"crf": "4"})
        stream.codec_context.colorspace, stream.codec_context.color_range = tag, color_range
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=color_range)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoReader(tmp_path / "a.mp4") as reader:
        seen = next(reader.frames()).image[32, 32]
    assert seen.astype(int) == pytest.approx([200, 80, 60], abs=3)
    assert reader.info.adjustments == ()


def test_an_ordinary_clip_needs_no_mapping(moving_square_clip):
    with VideoReader(moving_square_clip) as reader:
        assert reader.info.adjustments == ()
        assert reader._mapper is None
