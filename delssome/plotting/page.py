"""Pages of HTML that need no other file: one look, and the parts that they are of."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["beside", "lines_of", "listed", "page", "paragraph", "picture", "table"]

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: right; vertical-align: top;
         border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; display: block; } .narrow { max-width: 28rem; }
summary { cursor: pointer; }
.lead { font-size: 1.15rem; }
.beside { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }
.beside > * { flex: 1 1 20rem; min-width: 0; }
.warning { border-left: 4px solid #b2182b; padding: 0.3rem 0.8rem;
           background: #fdf3f2; }
iframe { width: 100%; max-width: 46rem; display: block; margin: auto; border: 0; }
.bar { max-width: 26rem; margin: 0 auto; }
pre { background: #f5f5f5; padding: 0.6rem 0.8rem; overflow-x: auto;
      font-size: 0.85rem; }
footer { margin-top: 3rem; color: #666; font-size: 0.85rem; }"""


def page(title: str, sections: Mapping[str, str], footer: str = "") -> str:
    """Lay out sections under their titles; those without content are left out.

    Parameters
    ----------
    title : str
    sections : dict of str to str
        HTML by title; that of no title, "", stands without one.
    footer : str, default=""
        Plain text.

    Returns
    -------
    str
    """
    body = [f"<h1>{escape(title)}</h1>"]
    for name, content in sections.items():
        if content:
            body += [f"<h2>{escape(name)}</h2>"] * bool(name) + [content]
    if footer:
        body.append(f"<footer>{escape(footer)}</footer>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def paragraph(text: str, kind: str = "") -> str:
    """Give a paragraph of plain text, or nothing of none.

    Parameters
    ----------
    text : str
    kind : {"", "lead", "warning"}, default=""
    """
    of = f' class="{kind}"' if kind else ""
    return f"<p{of}>{escape(text).replace('+-', '&plusmn;')}</p>" if text else ""


def lines_of(said: Iterable[str], kind: str = "") -> str:
    """Give a paragraph for each text."""
    return "".join(paragraph(one, kind) for one in said)


def listed(said: Iterable[str]) -> str:
    """Give a list, or nothing of none."""
    items = "".join(f"<li>{escape(one)}</li>" for one in said)
    return f"<ul>{items}</ul>" if items else ""


def table(rows: Sequence[Sequence[str]], head: Sequence[str] | None = None) -> str:
    """Give a table of plain texts, or nothing without rows."""
    if not rows:
        return ""
    lines = [("th", head)] if head is not None else []
    lines += [("td", row) for row in rows]
    body = "".join(
        f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in row)}</tr>"
        for tag, row in lines
    )
    return f"<table>{body}</table>"


def picture(png: bytes | None, alt: str, kind: str = "") -> str:
    """Give an image within the page, or nothing of one that could not be drawn.

    Parameters
    ----------
    png : bytes, or None
    alt : str
        What is seen.
    kind : {"", "narrow", "bar"}, default=""
        Of one column, or a colour bar.
    """
    if png is None:
        return ""
    data = base64.b64encode(png).decode()
    of = f' class="{kind}"' if kind else ""
    return f'<img{of} alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def folded(title: str, content: str) -> str:
    """Give what is shown when its title is pressed; nothing of nothing."""
    if not content:
        return ""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def beside(*parts: str) -> str:
    """Set parts beside one another where there is room; empty ones are left out."""
    there = [f"<div>{part}</div>" for part in parts if part]
    return f'<div class="beside">{"".join(there)}</div>' if there else ""
