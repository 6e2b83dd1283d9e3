"""Makes the packets that a QUIC client begins with, as RFC 9000 and RFC 9001 have them."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from toron.wire.quic import VERSION_1, VERSION_2
from toron.wire.quic_initial import InitialKeys

DCID = bytes.fromhex("8394c8f03e515708")
SCID = b"scid"


def vector(data: bytes, width: int) -> bytes:
    """Data after its length."""
    return len(data).to_bytes(width, "big") + data


def number(value: int, size: int = 0) -> bytes:
    """A variable-length integer, of `size` bytes or as few as will do."""
    size = size or next(size for size in (1, 2, 4, 8) if value < 1 << (8 * size - 2))
    return (value | (size.bit_length() - 1) << (8 * size - 2)).to_bytes(size, "big")


def hello(name: str = "a.example", alpn: tuple[bytes, ...] = (b"h3",), extra: int = 0) -> bytes:
    """A ClientHello message; `extra` bytes make it larger."""
    names = vector(b"\0" + vector(name.encode(), 2), 2) if name else b""
    extensions = b"\0\0" + vector(names, 2) if name else b""
    if alpn:
        extensions += b"\0\x10" + vector(vector(b"".join(vector(each, 1) for each in alpn), 2), 2)
    if extra:
        extensions += b"\xff\x01" + vector(bytes(range(256)) * (extra // 256) + bytes(extra % 256), 2)
    body = b"\x03\x03" + bytes(32) + b"\0" + vector(b"\x13\x01", 2) + b"\1\0" + vector(extensions, 2)
    return b"\1" + vector(body, 3)


def crypto(data: bytes, offset: int = 0) -> bytes:
    """A CRYPTO frame."""
    return b"\6" + number(offset) + number(len(data)) + data


def head(dcid: bytes = DCID, scid: bytes = SCID, version: int = VERSION_1, kind: int = 0) -> bytes:
    """What a packet with a long header begins with; `kind` in the numbers of version 1."""
    if version == VERSION_2:
        kind = (kind + 1) % 4
    return bytes((0xC3 | kind << 4,)) + version.to_bytes(4, "big") + vector(dcid, 1) + vector(scid, 1)


def seal(keys: InitialKeys, packet_number: int, header: bytes, payload: bytes) -> bytes:
    """Protect a packet whose header ends in a number of four bytes."""
    nonce = (int.from_bytes(keys.iv, "big") ^ packet_number).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, payload, header)
    mask = Cipher(algorithms.AES(keys.hp), modes.ECB()).encryptor().update(sealed[:16])
    hidden = bytes(a ^ b for a, b in zip(header[-4:], mask[1:5], strict=True))
    return bytes((header[0] ^ mask[0] & 0x0F,)) + header[1:-4] + hidden + sealed


def initial(
    frames: bytes,
    packet_number: int = 0,
    *,
    dcid: bytes = DCID,
    scid: bytes = SCID,
    version: int = VERSION_1,
    token: bytes = b"",
    first: bytes = b"",
    size: int = 0,
) -> bytes:
    """An Initial packet of a client, filled up to `size`; `first` is the id its keys are made from."""
    header = head(dcid, scid, version) + number(len(token)) + token
    room = size - len(header) - 2 - 4 - 16
    payload = frames + bytes(max(0, room - len(frames), 4 - len(frames)))
    header += number(len(payload) + 20, 2) + packet_number.to_bytes(4, "big")
    return seal(InitialKeys(version, first or dcid), packet_number, header, payload)


def flight(message: bytes, *, room: int = 1000, **options: object) -> list[bytes]:
    """A ClientHello over as many datagrams of 1200 bytes as it takes."""
    return [
        initial(crypto(message[at : at + room], at), at // room, size=1200, **options)  # type: ignore[arg-type]
        for at in range(0, len(message), room)
    ]
