"""Markdown of strangers shows words, runs nothing and loads nothing (quality §3.2, check 33)."""

from __future__ import annotations

import re

import pytest

from app.pages.flows.prose import html_of


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](http://evil.example/track.png)",
        "![x](javascript:alert(1))",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java\nscript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "[x](file:///etc/passwd)",
        "<javascript:alert(1)>",
        "<svg onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        '[x](http://a" onmouseover="alert(1))',
        '[x](http://a "t" onclick="alert(1)")',
        "```html\n<script>alert(1)</script>\n```",
        '```x" onload="alert(1)\ny\n```',
        "<iframe src=http://evil.example></iframe>",
        "<style>@import 'http://evil.example'</style>",
        "<form action=http://evil.example><input name=password></form>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        '```mermaid\ngraph TD; a-->b; click a "javascript:alert(1)"\n```',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<!--><script>alert(1)</script>-->",
        "| a |\n|---|\n| <b onclick=alert(1)>x</b> |",
    ],
)
def test_nothing_runs(text: str) -> None:
    html = html_of(text)
    tags = re.findall(r"<[^>]*>", html)
    for tag in tags:
        assert not re.search(
            r"<\s*(script|img|svg|iframe|style|form|input|math|object|embed|link|meta|base)", tag, re.I
        )
        assert not re.search(r"\son\w+\s*=", tag, re.I), tag
        assert not re.search(r"(javascript|data|vbscript|file)\s*:", tag, re.I), tag
        if tag.startswith("<a "):
            assert 'rel="noopener noreferrer nofollow"' in tag


def test_words_and_links_stay() -> None:
    html = html_of("# Title\n\n**bold** [docs](https://kestra.io/docs) `code` | no table\n\n- one\n- two")
    assert '<a href="https://kestra.io/docs" rel="noopener noreferrer nofollow">docs</a>' in html
    assert "<h1>Title</h1>" in html and "<strong>bold</strong>" in html and html.count("<li>") == 2


def test_code_can_be_scrolled_by_keys() -> None:
    assert '<pre tabindex="0"><code' in html_of("```\na long line\n```\n")
