"""What requests and answers look like, as typed dictionaries; the names are those of the official SDK."""
