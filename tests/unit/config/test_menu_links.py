"""What an installation adds to the console and takes from it (UI-SH-12, UI-SH-17, F48)."""

from __future__ import annotations

from pathlib import Path

from flowdeck.config.menu_links import custom_links
from flowdeck.config.settings import Settings, load_settings


def told(tmp_path: Path, text: str) -> Settings:
    return load_settings(environment={"FLOWDECK_HOME": str(tmp_path), "KESTRA_CONFIGURATION": text})


def test_links_have_title_and_web_address(tmp_path: Path) -> None:
    text = """
    kestra.ee.right-sidebar.custom-links:
      wiki: {title: Our wiki, url: "https://wiki.example.com/flows"}
      bad: {url: "javascript:alert(1)"}
      none: {title: No address}
      word: nothing
    """
    assert custom_links(told(tmp_path, text)) == (("Our wiki", "https://wiki.example.com/flows"),)


def test_the_older_key_counts_too(tmp_path: Path) -> None:
    text = 'kestra: {ee: {custom-links: {a: {url: "https://a.example.com"}}}}'
    assert custom_links(told(tmp_path, text)) == (("a", "https://a.example.com"),)


def test_menus_are_a_list(tmp_path: Path) -> None:
    settings = told(tmp_path, 'kestra: {ee: {leftSidebar: {disabledMenus: ["Instance/System overview", "Plugins"]}}}')
    assert settings.get("kestra.ee.left-sidebar.disabled-menus") == ["Instance/System overview", "Plugins"]
