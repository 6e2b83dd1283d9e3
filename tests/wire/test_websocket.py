"""WebSocket frame headers over any split, and the Close frame a real client understands."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from toron.wire.websocket import Frames, accept_of, close_frame


def frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bool = False, rsv1: bool = False) -> bytes:
    data = Frame(Opcode(opcode), payload, fin=fin).serialize(mask=mask)
    return bytes((data[0] | (0x40 if rsv1 else 0),)) + data[1:]


def fed(*chunks: bytes) -> Frames:
    frames = Frames()
    for chunk in chunks:
        frames.feed(chunk)
    return frames


LENGTHS = (0, 1, 125, 126, 127, 65535, 65536, 70000)
FRAMES = st.builds(
    frame,
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0, 1, 2, 100, 125, 126, 300, 65536]).map(bytes),
    fin=st.booleans(),
    mask=st.booleans(),
    rsv1=st.booleans(),
) | st.builds(frame, st.sampled_from([9, 10]), st.binary(max_size=125), mask=st.booleans())


class Handshake(SynchronousTestCase):
    def test_the_example_of_the_rfc(self) -> None:
        self.assertEqual(accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


class Boundaries(SynchronousTestCase):
    def test_before_anything(self) -> None:
        self.assertTrue(fed().at_boundary)
        self.assertTrue(fed(b"").at_boundary)

    def test_every_length(self) -> None:
        for length in LENGTHS:
            for mask in (False, True):
                data = frame(2, bytes(length), mask=mask)
                self.assertTrue(fed(data).at_boundary)
                self.assertFalse(fed(data[:-1]).at_boundary)
                self.assertFalse(fed(data + b"\x81").at_boundary)
                self.assertTrue(fed(data[:-1], data[-1:] + data).at_boundary)

    def test_every_cut_of_the_header(self) -> None:
        for length in LENGTHS:
            data = frame(1, bytes(length), mask=True) + frame(9, b"x")
            for cut in range(1, min(16, len(data))):
                self.assertTrue(fed(data[:cut], data[cut:]).at_boundary)
                self.assertFalse(fed(data[:cut], data[cut:-1]).at_boundary)

    def test_byte_by_byte(self) -> None:
        frames = Frames()
        ends = 0
        for byte in frame(1, b"hello", fin=False) + frame(9, b"") + frame(0, bytes(200), mask=True):
            frames.feed(bytes((byte,)))
            ends += frames.at_boundary
        self.assertEqual((ends, frames.lost), (3, False))

    @settings(max_examples=60)
    @given(st.lists(FRAMES, min_size=1, max_size=8), st.data())
    def test_any_split(self, parts: list[bytes], data: st.DataObject) -> None:
        stream = b"".join(parts)
        ends = {0}
        for part in parts:
            ends.add(max(ends) + len(part))
        frames, at = Frames(), 0
        while at < len(stream):
            size = data.draw(st.integers(1, 20) | st.integers(1, len(stream)))
            frames.feed(stream[at : at + size])
            at = min(at + size, len(stream))
            self.assertEqual(frames.at_boundary, at in ends)
        self.assertFalse(frames.lost)
        self.assertFalse(frames.closing)

    def test_closing(self) -> None:
        data = frame(8, b"\x03\xe8bye", mask=True)
        self.assertTrue(fed(frame(1, b"x") + data).closing)
        self.assertTrue(fed(data).at_boundary)
        self.assertFalse(fed(frame(1, data)).closing)


class Lost(SynchronousTestCase):
    def test_wrong_headers(self) -> None:
        for data in (
            b"\x83", b"\x87\x00", b"\x8b", b"\x8f\x00", b"\x03\x00",  # opcodes nobody defined
            b"\x08\x00", b"\x09\x00",  # control frames in fragments
            b"\x89\x7e\x00\x7e", b"\x88\xfe",  # control frames too long
            b"\x82\x7e\x00\x7d", b"\x82\x7f" + (65535).to_bytes(8, "big"),  # not the shortest form
            b"\x82\x7f\x80" + bytes(7),  # 64 bits
        ):  # fmt: skip
            for before in (b"", frame(1, b"ok")):
                whole = fed(before + data)
                split = fed(*(bytes((byte,)) for byte in before + data))
                for frames in (whole, split):
                    self.assertTrue(frames.lost, data)
                    self.assertFalse(frames.at_boundary)
                    frames.feed(frame(1, b"ok"))
                    self.assertTrue(frames.lost)
                    self.assertFalse(frames.at_boundary)

    @given(st.lists(st.binary(max_size=40), max_size=5))
    def test_garbage_is_judged_alike_in_pieces(self, chunks: list[bytes]) -> None:
        pieces, whole = fed(*chunks), fed(b"".join(chunks))
        self.assertEqual(
            (pieces.lost, pieces.at_boundary, pieces.closing), (whole.lost, whole.at_boundary, whole.closing)
        )


class CloseFrame(SynchronousTestCase):
    def test_a_client_reads_it(self) -> None:
        reader = StreamReader()
        reader.feed_data(close_frame(1012, b"restarting"))
        reading = Frame.parse(reader.read_exact, mask=False, max_size=None)
        with self.assertRaises(StopIteration) as stop:
            next(reading)
        found = stop.exception.value
        self.assertEqual((found.opcode, Close.parse(found.data)), (Opcode.CLOSE, Close(1012, "restarting")))

    def test_bytes(self) -> None:
        self.assertEqual(close_frame(1001), b"\x88\x02\x03\xe9")
        self.assertEqual(len(close_frame(4999, b"x" * 123)), 127)
        self.assertTrue(fed(close_frame(1000)).closing)

    def test_what_is_never_sent(self) -> None:
        for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 70000):
            self.assertRaises(ValueError, close_frame, code)
        self.assertRaises(ValueError, close_frame, 1000, b"x" * 124)
