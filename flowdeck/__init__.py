"""flowdeck: workflows with a reactive console, the execution backend bundled."""

__version__ = "0.1.0"
