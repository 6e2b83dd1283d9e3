"""How this process was started, so that another can be started in the same way."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A command line, and where it was typed."""

    command: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    obstacle: str = ""
    """Why another can not be started, where it can not."""


def this_program(chroot: bool) -> Program:
    """Of this process, before it goes to another folder; `chroot` says that it will not see this one."""
    obstacle = ""
    if os.getpid() == 1:
        obstacle = "it is process 1 here, and with that everything ends: start another container instead"
    elif chroot:
        obstacle = "it is in a chroot, from where the program can not be started"
    # The name that Python was started by: a link leads to the new one by the time it is needed.
    return Program((sys.executable, *sys.orig_argv[1:]), os.getcwd(), dict(os.environ), obstacle)
