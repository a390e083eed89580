"""Any content of a CSV file, plain or packed with gzip, is a data set or an error of data."""

import gzip
import tempfile
from contextlib import suppress
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table

ROWS = "".join(f"{i % 7},{i / 4},{'uv'[i % 2]}\n" for i in range(9))
TABLE = f"a,b,y\n{ROWS}"
QUOTED = 'a;b;y\n"1,5";"x;""z""\n";u\n"2,5";x;v\n' * 3
OTHERS = [
    f"sep=;\n{TABLE.replace(',', ';')}",
    f"# title\n\n{TABLE}Total,9,\n",
    "'a'|'b'|'y'\n'1'|'2'|'u'\n'3'|'4'|'v'\n",
    "a b y\n1 2 u\n3 4 v\n5 6 u\n",
    "a,b,y\n2024-01-31,1.234,5\n2024-02-29,2.345,6\n,NA,7\n",
]
SEEDS = [text.encode() for text in (TABLE, QUOTED, *OTHERS)]
SEEDS += [TABLE.encode("utf-16"), b"\xef\xbb\xbf" + SEEDS[0], SEEDS[1].replace(b"x", b"\xe9")]
SEEDS += [gzip.compress(SEEDS[0], mtime=0)]


def check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        path = Path(folder) / "t.csv"
        path.write_bytes(content)
        dataset = Table(path=str(path), target="y").load()
        assert len(dataset.y) + len(dataset.y_test) <= 2000 * (len(content) + 1)
