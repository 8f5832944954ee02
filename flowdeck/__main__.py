"""`python -m flowdeck`."""

from flowdeck.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
