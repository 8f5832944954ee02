"""Internal storage, encryption, namespace files and KV values."""
