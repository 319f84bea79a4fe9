"""What is known of a clip, one of its frames, and what was changed on reading it: facts, no sentences."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

READING_VERSION = 3  # of this package: results from files read in another way are not mixed with these

AdjustmentCode = Literal[
    "stream_chosen",
    "turned",
    "mirrored",
    "cropped",
    "scaled",
    "fitted",
    "deinterlaced",
    "tone_mapped",
    "gamut_mapped",
    "times_counted",
    "times_mended",
    "damaged_frames",
    "packets_left_out",
    "breaks_off",
    "as_kept",
]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One thing that was changed when a clip was read, or that it lacks.

    code: which; values: its numbers and names, by code:

    - stream_chosen: `stream`, the stream that was read, and `of`, the picture streams of the file, both counted from 1.
    - turned: `rotation_deg`, clockwise. mirrored: left and right exchanged, after turning.
    - cropped: `width`, `height`, `left`, `top` of the clean aperture in the coded picture, px.
    - scaled: to square pixels; `pixel_aspect` (width over height of a coded pixel), `coded_width`, `coded_height`, px.
    - fitted: `frames` whose size or shape differs from the first, scaled into it with black bars.
    - deinterlaced: `frames` that were put together from their two fields.
    - tone_mapped: `transfer` ("PQ" or "HLG"), `peak_nits` that the curve was laid out for. gamut_mapped: `primaries`.
    - times_counted: the file has no presentation times; `frame_rate` they were counted from.
    - times_mended: `jumps` of its clock that were closed.
    - damaged_frames: `damaged` frames as the decoder says, `built_on_damage`: later ones that refer to them; neither is
      scored. packets_left_out: `packets` that could not be decoded at all.
    - breaks_off: `at_s`, the time of the last frame read, seconds. The header promises `promised_frames`, of which
      `frames` were read, or `promised_s`; without either the file ends in the middle of its data.
    - as_kept: the `sentence` of an earlier version.
    """

    code: AdjustmentCode
    values: dict[str, int | float | str] = field(default_factory=dict)


Extent = Literal["generated", "partly", "perhaps"]
Signature = Literal["holds", "broken", "unconfirmed", "none"]
SIGNATURE_WORDS: dict[Signature, str] = {
    "holds": "signed",
    "broken": "changed since it was signed",
    "unconfirmed": "signature not confirmed",
    "none": "unsigned",
}
EXTENT_WORDS: dict[Extent, str] = {
    "generated": "generated",
    "partly": "partly generated",
    "perhaps": "perhaps generated",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A file's own word that a program generated its pictures.

    Attributes:
        extent: "generated", all of them; "partly", something in them; "perhaps", they may be.
        by: where it stands: "credentials", "xmp", or "label" (the tag AIGC).
        source: what stands there: IPTC's term, or the value of the label.
        named: who signed the credentials, or whom the label names as producer; "" where it names nobody.
        signature: whether a signature fits the file as it is ("holds") or not ("broken"), or does not count for another
            reason or was not checked ("unconfirmed"); XMP and a label have none.
        is_earlier: whether an earlier state of the file says so, or something that was put into it.
    """

    extent: Extent
    by: Literal["credentials", "xmp", "label"]
    source: str
    named: str = ""
    signature: Signature = "none"
    is_earlier: bool = False

    @property
    def brief(self) -> str:
        """What a list tells of it, such as "generated (signed)"."""
        return f"{EXTENT_WORDS[self.extent]} ({SIGNATURE_WORDS[self.signature]})"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a clip.

    sha256: of the file, as 64 hexadecimal digits; "" where nobody asked for it: opening a clip does not read it whole.
    width, height: px, as shown: turned, cropped to the clean aperture, with square pixels. rotation_deg: clockwise turn
    that the container asks for (0, 90, 180, 270); mirrored: left and right are exchanged after it. coded_width,
    coded_height: px, as stored; None where it is not known. frame_rate: frames per second, as the container states it
    where its times agree. frame_count: how many frames the container promises, an estimate; None where it makes none.
    duration_s: seconds, or None. variable_frame_rate: frames come at an uneven pace, as the header says before the clip
    was read and as its times say after. bit_rate: bits per second of the pictures alone, summed from their packets;
    None before the clip was read. adjustments: what was changed on reading. declared: what the file itself says of how
    its pictures were made; None where it says nothing, or was only opened.
    """

    path: Path
    sha256: str
    width: int
    height: int
    rotation_deg: int
    frame_rate: Fraction
    frame_count: int | None
    duration_s: float | None
    codec: str
    pixel_format: str
    variable_frame_rate: bool
    container: str
    bit_rate: int | None
    has_audio: bool
    mirrored: bool = False
    coded_width: int | None = None
    coded_height: int | None = None
    adjustments: tuple[Adjustment, ...] = ()
    declared: Declaration | None = None

    @property
    def bits_per_pixel(self) -> float | None:
        """Return the bits that one coded pixel of one frame has on average, or None where the bit rate is not known."""
        if self.bit_rate is None:
            return None
        pixels = (self.coded_width or self.width) * (self.coded_height or self.height)
        return self.bit_rate / (pixels * float(self.frame_rate))

    def adjustment(self, code: AdjustmentCode) -> Adjustment | None:
        """Return the adjustment of that code, or None."""
        return next((item for item in self.adjustments if item.code == code), None)


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. index: from 0 in presentation order; timestamp_s: seconds from the first frame's
    timestamp; image: uint8 (height, width, 3), RGB, upright, square pixels. is_damaged: the decoder could not restore
    all of it, or it refers to such a frame."""

    index: int
    timestamp_s: float
    image: Image
    is_damaged: bool = False
