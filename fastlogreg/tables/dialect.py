"""How a text table is written: its encoding, delimiter, quotes and header, found in its start.

All of it can be said by the user instead. The encoding is told from a mark at the start, or by
reading the whole file as UTF-8. The delimiter is the one that cuts the first lines into the same
number of fields. The first row is a header where its fields are names above numbers, or words
that the columns below do not hold.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..files.common import is_number
from .bytes import Content

LONGEST_LINE = 4 << 20  # characters
MOST_COLUMNS = 100_000
NAMED = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "\\t": "\t"}
_WORDS = {sign: word for word, sign in NAMED.items() if word != "\\t"}
_ORDER = ("\t", ";", "|", ",", " ")  # of two that fit alike: a comma may be one of decimals
_SAMPLE_LINES, _SAMPLE_CHARACTERS, _PART_BYTES = 200, 1 << 18, 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))  # of windows-1252
_NAME = re.compile(r"(?!(na|nan|inf|null|none)$)[^\W\d]", re.IGNORECASE)
_ENDINGS = {".tsv": "\t", ".tab": "\t", ".psv": "|"}


class Dialect(NamedTuple):
    """How a text table is written.

    skip: lines before the first row of data. spread: fields are parted by runs of blanks, or
    blanks stand before quotes, so that the text is to be written anew before Arrow reads it.
    row_names: each row begins with a name that the header has no field for, as R writes it.
    """

    encoding: str
    delimiter: str
    quote: str
    escape: str | None
    header: bool
    skip: int
    names: list[str]
    longest: int
    spread: bool = False
    row_names: bool = False

    def said(self) -> str:
        """Describe it in a few words."""
        header = "a header" if self.header else "no header (--header if there is one)"
        sign = _WORDS.get(self.delimiter, repr(self.delimiter))
        return f"{self.encoding}, delimiter {sign}, {header}"

    def reader(self, lines: Iterator[str]) -> Any:
        """Cut lines into fields as Python's csv does."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            skipinitialspace=self.spread,
        )


class Asked(NamedTuple):
    """What the user says of a text table; None where it is to be found.

    wanted: names of columns that the user typed.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    wanted: Collection[str] = ()


def dialect_of(content: Content, asked: Asked) -> Dialect:
    """Find how a text table is written; ValueError where that cannot be told."""
    path = content.path
    encoding = _known(path, asked.encoding) if asked.encoding else encoding_of(content)
    lines = _sample(content, encoding)
    longest = max((4 * len(line) for line in lines), default=0)  # UTF-8
    skip, delimiter = 0, _delimiter(path, asked.delimiter)
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    if skip == len(lines):
        raise ValueError(f"{path} is empty")
    first = lines[skip].strip()
    if match := re.fullmatch(r"sep=(.)", first, re.IGNORECASE):  # as Excel writes it
        delimiter, skip = delimiter or match[1], skip + 1
    while skip < len(lines) - 1 and lines[skip].startswith("#"):
        skip += 1
    lines = lines[skip:]
    quote = _quote(lines)
    escape = "\\" if any('\\"' in line for line in lines) else None
    if delimiter is None:
        delimiter = _ENDINGS.get(content.kind) or _sniffed(lines, quote)
    spread = any(
        re.search(rf"{re.escape(delimiter)} +{quote}", line) is not None for line in lines
    ) or (delimiter == " " and any("  " in line.strip() or line != line.lstrip() for line in lines))
    dialect = Dialect(encoding, delimiter, quote, escape, True, skip, [], longest, spread)
    return _with_header(path, dialect, lines, asked)


def encoding_of(content: Content) -> str:
    """Find the encoding: by a mark, by zeros between letters, or by reading all of it."""
    with content.open() as file:
        start = file.read(_PART_BYTES)
        for mark, name in _MARKS:
            if start.startswith(mark):
                return name
        zeros = [start[k:2000:2].count(0) for k in (0, 1)]
        if max(zeros) * 4 > min(len(start), 2000):
            return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        decoder, part = codecs.getincrementaldecoder("utf-8")(), start
        odd = False
        try:
            while part:
                decoder.decode(part)
                part = file.read(_PART_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            while part and not odd:
                odd = any(byte in part for byte in _UNDEFINED)
                part = file.read(_PART_BYTES)
            return "latin-1" if odd else "windows-1252"
    return "utf-8"


def text_lines(content: Content, encoding: str) -> Iterator[str]:
    """Read lines of text; ValueError for one that is too long, or that is not of this encoding."""
    with content.open() as file, io.TextIOWrapper(file, encoding, newline="") as text:
        try:
            while line := text.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise ValueError(
                        f"{content.path} cannot be read as CSV: it has a line of {LONGEST_LINE} "
                        "characters or more; store wide tables as .parquet"
                    )
                yield line
        except UnicodeError as error:
            raise ValueError(
                f"{content.path}{_odd_line(content, encoding)}: it is not {encoding} text; name "
                "another encoding with --encoding, for instance latin-1"
            ) from error


def _odd_line(content: Content, encoding: str) -> str:
    """Name the first line that is not of this encoding, where a line ends by one byte."""
    if "16" in encoding or "32" in encoding:
        return ""
    with content.open() as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return f", line {number}"
    return ""


def _known(path: Path, encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(encoding)
    except (LookupError, TypeError):
        raise ValueError(
            f"{path}: --encoding {encoding!r} is unknown; for instance utf-8, utf-16, latin-1"
        ) from None
    return name


def _delimiter(path: Path, said: str | None) -> str | None:
    if said is None:
        return None
    sign = NAMED.get(said.lower(), said)
    if len(sign) != 1 or sign in '"\r\n':
        raise ValueError(
            f"{path}: --delimiter must be one character, or comma, semicolon, tab, pipe or space; "
            f"got {said!r}"
        )
    return sign


def _sample(content: Content, encoding: str) -> list[str]:
    """Read the first lines, up to a number of them."""
    found: list[str] = []
    size = 0
    for line in text_lines(content, encoding):
        found.append(line)
        size += len(line)
        if len(found) == _SAMPLE_LINES or (size > _SAMPLE_CHARACTERS and len(found) > 2):
            break
    return found


def _quote(lines: Sequence[str]) -> str:
    """Tell whether fields stand in single quotes; double ones are the rule."""
    text = "".join(lines)
    single = len(re.findall(r"(?:^|[,;\t|])\s*'[^'\"\n]*'\s*(?=[,;\t|\r\n])", text, re.MULTILINE))
    return "'" if single > text.count('"') and single >= len(lines) / 2 else '"'


def _sniffed(lines: Sequence[str], quote: str) -> str:
    """Choose the delimiter that cuts most rows into the same number of fields, at least two."""
    best, chosen = 0.0, ","
    for sign in _ORDER:
        if sign == " " and best:
            break
        text = [re.sub(" +", " ", line.strip()) for line in lines] if sign == " " else lines
        try:
            rows = list(csv.reader(text, delimiter=sign, quotechar=quote, skipinitialspace=True))
        except csv.Error:
            continue
        counts = [len(row) for row in rows if row]
        if len(counts) > 2 and len(lines) == _SAMPLE_LINES:
            del counts[-1]  # it may have been cut within quotes
        if not counts:
            continue
        usual, times = Counter(counts).most_common(1)[0]
        shorter = counts[0] == usual - 1  # a header without a name for the rows
        share = (times + shorter) / len(counts)
        if usual < 2 or share < (1.0 if sign == " " else 0.7):
            continue
        if counts[0] != usual and not shorter:
            share *= 0.5
        if share > best:
            best, chosen = share, sign
    return chosen


def _with_header(path: Path, dialect: Dialect, lines: list[str], asked: Asked) -> Dialect:
    """Find the names of the columns, and how many lines come before the data."""
    text = [line.lstrip(" ") for line in lines] if dialect.spread else lines
    if dialect.delimiter == " ":
        text = [re.sub(" +", " ", line.strip(" ")) for line in text]
    rows: list[list[str]] = []
    ends: list[int] = []
    reader = dialect.reader(iter(text))
    try:
        for row in reader:
            if len(row) > MOST_COLUMNS:
                raise ValueError(
                    f"{path} cannot be read as CSV: it has {len(row)} columns, more than "
                    f"{MOST_COLUMNS}; store it as .parquet or .npy"
                )
            if row:
                rows.append([field.strip() for field in row])
                ends.append(reader.line_num)
                if len(rows) == 50:
                    break
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    if not rows:
        raise ValueError(f"{path} is empty")
    first, below = rows[0], rows[1:]
    header = asked.header
    row_names = bool(below) and all(len(row) == len(first) + 1 for row in below)
    if header is None:
        header = row_names or _is_header(first, below, asked.wanted)
        if not header and len(first) > 1 and first == [str(j) for j in range(len(first))]:
            raise ValueError(
                f"{path}: is the first row, 0,1,..., a header? Say so with --header or --no-header"
            )
    longer = row_names and header
    row_names = longer and any(row[-1] for row in below)
    names = first if header else [f"column {j}" for j in range(len(first))]
    if longer:  # R's names of rows, or a delimiter at the end of each
        names = ["", *first] if row_names else [*first, f"column {len(first)}"]
    return dialect._replace(
        header=header,
        skip=dialect.skip + (ends[0] if header else 0),
        names=names,
        row_names=row_names,
    )


def _is_header(first: list[str], below: list[list[str]], wanted: Collection[str]) -> bool:
    """Tell whether the first row has names: what the user typed, or no number and no data."""
    if any(name in first and not any(name in row for row in below) for name in wanted):
        return True
    columns = [[row[j] for row in below[:20] if j < len(row)] for j in range(len(first))]
    for field, column in zip(first, columns):
        numbers = sum(map(is_number, column))
        if column and 2 * numbers >= len(column) and numbers and _NAME.match(field):
            return True
    if any(map(is_number, first)):
        names = [field for field in first if _NAME.match(field)]
        places = all(is_number(f) <= (f == str(j)) for j, f in enumerate(first))
        return bool(names) and places and len(first) - len(names) > 1
    again = sum(field in column for field, column in zip(first, columns) if field)
    return not (len(below) > 2 and 2 * again > len(first))
