"""The reader's language around all pages; its catalogues lie in `app/locales` (`docs/howto/add-a-language.md`)."""

from __future__ import annotations

import reflex as rx

LANGUAGE = rx.asset("language.jsx", shared=True)


class Language(rx.Component):
    """Draws what it holds anew when the reader takes another language."""

    library = LANGUAGE.importable_path
    tag = "Language"
