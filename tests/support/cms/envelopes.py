#!/usr/bin/env python3
"""Makes fixtures/envelopes: messages that are signed and enveloped by other hands than ours, good ones and bad ones.

Python's `cryptography` (48 or later) and the `openssl` command line make what they can make; what neither of them would
is put together here, with a few lines of DER of its own. The keys of the server and of the device are kept beside the
envelopes: they open nothing else. A second run makes other files that say the same.

    python3 tests/support/cms/envelopes.py
"""

import base64
import datetime
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

HOME = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "envelopes"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
BODY = (HOME.parent / "cms" / "body.xml").read_bytes()
folder = pathlib.Path(tempfile.mkdtemp())


class Party:
    """A name with a key, and a certificate for both."""

    def __init__(self, common, key, issuer=None):
        def name(text):
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = x509.CertificateBuilder().subject_name(name(common)).public_key(key.public_key())
        builder = builder.issuer_name(name(issuer.common if issuer else common))
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(NOW + datetime.timedelta(days=365))
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, False)
        self.common, self.key = common, key
        self.cert = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        self.stem = folder / format(id(self), "x")
        self.crt.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))
        self.pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        self.stem.with_suffix(".key").write_bytes(self.pem)

    @property
    def crt(self):
        return self.stem.with_suffix(".crt")


def new_rsa():
    return rsa.generate_private_key(65537, 2048)


authority = Party("Fixture Issuing CA", ec.generate_private_key(ec.SECP256R1()))
server = Party("Transom envelopes", new_rsa(), authority)
device = Party("5A0C8D7E1F2B4C3D9E8F7A6B5C4D3E2F", new_rsa(), authority)
neighbor = Party("0123456789ABCDEF", new_rsa(), authority)
other_server = Party("Transom envelopes", new_rsa(), authority)
curve = Party("Transom on a curve", ec.generate_private_key(ec.SECP256R1()), authority)

# ---- DER of our own -------------------------------------------------------------------------------------------------


def tlv(tag, *values):
    value = b"".join(values)
    if len(value) < 128:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def parts(der):
    """The values in a value, each whole."""
    def head(der):
        at, length = 2, der[1]
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(der[2:at], "big")
        return at, at + length

    start, end = head(der)
    inside, found = der[start:end], []
    while inside:
        _, end = head(inside)
        found.append(inside[:end])
        inside = inside[end:]
    return found


def rebuilt(envelope, change):
    """The same envelope with other parts of its EnvelopedData: version, recipients, content, attributes."""
    kind, content = parts(envelope)
    data = change(parts(parts(content)[0]))
    return tlv(0x30, kind, tlv(0xA0, tlv(0x30, *data)))


def recipient_changed(envelope, place, value):
    def change(data):
        (recipient,) = parts(data[1])
        inside = parts(recipient)
        inside[place] = value(inside[place]) if callable(value) else value
        data[1] = tlv(0x31, tlv(0x30, *inside))
        return data

    return rebuilt(envelope, change)


def content_changed(envelope, place, value):
    def change(data):
        inside = parts(data[2])
        inside[place] = value(inside[place]) if callable(value) else value
        data[2] = tlv(0x30, *[part for part in inside if part])
        return data

    return rebuilt(envelope, change)


def nested(depth):
    value = tlv(0x05)
    for _ in range(depth):
        value = tlv(0x31, value)
    return value


# ---- the tools ------------------------------------------------------------------------------------------------------


def openssl(data, *arguments):
    (folder / "in").write_bytes(data)
    command = ["openssl", "cms", *arguments, "-binary", "-in", str(folder / "in"), "-outform", "DER"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def signed(party=device, *more, body=BODY):
    return openssl(body, "-sign", "-signer", str(party.crt), "-inkey", str(party.stem.with_suffix(".key")),
                   "-nodetach", "-md", "sha256", *more)


def enveloped(data, *more, cipher="-aes-256-cbc", to=server):
    return openssl(data, "-encrypt", cipher, *more, "-recip", str(to.crt))


def python_signed(party=device):
    builder = pkcs7.PKCS7SignatureBuilder().set_data(BODY).add_signer(party.cert, party.key, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def python_enveloped(data, cipher=algorithms.AES256, to=server):
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(data).add_recipient(to.cert)
    return builder.set_content_encryption_algorithm(cipher).encrypt(
        serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


# ---- the vectors ----------------------------------------------------------------------------------------------------

HOME.mkdir(parents=True, exist_ok=True)
for old in HOME.iterdir():
    old.unlink()
vectors = []


def vector(name, expect, envelope, by="envelopes.py"):
    (HOME / f"{name}.p7m").write_bytes(envelope)
    vectors.append({"name": name, "by": by, "expect": expect})


by = "openssl"
good = enveloped(signed())
vector("openssl", "good", good, by)
for cipher in ["aes-128-cbc", "aes-192-cbc"]:
    vector(f"openssl-{cipher}", "good", enveloped(signed(), cipher=f"-{cipher}"), by)
vector("openssl-key-id", "good", enveloped(signed(), "-keyid"), by)
vector("openssl-oaep-sha1", "good", openssl(signed(), "-encrypt", "-aes-256-cbc", "-recip", str(server.crt), "-keyopt",
                                            "rsa_padding_mode:oaep"), by)
vector("openssl-oaep-sha256", "good", openssl(signed(), "-encrypt", "-aes-256-cbc", "-recip", str(server.crt), "-keyopt",
                                              "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"), by)
vector("openssl-in-pieces", "good", enveloped(signed(device, "-stream", "-indef"), "-stream", "-indef"), by)
vector("openssl-base64", "good", base64.encodebytes(good), by)
vector("openssl-two-recipients", "good",
       enveloped(signed(), "-recip", str(device.crt)), by)
vector("openssl-triple-des", "envelope_cipher", enveloped(signed(), cipher="-des3"), by)
vector("openssl-camellia", "envelope_cipher", enveloped(signed(), cipher="-camellia-256-cbc"), by)
vector("openssl-aes-gcm", "envelope_not_enveloped_data", enveloped(signed(), cipher="-aes-256-gcm"), by)
vector("openssl-other-key", "envelope_for_another_key", enveloped(signed(), to=other_server), by)
vector("openssl-on-a-curve", "envelope_for_another_key", enveloped(signed(), to=curve), by)
vector("openssl-password", "envelope_for_another_key",
       openssl(signed(), "-encrypt", "-aes-256-cbc", "-pwri_password", "secret"), by)
vector("openssl-truncated", "envelope_truncated", good[:-7], by)
vector("openssl-trailing", "envelope_trailing_bytes", good + b"\x05\x00", by)
vector("openssl-signed-outside", "envelope_not_enveloped_data",
       openssl(good, "-sign", "-signer", str(device.crt), "-inkey", str(device.stem.with_suffix(".key")), "-nodetach"), by)
vector("openssl-signed-only", "envelope_not_enveloped_data", signed(), by)
vector("openssl-not-signed", "signature_malformed", enveloped(BODY), by)
vector("openssl-detached", "signature_detached", enveloped(openssl(
    BODY, "-sign", "-signer", str(device.crt), "-inkey", str(device.stem.with_suffix(".key")), "-md", "sha256")), by)
vector("openssl-other-signer", "signature_by_another_device", enveloped(signed(neighbor)), by)
vector("openssl-no-attributes", "signature_no_attributes", enveloped(signed(device, "-noattr")), by)
vector("openssl-two-signers", "signature_signers", enveloped(signed(
    device, "-signer", str(neighbor.crt), "-inkey", str(neighbor.stem.with_suffix(".key")))), by)

by = "cryptography"
vector("python", "good", python_enveloped(python_signed()), by)
vector("python-aes-128", "good", python_enveloped(python_signed(), algorithms.AES128), by)
vector("python-other-key", "envelope_for_another_key", python_enveloped(python_signed(), to=neighbor), by)
vector("python-not-signed", "signature_malformed", python_enveloped(BODY), by)
vector("python-other-signer", "signature_by_another_device", python_enveloped(python_signed(neighbor)), by)

# By hand, from a good one: what nobody else would make.
by = "envelopes.py"
vector("padding-changed", "envelope_not_opened", content_changed(
    good, 2, lambda part: part[:-17] + bytes([part[-17] ^ 0x80]) + part[-16:]))
vector("half-a-block", "envelope_not_opened", content_changed(good, 2, lambda part: tlv(0x80, part[4:-5])))
vector("short-key", "envelope_not_opened", recipient_changed(
    good, 3, tlv(0x04, server.key.public_key().encrypt(bytes(16), padding.PKCS1v15()))))
vector("key-padding-changed", "envelope_not_opened", recipient_changed(
    good, 3, tlv(0x04, (int.from_bytes(b"\x17" * 255, "big")).to_bytes(256, "big"))))
vector("key-of-no-length", "envelope_not_opened", recipient_changed(good, 3, tlv(0x04)))
vector("key-for-a-curve", "envelope_key_transport", recipient_changed(
    good, 2, tlv(0x30, bytes.fromhex("06072a8648ce3d0201"))))
vector("no-content", "envelope_empty", content_changed(good, 2, b""))
vector("short-iv", "envelope_malformed", content_changed(
    good, 1, lambda part: tlv(0x30, parts(part)[0], tlv(0x04, bytes(8)))))
vector("no-recipients", "envelope_recipients", rebuilt(good, lambda data: [data[0], tlv(0x31), *data[2:]]))
recipients = [parts(parts(parts(enveloped(b"", to=Party(f"d{number}", neighbor.key, authority)))[1])[0])[1]
              for number in range(9)]
vector("nine-recipients", "envelope_recipients", rebuilt(
    good, lambda data: [data[0], tlv(0x31, *sorted(parts(recipient)[0] for recipient in recipients)), *data[2:]]))
deep = tlv(0xA1, tlv(0x30, bytes.fromhex("06032a0304"), tlv(0x31, nested(4000))))
vector("nested-attributes", "envelope_too_deep", rebuilt(good, lambda data: [*data, deep]))
wide = tlv(0xA1, *(tlv(0x30, bytes.fromhex("06042a0304") + bytes([number % 128]), tlv(0x31, tlv(0x05)))
                   for number in range(900)))
vector("many-attributes", "envelope_too_many_values", rebuilt(good, lambda data: [*data, wide]))
inner = signed()
kind, content = parts(inner)
data = parts(parts(content)[0])
(signer,) = parts(data[-1])
data[-1] = tlv(0x31, tlv(0x30, *parts(signer), deep))
vector("nested-attributes-inside", "signature_too_deep", enveloped(tlv(0x30, kind, tlv(0xA0, tlv(0x30, *data)))))
vector("truncated-inside", "signature_truncated", enveloped(inner[:-3]))
vector("an-envelope-inside", "signature_not_signed_data", enveloped(enveloped(signed())))
vector("not-cms", "envelope_malformed", tlv(0x30, tlv(0x02, b"\x01"), tlv(0x04, bytes(200))))
vector("not-an-envelope", "envelope_not_base64", BODY)
vector("not-base64", "envelope_not_base64", b"MII*")

for name, party in [("server", server), ("device", device)]:
    (HOME / f"{name}.crt").write_bytes(party.cert.public_bytes(serialization.Encoding.PEM))
    (HOME / f"{name}.key").write_bytes(party.pem)
made = {"now": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "vectors": vectors}
(HOME / "vectors.json").write_text(json.dumps(made, indent=2) + "\n")
print(f"{len(vectors)} vectors in {HOME}")
