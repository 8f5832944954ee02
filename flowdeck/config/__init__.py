"""Configuration: keys with types, the sources in order, the folders of an instance."""

from flowdeck.config.home import Home
from flowdeck.config.settings import Settings, load_settings

__all__ = ["Home", "Settings", "load_settings"]
