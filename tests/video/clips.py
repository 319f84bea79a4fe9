"""Clips of the kinds that are hard to read, made with PyAV: small, each with one moving square."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

HEIGHT, WIDTH = 96, 160
RATE = 25


def square_frames(count: int = 40, *, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    """RGB images on which a bright square of 16 px moves 3 px per frame, over a ramp that tells left from right."""
    ramp = np.linspace(20, 90, width, dtype=np.float32)[None, :, None] * np.ones((height, 1, 3), np.float32)
    images = []
    for index in range(count):
        image = ramp.astype(np.uint8)
        left = 3 * index % (width - 16)
        image[24:40, left : left + 16] = (235, 200, 40)
        images.append(image)
    return images


def add_pictures(
    container: av.container.OutputContainer,
    stream: av.VideoStream,
    images: Iterable[np.ndarray],
    *,
    pix_fmt: str = "yuv420p",
    first: int = 0,
) -> None:
    """Encode images into a stream, a frame each, and flush it."""
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(format=pix_fmt)
        frame.pts, frame.time_base = first + index, 1 / Fraction(stream.codec_context.framerate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def add_stream(
    container: av.container.OutputContainer,
    codec: str,
    size: tuple[int, int],
    *,
    pix_fmt: str = "yuv420p",
    rate: int | Fraction = RATE,
    options: dict[str, str] | None = None,
) -> av.VideoStream:
    """Add a picture stream of a size (height, width)."""
    stream = container.add_stream(codec, rate=Fraction(rate), options=options or {})
    stream.height, stream.width = size
    stream.pix_fmt = pix_fmt
    return stream


def packed(source: Path, out: Path, *, options: dict[str, str] | None = None) -> Path:
    """Put the picture packets of a clip into another container, as they are."""
    with av.open(str(source)) as given, av.open(str(out), "w", options=options or {}) as made:
        pictures = given.streams.video[0]
        stream = made.add_stream_from_template(pictures)
        # AVI wants start codes before the units, where MP4 has their lengths.
        coded = BitStreamFilterContext("h264_mp4toannexb", pictures, stream) if out.suffix == ".avi" else None
        for packet in given.demux(pictures):
            if packet.size:
                for item in [packet] if coded is None else coded.filter(packet):
                    item.stream = stream
                    made.mux(item)
    return out


def with_matrix(path: Path, out: Path, matrix: Sequence[int]) -> Path:
    """Return an MP4 whose first track has a display matrix: a, b, c, d of 1, 0 or −1."""
    data = bytearray(path.read_bytes())
    header = data.find(b"tkhd")
    a, b, c, d = (value << 16 for value in matrix)
    place = header + 4 + (40 if data[header + 4] == 0 else 52)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    out.write_bytes(bytes(data))
    return out


def trimmed(path: Path, out: Path, start: int, count: int) -> Path:
    """Return an MP4 of `count` frames and one track, trimmed without encoding: the packets before frame `start` are in
    the file, and its edit list leaves them out."""
    data = bytearray(path.read_bytes())
    place = data.find(b"elst")
    assert place > 0
    media_time = int.from_bytes(data[place + 16 : place + 20], "big")
    scale = int.from_bytes(data[data.find(b"mdhd") + 16 : data.find(b"mdhd") + 20], "big")
    data[place + 16 : place + 20] = (media_time + start * scale // RATE).to_bytes(4, "big")
    movie_scale = int.from_bytes(data[data.find(b"mvhd") + 16 : data.find(b"mvhd") + 20], "big")
    data[place + 12 : place + 16] = ((count - start) * movie_scale // RATE).to_bytes(4, "big")
    out.write_bytes(bytes(data))
    return out


def with_clean_aperture(path: Path, out: Path, width: int, height: int, right: int, down: int) -> Path:
    """Return an MP4 whose pictures have a clean aperture: its size and how far its middle is from theirs, px."""
    data = bytearray(path.read_bytes())
    clap = struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    entry = data.find(b"avc1", data.find(b"stsd")) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    data[end:end] = clap
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = data.find(kind) - 4 if kind != b"avc1" else entry
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(clap))
    out.write_bytes(bytes(data))
    return out


def with_pixel_crop(path: Path, out: Path, left: int, top: int, right: int, bottom: int) -> Path:
    """Return a Matroska file whose player is to leave out so many px at each side: they take the place of what is said
    of colors, so that nothing else moves."""
    data = bytearray(path.read_bytes())
    colors = data.index(b"\x55\xb0\x90", data.rindex(b"\x16\x54\xae\x6b"))
    edges = ((0x54CC, left), (0x54BB, top), (0x54DD, right), (0x54AA, bottom))
    crop = b"".join(kind.to_bytes(2, "big") + b"\x81" + bytes([px]) for kind, px in edges)
    data[colors : colors + 19] = crop + b"\xec\x81\0"  # and a void of three bytes
    out.write_bytes(bytes(data))
    return out
