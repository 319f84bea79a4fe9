"""What a file declares of how its pictures were made: in Content Credentials, in XMP, and in the label AIGC."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import av
import c2pa
import pytest

from deepfake.report.file_wording import declared_sentences
from deepfake.video.declared import read_declaration
from deepfake.video.info import Declaration
from deepfake.video.reader import probe
from tests.video.signing import CAPTURED, GENERATED, SIGNER, SOURCES, change, sign

OPENED = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parentOf"]}}
PLACED = {"action": "c2pa.placed", "parameters": {"ingredientIds": ["componentOf"]}}


@pytest.fixture(scope="module")
def generated_clip(moving_square_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sign(moving_square_clip, tmp_path_factory.mktemp("generated") / "generated.mp4", GENERATED)


def labeled(clip: Path, to: Path, label: str) -> Path:
    """Copy a clip with the tag AIGC."""
    with av.open(str(clip)) as source, av.open(str(to), "w", options={"movflags": "use_metadata_tags"}) as copy:
        copy.metadata["AIGC"] = label
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return to


def with_xmp(clip: Path, to: Path, xmp: str) -> Path:
    """Copy a clip with XMP where MP4 has it, in a box of its own."""
    content = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC") + xmp.encode()
    to.write_bytes(clip.read_bytes() + struct.pack(">I4s", 8 + len(content), b"uuid") + content)
    return to


def test_credentials_that_say_generated_are_told_with_who_signed_them(generated_clip: Path) -> None:
    found = read_declaration(generated_clip)
    assert found == Declaration("generated", "credentials", "trainedAlgorithmicMedia", SIGNER, "holds")


def test_a_generated_clip_that_was_changed_since_still_says_so(generated_clip: Path, tmp_path: Path) -> None:
    found = read_declaration(change(generated_clip, tmp_path / "changed.mp4"))
    assert found is not None
    assert (found.extent, found.signature) == ("generated", "broken")


def test_a_generated_clip_that_was_edited_stays_generated(generated_clip: Path, tmp_path: Path) -> None:
    edited = sign(generated_clip, tmp_path / "edited.mp4", [OPENED, *CAPTURED[1:]], parent=generated_clip)
    found = read_declaration(edited)
    assert found is not None
    assert found.extent == "generated"


def test_what_was_put_into_a_recorded_clip_is_a_part_of_it(generated_clip: Path, tmp_path: Path) -> None:
    mixed = sign(generated_clip, tmp_path / "mixed.mp4", [*CAPTURED, PLACED], component=generated_clip)
    found = read_declaration(mixed)
    assert found is not None
    assert (found.extent, found.source) == ("partly", "trainedAlgorithmicMedia")


def test_an_edit_by_ai_is_a_part(moving_square_clip: Path, tmp_path: Path) -> None:
    filled = {"action": "c2pa.edited", "digitalSourceType": f"{SOURCES}compositeWithTrainedAlgorithmicMedia"}
    found = read_declaration(sign(moving_square_clip, tmp_path / "filled.mp4", [*CAPTURED, filled]))
    assert found is not None
    assert found.extent == "partly"


def test_what_a_program_was_only_shown_is_no_part(generated_clip: Path, tmp_path: Path) -> None:
    assert read_declaration(sign(generated_clip, tmp_path / "seen.mp4", shown=generated_clip)) is None


def test_clips_of_a_camera_and_most_others_declare_nothing(moving_square_clip: Path, tmp_path: Path) -> None:
    assert read_declaration(moving_square_clip) is None
    assert read_declaration(sign(moving_square_clip, tmp_path / "camera.mp4")) is None


@pytest.mark.parametrize(
    ("value", "extent"), [("1", "generated"), ("2", "perhaps"), ("3", "perhaps"), (1, "generated")]
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_label_aigc_is_read(
    moving_square_clip: Path, tmp_path: Path, value: str | int, extent: str, suffix: str
) -> None:
    label = {"Label": value, "ContentProducer": "Ex\x1bample", "ProduceID": "7"}
    found = read_declaration(labeled(moving_square_clip, tmp_path / f"labeled{suffix}", json.dumps(label)))
    assert found == Declaration(extent, "label", str(value), "Example")  # type: ignore[arg-type]


@pytest.mark.parametrize("label", ["", "yes", "[1]", '"1"', '{"Label": "0"}', '{"Label": ["1"]}', "[" * 50_000])
def test_a_label_that_says_nothing_known_is_none(moving_square_clip: Path, tmp_path: Path, label: str) -> None:
    assert read_declaration(labeled(moving_square_clip, tmp_path / "labeled.mp4", label)) is None


XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" {}>{}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
AI, CAMERA = f"{SOURCES}trainedAlgorithmicMedia", f"{SOURCES}digitalCapture"


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        (f'Iptc4xmpExt:DigitalSourceType="{AI}"', ""),
        ("", f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>"),
        ("", f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{AI}"/>'),
    ],
)
def test_the_source_in_xmp_is_read(moving_square_clip: Path, tmp_path: Path, attributes: str, content: str) -> None:
    clip = with_xmp(moving_square_clip, tmp_path / "a.mp4", XMP.format(attributes, content))
    assert read_declaration(clip) == Declaration("generated", "xmp", "trainedAlgorithmicMedia")


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        (f'Iptc4xmpExt:DigitalSourceType="{CAMERA}"', ""),
        # Of a clip that was put in, and in a text.
        (
            f'Iptc4xmpExt:DigitalSourceType="{CAMERA}"',
            "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description>"
            f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:li></rdf:Bag>"
            "</xmpMM:Pantry>",
        ),
        ("", f"<dc:description>this is not {AI}</dc:description>"),
        ("", "<broken>"),
    ],
)
def test_xmp_that_says_it_of_something_else_declares_nothing(
    moving_square_clip: Path, tmp_path: Path, attributes: str, content: str
) -> None:
    clip = with_xmp(moving_square_clip, tmp_path / "a.mp4", XMP.format(attributes, content))
    assert read_declaration(clip) is None


def test_xmp_with_entities_is_not_read(moving_square_clip: Path, tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + XMP.format(f'Iptc4xmpExt:DigitalSourceType="{AI}"', "&a;")
    assert read_declaration(with_xmp(moving_square_clip, tmp_path / "a.mp4", bomb)) is None


def test_of_an_earlier_state_its_own_signer_is_named_and_no_signature_said_to_hold(
    generated_clip: Path, tmp_path: Path
) -> None:
    earlier = change(generated_clip, tmp_path / "earlier.mp4")
    edited = sign(generated_clip, tmp_path / "edited.mp4", [OPENED, *CAPTURED[1:]], parent=earlier)
    found = read_declaration(edited)
    assert found is not None
    assert (found.signature, found.is_earlier, found.brief) == (
        "unconfirmed", True, "generated (signature not confirmed)",
    )  # fmt: skip


def test_a_signature_that_does_not_count_is_not_told_as_a_changed_file(
    generated_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = c2pa.Reader.json
    expired = {"code": "signingCredential.expired", "explanation": "the certificate is expired"}
    monkeypatch.setattr(
        c2pa.Reader, "json", lambda reader: json.dumps(json.loads(real(reader)) | {"validation_status": [expired]})
    )
    found = read_declaration(generated_clip)
    assert found is not None
    assert found.signature == "unconfirmed"


def test_credentials_of_any_shape_stop_nothing(moving_square_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd:
        def __enter__(self) -> Odd:
            return self

        def __exit__(self, *_: object) -> None: ...

        def json(self) -> str:
            return json.dumps({"active_manifest": "a", "manifests": {"a": {"assertions": [{"label": "c2pa.actions",
                               "data": "none"}], "ingredients": 7}}})  # fmt: skip

    monkeypatch.setattr("c2pa.Reader.try_create", lambda *_, **__: Odd())
    assert read_declaration(moving_square_clip) is None


def test_what_is_declared_is_one_sentence_with_what_it_is_worth(moving_square_clip: Path) -> None:
    def told(declaration: Declaration | None) -> tuple[str, ...]:
        return declared_sentences(replace(probe(moving_square_clip), declared=declaration))

    assert told(None) == ()
    [signed] = told(Declaration("generated", "credentials", "trainedAlgorithmicMedia", "Maker", "holds"))
    assert signed == (
        "The file itself says that its pictures were generated by AI, not filmed: “trainedAlgorithmicMedia” in its "
        "Content Credentials, signed by Maker. They fit the file; whether the signer can be trusted was not checked. "
        "The verdict does not rest on it."
    )
    [drawn] = told(Declaration("generated", "xmp", "algorithmicMedia"))
    assert "generated by a program, not filmed" in drawn
    assert "anybody can write or remove it" in drawn
    [perhaps] = told(Declaration("perhaps", "label", "3", "Maker"))
    assert "may be generated by AI: “3” in its label AIGC, which names Maker as its producer." in perhaps
