"""The file that the gateway was started with: what it says is what serves after the next start."""

from __future__ import annotations

from collections.abc import Callable

from toron.changing.saving import replace_file


class OwnFile:
    """Replaced only where nothing is lost by that. All methods read the disk, and raise OSError."""

    def __init__(self, path: str, known: Callable[[bytes], bool]) -> None:
        """`known` tells whether a text is remembered, since it has served."""
        self.path = path
        self._known = known

    def edited(self, text: bytes) -> bool:
        """Whether somebody has written something to it that has not served, and is not `text`."""
        now = said(self.path)
        return now is not None and now != text and not self._known(now)

    def write(self, text: bytes, overwrite: bool) -> str:
        """Have it say `text`; why that was not done, if it was edited and may not be overwritten."""
        if not overwrite and self.edited(text):
            return "it was edited meanwhile, and was left as it is: toron reload takes what it says"
        replace_file(self.path, text)
        return ""

    def restore(self, wrong: bytes, right: bytes) -> bool:
        """Where it says what went back, have it say what was before; whether it does now."""
        now = said(self.path)
        if now == wrong:
            replace_file(self.path, right)
            return True
        return now == right


def said(path: str) -> bytes | None:
    """What a file says; None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
