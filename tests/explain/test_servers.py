"""Who of a backend is asked, and why the others are not."""

from __future__ import annotations

from tests.explain.case import ExplainCase

TEXT = """
    listeners: [{{protocol: tcp, port: 1, backend: b}}]
    backends:
      b:
        balance: {balance}
        {more}
        servers:
          - "tcp://10.0.0.1:1"
          - {{url: "tcp://10.0.0.2:1", weight: 0}}
          - "tcp://10.0.0.3:1"
          - {{url: "tcp://10.0.0.4:1", backup: true}}
    """


class Servers(ExplainCase):
    def said(self, balance: str, more: str = "") -> list[tuple[str, str, str]]:
        record = self.ask(TEXT.format(balance=balance, more=more), "tcp://a:1", client="192.0.2.1")
        assert record.backend is not None
        self.assertEqual((record.backend.name, record.backend.balancer), ("b", balance))
        return [(step.name[7:], step.verdict, step.why) for step in record.backend.servers]

    def test_in_turn(self) -> None:
        self.assertEqual(
            self.said("round-robin"),
            [
                ("1:1", "picked", "round-robin picks it"),
                ("2:1", "passed over", "weight 0: asked only when no other can be"),
                ("3:1", "passed over", "round-robin picks it for other requests"),
                ("4:1", "passed over", "a backup, asked only while no other server can be"),
            ],
        )

    def test_by_client(self) -> None:
        said = self.said("ip-hash")
        self.assertEqual(sorted(verdict for _, verdict, _ in said), ["passed over"] * 3 + ["picked"])
        self.assertEqual({said[0][2], said[2][2]}, {"ip-hash picks it", "ip-hash picks another"})

    def test_in_the_order_of_the_file(self) -> None:
        said = self.said("primary-backup", "passive_health: {}")
        self.assertEqual(
            [why for _, _, why in said][::2], ["primary-backup picks it", "primary-backup picks another"]
        )

    def test_health_is_not_known(self) -> None:
        self.assertEqual(self.said("round-robin", "health: {initial: down}")[0][1], "picked")

    def test_the_same_question_has_the_same_answer(self) -> None:
        explainer = self.explainer(TEXT.format(balance="round-robin", more=""))
        first, second = (explainer.explain(self.question("tcp://a:1")) for _ in range(2))
        self.assertEqual(first, second)

    def test_places(self) -> None:
        text = """
            listeners:
              - {protocol: http, port: 80}
            routes:
              - backend:
                  url: http://10.0.0.1
                  servers: [http://10.0.0.2]
                  sticky: {}
            """
        step = self.ask(text, "http://a/").backend
        assert step is not None
        self.assertEqual(
            (step.name, self.short(step.place), [self.short(server.place) for server in step.servers]),
            ("10.0.0.1:80", "4:5", ["5:7", "6:17"]),
        )
        self.assertIn("health is not known offline", step.note)
        self.assertIn("sticky", step.note)

    def test_the_only_one(self) -> None:
        record = self.ask(
            'listeners: [{protocol: udp, port: 1, backend: {url: "udp://10.0.0.1:1"}}]', "udp://a:1"
        )
        assert record.backend is not None
        self.assertEqual(record.backend.servers[0].why, "the only one that can be asked")
        self.assertEqual(record.outcome.kind, "server")
