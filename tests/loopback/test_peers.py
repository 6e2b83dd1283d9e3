"""Each real peer comes up, answers its own client, and leaves nothing behind."""

from __future__ import annotations

from tests.loopback.peers import (
    CountingBackend,
    Haproxy,
    LoopbackTestCase,
    Nginx,
    Peer,
    PeerFailed,
    Postgres,
    Redis,
    run,
)
from tests.loopback.proc import Process, descendants, is_alive
from tests.loopback.sockets import answers

HELLO = """
frontend web
    bind 127.0.0.1:@PORT@
    http-request return status 200 content-type text/plain string hello
"""


class RealPeers(LoopbackTestCase):
    """nginx, haproxy, Redis and PostgreSQL, with the clients of their makers."""

    def gone(self, peer: Peer) -> None:
        family: list[Process] = descendants(peer.pid)
        port = peer.port
        peer.stop()
        self.assertEqual(peer.survivors, [])
        self.assertEqual([process for process in family if is_alive(process)], [])
        self.assertFalse(answers(port))

    def test_nginx(self) -> None:
        nginx = self.start(Nginx())
        (nginx.folder / "www" / "a.txt").write_text("from nginx")
        got = run("curl", "-sS", f"http://127.0.0.1:{nginx.port}/a.txt")
        self.assertEqual(got.stdout, b"from nginx", got.stderr)
        self.assertEqual(len(nginx.children), 1, "a master and a worker")
        self.gone(nginx)

    def test_nginx_in_front_of_a_backend(self) -> None:
        backend = self.start(CountingBackend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
        to = f"proxy_pass http://127.0.0.1:{backend.port};"
        nginx = self.start(Nginx(f"server {{ listen 127.0.0.1:@PORT@; location / {{ {to} }} }}"))
        got = run("curl", "-sS", f"http://127.0.0.1:{nginx.port}/")
        self.assertEqual(got.stdout, b"hi", got.stderr)
        self.assertEqual(backend.connections, 1)

    def test_nginx_tells_why_it_does_not_come_up(self) -> None:
        nginx = Nginx("server { listen 127.0.0.1:@PORT@; nonsense; }")
        failure = self.assertRaises(PeerFailed, self.start, nginx)
        self.assertIn("nginx ended with 1", str(failure))
        self.assertIn('unknown directive "nonsense"', str(failure))

    def test_haproxy(self) -> None:
        haproxy = self.start(Haproxy(HELLO))
        got = run("curl", "-sS", f"http://127.0.0.1:{haproxy.port}/")
        self.assertEqual(got.stdout, b"hello", got.stderr)
        self.gone(haproxy)

    def test_redis(self) -> None:
        redis = self.start(Redis())
        self.assertEqual(redis.cli("SET", "word", "toron"), "OK")
        self.assertEqual(redis.cli("GET", "word"), "toron")
        self.gone(redis)

    def test_redis_with_a_password(self) -> None:
        class Locked(Redis):
            def is_ready(self) -> bool:
                return "NOAUTH" in self.cli("PING")

        redis = self.start(Locked("--requirepass", "secret"))
        self.assertEqual(redis.cli("--no-auth-warning", "-a", "secret", "PING"), "PONG")

    def test_postgres(self) -> None:
        postgres = self.start(Postgres(max_connections="7"))
        self.assertEqual(postgres.psql("show max_connections"), "7")
        self.assertIn("syntax error", postgres.psql("selectt"))
        self.assertGreater(len(postgres.children), 2)
        self.assertGreater(postgres.rss(), 10 << 20)
        self.gone(postgres)
