"""KV pairs (UI-KV) in a real browser against a real server."""

from __future__ import annotations

import secrets

from playwright.sync_api import expect

from tests.support.server import Server


def _put(server: Server, namespace: str, key: str, text: str) -> None:
    path = f"/api/v1/main/namespaces/{namespace}/kv/{key}"
    assert server.call("PUT", path, body=text, content_type="text/plain").status == 200


def _space() -> str:
    return f"e2e.kv{secrets.token_hex(3)}"


def test_a_new_key_is_stored_with_its_type_and_shown_with_its_value(server: Server, open_page) -> None:
    space = _space()
    page = open_page("/kv")
    page.get_by_test_id("kv-create").click()
    page.get_by_test_id("kv-namespace").fill(space)
    page.get_by_test_id("kv-key").fill("batch")
    page.get_by_test_id("kv-type").select_option("NUMBER")
    page.get_by_test_id("kv-value").fill("88120")
    page.get_by_test_id("kv-save").click()
    row = page.locator(f"tr[data-id='{space}/batch']")
    expect(row).to_contain_text("NUMBER")
    expect(row).to_contain_text("88120")
    stored = server.call("GET", f"/api/v1/main/namespaces/{space}/kv/batch").json
    assert (stored["type"], stored["value"]) == ("NUMBER", 88120)


def test_what_is_typed_while_the_type_changes_stays(server: Server, open_page) -> None:
    """The control of the new type takes the place of the old one while the text is still on its way."""
    page = open_page("/kv?new=1")
    page.evaluate("""() => {
      const put = (box, kind, text, event) => {
        Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, text);
        box.dispatchEvent(new Event(event, {bubbles: true}));
      };
      const [type, value] = ["kv-type", "kv-value"].map((id) => document.querySelector(`[data-testid=${id}]`));
      put(type, HTMLSelectElement, "NUMBER", "change");
      value.focus();
      put(value, HTMLTextAreaElement, "88120", "input");
    }""")
    expect(page.locator("input[data-testid=kv-value]")).to_have_value("88120")


def test_a_wrong_value_is_told_beside_its_field(server: Server, open_page) -> None:
    page = open_page("/kv?new=1")
    page.get_by_test_id("kv-namespace").fill("e2e.kv")
    page.get_by_test_id("kv-key").fill("-no")
    page.get_by_test_id("kv-value").fill("2026-11-20")
    page.get_by_test_id("kv-value").press("Tab")
    page.get_by_test_id("kv-type").select_option("DATE")
    expect(page.get_by_test_id("kv-value")).to_have_attribute("type", "date")
    expect(page.get_by_test_id("kv-value")).to_have_value("2026-11-20")
    page.get_by_test_id("kv-type").select_option("NUMBER")
    page.get_by_test_id("kv-type-change").get_by_role("button", name="Clear the value").click()
    page.get_by_test_id("kv-value").fill("yesterday")
    page.get_by_test_id("kv-value").press("Tab")
    page.get_by_test_id("kv-save").click()
    editor = page.get_by_test_id("kv-editor")
    expect(editor).to_contain_text("A number, like 42 or 1.5.")
    expect(editor).to_contain_text("Letters, digits")
    page.get_by_test_id("kv-value").fill("5400")
    page.get_by_test_id("kv-value").press("Tab")
    page.get_by_test_id("kv-type").select_option("DURATION")
    expect(page.get_by_test_id("kv-span-H")).to_have_value("1")
    page.get_by_test_id("kv-span-M").fill("45")
    page.get_by_test_id("kv-span-M").press("Tab")
    expect(page.get_by_test_id("kv-value")).to_have_value("PT1H45M")


def test_json_is_edited_in_an_editor_and_saved_as_a_new_version(server: Server, open_page) -> None:
    space = _space()
    _put(server, space, "rates", '{"usd": 1.08}')
    page = open_page(f"/kv?filters[namespace][EQUALS]={space}")
    page.get_by_role("button", name="rates", exact=True).click()
    editor = page.get_by_test_id("kv-json").locator(".monaco-editor").first
    expect(editor).to_contain_text("1.08", timeout=15_000)
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text('{"usd": 1.09}')
    page.wait_for_timeout(400)  # the editor reports after 300 ms
    page.get_by_test_id("kv-save").click()
    expect(page.get_by_test_id("kv-editor")).not_to_be_visible()
    stored = server.call("GET", f"/api/v1/main/namespaces/{space}/kv/rates").json
    assert stored["value"] == {"usd": 1.09} and stored["revision"] == 2


def test_selected_keys_are_deleted_after_a_question(server: Server, open_page) -> None:
    space = _space()
    for key in ("one", "two", "three"):
        _put(server, space, key, '"x"')
    page = open_page(f"/kv?filters[namespace][EQUALS]={space}")
    for key in ("one", "two"):
        page.locator(f"[data-check='{space}/{key}']").click()
    page.get_by_test_id("kv-delete-selected").click()
    page.get_by_test_id("kv-delete-confirm").click()
    expect(page.locator(f"tr[data-id='{space}/one']")).to_have_count(0)
    expect(page.locator(f"tr[data-id='{space}/three']")).to_be_visible()
    assert server.call("GET", f"/api/v1/main/namespaces/{space}/kv/two").status == 404


def test_the_page_of_a_namespace_shows_its_keys_and_the_inherited_ones(server: Server, open_page) -> None:
    space = _space()
    _put(server, space, "above", '"parent"')
    _put(server, f"{space}.child", "own", '"child"')
    page = open_page(f"/namespaces/edit/{space}.child/kv")
    expect(page.get_by_test_id("kv-table")).to_contain_text("own")
    expect(page.get_by_test_id("kv-table")).not_to_contain_text("above")
    expect(page.get_by_test_id("kv-inherited")).to_contain_text("above")


def test_nothing_that_matches_can_be_reset(server: Server, open_page) -> None:
    space = _space()
    _put(server, space, "there", '"x"')
    page = open_page("/kv?filters[q][EQUALS]=no-key-has-this-name")
    page.get_by_test_id("kv-reset").click()
    expect(page.get_by_test_id("kv-table")).to_be_visible()


def test_keys_are_exported_imported_and_get_another_expiry(server: Server, open_page) -> None:
    """UI-KV-01: what the export gives, the import reads; many keys at once get an expiry."""
    space, other = _space(), _space()
    _put(server, space, "a", '"x"')
    _put(server, space, "b", "3")
    page = open_page(f"/namespaces/edit/{space}/kv")
    with page.expect_download() as got:
        page.get_by_test_id("kv-export").click()
    text = got.value.path().read_text()
    page.goto(f"{server.url}/ui/main/namespaces/edit/{other}/kv")
    page.wait_for_selector("[data-testid=hydrated]", state="attached")
    page.get_by_test_id("kv-import").set_input_files(
        {"name": "keys.json", "mimeType": "application/json", "buffer": text.encode()}
    )
    rows = page.get_by_test_id("kv-table").locator("tbody tr")
    expect(rows).to_have_count(2)
    assert server.call("GET", f"/api/v1/main/namespaces/{other}/kv/b").json["value"] == 3
    page.get_by_role("checkbox", name="Select all rows of this page").click()
    page.get_by_test_id("kv-expiry-selected").click()
    page.get_by_test_id("kv-bulk-expiry").select_option("P1D")
    page.get_by_test_id("kv-expiry-confirm").click()
    expect(rows.first).to_contain_text("in 24 h")
    assert server.call("GET", f"/api/v1/main/namespaces/{other}/kv/a").json["value"] == "x"
