"""Other programs that describe a table, as their users run them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_YDATA = (
    "import sys, pandas, ydata_profiling; "
    "ydata_profiling.ProfileReport(pandas.read_csv(sys.argv[1]), minimal=True, progress_bar=False).to_file('out.html')"
)
_SUMMARIZE = "import sys, duckdb; print(duckdb.sql(f\"SUMMARIZE SELECT * FROM read_csv('{sys.argv[1]}')\").fetchall())"


def commands(path: Path) -> Mapping[str, Sequence[str]]:
    """Return the arguments of Python for each peer."""
    return {
        "SUMMARIZE of DuckDB": ("-c", _SUMMARIZE, str(path)),
        "ydata-profiling, minimal": ("-c", _YDATA, str(path)),
        "csvstat of csvkit": ("-m", "csvkit.utilities.csvstat", str(path)),
    }
