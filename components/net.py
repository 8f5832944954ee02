"""Places ``net.jsx`` where the client components import it from.

Every client component that talks to the REST API goes through this one module, so that the session cookie, the
login event, retries and aborts are handled in one place. It holds module-level state, hence the single address
``$/public/external/components/net/net.jsx``: a copy beside each component would be several modules.
"""

from __future__ import annotations

import reflex as rx

NET = rx.asset("net.jsx", shared=True)
