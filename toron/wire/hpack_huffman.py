"""Reads strings in the Huffman code of HPACK (RFC 7541 section 5.2 and appendix B)."""

from __future__ import annotations

from typing import Final

from toron.wire.headers import Remembered

LENGTHS: Final = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
)  # fmt: skip
"""Bits of each octet's code, and of the end's (256). The code is canonical, so this is all of it."""

_EOS = 256
_EMITS: Final = 1
_MAY_END: Final = 2
_FAILS: Final = 4


def _codes() -> list[str]:
    """Each symbol's code as text of 0 and 1: counted on from the shortest to the longest."""
    codes = [""] * 257
    code = size = 0
    for symbol in sorted(range(257), key=LENGTHS.__getitem__):
        code <<= LENGTHS[symbol] - size
        size = LENGTHS[symbol]
        codes[symbol] = f"{code:0{size}b}"
        code += 1
    return codes


_CODES = _codes()


def _automaton() -> tuple[bytes, bytes, bytes]:
    """What four bits do in each state: the next state, the octet that is whole, and the flags.

    A state is a place between the root of the code's tree and its leaves; there are 256 of them, and
    four bits end at most one code.
    """
    states = {"": 0}
    leaves = {code: symbol for symbol, code in enumerate(_CODES)}
    for code in _CODES:
        for end in range(1, len(code)):
            states.setdefault(code[:end], len(states))
    nexts, octets, flags = bytearray(4096), bytearray(4096), bytearray(4096)
    for begun, state in states.items():
        for bits in range(16):
            at = state << 4 | bits
            place = begun
            for bit in f"{bits:04b}":
                place += bit
                symbol = leaves.get(place)
                if symbol is not None:
                    if symbol == _EOS:
                        flags[at] = _FAILS
                        break
                    flags[at] = _EMITS
                    octets[at] = symbol
                    place = ""
            if flags[at] != _FAILS:
                nexts[at] = states[place]
                # What is left over has to be the beginning of the end's code, and less than an octet.
                if len(place) < 8 and "0" not in place:
                    flags[at] |= _MAY_END
    return bytes(nexts), bytes(octets), bytes(flags)


_NEXTS, _OCTETS, _FLAGS = _automaton()


def _decode(data: bytes) -> bytes:
    made = bytearray()
    state = 0
    flag = _MAY_END
    # By index: compiled, iterating over bytes gives signed ones.
    for index in range(2 * len(data)):
        octet = data[index >> 1]
        at = state << 4 | (octet & 15 if index & 1 else octet >> 4)
        flag = _FLAGS[at]
        if flag & _EMITS:
            made.append(_OCTETS[at])
        elif flag & _FAILS:
            raise ValueError("the end of a string within it")
        state = _NEXTS[at]
    if not flag & _MAY_END:
        raise ValueError("a string does not end where a code does")
    return bytes(made)


decode = Remembered(_decode).__getitem__
"""The octets of a Huffman-coded string; ValueError where it is none."""
