"""What the shape of a configuration takes, and what it makes of it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from twisted.trial.unittest import SynchronousTestCase

from toron.config.model import (
    AsText,
    Backend,
    Config,
    Health,
    Listener,
    Many,
    Named,
    Port,
    Route,
    Secret,
    ServerSpec,
    Shortened,
    Sticky,
    Upgrade,
    Use,
)
from toron.config.units import Size

TCP = {"protocol": "tcp", "port": 1}


class Shapes(SynchronousTestCase):
    """Short ways to write things."""

    def test_ports(self) -> None:
        port = TypeAdapter(Port)
        self.assertEqual([port.validate_python(value) for value in (0, 65535)], [0, 65535])
        for wrong in (-1, 65536, "80", True, None, 80.0):
            self.assertRaises(ValidationError, port.validate_python, wrong)

    def test_labels(self) -> None:
        self.assertEqual(Listener.model_validate(TCP).label, "tcp-1")
        self.assertEqual(Listener.model_validate(TCP | {"name": "x"}).label, "x")

    def test_a_word_or_a_list(self) -> None:
        for written in ("/a", ["/a"]):
            route = Route.model_validate({"match": {"path": written}})
            self.assertEqual(route.match[0].path, ("/a",))
        self.assertEqual(len(Route.model_validate({"match": [{}, {}]}).match), 2)
        self.assertRaises(ValidationError, Route.model_validate, {"match": []})

    def test_a_main_key_that_stands_for_all(self) -> None:
        class Limit(Shortened):
            main = "size"
            size: Size
            strict: bool = False

        for value in ("1k", 1024, {"size": "1k"}, Limit(size=1024)):
            self.assertEqual(Limit.model_validate(value), Limit(size=1024, strict=False))
        for value in ("x", None, [1], {}, {"strict": True}, {"size": 1, "more": 1}):
            self.assertRaises(ValidationError, Limit.model_validate, value)
        [short, mapping] = Limit.model_json_schema()["anyOf"]
        self.assertEqual(short["anyOf"], mapping["properties"]["size"]["anyOf"])
        self.assertEqual((short.get("title"), mapping["title"]), (None, "Limit"))

    def test_texts_that_look_like_numbers(self) -> None:
        texts = TypeAdapter(dict[str, Many[AsText]])
        written = {"a": "x", "b": [1, True], "c": 2.5, "d": False}
        read = {"a": ("x",), "b": ("1", "true"), "c": ("2.5",), "d": ("false",)}
        self.assertEqual(texts.validate_python(written), read)
        for value in ({"a": None}, {"a": {}}, {"a": [[]]}):
            self.assertRaises(ValidationError, texts.validate_python, value)

    def test_values_of_headers(self) -> None:
        [match] = Route.model_validate({"match": {"headers": {"A": 1, "B": True, "C": "x", "D": 1.5}}}).match
        self.assertEqual(match.headers, {"A": "1", "B": True, "C": "x", "D": "1.5"})

    def test_not(self) -> None:
        [match] = Route.model_validate({"match": {"not": {"host": "a"}}}).match
        self.assertEqual(match.not_ and match.not_.host, ("a",))

    def test_backends_by_name_and_in_place(self) -> None:
        self.assertEqual(Route.model_validate({"backend": "api"}).backend, "api")
        backend = Route.model_validate({"backend": {"url": "http://a", "servers": ["http://b"]}}).backend
        self.assertIsInstance(backend, Backend)
        servers = backend.all_servers if isinstance(backend, Backend) else ()
        self.assertEqual(servers, (ServerSpec(url="http://a"), ServerSpec(url="http://b")))
        self.assertIsNone(Route.model_validate({"backend": None}).backend)

    def test_uses(self) -> None:
        route = Route.model_validate({"middlewares": ["jwt", {"headers": {"set": {}}}, {"jwt": None}]})
        self.assertEqual(
            list(route.middlewares),
            [Use(word="jwt"), Use(word="headers", options={"set": {}}), Use(word="jwt")],
        )
        for wrong in ({}, {"a": 1, "b": 2}, 5, None, []):
            self.assertRaises(ValidationError, Route.model_validate, {"middlewares": [wrong]})

    def test_short_redirects_and_logs(self) -> None:
        redirect = Route.model_validate({"redirect": "/x"}).redirect
        self.assertEqual(redirect and (redirect.to, redirect.status), ("/x", 308))
        config = Config.model_validate({"listeners": [TCP], "access_log": "-"})
        self.assertEqual(config.access_log and config.access_log.path, "-")

    def test_named_without_anything(self) -> None:
        config = Config.model_validate({"listeners": [TCP], "middlewares": {"jwt": None}})
        self.assertEqual(config.middlewares["jwt"].options, {})

    def test_everything_is_frozen(self) -> None:
        listener = Listener.model_validate(TCP)
        self.assertRaises(ValidationError, setattr, listener, "port", 5)


class HealthTimes(SynchronousTestCase):
    """A short interval shortens the timeout that was not written."""

    def test_a_table(self) -> None:
        table: list[tuple[dict[str, Any], float]] = [
            ({}, 5.0),
            ({"interval": "10s"}, 5.0),
            ({"interval": "5s"}, 2.5),
            ({"interval": "1ms"}, 0.0005),
            ({"interval": "5s", "timeout": "4s"}, 4.0),
        ]
        for written, timeout in table:
            self.assertEqual(Health.model_validate(written).timeout, timeout, written)
        self.assertRaises(ValidationError, Health.model_validate, {"interval": "x"})

    def test_statuses(self) -> None:
        for good in (200, "200", "200-299", "200,301-302"):
            self.assertEqual(Health.model_validate({"status": good}).status, str(good))
        for wrong in (20, 2000, "2xx", "200-", True, "600", "200\n"):
            self.assertRaises(ValidationError, Health.model_validate, {"status": wrong})


class Hidden(SynchronousTestCase):
    """What a repr and a dump leave out."""

    def test_secrets(self) -> None:
        sticky = Sticky.model_validate({"secret": "hunter2"})
        self.assertEqual(sticky.secret[0].get_secret_value(), "hunter2")
        self.assertEqual(sticky.model_dump()["secret"], ("<secret>",))
        self.assertNotIn("hunter2", f"{sticky!r} {sticky} {sticky.model_dump_json()}")
        self.assertEqual(TypeAdapter(Secret).dump_json(sticky.secret[0]), b'"<secret>"')

    def test_options(self) -> None:
        named = Named.model_validate({"type": "jwt", "secret": "hunter2"})
        self.assertEqual(named.options, {"secret": "hunter2"})
        route = Route.model_validate({"middlewares": [{"jwt": {"secret": "hunter2"}}]})
        self.assertEqual(route.middlewares[0].options, {"secret": "hunter2"})
        shown = f"{named!r} {named} {named.model_dump()} {route!r} {route.model_dump_json()}"
        self.assertIn("jwt", shown)
        self.assertNotIn("hunter2", shown)

    def test_cookie_names(self) -> None:
        self.assertRaises(ValidationError, Sticky.model_validate, {"cookie": "a b"})
        self.assertEqual(Sticky.model_validate({"cookie": "a-b"}).cookie, "a-b")


class Upgrades(SynchronousTestCase):
    """How a new process takes over."""

    def test_times(self) -> None:
        self.assertEqual((Upgrade().start, Upgrade().linger), (30.0, 600.0))
        upgrade = Upgrade.model_validate({"start": "250ms", "linger": "0"})
        self.assertEqual((upgrade.start, upgrade.linger), (0.25, 0.0))

    def test_wrong_ones(self) -> None:
        for start in ("0", "0s", "-1s", "5", 5, "never", None):
            self.assertRaises(ValidationError, Upgrade.model_validate, {"start": start})
        self.assertRaises(ValidationError, Upgrade.model_validate, {"linger": "-1s"})
        self.assertRaises(ValidationError, Upgrade.model_validate, {"limit": "1s"})
        error = self.assertRaises(ValidationError, Upgrade.model_validate, {"start": "0s"})
        self.assertIn("write a duration above 0", str(error))
