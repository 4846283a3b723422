"""A table of any format becomes an Arrow table: its columns, and what was noticed on the way.

    text        .csv .tsv .txt .data and any other ending: delimiter, quotes and encoding are found
    .parquet    columns as they are
    .feather .arrow .ipc    Arrow's own files
    .jsonl .ndjson .json    an object a line
    .xlsx       the first sheet, by openpyxl where it is installed

Each may be packed as .gz, .zst or .bz2, or come by a pipe, "-". Arrow reads all but .xlsx.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ..checks.extras import require
from ..files.columns import check_names, index_by_metadata, index_by_name
from ..files.common import check_fits, reading
from .bytes import PIPE, Content, content_of
from .dialect import Asked, Dialect, dialect_of, text_lines

TEXT = (".csv", ".tsv", ".tab", ".psv", ".txt", ".data", ".dat", "")
BINARY = (".parquet", ".feather", ".arrow", ".ipc", ".jsonl", ".ndjson", ".json", ".xlsx")
PACKINGS = (".gz", ".zst", ".bz2")
NOTHING = ("", "#N/A", "#NA", "N/A", "NA", "NULL", "NaN", "nan", "n/a", "null", "<NA>", "?")
_COLUMN_BYTES = 12_000  # that Arrow takes of memory for each column of a text table
_LARGEST_BLOCK = 1 << 30
_LIBSVM = re.compile(rb"(?m)\A\s*[-+.\deE]+(\s+(\d+|qid):[-+.\deEnNiI]+)+\s*$")


class Frame(NamedTuple):
    """Columns that were loaded, in order, and where a row of them lies in the file.

    line_of: the line of a row, both counted as people do, lines from 1 and rows from 0; None where
    the file has no lines.
    """

    path: Path
    names: list[str]
    columns: list[Any]
    line_of: Callable[[int], int] | None

    @property
    def m(self) -> int:
        """Return how many rows there are."""
        return len(self.columns[0]) if self.columns else 0

    def take(self, rows: Any) -> Frame:
        """Return the frame of some rows."""
        import pyarrow as pa

        line_of, chosen = self.line_of, pa.array(rows)
        return self._replace(
            columns=[column.take(chosen) for column in self.columns],
            line_of=None if line_of is None else lambda row: line_of(int(rows[row])),
        )

    def at(self, row: int) -> str:
        """Name a place: the file, and the line or the row in it."""
        if self.line_of is None:
            return f"{self.path}, row {row} (counted from 0)"
        return f"{self.path}, line {self.line_of(row)}"


class OpenTable(NamedTuple):
    """A table whose columns are known: their names, a data frame's index, and how to load some.

    said: how it is written, for people. renamed: columns that had the name of another one.
    load(positions, as_text): columns at as_text stay the text that is written, where it is text.
    """

    path: Path
    names: list[str]
    index_columns: list[int]
    said: str
    renamed: tuple[str, ...]
    load: Callable[[Sequence[int], Sequence[int]], Frame]


def is_table(path: Path, asks_for_columns: bool = False) -> bool:
    """Tell whether a file is one of columns: by its ending, or else by its first lines.

    asks_for_columns: the user named one, so that a text of no known ending is a table.
    """
    if str(path) == PIPE:
        return True
    ending = path.suffix.lower()
    packed = ending in PACKINGS
    inner = Path(path.stem).suffix.lower() if packed else ending
    if packed or inner in BINARY or inner in (".csv", ".tsv", ".data", ".tab", ".psv"):
        return True
    if inner in (".h5", ".hdf5", ".npz", ".npy"):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    if _LIBSVM.search(start[: start.rfind(b"\n") + 1 or None].split(b"\n")[0] + b"\n"):
        return False
    return inner in TEXT[:-1] or asks_for_columns


def open_table(path: Path, asked: Asked) -> OpenTable:
    """Open a table; ValueError, FileNotFoundError or ModuleNotFoundError say why it cannot be."""
    require("pyarrow", "cli", f"reading {path}")
    if str(path) != PIPE:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if not path.is_file():
            raise ValueError(f"{path} is not a file")
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty")
    content = content_of(path)
    if content.held is not None and not len(content.held):
        raise ValueError(f"{content.path} is empty")
    opened = {
        ".parquet": _parquet,
        ".feather": _arrow,
        ".arrow": _arrow,
        ".ipc": _arrow,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".json": _json_lines,
        ".xlsx": _sheet,
    }.get(content.kind)
    table = _text(content, asked) if opened is None else opened(content)
    names, renamed = _different(table.names)
    return table._replace(names=names, renamed=renamed)


def _different(names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Give each column a name of its own: a second "a" becomes "a.1", as pandas does."""
    found: list[str] = []
    renamed = []
    taken = set(names)
    for j, name in enumerate(names):
        own = name
        if own in found:
            own = name or f"column {j}"
            k = 1
            while own in found or (own in taken and own != name) or own == name:
                own = f"{name or 'column'}.{k}"
                k += 1
            renamed.append(own)
        found.append(own)
    return found, tuple(renamed)


# ---------------------------------------------------------------- text


def _text(content: Content, asked: Asked) -> OpenTable:
    path = content.path
    dialect = dialect_of(content, asked)
    names = dialect.names
    check_fits(path, f"a CSV of {len(names)} columns", _COLUMN_BYTES * len(names))

    def load(positions: Sequence[int], as_text: Sequence[int]) -> Frame:
        table = _read_csv(content, dialect, positions, as_text)
        return Frame(
            path,
            [names[j] for j in positions],
            [table.column(str(j)) for j in positions],
            lambda row: _line_of(content, dialect, row),
        )

    return OpenTable(path, names, index_by_name(names), dialect.said(), (), load)


def _read_csv(
    content: Content, dialect: Dialect, positions: Sequence[int], as_text: Sequence[int]
) -> Any:
    """Let Arrow read the columns; a row longer than its blocks asks for longer blocks."""
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    block, skip, delimiter = max(1 << 20, 4 * dialect.longest), dialect.skip, dialect.delimiter
    source: Any = content.source()
    rewritten = dialect.spread or dialect.encoding not in ("utf-8", "utf-8-sig", "ascii")
    text = _rewritten(content, dialect) if rewritten else b""
    if rewritten:
        delimiter, skip = ",", 0
    plain = dialect._replace(quote='"', escape=None) if rewritten else dialect
    while True:
        try:
            return pa_csv.read_csv(
                pa.BufferReader(text) if rewritten else source,
                read_options=pa_csv.ReadOptions(
                    column_names=[str(j) for j in range(len(dialect.names))],
                    skip_rows=skip,
                    block_size=block,
                ),
                # Arrow otherwise cuts its blocks at any line break, also within quotes
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter,
                    quote_char=plain.quote,
                    escape_char=plain.escape or False,
                    double_quote=plain.escape is None,
                    newlines_in_values=True,
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=[str(j) for j in positions],
                    column_types={str(j): pa.string() for j in as_text},
                    null_values=list(NOTHING),
                    strings_can_be_null=True,
                ),
            )
        except (ValueError, MemoryError, OverflowError) as error:  # pyarrow's are ValueErrors
            said = (str(error).splitlines() or [""])[0]
            if "straddling" in said and block < _LARGEST_BLOCK:
                block *= 16
                source = content.source()
                continue
            raise _bad_row(content, dialect, said) from error


def _rewritten(content: Content, dialect: Dialect) -> bytes:
    """Write a text anew as CSV in UTF-8, without the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    try:
        for row in _rows(content, dialect):
            writer.writerow([field.strip() for field in row])
    except csv.Error as error:
        raise ValueError(f"{content.path} cannot be read as CSV: {error}") from error
    text = out.getvalue()
    check_fits(content.path, "its text", 2 * len(text))
    return text.encode()


def _rows(content: Content, dialect: Dialect) -> Iterator[list[str]]:
    """Yield the rows of data that are not empty, cut by Python's csv."""
    lines: Iterator[str] = islice(text_lines(content, dialect.encoding), dialect.skip, None)
    if dialect.spread and dialect.delimiter == " ":
        lines = (re.sub(" +", " ", line.strip(" ")) for line in lines)
    elif dialect.spread:
        lines = (line.lstrip(" ") for line in lines)
    for row in dialect.reader(lines):
        if row:
            yield row


def _line_of(content: Content, dialect: Dialect, row: int) -> int:
    """Count lines up to where a row begins; a field in quotes may have lines of its own."""
    reader = dialect.reader(islice(text_lines(content, dialect.encoding), dialect.skip, None))
    found, before = -1, 0
    for fields in reader:
        found += bool(fields)
        if found == row:
            break
        before = reader.line_num
    return dialect.skip + before + 1


def _bad_row(content: Content, dialect: Dialect, said: str) -> ValueError:
    """Find the first row that does not fit, which Arrow does not name by its line."""
    count = len(dialect.names)
    try:
        for k, row in enumerate(_rows(content, dialect)):
            if len(row) != count:
                line = _line_of(content, dialect, k)
                return ValueError(
                    f"{content.path}, line {line}: {len(row)} fields, and the table has {count} "
                    "columns; mend the line, or name the sign between fields with --delimiter"
                )
    except (ValueError, csv.Error) as error:
        said = str(error)
    if said.startswith(str(content.path)):
        return ValueError(said)
    return ValueError(
        f"{content.path} cannot be read as CSV: {said}; look at --delimiter and --encoding"
    )


# ---------------------------------------------------------------- other formats


def _loaded(path: Path, table: Any, said: str, line_of: Callable[[int], int] | None) -> OpenTable:
    """Make an open table of one that is in memory."""
    names = [str(name) for name in table.column_names]

    def load(positions: Sequence[int], as_text: Sequence[int]) -> Frame:
        return Frame(
            path,
            [names[j] for j in positions],
            [table.column(j) for j in positions],
            line_of,
        )

    index = index_by_metadata(names, table.schema.metadata)
    return OpenTable(path, names, index, said, (), load)


def _parquet(content: Content) -> OpenTable:
    import pyarrow.parquet as pq

    path = content.path
    with reading(path, "Parquet"), pq.ParquetFile(content.source()) as file:
        schema, m = file.schema_arrow, file.metadata.num_rows
    names = list(schema.names)

    def load(positions: Sequence[int], as_text: Sequence[int]) -> Frame:
        widths = (_width(schema.field(j).type) for j in positions)
        check_fits(path, "the table", 3 * m * sum(widths))
        with reading(path, "Parquet"), pq.ParquetFile(content.source()) as file:
            check_names(path, names, [names[j] for j in positions])
            table = file.read(columns=[names[j] for j in positions])
            columns = [table.column(names[j]) for j in positions]
        return Frame(path, [names[j] for j in positions], columns, None)

    return OpenTable(path, names, index_by_metadata(names, schema.metadata), "Parquet", (), load)


def _width(kind: Any) -> int:
    """Return the bytes of a value, 4 for one of any length."""
    try:
        return -(-int(kind.bit_width) // 8)
    except ValueError:
        return 4


def _arrow(content: Content) -> OpenTable:
    from pyarrow import feather

    with reading(content.path, "Arrow"):
        table = feather.read_table(content.source(), memory_map=False)
        table.validate(full=True)
    return _loaded(content.path, table, "Arrow", None)


def _json_lines(content: Content) -> OpenTable:
    from pyarrow import json

    with content.open() as file:
        start = file.read(4096).lstrip()
    if start.startswith(b"["):
        raise ValueError(
            f"{content.path} is one JSON array: write an object a line (JSON lines), as pandas "
            'does with to_json(lines=True, orient="records")'
        )
    with reading(content.path, "JSON lines"):
        table = json.read_json(content.source())
    return _loaded(content.path, table, "JSON lines", lambda row: row + 1)


def _sheet(content: Content) -> OpenTable:
    import pyarrow as pa

    openpyxl = require("openpyxl", "xlsx", f"reading {content.path}")
    with reading(content.path, ".xlsx"):
        with content.open() as file:
            book = openpyxl.load_workbook(io.BytesIO(file.read()), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = [row for row in sheet.iter_rows(values_only=True) if any(v is not None for v in row)]
        if not rows:
            raise ValueError("its first sheet is empty")
        first = rows[0]
        names = ["" if v is None else str(v).strip() for v in first]
        values: list[Any] = []
        for j in range(len(first)):
            cells = [row[j] if j < len(row) else None for row in rows[1:]]
            try:
                values.append(pa.array(cells))
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                values.append(pa.array([None if v is None else str(v) for v in cells]))
    opened = _loaded(
        content.path,
        pa.table(values, names=[f"{j}" for j in range(len(names))]),
        f"the sheet {sheet.title!r}",
        lambda row: row + 2,
    )

    def load(positions: Sequence[int], as_text: Sequence[int]) -> Frame:
        return opened.load(positions, as_text)._replace(names=[names[j] for j in positions])

    return opened._replace(names=names, index_columns=index_by_name(names), load=load)
