"""Joins http listeners with the https listeners that they redirect to."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

from toron.config import model
from toron.core.message import Service
from toron.net.certificates import Certificates
from toron.net.http_site import HttpSite
from toron.services.to_https import Hosts, SecureDoor, to_https


def redirects(config: model.Config, spec: model.Listener) -> bool:
    """Whether what comes to this listener is sent on to https, but for routes that name it."""
    asking = [spec, *(each for each in config.listeners if each.protocol == "https")]
    return spec.protocol == "http" and any(each.redirect_http is not None for each in asking)


class SecureDoors:
    """Those of one composition, filled while its listeners are made, in whatever order."""

    def __init__(self, config: model.Config) -> None:
        self._config = config
        self._of: defaultdict[str, list[SecureDoor]] = defaultdict(list)
        """By the names of the http listeners, in the order of the https listeners."""

    def behind(self, spec: model.Listener) -> Service | None:
        """What answers the requests to an http listener that no route takes; None for a refusal."""
        return to_https(self._of[spec.label]) if redirects(self._config, spec) else None

    def add(self, spec: model.Listener, routes: Hosts, certificates: Certificates, site: HttpSite) -> None:
        """Have http listeners redirect to this https listener, where it or they ask for that."""
        for other in self._config.listeners:
            wish = other.redirect_http or spec.redirect_http
            if other.protocol == "http" and wish is not None:
                names = partial(_names, certificates)
                self._of[other.label].append(
                    SecureDoor(routes, names, partial(_port, site, wish.port, spec.port), wish.status)
                )


def _names(certificates: Certificates) -> list[list[str]]:
    return [served.names for served in certificates.served()]


def _port(site: HttpSite, wish: int | None, written: int) -> int:
    """As clients see it; without a wish the one that is bound, or before that the one that was written."""
    return wish or int(site.port) or written
