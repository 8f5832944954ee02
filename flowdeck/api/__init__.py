"""REST and streams: parse, call a service, shape the answer (spec: REST contract, own endpoints)."""
