"""The text of a cell or of a shared string, put together from XML events."""

from webapp.jobtypes.dataset_report.xml_events import Event

LONGEST = 131_072  # characters, the limit that fields of a CSV file have; Excel's own is 32,767
HOLDERS = frozenset({"v", "t"})


class CellText:
    """Joins all runs of formatted text, leaves phonetic hints out, and stops at `LONGEST` characters."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._reading = self._phonetic = False

    def take(self, event: Event) -> None:
        """Take any event; most do not matter."""
        kind, name, _ = event
        if kind == "text":
            self._append(name)
        elif name in HOLDERS:
            self._reading = kind == "start" and not self._phonetic
        elif name == "rPh":
            self._phonetic = kind == "start"

    def finished(self) -> str:
        """Return the text and begin the next one."""
        text = "".join(self._pieces)[:LONGEST]
        self._pieces, self._length = [], 0
        return text

    def _append(self, piece: str) -> None:
        if self._reading and self._length < LONGEST:
            self._pieces.append(piece)
            self._length += len(piece)
