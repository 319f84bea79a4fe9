"""Damage is counted and told, what can be read is read, and a refused clip leaves nothing behind."""

import gc
import subprocess
import sys
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deepfake.errors import ClipError, LimitError
from deepfake.report.file_wording import reading_warnings
from deepfake.settings import Settings
from deepfake.video import boxes
from deepfake.video import reader as reader_module
from deepfake.video.reader import VideoReader, probe
from tests.video.clips import add_pictures, add_stream, square_frames


def noise(count=60, height=96, width=160):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def write(path, images, codec="libx264", options=None, container_options=None, pix_fmt="yuv420p"):
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = add_stream(container, codec, images[0].shape[:2], options=options, pix_fmt=pix_fmt)
        add_pictures(container, stream, images, pix_fmt=pix_fmt)
    return path


def damaged(path, share, size=5000):
    """Overwrite more than one packet: the start of one is among it. Of 400 bytes within a packet the decoder notices
    nothing once in fifteen times, and the encoder's bytes are not the same every time."""
    data = bytearray(path.read_bytes())
    place = int(len(data) * share)
    data[place : place + size] = np.random.default_rng(1).integers(0, 255, size, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    return path


def test_damaged_pictures_are_counted_told_and_marked_up_to_the_next_key_frame(tmp_path):
    path = damaged(
        write(tmp_path / "a.mp4", noise(), options={"g": "20", "bf": "0", "crf": "28", "sc_threshold": "0"}), 0.45
    )
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    marked = [frame.index for frame in frames if frame.is_damaged]
    assert len(frames) > 55
    assert marked
    counts = reader.info.adjustment("damaged_frames").values
    assert counts["damaged"] + counts["built_on_damage"] == len(marked)
    # 60 frames in groups of 20, hit in the middle one: the next group is whole again.
    assert 20 <= marked[0] <= marked[-1] < 40
    assert marked == list(range(marked[0], marked[-1] + 1))
    assert marked[-1] >= len(frames) - 22
    assert any("damaged" in warning for warning in reading_warnings(reader.info))


def with_lost_packets(source, path, lost):
    """Copy the pictures of a clip; of some packets, by their order, nothing can be decoded."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(packet for packet in given.demux(video=0) if packet.size):
            item = av.Packet(b"\xff" * packet.size) if number in lost else packet
            item.dts, item.pts, item.time_base = packet.dts, packet.pts, packet.time_base
            item.is_keyframe, item.stream = packet.is_keyframe, stream
            made.mux(item)
    return path


def test_what_comes_after_a_long_damaged_part_is_read(tmp_path):
    source = write(tmp_path / "a.mkv", square_frames(400), options={"g": "20", "bf": "0"})
    path = with_lost_packets(source, tmp_path / "lost.mkv", range(50, 340))
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert len(frames) == 110
    assert frames[-1].timestamp_s == pytest.approx(399 / 25, abs=1e-3)
    assert reader.info.adjustment("packets_left_out").values == {"packets": 290}
    with VideoReader(path) as reader:
        near, before = reader.frame_near(12.0)
    assert (before.timestamp_s, near.timestamp_s) == pytest.approx((48 / 25, 49 / 25), abs=1e-3)


def test_a_clip_of_which_nothing_can_be_decoded_is_given_up_early(tmp_path):
    source = write(tmp_path / "a.mkv", square_frames(400), options={"g": "20", "bf": "0"})
    path = with_lost_packets(source, tmp_path / "lost.mkv", range(380))
    with pytest.raises(ClipError, match="no frame of it can be decoded"):
        VideoReader(path)


def test_a_whole_clip_has_no_damage(moving_square_clip):
    with VideoReader(moving_square_clip) as reader:
        assert not any(frame.is_damaged for frame in reader.frames())
    assert reading_warnings(reader.info) == ()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.93])
def test_a_fragmented_clip_that_breaks_off_gives_all_whole_frames_and_says_so(tmp_path, share):
    options = {"movflags": "+frag_keyframe+empty_moov"}
    whole = write(tmp_path / "whole.mp4", noise(), options={"g": "10", "bf": "2"}, container_options=options)
    path = tmp_path / "cut.mp4"
    size = int(whole.stat().st_size * share)
    path.write_bytes(whole.read_bytes()[:size])
    with av.open(str(whole)) as container:
        ends = [(packet.pos + packet.size, packet.pts) for packet in container.demux(video=0) if packet.size]
    complete = sum(end <= size for end, _ in ends)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert complete <= len(frames) <= complete + 1
    assert reader.info.adjustment("breaks_off") is not None
    assert [w for w in reading_warnings(reader.info) if "breaks off" in w]


def test_a_whole_fragmented_clip_does_not_break_off(tmp_path):
    options = {"movflags": "+frag_keyframe+empty_moov"}
    path = write(tmp_path / "whole.mp4", noise(30), options={"g": "10"}, container_options=options)
    with VideoReader(path) as reader:
        assert len(list(reader.frames())) == 30
    assert reading_warnings(reader.info) == ()
    assert not boxes.breaks_off(path)


@pytest.mark.parametrize("trailer", [b"tail of a camera", b"\x7f\xff\xff\xff360c" + bytes(40), bytes(24)])
def test_what_a_program_put_after_the_last_box_breaks_nothing_off(tmp_path, trailer):
    path = write(tmp_path / "a.mp4", square_frames(30))
    path.write_bytes(path.read_bytes() + trailer)
    with VideoReader(path) as reader:
        assert len(list(reader.frames())) == 30
    assert reading_warnings(reader.info) == ()


def with_dropped_frames(path):
    """An AVI of 75 packets, of which every third has no picture: the one before it is shown on."""
    with av.open(str(path), "w") as container:
        stream = add_stream(container, "mpeg4", (96, 160), options={"bf": "0"})
        for index, image in enumerate(noise(75)):
            if index % 3 != 1:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_dropped_frames_do_not_break_off_an_avi(tmp_path):
    whole = with_dropped_frames(tmp_path / "whole.avi")
    with VideoReader(whole) as reader:
        frames = list(reader.frames())
    assert (reader.info.frame_count, len(frames)) == (75, 50)
    assert frames[-1].timestamp_s == pytest.approx(74 / 25)
    assert reading_warnings(reader.info) == ()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 8 // 10])
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert 30 < len(frames) < 45
    assert reader.info.adjustment("breaks_off").values["frames"] == len(frames)


def test_a_refused_clip_leaves_no_reader_behind(moving_square_clip, monkeypatch):
    made = []
    close = VideoReader.close

    def closed(self):
        made.append(weakref.ref(self))
        close(self)

    monkeypatch.setattr(VideoReader, "close", closed)
    gc.disable()
    try:
        with pytest.raises(LimitError):
            VideoReader(moving_square_clip, Settings(max_pixels=100))
        # Asked of the header: and where only the frames as shown are too large, after the first of them.
        monkeypatch.setattr(reader_module, "check_header", lambda *_: None)
        with pytest.raises(LimitError):
            VideoReader(moving_square_clip, Settings(max_pixels=100))
        sys.exc_info()
        assert len(made) == 2
        assert all(reference() is None for reference in made)
    finally:
        gc.enable()


def test_the_limits_are_asked_before_anything_is_decoded(moving_square_clip, monkeypatch):
    def decoded(*_, **__):
        raise AssertionError("decoded")

    monkeypatch.setattr(reader_module, "decode", decoded)
    for limits in ({"max_pixels": 100}, {"max_duration_s": 0.1}):
        with pytest.raises(LimitError):
            VideoReader(moving_square_clip, Settings(**limits))


MEMORY = """
import re, sys
from pathlib import Path
from deepfake.settings import Settings
from deepfake.errors import ClipError
from deepfake.video.reader import VideoReader
used = []
for _ in range(6):
    try:
        VideoReader(sys.argv[1], Settings(max_pixels=10**6))
    except ClipError as error:
        detail = error.detail
    used.append(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
assert "max_pixels" in detail, detail
print(used[-1] - used[0], used[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory")
@pytest.mark.parametrize(("codec", "pix_fmt", "name"), [("png", "rgb24", "a.mov"), ("libx264", "yuv420p", "a.mp4")])
def test_memory_stays_flat_over_refused_clips(tmp_path, codec, pix_fmt, name):
    image = np.zeros((4000, 6000, 3), np.uint8)  # 24 megapixels: 72 MB as RGB
    path = write(tmp_path / name, [image] * 2, codec, pix_fmt=pix_fmt)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], cwd=root, capture_output=True, text=True, check=True
    )
    grown_kib, first_kib = map(int, done.stdout.split())
    assert grown_kib < 20_000
    assert first_kib < 400_000


def test_a_clip_that_grows_on_the_way_is_refused(tmp_path):
    for number, size in enumerate(((96, 160), (960, 1600))):
        write(tmp_path / f"{number}.ts", square_frames(10, height=size[0], width=size[1]))
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join((tmp_path / f"{number}.ts").read_bytes() for number in range(2)))
    with VideoReader(path, Settings(max_pixels=200_000)) as reader, pytest.raises(LimitError, match="1600×960"):
        list(reader.frames())


def bytes_read():
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system does not count the bytes a process reads")
def test_opening_a_clip_does_not_read_it(tmp_path, moving_square_clip):
    """20 MB that no player needs, in a box that says so: opened, probed and looked into without reading them."""
    size = 20 * 2**20
    path = tmp_path / "large.mp4"
    path.write_bytes(moving_square_clip.read_bytes() + (size + 8).to_bytes(4, "big") + b"free" + bytes(size))
    before = bytes_read()
    assert probe(path).sha256 == ""
    with VideoReader(path) as reader:
        reader.frame_near(0.5)
    assert bytes_read() - before < 2 * 2**20
    before = bytes_read()
    assert len(probe(path, with_hash=True).sha256) == 64
    assert size < bytes_read() - before < 1.2 * size
