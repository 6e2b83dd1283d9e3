"""What is written in a configuration, as what is wanted."""

from __future__ import annotations

import base64
import os
import pickle

from twisted.trial.unittest import SynchronousTestCase

from toron.acme.wanted import Binding, Wanted
from toron.acme.written import wanted
from toron.config.model import Acme


class Writings(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.realpath(self.mktemp())
        os.makedirs(self.folder)

    def test_the_least(self) -> None:
        found = wanted(Acme(names="A.test", state="s"), self.folder)
        letsencrypt = "https://acme-v02.api.letsencrypt.org/directory"
        self.assertEqual(found, Wanted(("a.test",), f"{self.folder}/s", letsencrypt, hook_seconds=120.0))

    def test_a_folder_has_one_name(self) -> None:
        os.symlink(self.folder, f"{self.folder}-link")
        found = {
            wanted(Acme(names="a.test", state=state), self.folder) for state in ("s", f"{self.folder}-link/s")
        }
        self.assertEqual(len(found), 1)

    def test_everything(self) -> None:
        for name, text in (("ca.pem", "PEM"), ("hook", "#!/bin/sh\n")):
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text)
        os.chmod(os.path.join(self.folder, "hook"), 0o700)
        secret = base64.urlsafe_b64encode(b"\xff" * 31).decode()
        spec = Acme(
            names=("*.a.test", "b.test"), email="me@a.test", directory="https://ca.test/", ca="ca.pem",
            state="/var/lib/x/../s", challenge="dns-01", key="rsa", hook=("./hook", "-z", "a"),
            hook_timeout="5s", eab={"kid": "k", "hmac": secret},
        )  # fmt: skip
        found = wanted(spec, self.folder)
        self.assertEqual(
            found,
            Wanted(
                ("*.a.test", "b.test"), "/var/lib/s", "https://ca.test/", b"PEM", "me@a.test", "dns-01",
                "rsa", Binding("k", b"\xff" * 31), (f"{self.folder}/hook", "-z", "a"), 5.0,
            ),
        )  # fmt: skip
        self.assertEqual(pickle.loads(pickle.dumps(found)), found)

    def test_a_key_with_and_without_its_padding(self) -> None:
        for text in ("AAE", "AAE="):
            found = wanted(Acme(names="a.test", state="s", eab={"kid": "k", "hmac": text}), self.folder)
            self.assertEqual(found.binding, Binding("k", b"\0\1"))

    def test_a_command_of_the_system(self) -> None:
        found = wanted(Acme(names="a.test", state="s", challenge="dns-01", hook="sh"), self.folder)
        self.assertTrue(os.path.isabs(found.hook[0]))
