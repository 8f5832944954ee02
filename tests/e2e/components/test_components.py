"""Laws of the single client components, each alone in a browser under the console's content security policy."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.components.conftest import Mount, events, until

pytestmark = pytest.mark.e2e
C = "/api/v1/main/console"
FLOW = "id: a\nnamespace: b\ntasks:\n  - id: one\n    type: io.kestra.plugin.core.log.Log\n    message: hi\n"
STREAM = (
    "stream",
    "StreamHost",
    {"url": f"{C}/stream?execution=demo&logs=TRACE&pace=0.2", "onState": "EVENT", "onEnd": "EVENT"},
)


def gantt(execution: str, **more: object) -> tuple[str, str, dict[str, object]]:
    props = {
        "execution": execution,
        "rowsUrl": f"{C}/executions/{execution}/taskruns",
        "onSelect": "EVENT",
        "onOpenLogs": "EVENT",
    }
    return ("gantt", "Gantt", props | more)


def logs(execution: str, **more: object) -> tuple[str, str, dict[str, object]]:
    base = f"{C}/executions/{execution}/logs"
    return (
        "log_view",
        "LogView",
        {"execution": execution, "logsUrl": base, "searchUrl": f"{base}/search", "level": "TRACE", "onLine": "EVENT"}
        | more,
    )


def requests(page: object) -> list[str]:
    return page.request.get("/said".join([page.url.rstrip("/"), ""])).json()  # type: ignore[attr-defined]


def test_a_thousand_rows_cost_a_window_of_nodes(mount: Mount) -> None:
    page = mount(gantt("big"))
    grid = page.get_by_role("treegrid")
    expect(grid).to_have_attribute("aria-rowcount", re.compile("^501$|^1000$"))
    assert page.get_by_test_id("gantt-row").count() < 60
    grid.focus()
    page.keyboard.press("End")
    expect(grid).to_have_attribute("aria-rowcount", "1000")
    page.keyboard.press("End")
    expect(page.get_by_test_id("gantt-row").last).to_contain_text("task_00999")
    assert page.get_by_test_id("gantt-row").count() < 60
    assert len([url for url in requests(page) if "taskruns" in url]) <= 3


@pytest.mark.parametrize("execution", ["big", "quick"])
@pytest.mark.parametrize("width", [390, 360])
def test_the_axis_of_the_gantt_is_readable_to_its_end(mount: Mount, width: int, execution: str) -> None:
    """§18.4: no label of the axis is cut off on a phone."""
    page = mount()
    page.set_viewport_size({"width": width, "height": 844})
    mount(gantt(execution))
    expect(page.get_by_test_id("gantt-row").first).to_be_visible()
    cut = """() => [...document.querySelectorAll(".fd-gantt .gb.hd > span")].filter((one) => one.offsetWidth && one.textContent).map((one) => {
      const label = one.getBoundingClientRect(), room = one.closest(".gc").getBoundingClientRect();
      return [one.textContent, Math.round(room.right - label.right), Math.round(label.left - room.left)];
    })"""
    labels = page.evaluate(cut)
    assert len(labels) > 1 and all(right >= 0 and left >= 0 for _, right, left in labels), labels


def test_the_gantt_is_a_tree_by_keyboard(mount: Mount) -> None:
    page = mount(STREAM, gantt("demo"))
    grid = page.get_by_role("treegrid")
    expect(page.get_by_test_id("gantt-row").filter(has_text="load_orders")).to_have_count(3)
    rows = int(grid.get_attribute("aria-rowcount") or 0)
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")  # folds fan_out
    expect(grid).to_have_attribute("aria-rowcount", str(rows - 12))
    page.keyboard.press("ArrowRight")
    expect(grid).to_have_attribute("aria-rowcount", str(rows))
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert events(page, "onSelect")[-1] == ["r01"]
    assert events(page, "onOpenLogs")[-1] == ["r01"]


def test_a_large_loop_starts_folded_to_its_counts(mount: Mount) -> None:
    page = mount(STREAM, gantt("demo"))
    loop = page.get_by_test_id("gantt-row").filter(has_text="enrich_customers")
    expect(loop).to_have_attribute("aria-expanded", "false")
    expect(loop).to_contain_text("114 of 128")
    loop.get_by_role("button", name="Unfold").click()
    expect(page.get_by_role("treegrid")).to_have_attribute("aria-rowcount", str(16 + 128))


def test_a_filter_keeps_the_ancestors(mount: Mount) -> None:
    page = mount(STREAM, gantt("demo"))
    expect(page.get_by_test_id("gantt-row").first).to_be_visible()
    page.get_by_test_id("gantt-filter").fill("sign_off")
    expect(page.get_by_test_id("gantt-row")).to_have_text(
        [re.compile("fan_out"), re.compile("per_region"), re.compile("sign_offus")]
    )


def test_a_hundred_thousand_lines_come_by_range(mount: Mount) -> None:
    page = mount(logs("big"))
    expect(page.locator("[data-no='1']")).to_be_visible()
    page.get_by_test_id("log-list").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-no='100000']")).to_be_visible()
    page.get_by_test_id("log-search").fill("deadlock")
    expect(page.locator(".lg.tgt mark.now")).to_be_visible()
    expect(page.get_by_test_id("log-hits")).to_have_text("1 of 101")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("log-hits")).to_have_text("2 of 101")
    expect(page.locator("[data-no='1040']")).to_be_visible()
    assert page.locator(".lg").count() < 120
    assert len(requests(page)) < 14


def test_a_deep_link_shows_its_line(mount: Mount) -> None:
    page = mount(logs("big", line=61234))
    expect(page.locator("[data-no='61234'].tgt")).to_be_visible()


def test_a_bad_pattern_is_said_beside_the_search(mount: Mount) -> None:
    page = mount(logs("demo"), allow=("422",))
    page.get_by_title("Regular expression").click()
    page.get_by_test_id("log-search").fill("(")
    expect(page.get_by_test_id("log-hits")).to_have_text("not a valid pattern")


def test_streamed_lines_are_appended_once_and_counted_while_reading(mount: Mount) -> None:
    page = mount(STREAM, logs("demo"))
    expect(page.get_by_test_id("log-new")).to_be_visible()
    page.get_by_test_id("log-new").click()
    expect(page.get_by_test_id("log-follow")).to_be_checked()
    page.wait_for_timeout(700)
    numbers = [int(n) for n in page.locator("[data-no]").evaluate_all("list => list.map(x => x.dataset.no)")]
    assert numbers == sorted(set(numbers))
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    page.get_by_test_id("log-list").hover()
    page.mouse.wheel(0, -300)
    expect(page.get_by_test_id("log-follow")).not_to_be_checked()


def test_a_burst_of_ten_thousand_lines_is_drawn_a_few_times(mount: Mount) -> None:
    """UI-LV-02: a hundred events are drawn as often as there are 80 ms in their time, however long that is."""
    stream = ("stream", "StreamHost", {"url": f"{C}/stream?execution=burst&logs=TRACE"})
    page = mount(logs("burst", follow=True))
    expect(page.get_by_test_id("log-total")).to_contain_text("0 lines")
    page.evaluate(
        """() => {
            window.draws = [];
            const seen = new MutationObserver(() => window.draws.push(performance.now()));
            seen.observe(document.querySelector("[data-testid=log-total]"), {subtree: true, childList: true, characterData: true});
        }"""
    )
    mount(logs("burst", follow=True), stream, keep=True)
    expect(page.get_by_test_id("log-total")).to_contain_text("10,000 lines")
    expect(page.locator("[data-no='10000']")).to_be_visible()
    draws = page.evaluate("window.draws")
    assert 2 <= len(draws) <= (draws[-1] - draws[0]) / 80 + 3, draws
    numbers = [int(n) for n in page.locator("[data-no]").evaluate_all("list => list.map(x => x.dataset.no)")]
    assert numbers == sorted(set(numbers)) and len(numbers) < 120


def test_a_log_line_is_text_and_never_markup(mount: Mount) -> None:
    page = mount(logs("demo"))
    line = page.locator("[data-no='6']")
    expect(line).to_contain_text("<b>no html</b>")
    expect(line.locator(".ansi-32")).to_have_text("green")
    words, address = line.locator("a[href='https://example.com/book']").all()
    expect(words).to_have_text("run book")  # UI-XP-31: and where it leads is never hidden
    expect(address).to_have_text("https://example.com/book")
    expect(line).to_contain_text("[no](javascript:alert(1))")
    expect(line.get_by_test_id("log-execution")).to_have_text("child 0350zmj4")
    expect(page.locator("[data-no='4'] a.link")).to_have_attribute("href", "https://example.com/a?b=1")
    page.locator("[data-no='5']").get_by_role("button", name="unfold").click()
    expect(page.locator("[data-no='5'] .m")).to_contain_text('"rejected": 12')


def test_lines_by_task_have_heads_with_their_counts(mount: Mount) -> None:
    page = mount(STREAM, logs("demo", grouping="task"))
    head = page.get_by_test_id("log-group").filter(has_text="extract_orders")
    expect(head).to_contain_text("38 lines")
    head.get_by_role("button", name="Fold").click()
    expect(page.locator("[data-no='1']")).to_have_count(0)


def yaml(**more: object) -> tuple[str, str, dict[str, object]]:
    props: dict[str, object] = {
        "docUri": "f.yaml",
        "value": FLOW,
        "schemaUrl": "/api/v1/main/schema.json",
        "validateUrl": "/api/v1/main/flows/validate",
    }
    props |= dict.fromkeys(("onDirty", "onSave", "onMarkers", "onCursor", "onDraft"), "EVENT")
    return ("yaml_editor", "YamlEditor", props | more)


def test_the_server_and_the_schema_mark_the_text(mount: Mount) -> None:
    page = mount(yaml(value=FLOW + "bogus: 1\n# maxAttemps\n"))
    until(page, "window.events.some(e => e[0] === 'onMarkers' && e[1].length === 2)")
    found = {(m["source"], m["line"]) for m in events(page, "onMarkers")[-1][0]}
    assert found == {("schema", 7), ("server", 8)}


def test_typing_tells_dirty_place_and_type_and_save_gives_the_text(mount: Mount) -> None:
    page = mount(yaml())
    page.locator(".view-line").nth(5).click()
    page.keyboard.press("End")
    page.keyboard.type(" there")
    until(page, "window.events.some(e => e[0] === 'onCursor' && e[1].line === 6)")
    place = events(page, "onCursor")[-1][0]
    assert (place["path"], place["type"]) == ("tasks[0].message", "io.kestra.plugin.core.log.Log")
    assert events(page, "onDirty") == [[True]]
    page.keyboard.press("Control+s")
    assert events(page, "onSave") == [[FLOW.replace("hi", "hi there")]]
    mount(yaml(value=FLOW.replace("hi", "hi there")), keep=True)
    until(page, "window.events.filter(e => e[0] === 'onDirty').length === 2")
    assert events(page, "onDirty")[-1] == [False]
    page.keyboard.press("Control+z")
    until(page, "window.events.filter(e => e[0] === 'onDirty').length === 3")


def test_a_plugin_type_is_completed_by_any_part_of_its_name(mount: Mount) -> None:
    page = mount(yaml(value=FLOW + "  - id: two\n    type: "))
    until(page, "window.events.some(e => e[0] === 'onMarkers')")
    page.locator(".view-line").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("http.req")
    expect(page.locator(".suggest-widget .monaco-list-row")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    assert "type: io.kestra.plugin.core.http.Request" in events(page, "onSave")[-1][0]


def test_a_draft_is_offered_again(mount: Mount) -> None:
    page = mount(yaml(draftKey="main/b/a/1"))
    page.locator(".view-line").first.click()
    page.keyboard.press("End")
    page.keyboard.type("bc")
    until(page, "localStorage.getItem('flowdeck:draft:main/b/a/1')")
    mount(yaml(draftKey="main/b/a/1"))
    until(page, "window.events.some(e => e[0] === 'onDraft')")
    assert events(page, "onDraft")[-1][0]["text"].startswith("id: abc")


def test_two_editors_of_a_page_save_each_their_own(mount: Mount) -> None:
    page = mount(
        yaml(),
        (
            "code_editor",
            "CodeEditor",
            {"value": "x = 1", "language": "a.py", "saveUrl": "/api/v1/main/save", "onSaved": "EVENT"},
        ),
    )
    page.get_by_test_id("code-editor").locator(".view-line").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("0")
    page.keyboard.press("Control+s")
    until(page, "window.events.some(e => e[0] === 'onSaved')")
    assert page.evaluate("fetch('/api/v1/main/saved').then(r => r.json())") == {"text": "x = 10"}
    page.get_by_test_id("yaml-editor").locator(".view-line").first.click()
    page.keyboard.press("Control+s")
    assert events(page, "onSave") == [[FLOW]]


def test_the_difference_is_counted(mount: Mount) -> None:
    page = mount(
        (
            "diff_editor",
            "DiffEditor",
            {"original": FLOW, "modified": FLOW.replace("hi", "ho") + "x: 1\n", "onStats": "EVENT"},
        )
    )
    until(page, "window.events.some(e => e[0] === 'onStats' && e[1].added === 2 && e[1].removed === 1)")


def test_a_change_of_state_moves_no_node(mount: Mount) -> None:
    graph = {"graphUrl": "/api/v1/main/flows/graph", "direction": "LR", "onSelect": "EVENT"}
    page = mount(("graph", "FlowGraph", graph))
    expect(page.locator(".tnd")).to_have_count(7)
    places = (
        "() => [...document.querySelectorAll('.react-flow__node')].map(n => [n.dataset.id, n.style.transform]).sort()"
    )
    before = page.evaluate(places)
    mount(STREAM, ("graph", "FlowGraph", graph | {"execution": "demo"}))
    expect(page.locator(".tnd.live")).not_to_have_count(0)
    assert page.evaluate(places) == before
    page.locator(".tnd").filter(has_text="extract_orders").click()
    assert events(page, "onSelect") == [["extract_orders"]]


def test_a_chart_has_a_table(mount: Mount) -> None:
    page = mount(("chart", "Chart", {"figureUrl": f"{C}/figures", "label": "Runs", "onRange": "EVENT"}))
    expect(page.locator(".main-svg").first).to_be_visible()
    page.get_by_test_id("chart-table").click()
    expect(page.get_by_role("table", name="Runs").locator("tbody tr")).to_have_count(24)


def test_failures_of_a_sparkline_wear_a_cap(mount: Mount) -> None:
    runs = [["a", "SUCCESS", 0, 10], ["b", "FAILED", 0, 20], ["c", "RUNNING", 0, 5]]
    page = mount(("sparkline", "Sparkline", {"runs": runs, "onPick": "EVENT"}))
    expect(page.get_by_role("img", name="3 runs, 1 failed")).to_be_visible()
    assert page.locator("[data-testid=sparkline] rect").count() == 3 * 2 + 1


def test_a_value_is_copied_as_expression(mount: Mount) -> None:
    value = {"odd key": {"list": [{"uri": "kestra:///a/b.json"}]}, "big": list(range(300))}
    page = mount(
        (
            "value_tree",
            "ValueTree",
            {"value": value, "path": "outputs", "openDepth": 4, "downloadUrl": "/api/file", "onPath": "EVENT"},
        )
    )
    page.get_by_test_id("value-row").filter(has_text="b.json").locator(".k").click()
    assert events(page, "onPath")[-1][0]["expression"] == "{{ outputs['odd key'].list[0].uri }}"
    expect(page.get_by_role("link", name="download")).to_have_attribute(
        "href", "/api/file?path=kestra%3A%2F%2F%2Fa%2Fb.json"
    )
    expect(page.get_by_test_id("value-row").filter(has_text="300 items")).to_have_attribute("aria-expanded", "false")


BASE = "/api/v1/main/executions/company.data/orders_ingest"
FORM = (
    "execute_form",
    "ExecuteForm",
    {
        "flowUrl": "/api/v1/main/flows/company.data/orders_ingest",
        "validateUrl": f"{BASE}/validate",
        "createUrl": BASE,
        "defaults": {"link": "https://a.b"},
        "onCreated": "EVENT",
        "onError": "EVENT",
    },
)


def test_the_form_checks_while_typing_and_sends_what_was_typed(mount: Mount) -> None:
    page = mount(FORM)
    batch = page.get_by_test_id("execute-input-batch_size")
    batch.get_by_role("textbox").fill("9000")
    expect(batch.get_by_role("alert")).to_have_text("At most 5,000.")
    batch.get_by_role("textbox").fill("900")
    expect(batch.get_by_role("alert")).to_have_count(0)
    page.get_by_test_id("execute-submit").click()
    expect(page.get_by_test_id("execute-input-since").get_by_role("alert")).to_have_text("Required.")
    assert not events(page, "onCreated")
    page.locator("#in-since").fill("2026-11-20T05:00:00")
    expect(page.get_by_test_id("execute-input-finance\\.mail".replace("\\", ""))).to_be_visible()
    page.locator("[id='in-notify']").set_checked(False, force=True)
    expect(page.get_by_test_id("execute-input-finance.mail")).to_have_count(0)
    page.locator("[id='in-wait']").fill("1h 30m")
    page.locator("[id='in-corrections']").set_input_files({"name": "c.csv", "mimeType": "text/csv", "buffer": b"a,b\n"})
    page.locator("[id='in-token']").fill("s3cret")
    page.get_by_test_id("execute-advanced").click()
    page.get_by_test_id("execute-labels").fill("team:data")
    page.get_by_test_id("execute-labels").press("Enter")
    page.get_by_test_id("execute-submit").click()
    until(page, "window.events.some(e => e[0] === 'onCreated')")
    assert events(page, "onCreated")[-1][0]["id"] == "new1"
    sent = page.evaluate("fetch('/api/v1/main/created').then(r => r.json())")[-1]
    assert sent["query"] == "labels=team%3Adata"
    form = sent["form"]
    assert form["batch_size"] == "900"
    assert form["wait"] == "PT1H30M"
    assert form["corrections"] == {"file": "c.csv", "size": 4}
    assert form["notify"] == "false"
    assert form["link"] == "https://a.b"
    assert json.loads(form["regions"]) == ["eu", "us", "apac"]
    assert "finance.mail" not in form
    assert form["since"].startswith("2026-11-20T05:00:00")


def test_a_refusal_keeps_the_fields_and_names_the_request(mount: Mount) -> None:
    inputs = [{"id": "name", "type": "STRING"}]
    page = mount(
        ("execute_form", "ExecuteForm", {"inputs": inputs, "createUrl": "/api/v1/main/fails/409", "onError": "EVENT"}),
        allow=("409",),
    )
    page.locator("#in-name").fill("x")
    page.get_by_test_id("execute-submit").click()
    expect(page.get_by_role("alert")).to_contain_text("Illegal state: it is so")
    expect(page.get_by_role("alert")).to_contain_text("req-77")
    expect(page.locator("#in-name")).to_have_value("x")
    error = events(page, "onError")[-1][0]
    assert (error["status"], error["requestId"], error["errors"]) == (
        409,
        "req-77",
        [{"path": "id", "message": "must not be empty"}],
    )


def test_a_start_without_an_answer_ends_and_is_sent_again_as_the_same(mount: Mount) -> None:
    """UI-ER-01: after 15 s it is said, nothing is lost, and the same start once more has the same key."""
    page = mount()
    keys: list[str] = []

    def answered(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key", ""))
        if len(keys) > 1:
            route.fulfill(json={"id": "made"})

    page.route("**/never*", answered)
    page.clock.install()
    mount(("execute_form", "ExecuteForm", {"createUrl": "/api/v1/main/never", "onCreated": "EVENT"}))
    with page.expect_request("**/never*"):
        page.get_by_test_id("execute-submit").click()
    page.clock.fast_forward(16_000)
    expect(page.get_by_role("alert")).to_contain_text("did not answer within 15 seconds")
    page.get_by_test_id("execute-submit").click()
    until(page, "window.events.some(e => e[0] === 'onCreated')")
    assert len(keys) == 2 and keys[0] and keys[0] == keys[1]


def test_an_ended_session_asks_for_the_login_once(mount: Mount) -> None:
    page = mount(allow=("401",))
    page.evaluate("window.asked = 0; window.addEventListener('flowdeck:login', () => { window.asked += 1; })")
    mount(("value_tree", "ValueTree", {"url": "/api/v1/main/fails/401", "path": "outputs"}), allow=("401",))
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate("window.asked") == 1
