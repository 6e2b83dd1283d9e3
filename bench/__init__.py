"""The comparison of `make bench`: toron beside nginx, HAProxy, Envoy and Caddy, by CPU time."""
