"""Who changed what is remembered, for a while."""

from __future__ import annotations

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from toron.admin.audit import KEPT, Audit


class Auditing(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []
        self.audit = Audit(lambda: 5.0)

        def note(event: object) -> None:
            self.said.append(formatEvent(event))  # type: ignore[arg-type]

        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)

    def test_a_line_for_each(self) -> None:
        self.audit.note("token", "10.0.0.1:5", "POST /x", 200, "applied", '"a"', '"b"')
        self.audit.note("?", "10.0.0.2:6", "GET /y", 401, "the token is wrong")
        self.assertEqual(
            self.said,
            [
                'admin: token from 10.0.0.1:5: POST /x: 200 applied ("a" -> "b")',
                "admin: ? from 10.0.0.2:6: GET /y: 401 the token is wrong",
            ],
        )
        newest = self.audit.latest(1)[0]
        self.assertEqual((newest.time, newest.who, newest.status), (5.0, "?", 401))

    def test_the_newest_first_and_not_for_ever(self) -> None:
        for number in range(KEPT + 5):
            self.audit.note("token", "", str(number), 200, "done")
        found = [entry.what for entry in self.audit.latest(KEPT + 100)]
        self.assertEqual((found[0], found[-1], len(found)), (str(KEPT + 4), "5", KEPT))
        self.assertEqual(self.audit.latest(0), [])
