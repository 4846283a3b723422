"""Which table is used: named, known, kept, or measured; and the file in which it is kept."""

from __future__ import annotations

import json

import pytest

from fastlogreg.data import tuning
from fastlogreg.kernels.tables import TABLES

CPU = ["SomeVendor", "Some CPU @ 3 GHz", 65536, 8388608]
MEASURED = TABLES["zen5"]


@pytest.fixture
def of_cpu(monkeypatch):
    """What this process would use on a CPU of a vendor, with a first-level cache of 48 KiB."""

    def used(vendor, wanted=""):
        monkeypatch.setattr(tuning, "vendor", lambda: vendor)
        monkeypatch.setattr(tuning, "first_level_cache", lambda: 48 << 10)
        monkeypatch.setenv(tuning.VARIABLE, wanted)
        monkeypatch.setattr(tuning, "_kept_or_measured", lambda anew: f"measured, {anew}")
        tuning._tuning.cache_clear()
        return tuning.tuning()

    yield used
    tuning._tuning.cache_clear()


def test_the_table_of_a_known_cpu(of_cpu):
    found = of_cpu("GenuineIntel")
    assert found == (TABLES["intel"], "intel, known for this CPU")
    assert of_cpu("GenuineIntel", "off") == found


def test_an_unknown_cpu_is_measured_unless_that_is_off(of_cpu):
    assert of_cpu("ARM") == "measured, False"
    assert of_cpu("ARM", "off").table == TABLES["zen"]
    assert of_cpu("GenuineIntel", "probe") == "measured, True"


@pytest.mark.parametrize("name", [*TABLES, " Zen5 "])
def test_a_table_by_its_name(name, of_cpu):
    assert of_cpu("ARM", name).table == TABLES[name.strip().lower()]


def test_no_such_table(of_cpu):
    expected = "FASTLOGREG_TUNER must be off, probe or one of zen, zen5, intel; got 'fast'"
    with pytest.raises(ValueError, match=expected):
        of_cpu("ARM", "fast")


def never():
    raise AssertionError("measured again")


def test_what_was_measured_is_kept(tmp_path):
    folder = str(tmp_path / "kernels")
    first = tuning.kept_or_measured(folder, CPU, lambda: MEASURED)
    assert first == (MEASURED, f"measured, kept in {folder}/tuner.json")
    again = tuning.kept_or_measured(folder, CPU, never)
    assert again == (MEASURED, f"measured before, kept in {folder}/tuner.json")
    anew = tuning.kept_or_measured(folder, CPU, lambda: TABLES["zen"], anew=True)
    assert anew.table == tuning.kept_or_measured(folder, CPU, never).table == TABLES["zen"]


def test_another_cpu_is_measured_anew(tmp_path):
    tuning.kept_or_measured(str(tmp_path), CPU, lambda: TABLES["zen"])
    other = [*CPU[:1], "Another CPU", *CPU[2:]]
    assert tuning.kept_or_measured(str(tmp_path), other, lambda: MEASURED).table == MEASURED


def changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(format=2),
        lambda content: content.pop("table"),
        lambda content: content["table"].pop("long"),
        lambda content: content["table"].update(other=[1, 0, 0]),
        lambda content: content["table"].update(long=[3, 0, 0]),
        lambda content: content["table"].update(long=[1, -1, 0]),
        lambda content: content["table"].update(long=[1, 0]),
        lambda content: content["table"].update(long=[True, 0, 0]),
        lambda content: content["table"].update(long=5),
        lambda content: content["table"].update(short=3),
        lambda content: content["table"].update(short=0),
    ],
)
def test_a_damaged_table_is_measured_anew(change, tmp_path):
    tuning.kept_or_measured(str(tmp_path), CPU, lambda: TABLES["zen"])
    changed(tmp_path / tuning.FILE, change)
    assert tuning.kept_or_measured(str(tmp_path), CPU, lambda: MEASURED).table == MEASURED
    assert tuning.kept_or_measured(str(tmp_path), CPU, never).table == MEASURED


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_a_foreign_file_is_measured_anew(content, tmp_path):
    (tmp_path / tuning.FILE).write_bytes(content)
    assert tuning.kept_or_measured(str(tmp_path), CPU, lambda: MEASURED).table == MEASURED
    assert tuning.kept_or_measured(str(tmp_path), CPU, never).table == MEASURED


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for folder in (None, str(tmp_path / "file" / "kernels")):
        found = tuning.kept_or_measured(folder, CPU, lambda: MEASURED)
        assert found == (MEASURED, "measured for this process: no folder to keep it in")


def test_this_machine(monkeypatch, tmp_path):
    """Whatever CPU this is, there is a table; measured where Numba compiles."""
    monkeypatch.setattr(
        "fastlogreg.kernels.decorators.cache_folder", lambda function: str(tmp_path)
    )
    monkeypatch.setattr("fastlogreg.kernels.probing.measured_table", lambda: MEASURED)
    assert tuning._kept_or_measured(anew=False).table in (MEASURED, TABLES["zen"])
    assert len(tuning.this_cpu()) == 4
