"""Use cases: permission, tenancy, audit; they send commands."""
