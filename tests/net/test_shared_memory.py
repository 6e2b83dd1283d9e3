"""Memory that another process sees, and a lock that its death lets go."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from toron.net.shared_memory import SharedMemory, as_file

HOLD = """
import sys, time
from toron.net.shared_memory import SharedMemory
memory = SharedMemory(int(sys.argv[1]))
memory.lock(7)
memory.view[:2] = b"hi"
print("held", flush=True)
time.sleep(60)
"""

TRY = """
import fcntl, sys
for place in (7, 8):
    try:
        fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        print("free")
    except OSError:
        print("held")
"""


class Memory(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = SharedMemory.create(100)

    def tried(self) -> list[str]:
        """Whether the places 7 and 8 are held, as another process sees it."""
        program = [sys.executable, "-c", TRY, str(self.memory.fd)]
        done = subprocess.run(program, pass_fds=[self.memory.fd], capture_output=True, text=True, timeout=30)
        return done.stdout.split()

    def test_it_begins_with_nothing(self) -> None:
        self.assertEqual(bytes(self.memory.view), bytes(100))
        self.assertFalse(os.get_inheritable(self.memory.fd))

    def test_locks_keep_processes_apart(self) -> None:
        self.memory.lock(7)
        self.assertEqual(self.tried(), ["held", "free"])
        self.memory.unlock(7)
        self.assertEqual(self.tried(), ["free", "free"])

    def test_a_lock_ends_with_its_process(self) -> None:
        program = [sys.executable, "-c", HOLD, str(self.memory.fd)]
        with subprocess.Popen(program, pass_fds=[self.memory.fd], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            self.assertEqual(other.stdout.readline(), b"held\n")
            self.assertEqual(bytes(self.memory.view[:3]), b"hi\0")
            self.assertEqual(self.tried(), ["held", "free"])
            other.kill()
            other.wait(10)
        self.memory.lock(7)
        self.memory.unlock(7)

    def test_a_file_for_a_while(self) -> None:
        with as_file(b"data") as path, open(path, "rb") as file:
            self.assertEqual(file.read(), b"data")
        self.assertFalse(os.path.exists(path))
