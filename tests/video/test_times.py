"""When frames are shown: in every container, after jumps, without times, on coarse clocks; and at any moment asked."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from deepfake.errors import LimitError
from deepfake.report.file_wording import reading_warnings
from deepfake.settings import Settings
from deepfake.video.opening import open_container
from deepfake.video.reader import VideoReader, probe
from deepfake.video.seeking import can_seek
from deepfake.video.timing import is_variable_rate
from tests.video.clips import HEIGHT, RATE, WIDTH, add_pictures, add_stream, packed, square_frames, trimmed

H264 = {"crf": "20", "g": "12", "bf": "3", "b-pyramid": "normal"}


def write(path, codec="libx264", options=None, *, count=40, rate=25, pix_fmt="yuv420p"):
    with av.open(str(path), "w") as container:
        stream = add_stream(container, codec, (96, 160), rate=rate, options=options, pix_fmt=pix_fmt)
        add_pictures(container, stream, square_frames(count), pix_fmt=pix_fmt)
    return path


def joined(path, pieces):
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return path


def times(path):
    with VideoReader(path) as reader:
        return np.array([frame.timestamp_s for frame in reader.frames()]), reader


def moments(path):
    """Compare every frame, asked for alone, with one pass over the clip."""
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    ends = [*(frame.timestamp_s for frame in frames[1:]), frames[-1].timestamp_s + 0.04]
    for number, (frame, end_s) in enumerate(zip(frames, ends, strict=True)):
        for moment_s in (frame.timestamp_s, (frame.timestamp_s + end_s) / 2):
            with VideoReader(path) as reader:
                near, before = reader.frame_near(moment_s)
            assert near.timestamp_s == pytest.approx(frame.timestamp_s, abs=1e-6)
            assert np.array_equal(near.image, frame.image), f"frame {number} at {moment_s}"
            if number == 0:
                assert before is None
            else:
                assert np.array_equal(before.image, frames[number - 1].image), f"frame before {number}"
    return frames


CONTAINERS = [
    ("a.mp4", "libx264", H264),
    ("open.mp4", "libx264", {**H264, "x264-params": "open-gop=1"}),
    ("refresh.mp4", "libx264", {"crf": "20", "g": "12", "x264-params": "intra-refresh=1", "bf": "0"}),
    ("a.mkv", "libx264", H264),
    ("a.ts", "libx264", H264),
    ("a.avi", "libx264", H264),
    ("p.avi", "libx264", {"bf": "0", "g": "12"}),
    ("a.flv", "libx264", H264),
    ("xvid.avi", "mpeg4", {"bf": "2", "g": "12"}),
    ("one.mpg", "mpeg1video", {"bf": "2", "g": "15"}),
    ("two.mpg", "mpeg2video", {"bf": "2", "g": "300"}),
    ("vp8.webm", "libvpx", {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "10", "b": "300k"}),
    ("vp9.webm", "libvpx-vp9", {"g": "12", "b": "300k", "cpu-used": "8"}),
    ("interlaced.mp4", "libx264", {**H264, "x264-params": "tff=1"}),
    ("raw.h264", "libx264", {"bf": "2", "g": "12"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CONTAINERS, ids=[row[0] for row in CONTAINERS])
def test_every_moment_shows_the_frame_of_one_pass(tmp_path, name, codec, options):
    frames = moments(write(tmp_path / name, codec, options, count=30))
    assert len(frames) == 30
    assert np.diff([frame.timestamp_s for frame in frames]) == pytest.approx(0.04, abs=2e-3)


@pytest.mark.parametrize("name", ["a.avi", "xvid.avi"])
def test_times_are_even_where_the_file_has_none(tmp_path, name):
    path = write(tmp_path / name, "mpeg4" if "xvid" in name else "libx264", {"bf": "2"} if "xvid" in name else H264)
    found, reader = times(path)
    assert np.diff(found) == pytest.approx(0.04, abs=1e-6)
    assert reader.info.frame_rate == 25
    assert not reader.info.variable_frame_rate
    assert reader.info.adjustment("times_counted") is not None
    assert reading_warnings(reader.info) == ()


@pytest.mark.parametrize(("suffix", "codec"), [("ts", "libx264"), ("ts", "mpeg2video"), ("mpg", "mpeg2video")])
def test_joined_pieces_follow_each_other(tmp_path, suffix, codec):
    piece = write(tmp_path / f"piece.{suffix}", codec, {"g": "12", "bf": "2"})
    path = joined(tmp_path / f"joined.{suffix}", [piece] * 3)
    frames = moments(path)
    assert len(frames) == 120
    assert np.diff([frame.timestamp_s for frame in frames]) == pytest.approx(0.04, abs=2e-3)
    _, reader = times(path)
    assert reader.info.adjustment("times_mended").values == {"jumps": 2}
    assert not reader.info.variable_frame_rate


def test_a_torn_piece_is_joined_evenly(tmp_path):
    piece = write(tmp_path / "piece.ts", options=H264)
    torn = tmp_path / "torn.ts"
    torn.write_bytes(piece.read_bytes()[: piece.stat().st_size * 6 // 10 // 188 * 188])
    found, reader = times(joined(tmp_path / "joined.ts", [torn, piece]))
    assert np.diff(found) == pytest.approx(0.04, abs=2e-3)
    assert reader.info.adjustment("times_mended") is not None


def test_a_pause_stays_a_pause(tmp_path, write_clip, moving_square_frames):
    times_s = [0.0, 0.04, 0.08, 20.0, 20.04, 20.08]
    found, reader = times(write_clip(tmp_path / "pause.mp4", moving_square_frames[:6], timestamps_s=times_s))
    assert found == pytest.approx(times_s, abs=1e-3)
    assert reader.info.variable_frame_rate


def retimed(source, path, ticks, hidden=()):
    """Pack the pictures of a clip anew, each in the order they are shown with a time of its own, milliseconds; some of
    VP8 are made hidden ones."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for place, packet in enumerate(packet for packet in given.demux(video=0) if packet.size):
            number = round(packet.pts * packet.time_base * RATE)
            data = bytearray(bytes(packet))
            if number in hidden:
                data[0] &= ~0x10
            item = av.Packet(bytes(data))
            item.dts, item.pts = 40 * place, 1000 + ticks[number]  # no packet is decoded after it is shown
            item.time_base, item.is_keyframe, item.stream = Fraction(1, 1000), packet.is_keyframe, stream
            made.mux(item)
    return path


@pytest.mark.parametrize(("codec", "options"), [("mpeg4", {"bf": "0", "g": "12"}), ("libx264", H264)])
def test_a_repeated_time_moves_no_later_frame(tmp_path, codec, options):
    repeated = (7, 18, 30)
    ticks = [40 * (number - sum(number >= other for other in repeated)) for number in range(40)]
    path = retimed(write(tmp_path / "a.mkv", codec, options), tmp_path / "repeated.mkv", ticks)
    frames = moments(path)
    wanted_s = [tick / 1000 + (0.02 if number in repeated else 0) for number, tick in enumerate(ticks)]
    assert [frame.timestamp_s for frame in frames] == pytest.approx(wanted_s, abs=1e-6)
    _, reader = times(path)
    assert reader.info.adjustments == ()


@pytest.mark.parametrize(("again", "next_tick"), [(1, 440), (3, 560), (2, 410), (1, 401)])
def test_a_time_that_is_stated_again_and_again_moves_no_later_frame(tmp_path, again, next_tick):
    ticks = [40 * number for number in range(11)] + [400] * again
    ticks += [next_tick + 40 * number for number in range(29 - again)]
    path = retimed(write(tmp_path / "a.mkv", "mpeg4", {"bf": "0", "g": "12"}), tmp_path / "again.mkv", ticks)
    found_s = np.array([frame.timestamp_s for frame in moments(path)])
    assert np.all(np.diff(found_s) > 0)
    kept = [number for number in range(len(found_s)) if not 10 < number <= 10 + again]
    assert found_s[kept] == pytest.approx(np.array(ticks)[kept] / 1000, abs=1e-6)
    _, reader = times(path)
    assert reader.info.adjustments == ()


def test_a_clock_that_stands_still_is_told(tmp_path):
    ticks = [0] * 20 + [40 * number for number in range(1, 21)]
    path = retimed(write(tmp_path / "a.mkv", "mpeg4", {"bf": "0", "g": "12"}), tmp_path / "still.mkv", ticks)
    found_s, reader = times(path)
    assert np.all(np.diff(found_s) > 0)
    assert found_s[-1] > 0.85 * 39 / 25
    assert reader.info.adjustments[0].code == "times_mended"


def test_a_time_out_of_order_moves_no_other_frame(tmp_path):
    ticks = [40 * number for number in range(40)]
    ticks[20] = 740
    path = retimed(write(tmp_path / "a.mkv", "mpeg4", {"bf": "0", "g": "12"}), tmp_path / "slip.mkv", ticks)
    assert [frame.timestamp_s for frame in moments(path)] == pytest.approx(np.arange(40) / 25, abs=1e-6)


def test_a_hidden_picture_with_the_time_of_the_next_is_no_repeated_time(tmp_path):
    """libvpx writes them in two passes; the clip can be sought in all the same."""
    ticks = [40 * (number - (number >= 9)) for number in range(20)]
    source = write(tmp_path / "a.webm", "libvpx", {"g": "12", "b": "300k"}, count=20)
    path = retimed(source, tmp_path / "hidden.webm", [*ticks[:8], ticks[9], *ticks[9:]], hidden={8})
    assert len(moments(path)) == 19
    with open_container(path) as container:
        assert can_seek(path, container, container.streams.video[0])


@pytest.mark.parametrize(
    "rate", [Fraction(240), Fraction(60000, 1001), Fraction(30000, 1001), Fraction(120), Fraction(25)]
)
def test_a_constant_rate_is_one_on_a_clock_of_milliseconds(tmp_path, rate):
    found, reader = times(write(tmp_path / "a.mkv", options={"bf": "0"}, rate=rate, count=90))
    assert reader.info.frame_rate == rate
    assert not reader.info.variable_frame_rate
    assert len(found) == 90


def test_a_dropped_frame_is_seen_on_a_coarse_clock_as_well():
    steady = np.arange(60) / 25
    assert not is_variable_rate(steady, clock_s=1 / 25, period_s=1 / 25)
    assert is_variable_rate(np.delete(steady, 30), clock_s=1 / 25, period_s=1 / 25)
    rounded = np.round(np.arange(300) / 240, 3)
    assert not is_variable_rate(rounded, clock_s=1e-3, period_s=1 / 240)
    assert is_variable_rate(np.delete(rounded, 100), clock_s=1e-3, period_s=1 / 240)


@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001), Fraction(24000, 1001), 50])
def test_the_rate_is_the_same_in_every_container(tmp_path, rate):
    source = write(tmp_path / "a.mp4", options=H264, rate=rate)
    for name in ("b.mkv", "b.mov", "b.ts", "b.avi"):
        assert probe(packed(source, tmp_path / name)).frame_rate == rate, name


def test_the_container_does_not_decide_on_bits_and_pictures(tmp_path):
    source = write(tmp_path / "a.mp4", options=H264)
    names = ["a.mp4", "b.mkv", "b.mov", "b.ts", "b.avi", "b.flv"]
    seen = []
    for name in names:
        path = source if name == "a.mp4" else packed(source, tmp_path / name)
        with VideoReader(path) as reader:
            images = [frame.image for frame in reader.frames()]
        seen.append((reader.info.bit_rate, reader.info.bits_per_pixel, len(images), sum(map(np.sum, images))))
    assert len(set(seen)) == 1, dict(zip(names, seen, strict=True))
    assert seen[0][0] > 0


@pytest.mark.parametrize(("codec", "options"), [("mpeg4", {"bf": "0"}), ("mpeg2video", {"bf": "0"})])
def test_sound_is_no_part_of_the_bit_rate(tmp_path, write_clip, codec, options):
    images = square_frames(30)
    rates = []
    for name, sound_s in (("quiet.mkv", 0.0), ("loud.mkv", 1.2)):
        path = write_clip(tmp_path / name, images, codec=codec, codec_options=options, audio_s=sound_s)
        with VideoReader(path) as reader:
            list(reader.frames())
        rates.append(reader.info.bit_rate)
    assert rates[0] == rates[1]


@pytest.mark.parametrize("start", [7, 13])
def test_an_edit_list_is_obeyed(tmp_path, start):
    """Trimmed without encoding: the packets before the first shown frame are in the file, and are not shown."""
    source = write(tmp_path / "a.mp4", options={**H264, "g": "250"})
    path = trimmed(source, tmp_path / "trimmed.mp4", start, 40)
    frames = moments(path)
    assert len(frames) == 40 - start
    with VideoReader(source) as reader:
        wanted = list(reader.frames())[start:]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, wanted, strict=True))
    _, reader = times(path)
    assert reading_warnings(reader.info) == ()
    assert reader.info.frame_count == 40 - start


def test_a_length_that_another_program_wrote_is_a_length(tmp_path):
    """mkvmerge writes how long a file lasts, also where its clock begins late."""
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        add_pictures(container, add_stream(container, "libx264", (HEIGHT, WIDTH)), square_frames(40), first=2 * RATE)
    end_s, length_s = 2 + 40 / RATE, 40 / RATE
    data = path.read_bytes()
    written = b"\x44\x89\x88" + struct.pack(">d", end_s * 1000)  # Duration, in ticks of a millisecond
    assert data.count(written) == 1
    data = data.replace(written, b"\x44\x89\x88" + struct.pack(">d", length_s * 1000)).replace(b"Lavf", b"mkvm")
    path.write_bytes(data)
    assert probe(path).duration_s == pytest.approx(length_s, abs=0.05)
    with pytest.raises(LimitError):
        probe(path, Settings(max_duration_s=length_s - 0.2))


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".mp4"])
def test_a_clock_that_does_not_begin_at_0_makes_a_clip_no_longer(tmp_path, suffix):
    path = tmp_path / f"late{suffix}"
    with av.open(str(path), "w") as container:
        stream = add_stream(container, "libvpx-vp9" if suffix == ".webm" else "libx264", (HEIGHT, WIDTH))
        add_pictures(container, stream, square_frames(40), first=100 * RATE)
    with VideoReader(path, Settings(max_duration_s=3)) as reader:
        times_s = [frame.timestamp_s for frame in reader.frames()]
    assert times_s == pytest.approx(np.arange(40) / RATE, abs=1e-3)
    assert reader.info.duration_s == pytest.approx(40 / RATE, abs=0.05)
    assert "breaks_off" not in {item.code for item in reader.info.adjustments}
