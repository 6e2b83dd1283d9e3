"""toron: a multi-protocol gateway on Twisted, in one `twistd toron -c config.yaml`."""

import os

from toron.compiled import choose

__version__ = "0.1.0"

choose(os.environ)
