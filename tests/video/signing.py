"""Clips with Content Credentials, signed with a test certificate."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER = "Camera 7, Test newsroom"
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = ({"action": "c2pa.created", "digitalSourceType": f"{SOURCES}trainedAlgorithmicMedia"},)
CAPTURED = ({"action": "c2pa.created", "digitalSourceType": f"{SOURCES}digitalCapture"}, {"action": "c2pa.edited"})


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


def sign(
    clip: Path,
    signed: Path,
    actions: Sequence[Mapping[str, object]] = CAPTURED,
    *,
    parent: Path | None = None,
    component: Path | None = None,
    shown: Path | None = None,
) -> Path:
    """Write a clip, signed by SIGNER, that says what was done; return where. parent: the file that it was before;
    component: what was put into it; shown: what a program saw that made it. Actions name them parentOf, componentOf."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = _certificate("Camera 7", key, authority, is_authority=False)
    chain += _certificate("Test authority", authority, authority, is_authority=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(alg=c2pa.C2paSigningAlg.ES256, sign_cert=chain, private_key=private, ta_url=None)
    builder = c2pa.Builder(
        {
            "claim_generator_info": [{"name": "Test camera", "version": "1.0"}],
            "format": "video/mp4",
            "assertions": [{"label": "c2pa.actions", "data": {"actions": list(actions)}}],
        }
    )
    for relationship, path in (("parentOf", parent), ("componentOf", component), ("inputTo", shown)):
        if path is not None:
            with path.open("rb") as ingredient:
                described = {"title": path.name, "relationship": relationship, "label": relationship}
                builder.add_ingredient(json.dumps(described), "video/mp4", ingredient)
    with clip.open("rb") as plain, signed.open("w+b") as out:
        builder.sign(c2pa.Signer.from_info(info), "video/mp4", plain, out)
    return signed


def change(signed: Path, changed: Path) -> Path:
    """Write a clip with one byte of its pictures changed; return where."""
    content = bytearray(signed.read_bytes())
    content[content.find(b"mdat") + 200] ^= 0xFF
    changed.write_bytes(content)
    return changed
