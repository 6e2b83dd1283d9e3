"""toron: a multi-protocol gateway on Twisted, in one `twistd toron -c config.yaml`."""

__version__ = "0.1.0"
