"""Which CPU this is, as the system names it."""

from __future__ import annotations

from fastlogreg.machine import cpu


def test_name_and_vendor(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU @ 3 GHz\n")
    assert cpu.vendor(str(info)) == "GenuineIntel"
    assert cpu.cpu_name(str(info)) == "Some CPU @ 3 GHz"


def test_where_the_system_names_none(tmp_path):
    assert cpu.vendor(str(tmp_path / "missing")) == ""
    assert cpu.cpu_name(str(tmp_path / "missing"))
