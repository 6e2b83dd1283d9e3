"""What a directory suggests (RFC 9773) is understood, and what is no suggestion is none."""

from __future__ import annotations

import base64
import datetime

from twisted.trial.unittest import SynchronousTestCase

from tests.acme.case import NOW
from tests.acme.fake_directory import FakeDirectory
from toron.acme.ari import Window, certificate_id, read_window
from toron.acme.csr import new_key
from toron.net.key_pair import self_signed

# The example of RFC 9773 appendix A.
EXAMPLE = b"""-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
"""


class Ids(SynchronousTestCase):
    def test_the_example(self) -> None:
        self.assertEqual(certificate_id(EXAMPLE), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")

    def test_the_number_is_that_of_the_certificate(self) -> None:
        directory = FakeDirectory(lambda: NOW)
        for _ in range(20):
            chain = directory.signed(new_key("ecdsa").public_key(), ["a.test"])
            serial = certificate_id(chain).partition(".")[2]
            data = base64.urlsafe_b64decode(serial + "=" * (-len(serial) % 4))
            self.assertLess(data[0], 128)
            self.assertTrue(data[0] or data[1] > 127)

    def test_without_a_key_of_its_authority(self) -> None:
        pair = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        self.assertEqual(certificate_id(pair.chain), "")


class Windows(SynchronousTestCase):
    def document(self, start: object, end: object, **more: object) -> object:
        return {"suggestedWindow": {"start": start, "end": end}, **more}

    def test_a_window(self) -> None:
        found = read_window(
            self.document("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z", explanationURL="https://x.test/")
        )
        self.assertEqual(found, Window(1735790400.0, 1735876800.0, "https://x.test/"))
        assert found is not None
        self.assertEqual([found.moment(share) for share in (0.0, 0.5, 1.0)],
                         [1735790400.0, 1735833600.0, 1735876800.0])  # fmt: skip

    def test_what_is_none(self) -> None:
        good = "2025-01-02T04:00:00Z"
        bad = [
            None, [], "x", {}, {"suggestedWindow": None}, {"suggestedWindow": {"start": good}},
            self.document(good, good), self.document("2025-01-03T04:00:00Z", good),
            self.document("soon", good), self.document(1, 2), self.document(good, "2025-01-03T04:00:00"),
        ]  # fmt: skip
        self.assertEqual([read_window(document) for document in bad], [None] * len(bad))
