"""Markdown of flows and plugins as HTML that is safe to show: no raw HTML, then reduced to a short list of tags."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

_TAGS = {
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_renderer = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def html_of(text: str) -> str:
    """Return Markdown as safe HTML; links open elsewhere and tell nothing of this place."""
    if not text.strip():
        return ""
    # Code that is wider than its place scrolls: also by keys.
    return nh3.clean(
        _renderer.render(text).replace("<pre>", '<pre tabindex="0">'),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "code": {"class"}, "pre": {"tabindex"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
