"""Changes on approval: planned with what lives, applied, watched, confirmed, taken back, remembered."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import stat
import threading
import time
from typing import Any

from click.testing import CliRunner, Result
from websockets.sync.client import connect

from tests.loopback.load import Load
from tests.loopback.peers import CountingBackend, Gateway, LoopbackTestCase, eventually, free_port
from tests.loopback.test_http_websocket import WebSocketServer, echo
from tests.loopback.web import answer, ask, metric
from toron.cli import main

SERVED = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
  - {name: db, protocol: tcp, address: 127.0.0.1, port: @TCP@, backend: db}
admin: {port: @ADMIN@}
drain: {limit: 500ms}
workers: 1
routes:
  - {name: chat, match: {path: /chat}, backend: chat}
  - {name: few, match: {path: /few}, middlewares: [{rate-limit: {rate: 100/s}}], respond: {body: few}}
  - {name: text, match: {path: /text}, respond: {body: "one"}}
  - {name: shop, backend: shop}
backends:
  chat: {url: "http://127.0.0.1:CHAT"}
  db: {url: "tcp://127.0.0.1:DB"}
  shop: {url: "http://127.0.0.1:SHOP"}
"""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client begins that knows of HTTP/2, with empty SETTINGS (RFC 9113 section 3.4)."""


class ChangingCase(LoopbackTestCase):
    """What these tests have in common."""

    gateway: Gateway

    def serve(self, config: str) -> None:
        """Start a gateway with this configuration."""
        self.gateway = Gateway(config)
        self.start(self.gateway)

    def put(self, config: str, name: str = "new.yaml") -> str:
        """Write a configuration beside the one that serves: its path."""
        path = self.gateway.folder / name
        path.write_text(self.gateway.fill(config))
        return str(path)

    def cli(self, *words: str) -> Result:
        """Type a command about this gateway."""
        environ = {"TORON_ADMIN": f"http://127.0.0.1:{self.gateway.ports['ADMIN']}", "TORON_ADMIN_TOKEN": ""}
        return CliRunner().invoke(main, words, prog_name="toron", env=environ)

    def api(self, method: str, path: str, status: int = 200, **said: Any) -> Any:
        """Ask the admin API."""
        found = ask(
            self.gateway.ports["ADMIN"], f"/api/v1/{path}", method=method,
            headers={"Content-Type": "application/json"}, body=json.dumps(said).encode() if said else None,
        )  # fmt: skip
        self.assertEqual(found.status, status, found.text)
        return json.loads(found.body)

    def apply(self, config: str, status: int = 200, **said: Any) -> Any:
        """Apply a configuration by the API."""
        return self.api("POST", "apply", status, configuration=self.gateway.fill(config), **said)

    def text(self, path: str = "/text") -> str:
        return ask(self.gateway.port, path).text

    def ends(self, result: str) -> Any:
        """Wait until it is decided: how it went."""
        eventually(lambda: self.api("GET", "apply")["state"] == "idle", 10, "the end")
        found = self.api("GET", "apply")
        self.assertEqual(found["result"], result)
        return found

    @property
    def on_disk(self) -> str:
        return self.gateway.config.read_text()


class Live(ChangingCase):
    """A gateway with clients of all kinds."""

    def setUp(self) -> None:
        def back(conversation: Any) -> None:
            while True:
                conversation.send(conversation.read())

        chat = free_port()
        self.start(WebSocketServer(chat, echo))
        shop, db = self.start(CountingBackend(answer("shop"))), self.start(CountingBackend(back))
        self.config = SERVED
        for word, port in (("CHAT", chat), ("SHOP", shop.port), ("DB", db.port)):
            self.config = self.config.replace(word, str(port))
        self.shop = shop.port
        self.serve(self.config)
        self.dead = self.config.replace(f"http://127.0.0.1:{shop.port}", f"http://127.0.0.1:{free_port()}")

    def test_a_dead_backend_goes_back_under_load(self) -> None:
        chat = connect(f"ws://127.0.0.1:{self.gateway.port}/chat")
        self.addCleanup(chat.close)
        load = Load(self.gateway.port)
        self.start(load)
        eventually(lambda: len(load.answers) > 50)
        before = self.on_disk
        began = time.monotonic()
        condition = "error_rate(route shop) > 20% or p99 > 30s"
        new = self.put(self.dead)
        said = self.cli("apply", new, "--confirm", "30s", "--rollback-if", condition, "-m", "move")
        self.assertEqual(said.exit_code, 1, said.output)
        self.assertLess(time.monotonic() - began, 25)
        self.assertRegex(
            said.output, r"change 2 went back: error_rate\(route shop\) is \d+.*% > 20% \(\d+ req"
        )
        self.assertEqual(load.since(), {"shop"})
        failed = len(load.failures)
        self.assertGreater(failed, 0)
        self.assertEqual({each.partition(" ")[0] for each in load.failures}, {"502"})
        load.since()
        self.assertEqual(len(load.failures), failed, "it is over")
        chat.send("still there")
        self.assertEqual(chat.recv(5), "still there")
        self.assertEqual(self.on_disk, before)
        self.assertIn("change 2 goes back: error_rate(route shop) is", self.gateway.log())
        admin = self.gateway.ports["ADMIN"]
        self.assertEqual(metric(admin, "toron_config_rollbacks_total", reason="condition"), 1)
        latest, back, _ = self.api("GET", "history")["entries"]
        self.assertEqual(
            (latest["author"], latest["message"], latest["serving"]), ("toron", "back to 1", True)
        )
        self.assertEqual((back["message"], back["result"]), ("move", "went back"))
        self.assertRegex(back["reason"], "error_rate")

    def test_what_a_plan_says_of_those_who_are_in(self) -> None:
        port = self.gateway.port
        for _ in range(3):
            chat = connect(f"ws://127.0.0.1:{port}/chat")
            self.addCleanup(chat.close)
        for _ in range(2):
            relayed = socket.create_connection(("127.0.0.1", self.gateway.ports["TCP"]), 5)
            self.addCleanup(relayed.close)
            relayed.sendall(b"hello")
            relayed.recv(10)
        for _ in range(14):
            streams = socket.create_connection(("127.0.0.1", port), 5)
            self.addCleanup(streams.close)
            streams.sendall(PREFACE)
            streams.recv(10)
        idle = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.addCleanup(idle.close)
        idle.request("GET", "/")
        idle.getresponse().read()
        lines = [line for line in self.dead.splitlines() if "name: db" not in line and " db: " not in line]
        new = self.put("\n".join(lines).replace('"one"', '"two"'))
        plan = json.loads(self.cli("plan", new, "--json").output)
        touched = {(each["kind"], each["fate"]): each["count"] for each in plan["connections"]}
        self.assertEqual(
            touched,
            {("websocket", "unaffected"): 3, ("relay", "finishes"): 2, ("h2", "unaffected"): 14,
             ("http/1.1", "unaffected"): 1},
        )  # fmt: skip
        changes = {(each["action"], each["kind"], each["name"]) for each in plan["changes"]}
        dead = re.findall(r"shop: .*?(http://[^\"]*)", self.dead)[0]
        self.assertEqual(
            changes,
            {("remove", "listener", "db"), ("change", "route", "text"), ("remove", "backend", "db"),
             ("remove", "server", f"shop/http://127.0.0.1:{self.shop}"), ("add", "server", f"shop/{dead}")},
        )  # fmt: skip
        [text] = [each for each in plan["changes"] if each["name"] == "text"]
        [key] = text["keys"]
        self.assertEqual((key["key"], key["before"], key["after"]), ("respond.body", "one", "two"))
        self.assertEqual(key["place_before"], f"{self.gateway.config}:11:50")
        self.assertEqual(key["place_after"], f"{new}:10:50")
        state = {each["what"]: (each["fate"], each["note"]) for each in plan["state"]}
        self.assertEqual(state["middleware rate-limit of route few"], ("kept", "its counters"))
        self.assertEqual(state["connections to chat"], ("kept", "0 idle"))
        said = self.cli("plan", new)
        self.assertEqual(said.exit_code, 0)
        self.assertIn("  3 websocket on web, route chat, to chat: unaffected\n", said.output)
        self.assertIn("  2 relay on db, to db: finishes: its listener goes: it goes on until it", said.output)
        self.assertEqual(self.cli("plan", new, "--exit-code").exit_code, 2)
        self.assertEqual(self.cli("plan", "--exit-code", str(self.gateway.config)).exit_code, 0)
        self.assertEqual(self.text("/"), "shop")
        self.assertNotIn("changed", self.gateway.log())

    def test_what_would_be_refused(self) -> None:
        taken = self.start(CountingBackend())
        new = self.config.replace("@TCP@", str(taken.port)).replace("workers: 1", "workers: 3")
        said = self.cli("plan", self.put(new))
        self.assertEqual(said.exit_code, 1)
        self.assertRegex(
            said.output, r"new\.yaml:7:1: the number of workers can not be changed while it runs"
        )
        self.assertRegex(
            said.output, r"new\.yaml:4:\d+: listener 'db' can not listen on TCP .*another process"
        )
        said = self.cli(
            "plan", self.put("listeners: [{protocol: htp, port: 99999}]\nrotes: []\n", "bad.yaml")
        )
        self.assertEqual(said.exit_code, 1)
        for problem in (r"bad\.yaml:1:24: ", r"bad\.yaml:1:35: ", r"bad\.yaml:2:1: unknown key 'rotes'"):
            self.assertRegex(said.output, problem)
        self.assertEqual(self.text(), "one")


SMALL = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
admin: {port: @ADMIN@}
workers: 1
history: {keep: 5, path: past}
drain: {limit: 500ms}
routes: [{name: a, respond: {body: TEXT}}]
"""


def small(text: str) -> str:
    return SMALL.replace("TEXT", text)


class Approval(ChangingCase):
    """Who decides, and when."""

    def setUp(self) -> None:
        self.serve(small("one"))

    def test_the_ways_it_ends(self) -> None:
        before = self.on_disk
        found = self.apply(small("two"), window="1s", confirm=True, author="me")
        self.assertEqual((found["state"], found["result"], found["saved"]), ("watching", "waiting", False))
        self.assertEqual((self.text(), self.on_disk), ("two", before))
        # Not while one waits.
        self.assertEqual(self.apply(small("three"), 409)["word"], "change_under_way")
        self.assertEqual(self.cli("rollback", "2").exit_code, 1)
        self.assertEqual(self.ends("went back")["reason"], "not confirmed within 1s")
        self.assertEqual((self.text(), self.on_disk), ("one", before))
        late = self.cli("confirm")
        self.assertEqual(late.exit_code, 1)
        self.assertIn(
            "no change waits for a confirmation: the last one went back: not confirmed", late.output
        )
        # In time.
        self.apply(small("three"), window="20s", confirm=True)
        said = self.cli("confirm")
        self.assertEqual(
            (said.exit_code, said.output), (0, f"change 4 is confirmed; {self.gateway.config} says so\n")
        )
        self.assertEqual((self.text(), self.on_disk), ("three", self.gateway.fill(small("three"))))
        # By hand, while it waits.
        self.apply(small("four"), window="20s", confirm=True)
        self.assertEqual(self.cli("rollback", "--author", "me").exit_code, 0)
        self.assertEqual(self.ends("went back")["reason"], "me asked for it")
        self.assertEqual(self.text(), "three")
        # The file is loaded again while it waits: that is what counts.
        self.apply(small("five"), window="20s", confirm=True)
        self.gateway.kill(signal.SIGHUP)
        self.assertEqual(self.ends("went back")["reason"], "SIGHUP took another configuration into service")
        self.assertEqual(self.text(), "three")
        # Without anybody, where the condition does not hold.
        found = self.apply(small("six"), window="1s", rollback_if="5xx > 0")
        self.assertEqual(found["needs"], "nothing")
        self.assertTrue(self.ends("applied")["saved"])
        self.assertEqual((self.text(), self.on_disk), ("six", self.gateway.fill(small("six"))))

    def test_a_stop_while_it_waits(self) -> None:
        before = self.on_disk
        self.apply(small("two"), window="20s", confirm=True)
        self.gateway.kill(signal.SIGTERM)
        eventually(lambda: "was not confirmed: the file says what was before" in self.gateway.log())
        self.assertEqual(self.on_disk, before)
        past = self.gateway.folder / "past"
        found = json.loads((past / "000002.json").read_text())
        self.assertEqual(found["reason"], "the gateway was stopped before it was confirmed")
        modes = {stat.S_IMODE(each.stat().st_mode) for each in past.iterdir()}
        self.assertEqual((modes, stat.S_IMODE(past.stat().st_mode)), ({0o600}, 0o700))

    def test_by_hand(self) -> None:
        self.gateway.config.chmod(0o640)
        secret = "token: abcdefghijklmnop, port"
        environ = {"TORON_ADMIN_TOKEN": "abcdefghijklmnop"}
        said = self.cli("apply", self.put(small("two")), "-m", "why not", "--author", "me")
        self.assertEqual(
            (said.exit_code, said.output), (0, f"change 2 is applied; {self.gateway.config} says so\n")
        )
        self.assertEqual(stat.S_IMODE(self.gateway.config.stat().st_mode), 0o640)
        self.assertEqual(
            self.cli("apply", self.put(small("three").replace("port: @AD", f"{secret}: @AD"))).exit_code, 0
        )
        with_token = CliRunner(
            env=environ | {"TORON_ADMIN": f"http://127.0.0.1:{self.gateway.ports['ADMIN']}"}
        )
        said = with_token.invoke(main, ["history"])
        self.assertRegex(
            said.output, r"\A\*   3  .*\n    2  .*  me +\+1 -1  applied  why not\n    1  .*  start "
        )
        said = with_token.invoke(main, ["history", "--diff", "3"])
        self.assertIn("+admin: {token: <secret>, port: ", said.output)
        self.assertNotIn("abcdefgh", said.output)
        said = with_token.invoke(main, ["rollback", "2", "-m", "as it was"])
        self.assertEqual((said.exit_code, self.text()), (0, "one"), said.output)
        self.assertEqual(self.on_disk, self.gateway.fill(small("one")))
        self.assertEqual(self.cli("rollback").exit_code, 0)
        self.assertEqual(self.text(), "three", "a rollback is a change too")
        said = with_token.invoke(main, ["rollback", "--to", "99"])
        self.assertEqual(said.exit_code, 1)
        self.assertIn("there is no such entry of the history: 99", said.output)
        # The gateway that is started next remembers them.
        self.assertEqual(len(list((self.gateway.folder / "past").iterdir())), 5)

    def test_what_is_refused(self) -> None:
        for condition, column in (("error_rate > ", 13), ("eror_rate > 2%", 1), ("p99 > 2%", 7)):
            said = self.cli("apply", self.put(small("two")), "--rollback-if", condition)
            self.assertEqual(said.exit_code, 1)
            self.assertIn(f"rollback_if: column {column}: ", said.output)
        said = self.cli("apply", self.put(small("two") + "rotes: []\nroutes: 3\n"))
        self.assertEqual(said.exit_code, 1)
        self.assertRegex(
            said.output, r"new\.yaml:8:1: unknown key 'rotes'.*\n.*new\.yaml:9:1: the key 'routes' is"
        )
        said = self.cli("apply", self.put(json.dumps({"listeners": []}), "new.json"))
        self.assertIn("its name says that it is .yaml, and what was sent is .json", said.output)
        self.assertEqual(self.apply(small("two"), 400, window="1y", confirm=True)["word"], "bad_window")
        self.assertEqual(self.apply(small("two"), 400, confirm=True)["word"], "bad_window")
        self.assertEqual(self.text(), "one")
        self.assertEqual(len(self.api("GET", "history")["entries"]), 1)
        # Nobody is there.
        gone = CliRunner(env={"TORON_ADMIN": f"http://127.0.0.1:{free_port()}"})
        for words in (["plan", self.put(small("two"))], ["confirm"], ["rollback"], ["history"]):
            self.assertEqual(gone.invoke(main, words).exit_code, 3)
        said = gone.invoke(main, ["plan", "--offline", str(self.gateway.config), self.put(small("two"))])
        self.assertEqual(said.exit_code, 0)
        self.assertRegex(
            said.output, r"~ route a  \(.*config\.yaml:7:10 -> .*new\.yaml:7:10\)\n +respond.body: one -> two"
        )

    def test_two_at_a_time(self) -> None:
        said: list[int] = []
        threads = [
            threading.Thread(
                target=lambda text: said.append(self._status(text)), args=(text,)
            ) for text in ("two", "three", "four")
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        self.assertEqual(sorted(said), [200, 409, 409])
        self.assertIn(self.text(), ("two", "three", "four"))

    def _status(self, text: str) -> int:
        body = {"configuration": self.gateway.fill(small(text)), "window": "20s", "confirm": True}
        return ask(
            self.gateway.ports["ADMIN"], "/api/v1/apply", method="POST",
            headers={"Content-Type": "application/json"}, body=json.dumps(body).encode(),
        ).status  # fmt: skip


class Workers(ChangingCase):
    """Where several processes serve, all of them are asked, and change together."""

    def test_a_plan_and_a_change_that_goes_back(self) -> None:
        backend = self.start(CountingBackend(answer("well")))
        config = SMALL.replace("workers: 1", "workers: 2").replace("respond: {body: TEXT}", "backend: b")
        config += f'backends: {{b: {{url: "http://127.0.0.1:{backend.port}"}}}}\n'
        self.serve(config)
        held = [socket.create_connection(("127.0.0.1", self.gateway.port), 5) for _ in range(6)]
        for each in held:
            self.addCleanup(each.close)
            each.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            each.recv(1000)
        bad = config.replace(f":{backend.port}", f":{free_port()}")
        plan = json.loads(self.cli("plan", "--json", self.put(bad)).output)
        [touched] = plan["connections"]
        self.assertEqual((touched["count"], touched["kind"], touched["fate"]), (6, "http/1.1", "unaffected"))
        self.assertEqual(plan["changes"][0]["kind"], "server")
        load = self.start(Load(self.gateway.port))
        eventually(lambda: len(load.answers) > 20)
        said = self.cli("apply", self.put(bad), "--confirm", "20s", "--rollback-if", "5xx > 10")
        self.assertEqual(said.exit_code, 1, said.output)
        self.assertRegex(said.output, r"change 2 went back: 5xx is \d+ > 10")
        self.assertEqual(load.since(), {"well"})
