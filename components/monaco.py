"""Places ``monaco.jsx``: the one Monaco of the console, its workers, theme and languages.

0.52.2 and 5.5.1 are the versions that work together; later Monaco editors break monaco-yaml at build or at run time.
"""

from __future__ import annotations

import reflex as rx

MONACO = rx.asset("monaco.jsx", shared=True)
WORKER = rx.asset("yaml.worker.js", shared=True)
CSS = rx.asset("monaco.css", shared=True)
PACKAGES = ["monaco-editor@0.52.2", "monaco-yaml@5.5.1"]
