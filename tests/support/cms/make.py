#!/usr/bin/env python3
"""Makes fixtures/cms: message signatures by other hands than ours, good ones and bad ones.

Python's `cryptography` (48 or later) and the `openssl` command line sign what they can sign; what neither of them would
ever make is put together here, with a few lines of DER of its own. Keys are thrown away, so a second run makes other
files that say the same.

    python3 tests/support/cms/make.py
"""

import base64
import datetime
import hashlib
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOME = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "cms"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
BODY = (
    '<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>'
    "<MsgID>1</MsgID><Target><LocURI>https://mdm.example.test/ManagementServer/Mdm.svc</LocURI></Target><Source><LocURI>"
    "5A0C8D7E1F2B4C3D9E8F7A6B5C4D3E2F</LocURI></Source></SyncHdr><SyncBody><Final/></SyncBody></SyncML>\r\n"
).encode()

# ---- certificates ---------------------------------------------------------------------------------------------------


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, key, issuer, issuer_key, serial=None, authority=False):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(hours=1))
        .not_valid_after(NOW + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(authority, None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def new_rsa():
    return rsa.generate_private_key(65537, 2048)


def new_ec():
    return ec.generate_private_key(ec.SECP256R1())


class Party:
    def __init__(self, cert, key):
        self.cert, self.key = cert, key
        self.der = cert.public_bytes(serialization.Encoding.DER)


CA_NAME, DEVICE = "Fixture Issuing CA", "5d2c8a10-9f5e-4b7a-8c11-0b6f3f!5A0C8D7E1F2B4C3D9E8F7A6B5C4D3E2F"
ca_key, other_ca_key = new_ec(), new_ec()
authority = Party(certificate(CA_NAME, ca_key, CA_NAME, ca_key, authority=True), ca_key)
key = new_rsa()
device = Party(certificate(DEVICE, key, CA_NAME, ca_key), key)
key = new_ec()
device_ec = Party(certificate(DEVICE, key, CA_NAME, ca_key), key)
key = new_rsa()
neighbor = Party(certificate("e3b0c442-98fc-4c14-9afb-f4c899!0123456789ABCDEF", key, CA_NAME, ca_key), key)
key = new_rsa()
namesake = Party(certificate(DEVICE, key, "Another CA", other_ca_key), key)
key = new_rsa()
stranger = Party(certificate("stranger", key, "Another CA", other_ca_key), key)
key = new_rsa()
lookalike = Party(certificate(DEVICE, key, CA_NAME, key, serial=device.cert.serial_number), key)

# ---- DER of our own -------------------------------------------------------------------------------------------------


def tlv(tag, *values):
    value = b"".join(values)
    if len(value) < 128:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def indefinite(tag, *values):
    return bytes([tag, 0x80]) + b"".join(values) + b"\0\0"


def seq(*values):
    return tlv(0x30, *values)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        part = [number & 0x7F]
        while number := number >> 7:
            part.append(0x80 | number & 0x7F)
        out += bytes(reversed(part))
    return tlv(0x06, bytes(out))


def integer(number):
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def loose(der):
    """DER as BER: no constructed value tells its length, but for those of certificates."""
    out = b""
    while der:
        tag, length, at = der[0], der[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(der[2:at], "big")
        whole, value, der = der[: at + length], der[at : at + length], der[at + length :]
        is_certificate = any(whole == party.der for party in [authority, device, device_ec])
        out += indefinite(tag, loose(value)) if tag & 0x20 and not is_certificate else whole
    return out


NULL = tlv(0x05)
SIGNED, DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1"
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
RSA, SHA512_RSA, PSS, MGF1 = (f"1.2.840.113549.1.1.{last}" for last in (1, 13, 10, 8))
ECDSA_SHA256, EC_KEY = "1.2.840.10045.4.3.2", "1.2.840.10045.2.1"


def attribute(last, *values):
    return seq(oid(f"1.2.840.113549.1.9.{last}"), tlv(0x31, *values))


def utc(time):
    return tlv(0x17, time.strftime("%y%m%d%H%M%SZ").encode())


CONTENT_TYPE = attribute(3, oid(DATA))
SIGNING_TIME = attribute(5, utc(NOW))


def message_digest(body=BODY, algorithm=hashlib.sha256):
    return attribute(4, tlv(0x04, algorithm(body).digest()))


ATTRIBUTES = [CONTENT_TYPE, message_digest(), SIGNING_TIME]


def sid(party):
    return seq(party.cert.issuer.public_bytes(), integer(party.cert.serial_number))


def sign(key, data, digest=hashes.SHA256()):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), digest)
    return key.sign(data, ec.ECDSA(digest))


def signer(by=device, attributes=ATTRIBUTES, named=None, key=None, digest=SHA256, algorithm=None, signature=None,
           unsigned=b"", set_tag=0xA0):
    attributes = b"".join(sorted(attributes))
    if signature is None:
        signature = sign(key or by.key, tlv(0x31, attributes))
    if algorithm is None:
        algorithm = seq(oid(RSA), NULL) if isinstance(by.key, rsa.RSAPrivateKey) else seq(oid(ECDSA_SHA256))
    return seq(integer(1), named or sid(by), seq(oid(digest)), tlv(set_tag, attributes), algorithm,
               tlv(0x04, signature), unsigned)


def message(*signers, certificates=(device,), content=oid(DATA), kind=SIGNED):
    certificates = tlv(0xA0, *sorted(party.der for party in certificates)) if certificates else b""
    data = seq(integer(1), tlv(0x31, seq(oid(SHA256))), seq(content), certificates, tlv(0x31, *signers))
    return seq(oid(kind), tlv(0xA0, data))


def pss_parameters(digest=SHA256, mask=SHA256):
    return seq(tlv(0xA0, seq(oid(digest), NULL)), tlv(0xA1, seq(oid(MGF1), seq(oid(mask), NULL))),
               tlv(0xA2, integer(32)))


# ---- the tools ------------------------------------------------------------------------------------------------------

folder = pathlib.Path(tempfile.mkdtemp())


def openssl(*arguments, body=BODY):
    (folder / "body").write_bytes(body)
    command = ["openssl", "cms", *arguments, "-binary", "-in", str(folder / "body"), "-outform", "DER"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def files(party):
    """`-signer` and `-inkey` of a party."""
    stem = folder / format(id(party), "x")
    stem.with_suffix(".crt").write_bytes(party.cert.public_bytes(serialization.Encoding.PEM))
    stem.with_suffix(".key").write_bytes(party.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return ["-signer", str(stem.with_suffix(".crt")), "-inkey", str(stem.with_suffix(".key"))]


def openssl_sign(party, *more, md="sha256", body=BODY):
    return openssl("-sign", *files(party), "-md", md, *more, body=body)


def python_sign(party, *options, rsa_padding=None, digest=hashes.SHA256()):
    builder = pkcs7.PKCS7SignatureBuilder().set_data(BODY)
    builder = builder.add_signer(party.cert, party.key, digest, rsa_padding=rsa_padding)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary, *options]
    return builder.sign(serialization.Encoding.DER, options)


# ---- the vectors ----------------------------------------------------------------------------------------------------

vectors = []


def vector(name, expect, signature, enrolled="rsa", by="make.py", text=None):
    text = base64.b64encode(signature).decode() if text is None else text
    (HOME / f"{name}.b64").write_text(text)
    vectors.append({"name": name, "by": by, "enrolled": enrolled, "expect": expect})


HOME.mkdir(parents=True, exist_ok=True)
for old in HOME.iterdir():
    old.unlink()

by = "openssl"
good = openssl_sign(device)
vector("openssl-rsa", "good", good, by=by)
vector("openssl-rsa-sha384", "good", openssl_sign(device, md="sha384"), by=by)
vector("openssl-rsa-sha512", "good", openssl_sign(device, md="sha512"), by=by)
pss = ["-keyopt", "rsa_padding_mode:pss"]
vector("openssl-rsa-pss", "good", openssl_sign(device, *pss, "-keyopt", "rsa_pss_saltlen:32"), by=by)
vector("openssl-rsa-pss-longest-salt", "good", openssl_sign(device, *pss), by=by)
vector("openssl-ecdsa", "good", openssl_sign(device_ec), "ecdsa", by=by)
vector("openssl-ecdsa-sha384", "good", openssl_sign(device_ec, md="sha384"), "ecdsa", by=by)
# The command line writes BER only with the content inside: the lengths of what it signed are taken out here.
vector("openssl-rsa-ber", "good", loose(good), by=by)
vector("openssl-ecdsa-ber", "good", loose(openssl_sign(device_ec)), "ecdsa", by=by)
vector("openssl-ber-truncated", "signature_truncated", loose(good)[:-1], by=by)
vector("openssl-ber-trailing", "signature_trailing_bytes", loose(good) + b"\0\0", by=by)
vector("openssl-key-id", "good", openssl_sign(device, "-keyid"), by=by)
vector("openssl-without-certificate", "good", openssl_sign(device, "-nocerts"), by=by)
chain = folder / "chain.pem"
chain.write_bytes(authority.cert.public_bytes(serialization.Encoding.PEM))
vector("openssl-with-chain", "good", openssl_sign(device, "-certfile", str(chain)), by=by)
lines = base64.encodebytes(good).decode().replace("\n", " \t")
vector("openssl-in-lines", "good", None, by=by, text=lines)
vector("openssl-without-padding", "good", None, by=by, text=base64.b64encode(openssl_sign(device_ec)).decode().rstrip("="),
       enrolled="ecdsa")
vector("openssl-no-attributes", "signature_no_attributes", openssl_sign(device, "-noattr"), by=by)
vector("openssl-ecdsa-no-attributes", "signature_no_attributes", openssl_sign(device_ec, "-noattr"), "ecdsa", by=by)
vector("openssl-other-body", "signature_of_another_body", openssl_sign(device, body=BODY[:-1]), by=by)
vector("openssl-same-subject", "signature_by_same_subject", openssl_sign(namesake), by=by)
vector("openssl-other-device", "signature_by_another_device", openssl_sign(neighbor), by=by)
vector("openssl-other-device-key-id", "signature_by_another_device", openssl_sign(neighbor, "-keyid"), by=by)
vector("openssl-other-device-without-certificate", "signature_by_another_device", openssl_sign(neighbor, "-nocerts"), by=by)
vector("openssl-stranger", "signature_by_stranger", openssl_sign(stranger), by=by)
vector("openssl-lookalike", "signature_lookalike_certificate", openssl_sign(lookalike), by=by)
vector("openssl-by-authority", "signature_by_authority", openssl_sign(authority), by=by)
vector("openssl-sha1", "signature_weak", openssl_sign(device, md="sha1"), by=by)
vector("openssl-md5", "signature_weak", openssl_sign(device, md="md5"), by=by)
vector("openssl-pss-sha1", "signature_weak", openssl_sign(device, *pss, md="sha1"), by=by)
vector("openssl-ecdsa-sha1", "signature_weak", openssl_sign(device_ec, md="sha1"), "ecdsa", by=by)
vector("openssl-two-signers", "signature_signers", openssl_sign(device, *files(neighbor)), by=by)
vector("openssl-two-signers-other-order", "signature_signers", openssl_sign(neighbor, *files(device)), by=by)
vector("openssl-attached", "signature_attached", openssl_sign(device, "-nodetach"), by=by)
vector("openssl-attached-ber", "signature_attached", openssl_sign(device, "-nodetach", "-stream", "-indef"), by=by)
vector("openssl-other-content-type", "signature_content_type",
       openssl_sign(device, "-econtent_type", "1.2.840.113549.1.9.16.1.4"), by=by)
vector("openssl-enveloped", "signature_not_signed_data", openssl("-encrypt", "-aes128", "-recip", files(device)[1]), by=by)
vector("openssl-truncated", "signature_truncated", good[:-7], by=by)
vector("openssl-trailing", "signature_trailing_bytes", good + b"\x05\x00", by=by)
vector("openssl-twice", "signature_trailing_bytes", good + good, by=by)

by = "cryptography"
vector("python-rsa", "good", python_sign(device), by=by)
vector("python-rsa-sha512", "good", python_sign(device, digest=hashes.SHA512()), by=by)
salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
vector("python-rsa-pss", "good", python_sign(device, rsa_padding=salted), by=by)
vector("python-ecdsa", "good", python_sign(device_ec), "ecdsa", by=by)
vector("python-rsa-ber", "good", loose(python_sign(device)), by=by)
vector("python-ecdsa-ber", "good", loose(python_sign(device_ec)), "ecdsa", by=by)
vector("python-without-certificate", "good", python_sign(device, pkcs7.PKCS7Options.NoCerts), by=by)
vector("python-no-capabilities", "good", python_sign(device, pkcs7.PKCS7Options.NoCapabilities), by=by)
vector("python-no-attributes", "signature_no_attributes", python_sign(device, pkcs7.PKCS7Options.NoAttributes), by=by)
vector("python-other-device", "signature_by_another_device", python_sign(neighbor), by=by)
vector("python-lookalike", "signature_lookalike_certificate", python_sign(lookalike), by=by)

# By hand: first that the hand can, then what nobody else would make.
vector("plain", "good", message(signer()))
general = attribute(5, tlv(0x18, NOW.strftime("%Y%m%d%H%M%SZ").encode()))
vector("generalized-time", "good", message(signer(attributes=[CONTENT_TYPE, message_digest(), general])))
vector("ecdsa-named-by-its-key", "good", message(signer(device_ec, algorithm=seq(oid(EC_KEY))), certificates=[device_ec]), "ecdsa")
attributes = b"".join(sorted(ATTRIBUTES))
signature = sign(device.key, tlv(0x31, attributes))
half = len(signature) // 2
pieces = indefinite(0x24, tlv(0x04, signature[:half]), indefinite(0x24, tlv(0x04, signature[half:])))
in_pieces = indefinite(0x30, integer(1), sid(device), seq(oid(SHA256)), indefinite(0xA0, *reversed(sorted(ATTRIBUTES))),
                       indefinite(0x30, oid(RSA), NULL), pieces)
data = indefinite(0x30, integer(1), indefinite(0x31, seq(oid(SHA256))), indefinite(0x30, oid(DATA)),
                  indefinite(0xA0, device.der), indefinite(0x31, in_pieces))
vector("ber-in-pieces", "good", indefinite(0x30, oid(SIGNED), indefinite(0xA0, data)))

vector("lookalike-beside-the-real-one", "signature_lookalike_certificate",
       message(signer(named=sid(device), key=lookalike.key), certificates=[device, lookalike]))
vector("name-and-number-of-the-device", "signature_wrong", message(signer(key=neighbor.key), certificates=[]))
vector("by-the-authority-for-the-device", "signature_contradiction",
       message(signer(key=authority.key, algorithm=seq(oid(ECDSA_SHA256)))))
vector("by-the-authority-as-the-device", "signature_wrong",
       message(signer(device_ec, key=authority.key), certificates=[device_ec]), "ecdsa")
vector("no-message-digest", "signature_attribute_missing", message(signer(attributes=[CONTENT_TYPE, SIGNING_TIME])))
vector("no-content-type", "signature_attribute_missing", message(signer(attributes=[message_digest(), SIGNING_TIME])))
vector("no-signing-time", "signature_attribute_missing", message(signer(attributes=[CONTENT_TYPE, message_digest()])))
vector("empty-attributes", "signature_attribute_missing", message(signer(attributes=[])))
for name_, years, expect in [("ten-years-old", -10, "signature_too_old"), ("in-ten-years", 10, "signature_in_the_future")]:
    then = attribute(5, utc(NOW + datetime.timedelta(days=365 * years)))
    vector(name_, expect, message(signer(attributes=[CONTENT_TYPE, message_digest(), then])))
vector("two-signing-times", "signature_attribute_ambiguous",
       message(signer(attributes=[*ATTRIBUTES, attribute(5, utc(NOW - datetime.timedelta(days=3650)))])))
two = attribute(4, *sorted([tlv(0x04, hashlib.sha256(BODY).digest()), tlv(0x04, bytes(32))]))
vector("two-digests", "signature_attribute_ambiguous", message(signer(attributes=[CONTENT_TYPE, two, SIGNING_TIME])))
vector("time-without-seconds", "signature_attribute_unreadable", message(signer(attributes=[
    CONTENT_TYPE, message_digest(), attribute(5, tlv(0x17, NOW.strftime("%y%m%d%H%MZ").encode()))])))
vector("short-digest", "signature_of_another_body", message(signer(attributes=[
    CONTENT_TYPE, attribute(4, tlv(0x04, hashlib.sha256(BODY).digest()[:8])), SIGNING_TIME])))
vector("digest-of-another-kind", "signature_of_another_body",
       message(signer(attributes=[CONTENT_TYPE, message_digest(algorithm=hashlib.sha1), SIGNING_TIME])))
vector("content-type-of-another-kind", "signature_content_type",
       message(signer(attributes=[attribute(3, oid(SIGNED)), message_digest(), SIGNING_TIME])))
vector("attributes-changed", "signature_wrong", message(signer(signature=signature, attributes=[
    CONTENT_TYPE, message_digest(), attribute(5, utc(NOW + datetime.timedelta(seconds=1)))])))
vector("attributes-not-signed", "signature_attribute_missing", message(signer(
    attributes=[CONTENT_TYPE], unsigned=tlv(0xA1, message_digest(), SIGNING_TIME))))
vector("body-signed-beside-attributes", "signature_wrong", message(signer(signature=sign(device.key, BODY))))
vector("algorithms-contradict", "signature_contradiction", message(signer(algorithm=seq(oid(SHA512_RSA), NULL))))
vector("mask-contradicts", "signature_weak", message(signer(algorithm=seq(oid(PSS), pss_parameters(mask=SHA1)))))
vector("pss-without-parameters", "signature_weak", message(signer(algorithm=seq(oid(PSS)))))
vector("ecdsa-with-an-rsa-key", "signature_contradiction", message(signer(algorithm=seq(oid(ECDSA_SHA256)))))
vector("unknown-algorithm", "signature_algorithm", message(signer(algorithm=seq(oid("1.3.101.112")))))
vector("nobody", "signature_signers", message())
vector("same-signer-twice", "signature_signers", message(signer(), signer(attributes=[*ATTRIBUTES, attribute(99, NULL)])))
vector("not-signed-data", "signature_not_signed_data", seq(oid(DATA), tlv(0xA0, tlv(0x04, BODY))))
vector("not-cms", "signature_malformed", seq(integer(1), integer(2)))
nested = NULL
for _ in range(4000):
    nested = tlv(0x31, nested)
vector("nested-attributes", "signature_too_deep", message(signer(unsigned=tlv(0xA1, attribute(99, nested)))))
vector("many-attributes", "signature_too_many_values",
       message(signer(unsigned=tlv(0xA1, *(attribute(number, NULL) for number in range(1000, 1900))))))
vector("not-base64", "signature_not_base64", None, text="<SyncML/>")
vector("blank", "signature_blank", None, text=" ")

(HOME / "body.xml").write_bytes(BODY)
for kind, party in [("rsa", device), ("ecdsa", device_ec)]:
    (HOME / f"enrolled-{kind}.crt").write_bytes(party.cert.public_bytes(serialization.Encoding.PEM))
made = {"now": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "vectors": vectors}
(HOME / "vectors.json").write_text(json.dumps(made, indent=2) + "\n")
print(f"{len(vectors)} vectors in {HOME}")
