"""Sphinx configuration: ``python -m sphinx -W doc OUT``."""

import warnings

from delssome import __version__

project = "delssome"
author = "the delssome developers"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
autosummary_generate = True
# Two names that differ by case alone would share a file on some systems.
autosummary_filename_map = {
    "delssome.theory.identifiability": "delssome.theory.identifiability-function"
}
# Types stand in the docstrings; those of array-likes fill half a page.
autodoc_typehints = "none"
numpydoc_show_class_members = False
templates_path = ["templates"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "delssome"
html_sidebars = {
    name: []
    for name in (
        "api",
        "architecture",
        "getting_started",
        "howto",
        "index",
        "limits",
        "peers",
        "population",
        "questions",
        "results",
        "whats_new",
    )
}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 10,
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "download_all_examples": False,
    "capture_repr": (),
    "image_srcset": ["2x"],
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
}
# Notes of the fits in examples are no errors of the pages.
warnings.filterwarnings("ignore", category=UserWarning)
