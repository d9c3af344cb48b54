"""Pages and exports of a study, made from its snapshot alone: no arithmetic on results, no Keras."""

from lenet_tune.report.compare_page import render_comparison, write_comparison
from lenet_tune.report.exports import export_plots, export_tables
from lenet_tune.report.index_page import render_index, write_index
from lenet_tune.report.page import render_page, write_page
from lenet_tune.report.reproduction_page import render_reproduction, write_reproduction

__all__ = [
    "export_plots",
    "export_tables",
    "render_comparison",
    "render_index",
    "render_page",
    "render_reproduction",
    "write_comparison",
    "write_index",
    "write_page",
    "write_reproduction",
]
