# SPDX-License-Identifier: Apache-2.0
"""A private key at rest: PKCS#8, encrypted with AES-256 under a key that scrypt makes.

The library writes PKCS#8 with 2048 rounds of PBKDF2 only, some 0.3 ms for each guess at a
passphrase; the standard knows scrypt too, which the library reads. So the envelope (RFC 5208, 7914,
8018) is written here, and anything that reads such files, `openssl pkey` for one, opens it.
"""

from __future__ import annotations

import base64
import secrets
import textwrap

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kiosk.errors import SigningKeyError

COST = 1 << 14
"""scrypt's N; with 8 blocks and 5 lanes that is some 0.15 s for each guess.

In 16 MiB: `openssl` reads nothing that needs 32 or more, so time comes from lanes, as OWASP has it.
"""
_BLOCKS, _LANES, _KEY_BYTES, _IV_BYTES, _SALT_BYTES = 8, 5, 32, 16, 16
_PBES2 = "1.2.840.113549.1.5.13"
_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_AES_256_CBC = "2.16.840.1.101.3.4.1.42"
_INTEGER, _OCTETS, _OBJECT, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_LABEL = "ENCRYPTED PRIVATE KEY"


def seal(key: Ed25519PrivateKey, passphrase: bytes, *, cost: int = COST) -> bytes:
    """PEM. Raises SigningKeyError for an empty passphrase."""
    if not passphrase:
        raise SigningKeyError("a private key needs a passphrase; give one that is not empty")
    salt, start = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_IV_BYTES)
    made = Scrypt(salt=salt, length=_KEY_BYTES, n=cost, r=_BLOCKS, p=_LANES).derive(passphrase)
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pad = PKCS7(algorithms.AES.block_size).padder()
    encrypt = Cipher(algorithms.AES(made), modes.CBC(start)).encryptor()
    hidden = encrypt.update(pad.update(plain) + pad.finalize()) + encrypt.finalize()
    counts = b"".join(map(_integer, (cost, _BLOCKS, _LANES, _KEY_BYTES)))
    derived = _sequence(_object(_SCRYPT), _sequence(_der(_OCTETS, salt), counts))
    cipher = _sequence(_object(_AES_256_CBC), _der(_OCTETS, start))
    method = _sequence(_object(_PBES2), _sequence(derived, cipher))
    return _pem(_sequence(method, _der(_OCTETS, hidden)))


def unseal(pem: bytes, passphrase: bytes) -> Ed25519PrivateKey:
    """Raises SigningKeyError for a wrong passphrase, another kind of key, or a damaged file."""
    if f"BEGIN {_LABEL}".encode() not in pem:
        raise SigningKeyError("is not an encrypted private key; make one with `kiosk keys make`")
    try:
        key = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError("the passphrase is wrong, or the file is damaged") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError("is not an ed25519 key; make one with `kiosk keys make`")
    return key


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join((f"-----BEGIN {_LABEL}-----", *lines, f"-----END {_LABEL}-----", "")).encode()


def _der(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    count = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | count)) + size.to_bytes(count, "big") + body


def _sequence(*parts: bytes) -> bytes:
    return _der(_SEQUENCE, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _object(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = bytearray([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return _der(_OBJECT, bytes(body))
