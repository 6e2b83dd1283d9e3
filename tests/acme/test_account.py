"""An account is made once, and found again."""

from __future__ import annotations

import json
import os

from tests.acme.case import AcmeCase
from tests.acme.fake_directory import ROOT, refusal
from toron.acme.account import Account
from toron.acme.directory import Directory
from toron.acme.failure import AcmeFailed, Problem
from toron.acme.https import Reply
from toron.acme.state import State
from toron.acme.wanted import Binding


class Accounts(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.state = State(self.folder)
        self.state.lock()
        self.addCleanup(self.state.unlock)

    def account(self, email: str = "", binding: Binding | None = None) -> Account:
        return Account(Directory(f"{ROOT}/dir", self.directory, self.wall), self.state, email, binding)

    def opened(self, email: str = "", binding: Binding | None = None) -> Account:
        found = self.account(email, binding)
        self.done(found.open())
        return found

    def files(self) -> list[str]:
        return sorted(name for name in os.listdir(self.folder) if name != "lock")

    def test_a_new_one(self) -> None:
        found = self.opened("me@a.test")
        self.assertEqual(
            list(self.directory.accounts.values()),
            [{"termsOfServiceAgreed": True, "contact": ["mailto:me@a.test"]}],
        )
        self.done(found.post(f"{ROOT}/my-account", {}))
        self.assertEqual(self.directory.kids, [f"{ROOT}/my-account"])
        self.assertIn(f"which takes it as agreed: {ROOT}/terms", self.said[-1])

    def test_it_is_found_again(self) -> None:
        first = self.opened()
        second = self.opened()
        self.assertEqual(first.thumbprint, second.thumbprint)
        self.assertEqual(self.directory.paths.count("/account"), 1)
        self.done(second.open())
        self.assertEqual(self.directory.paths.count("/dir"), 2)

    def test_another_address(self) -> None:
        self.opened("me@a.test")
        self.opened("you@a.test")
        self.assertIn(("POST", "/my-account", {"contact": ["mailto:you@a.test"]}), self.directory.asked)
        self.assertEqual(len(self.directory.accounts), 1)
        kept = json.loads(self.state.read(self.files()[0]) or b"")
        self.assertEqual(kept["contact"], ["mailto:you@a.test"])

    def test_a_binding(self) -> None:
        self.opened(binding=Binding("kid-1", b"k" * 32))
        [payload] = self.directory.accounts.values()
        self.assertEqual(sorted(payload["externalAccountBinding"]), ["payload", "protected", "signature"])
        self.opened()
        self.assertEqual(len(self.files()), 2)

    def test_it_is_refused(self) -> None:
        self.directory.instead["/account"] = [refusal("externalAccountRequired", 403)]
        error = self.fails(self.account().open(), Problem)
        self.assertEqual(error.word, "externalAccountRequired")
        self.assertEqual(self.files(), [])

    def test_one_without_a_place(self) -> None:
        self.directory.instead["/account"] = [Reply(201, {}, b"{}")]
        self.fails(self.account().open(), AcmeFailed)

    def test_files_of_no_use(self) -> None:
        self.opened()
        [name] = self.files()
        good = self.state.read(name) or b""
        bad = [b"", b"{", b"[]", b"null", b"{}", good[:-40], good.replace(b"BEGIN", b"BEGUN"),
               good.replace(b"https://ca.test/my", b"nowhere"), b"\xff" * 99]  # fmt: skip
        for data in bad:
            self.state.write(name, data)
            self.opened()
        self.assertEqual(len(self.files()), 1 + len(bad))
        self.assertEqual(len(self.directory.accounts), 1 + len(bad))

    def test_one_that_is_gone(self) -> None:
        found = self.opened()
        self.directory.instead["/new-order"] = [refusal("accountDoesNotExist")]
        self.fails(found.post(f"{ROOT}/new-order", {}), Problem)
        self.fails(found.post(f"{ROOT}/new-order", {}), AcmeFailed)
        self.done(found.open())
        self.assertEqual(len(self.directory.accounts), 2)
