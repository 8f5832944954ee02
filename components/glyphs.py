"""Places ``glyphs.jsx``: icons, state marks and the formats of numbers and times that client components share."""

from __future__ import annotations

import reflex as rx

GLYPHS = rx.asset("glyphs.jsx", shared=True)
ICONS = "lucide-react@1.26.0"  # the version that Reflex itself brings
