import re

from tests.faults.matrix import DELETING, POINTS
from tests.installation import ROOT


def test_every_point_at_which_the_engine_may_break_is_tried() -> None:
    sources = (path.read_text() for path in (ROOT / "webapp").rglob("*.py"))
    named = {name for source in sources for name in re.findall(r'faultpoint\("(.+?)"\)', source)}
    assert named == {*POINTS, DELETING}
