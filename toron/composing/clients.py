"""Makes what a listener asks of its clients: certificates, and hosts that agree with the TLS handshake."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import SSL

from toron.composing.ground import Ground
from toron.config import model
from toron.core.agreement import Agreement
from toron.net.certificates import Certificates
from toron.net.client_certs import AskedClients, ClientRule, ClientRules

Place = tuple[str | int, ...]


def client_rules(ground: Ground, path: Place, spec: model.Listener) -> ClientRules | None:
    """Which certificates the clients of the listener at `path` show; None where nobody is asked for one."""
    asked = spec.tls.client
    if not asked:
        return None
    rules = ground.same(
        ("client rules", spec.label), (asked, ground.contents(asked)), lambda: _rules(ground, path, spec)
    )
    return rules if rules.rules else None


def asked_clients(
    ground: Ground, path: Place, spec: model.Listener, certificates: Certificates
) -> AskedClients | None:
    """The same, with what those are shown who are asked."""
    rules = client_rules(ground, path, spec)
    if rules is None:
        return None
    key = ("asked clients", spec.label)
    return ground.same(key, (rules, certificates), lambda: AskedClients(rules, certificates))


def agreement(ground: Ground, path: Place, spec: model.Listener) -> Agreement | None:
    """What has to be so between the name in a handshake and the hosts of requests; None for nothing."""
    if spec.protocol == "http":
        return None
    rules = client_rules(ground, path, spec)
    any_host = spec.tls.misdirected == "pass"
    if rules is None and any_host:
        return None
    return Agreement(None if rules is None else rules.of, any_host=any_host)


def _rules(ground: Ground, path: Place, spec: model.Listener) -> ClientRules:
    rest: ClientRule | None = None
    by_name: dict[str, ClientRule | None] = {}
    for index, each in enumerate(spec.tls.client):
        rule = None if each.verify == "none" else _rule(ground, (*path, "tls", "client", index), each)
        by_name |= {name.lower().rstrip("."): rule for name in each.names}
        rest = rest if each.names else rule
    return ClientRules(rest, by_name)


def _rule(ground: Ground, path: Place, spec: model.ClientTls) -> ClientRule:
    def read(file: str | None) -> bytes:
        return b"" if file is None else Path(ground.path(file)).read_bytes()

    def make() -> ClientRule:
        return ClientRule(spec.verify == "required", read(spec.ca), read(spec.crl), spec.headers)

    with ground.located("the authorities of clients can not be used", *path):
        rule = ground.once(make)
        # OpenSSL may refuse what could be read, and must say which one it is.
        rule.prepare(SSL.Context(SSL.TLS_SERVER_METHOD))
    return rule
