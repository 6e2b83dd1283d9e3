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
        said = self._said()
        return said is not None and said != text and not self._known(said)

    def write(self, text: bytes, overwrite: bool) -> str:
        """Have it say `text`; why that was not done, if it was edited and may not be overwritten."""
        if not overwrite and self.edited(text):
            return "it was edited meanwhile, and was left as it is: toron reload takes what it says"
        replace_file(self.path, text)
        return ""

    def restore(self, wrong: bytes, right: bytes) -> bool:
        """Where it says what went back, have it say what was before; whether it does now."""
        said = self._said()
        if said == wrong:
            replace_file(self.path, right)
            return True
        return said == right

    def _said(self) -> bytes | None:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
