"""The built console below a path of its own, and with more in its head (spec: operations F63, G1).

`micronaut.server.context-path` moves it, `kestra.webserver.html-head` adds to each page.

The build knows one place, `/ui`. A copy of it is made for another one: links between its files get the prefix, and a
small script that runs first puts it before the paths of the server that the console calls.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

SCRIPT = "base-path.js"
TEXTS = (".html", ".js", ".css", ".json", ".webmanifest")
_INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)
_PAGE = re.compile(r"""(?<=["'`(])/ui(?=[/"'`?)])""")

_LOADER = re.compile(r"""(?<=\breturn["'`])/ui/(?=["'`]\+)""")
"""The bundler's own function that finds parts which are loaded later."""

BASE_PATH = """\
(() => {
  const base = document.currentScript.dataset.base;
  window.flowdeckBase = base;
  const own = /^\\/(?:api|_ui|login|logout|swagger|ping)(?:\\/|$)/;
  const lead = (given) => {
    try {
      const url = new URL(String(given), location.href);
      if (url.host !== location.host || !own.test(url.pathname)) return given;
      url.pathname = base + url.pathname;
      return url.href;
    } catch { return given; }
  };
  const plain = window.fetch.bind(window);
  window.fetch = (input, init) => {
    if (!(input instanceof Request)) return plain(lead(input), init);
    const to = lead(input.url);
    return plain(to === input.url ? input : new Request(to, input), init);
  };
  for (const name of ["EventSource", "WebSocket"]) {
    const Plain = window[name];
    window[name] = class extends Plain { constructor(url, more) { super(lead(url), more); } };
  }
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, url, ...more) {
    return open.call(this, method, lead(url), ...more);
  };
  const fix = (link) => {
    const to = link && link.href ? lead(link.href) : "";
    if (to && to !== link.href) link.href = to;
  };
  const seen = (event) => fix(event.target instanceof Element ? event.target.closest("a[href]") : null);
  for (const kind of ["click", "auxclick", "contextmenu", "dragstart"]) document.addEventListener(kind, seen, true);
  const click = HTMLElement.prototype.click;
  HTMLElement.prototype.click = function () {
    if (this instanceof HTMLAnchorElement) fix(this);
    return click.call(this);
  };
})();
"""


def relocated(built: Path, data_dir: Path, prefix: str, head: str = "") -> Path:
    """A copy of a built console for another place; the folder to serve, which holds `ui`.

    Args:
        built: the build, which holds `ui`.
        data_dir: a writable folder; the copy is made anew when prefix or build changed.
        prefix: `/a/b`, without a slash at its end; "" for the place that the build knows.
        head: HTML for the end of each page's head.
    """
    source = built / "ui"
    mark = f"{prefix}\n{hashlib.sha256(head.encode()).hexdigest()}\n{_stamp(source)}\n"
    target = data_dir / "below"
    if (target / "mark").is_file() and (target / "mark").read_text() == mark:
        return target
    shutil.rmtree(target, ignore_errors=True)
    names = "|".join(sorted(re.escape(one.name) for one in source.iterdir() if not one.name.endswith(".gz")))
    links = re.compile(rf"""(?<=["'`(])/ui/(?=(?:{names})(?:[/"'`?)]|$))""")
    changed: set[Path] = set()
    hashes: set[str] = set()
    for file in sorted(source.rglob("*")):
        place = target / "ui" / file.relative_to(source)
        if file.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".gz" and file.with_suffix("") in changed:
            continue
        if file.suffix in TEXTS and file.name != "csp-hashes.json":
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".html":
                new = _page(text, prefix, head)
                hashes |= {_hash(one["text"]) for one in _INLINE.finditer(new) if "src=" not in one["attributes"]}
            else:
                new = _LOADER.sub(f"{prefix}/ui/", links.sub(f"{prefix}/ui/", text))
            if new != text:
                place.write_text(new, encoding="utf-8")
                changed.add(file)
                continue
        shutil.copyfile(file, place)
    (target / "ui" / SCRIPT).write_text(BASE_PATH, encoding="utf-8")
    (target / "ui" / "csp-hashes.json").write_text(json.dumps(sorted(hashes)), encoding="utf-8")
    (target / "ui" / "csp-hashes.json.gz").unlink(missing_ok=True)
    (target / "mark").write_text(mark)
    return target


def _page(text: str, prefix: str, head: str) -> str:
    """An HTML page with its links moved, the script and what else belongs into its head.

    They stand at the head's end, where the framework looks for none; modules run later all the same.
    """
    text = _PAGE.sub(f"{prefix}/ui", text)
    first = f'<script src="{prefix}/ui/{SCRIPT}" data-base="{prefix}"></script>' if prefix else ""
    return text.replace("</head>", f"{first}{head}</head>", 1)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _stamp(source: Path) -> str:
    """Changes when a file of the build or this module does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for folder, _, files in sorted(os.walk(source)):
        for name in sorted(files):
            facts = os.stat(os.path.join(folder, name))
            digest.update(f"{folder}/{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
