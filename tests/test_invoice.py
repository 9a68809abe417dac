"""Invoices: real PDF files, whole or not there, and never outside of their folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labkit.errors import ConfigurationError
from labkit.invoice import folder, make_invoice


def test_is_a_pdf_of_several_pages_under_the_root(root: Path) -> None:
    file = make_invoice("A-1", "Ann & Zoë, 你好")
    assert file == root / ".labkit" / "invoices" / "A-1.pdf"
    content = file.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/Count 2" in content


def test_doing_it_twice_leaves_one_file_and_no_part_of_another(root: Path) -> None:
    for _ in range(2):
        make_invoice("A-1", "Ann")
    assert [file.name for file in folder().iterdir()] == ["A-1.pdf"]


@pytest.mark.parametrize("number", ["", "../A-1", "a/b", "A 1", "x" * 65])
def test_a_number_that_cannot_name_a_file(root: Path, number: str) -> None:
    with pytest.raises(ValueError, match="no invoice number"):
        make_invoice(number, "Ann")
    assert not folder().exists()


def test_without_fpdf2_it_names_the_extra(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(ConfigurationError, match="extra `lab`"):
        make_invoice("A-1", "Ann")
