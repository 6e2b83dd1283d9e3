"""Which keys a client can verify, by what it says first."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import RSA
from toron.net.signing import signing
from toron.wire.clienthello import ClientHello

P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ODD = ec.generate_private_key(ec.SECP256K1())
ED25519, ED448 = ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()
KEYS = {"p256": P256, "p384": P384, "odd": ODD, "ed25519": ED25519, "ed448": ED448, "rsa": RSA}


def suit(**said: tuple[int, ...]) -> set[str]:
    """The keys that suit a client which says this."""
    hello = ClientHello(**said)
    return {name for name, key in KEYS.items() if signing(key.public_key()).suits(hello)}


class Suits(SynchronousTestCase):
    def test_1_3_names_the_curve(self) -> None:
        new = (0x0304, 0x0303)
        self.assertEqual(suit(versions=new, schemes=(0x0403,)), {"p256"})
        self.assertEqual(suit(versions=new, schemes=(0x0503, 0x0807)), {"p384", "ed25519"})
        self.assertEqual(suit(versions=new, schemes=(0x0808,)), {"ed448"})
        self.assertEqual(suit(versions=new, schemes=(0x0804, 0x0401)), {"rsa"})
        self.assertEqual(suit(versions=new, schemes=(0x0401, 0x0A0A)), set())

    def test_1_2_needs_a_suite_too(self) -> None:
        old = (0x0303,)
        both = (0x0403, 0x0401)
        self.assertEqual(suit(versions=old, schemes=both, suites=(0xC02B,)), {"p256", "p384", "odd"})
        self.assertEqual(suit(versions=old, schemes=both, suites=(0xC02F,)), {"rsa"})
        self.assertEqual(suit(versions=old, schemes=both, suites=(0x1301,)), set())
        self.assertEqual(suit(versions=old, schemes=(0x0804,), suites=(0xC02B, 0xC02F)), {"rsa"})

    def test_1_2_without_a_word_on_signatures(self) -> None:
        self.assertEqual(suit(versions=(0x0303,), suites=(0x002F,)), {"rsa"})

    def test_rsa_costs_most(self) -> None:
        costs = {name: signing(key.public_key()).cost for name, key in KEYS.items()}
        self.assertEqual([name for name, cost in costs.items() if cost == max(costs.values())], ["rsa"])
