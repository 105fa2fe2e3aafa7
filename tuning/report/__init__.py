"""report.html: the answer and everything it rests on, as one file that needs no network."""

from .build import report_page, write_report

__all__ = ["report_page", "write_report"]
