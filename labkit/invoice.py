"""Invoices as PDF files: work for the processor, as e-mail is waiting for the network."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from labkit.errors import ConfigurationError
from labkit.settings import Settings

#: Positions of one invoice: a year of weekly deliveries, on two pages, takes some 30 ms.
POSITIONS = 52
PRICE_CENTS = 1_250


def folder(settings: Settings | None = None) -> Path:
    """Where the invoices of this root stand."""
    return (settings or Settings()).state_dir / "invoices"


def make_invoice(number: str, customer: str) -> Path:
    """Write the invoice ``number`` of ``customer``; returns its file.

    Doing it again gives the same file, which is there whole or not at all.

    Raises:
      ConfigurationError: fpdf2 is not installed.
      ValueError: a number that cannot name a file.
    """
    try:
        from fpdf import FPDF
    except ImportError:
        raise ConfigurationError("Invoices need fpdf2: install labkit's extra `lab`.") from None
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", number):
        raise ValueError(f"{number!r} is no invoice number: letters, digits and '-' only.")
    pdf = FPDF()
    pdf.set_font("Helvetica", size=10)
    pdf.add_page()
    # The fonts that every PDF reader has know Latin letters only.
    pdf.cell(text=f"Invoice {number} for {customer}".encode("latin-1", "replace").decode("latin-1"))
    pdf.ln(12)
    with pdf.table(col_widths=(1, 4, 2)) as table:
        for position in range(1, POSITIONS + 1):
            row = table.row()
            for text in (str(position), f"Delivery {position}", _money(PRICE_CENTS)):
                row.cell(text)
    pdf.ln(6)
    pdf.cell(text=f"Total: {_money(POSITIONS * PRICE_CENTS)}")
    file = folder() / f"{number}.pdf"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    part.write_bytes(bytes(pdf.output()))
    part.replace(file)
    return file


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02} EUR"
