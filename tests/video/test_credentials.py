"""Content Credentials: a clip signed with a test certificate holds, one that was changed since does not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deepfake.video.credentials import read_credentials

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
MANIFEST = {
    "claim_generator_info": [{"name": "Test camera", "version": "1.0"}],
    "format": "video/mp4",
    "assertions": [
        {
            "label": "c2pa.actions",
            "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE}, {"action": "c2pa.edited"}]},
        }
    ],
}


def _name(common: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, "Test newsroom"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, authority: ec.EllipticCurvePrivateKey, *, is_authority: bool
) -> bytes:
    now, public = dt.datetime.now(dt.UTC), key.public_key()
    others = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    usage = x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **others
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("Test authority"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(usage, critical=True)
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def signed_clip(moving_square_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = _certificate("Camera 7", key, authority, is_authority=False)
    chain += _certificate("Test authority", authority, authority, is_authority=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(alg=c2pa.C2paSigningAlg.ES256, sign_cert=chain, private_key=private, ta_url=None)
    signed = tmp_path_factory.mktemp("signed") / "signed.mp4"
    with moving_square_clip.open("rb") as plain, signed.open("w+b") as out:
        c2pa.Builder(MANIFEST).sign(c2pa.Signer.from_info(info), "video/mp4", plain, out)
    return signed


def test_a_signed_clip_says_who_signed_it_and_what_was_done(signed_clip: Path) -> None:
    found = read_credentials(signed_clip)
    assert found.state == "valid"
    assert found.signer == "Camera 7, Test newsroom"
    assert found.tool == "Test camera 1.0"
    assert found.claims == ("c2pa.created", "c2pa.edited")
    assert found.sources == ("digitalCapture",)
    assert found.problems == ()


def test_a_clip_that_was_changed_since_is_told(signed_clip: Path, tmp_path: Path) -> None:
    content = bytearray(signed_clip.read_bytes())
    content[content.find(b"mdat") + 200] ^= 0xFF
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(content)
    found = read_credentials(changed)
    assert found.state == "tampered"
    assert found.signer == "Camera 7, Test newsroom"
    assert found.problems


def test_most_clips_have_none(moving_square_clip: Path) -> None:
    assert read_credentials(moving_square_clip).state == "none"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_what_is_no_clip_raises_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("no clip")
    assert read_credentials(path).state in ("none", "unreadable")
