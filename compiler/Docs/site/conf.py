"""Configuration of Sphinx for the site; build.py puts the sources together."""
from pygments.lexers.special import TextLexer

project = "gemcut"
author = "the authors of gemcut"
copyright = "Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # decision records begin sections as they need
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "sidebar_width": "260px"}
html_show_copyright = html_show_sourcelink = False
html_use_opensearch = ""


def setup(app):
    for language in ("mlir", "tablegen"):
        app.add_lexer(language, TextLexer)
