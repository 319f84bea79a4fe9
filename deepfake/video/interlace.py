"""Frames of two fields, taken 1/50 s apart, become frames of one moment."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import av
from av.filter import Graph

from deepfake.video.decoding import Picture

# Bob Weaver deinterlacing (FFmpeg's bwdif): one frame for each, pictures that are not interlaced pass unchanged. It
# looks one frame back and one ahead.
DEINTERLACER: Final = "bwdif"
OPTIONS: Final = "mode=send_frame:parity=auto:deint=interlaced"


@dataclass(slots=True)
class FieldCount:
    """How many frames were put together from two fields so far."""

    frames: int = 0


def deinterlaced(pictures: Iterator[Picture], count: FieldCount) -> Iterator[Picture]:
    """Yield the pictures, those that are interlaced put together from their fields. Times and number stay.

    The filter is built with the first interlaced picture: a clip that has none pays nothing.
    """
    weaver: _Weaver | None = None
    for picture in pictures:
        if weaver is None and not picture.frame.interlaced_frame:
            yield picture
            continue
        if weaver is not None and not weaver.takes(picture.frame):
            yield from weaver.finish()
            weaver = None
        if weaver is None:
            weaver = _Weaver(picture.frame)
        count.frames += bool(picture.frame.interlaced_frame)
        yield from weaver.push(picture)
    if weaver is not None:
        yield from weaver.finish()


class _Weaver:
    def __init__(self, first: Any) -> None:
        self._graph = Graph()
        self._format = (first.width, first.height, first.format.name)
        source = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=first.time_base
        )
        weave, sink = self._graph.add(DEINTERLACER, OPTIONS), self._graph.add("buffersink")
        self._graph.link_nodes(source, weave, sink).configure()
        self._waiting: deque[Picture] = deque()

    def takes(self, frame: Any) -> bool:
        return self._format == (frame.width, frame.height, frame.format.name)

    def push(self, picture: Picture) -> Iterator[Picture]:
        self._waiting.append(picture)
        # Their own clock may jump; the filter only needs one that runs.
        picture.frame.pts = picture.order
        self._graph.vpush(picture.frame)
        yield from self._pull()

    def finish(self) -> Iterator[Picture]:
        self._graph.vpush(None)
        yield from self._pull()

    def _pull(self) -> Iterator[Picture]:
        while self._waiting:
            try:
                frame = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield self._waiting.popleft()._replace(frame=frame)
