"""Namespace files in tasks: which ones are taken, and `fileURI` wherever a URI is (workflow §7.2, expressions §8)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import messages, put_file, run_of
from tests.support.server import Server

pytestmark = pytest.mark.timeout(90)

SHELL = (
    "type: io.kestra.plugin.scripts.shell.Commands\n"
    "    taskRunner: {type: io.kestra.plugin.core.runner.Process}\n"
    "    commands: ['{{ inputs.command }}']\n"
    "inputs: [{id: command, type: STRING}]"
)


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        ("include: [one.txt]", "./deep/er/one.txt ./deep/one.txt ./one.txt"),
        ("include: [/one.txt]", "./one.txt"),
        ("include: [/deep/one.txt]", "./deep/one.txt"),
        ("include: ['er/**']", "./deep/er/one.txt ./er/two.txt"),
        ("include: ['/er/**']", "./er/two.txt"),
        ("include: ['glob:deep/*.txt']", "./deep/one.txt"),
        ("include: ['glob:/deep/**/*.txt']", "./deep/er/one.txt ./deep/one.txt"),
        ("include: ['regex:^er/.*']", "./er/two.txt"),
        ("include: ['**/two.txt']", "./er/two.txt"),
        ("exclude: [one.txt]", "./er/two.txt"),
        ("exclude: [/one.txt, 'er/**']", "./deep/one.txt"),
    ],
)
def test_a_pattern_without_slash_in_front_matches_in_every_folder(server: Server, chosen: str, taken: str) -> None:
    """Without `/`, `glob:` or `regex:` in front it matches in every folder (namespace files, pattern rules)."""
    for path in ("/one.txt", "/deep/one.txt", "/deep/er/one.txt", "/er/two.txt"):
        put_file(server, "uses.patterns", path, "text")
    ended = server.run(
        "id: takes\nnamespace: uses.patterns\ntasks:\n  - id: shell\n    namespaceFiles:\n"
        f"      enabled: true\n      {chosen}\n    {SHELL}\n",
        {"command": "echo $(find . -type f | sort)"},
    )
    messages(server, ended["id"], taken)


def test_the_uri_of_a_namespace_file_is_its_newest_content_everywhere(server: Server) -> None:
    """`fileURI` gives a URI for properties that ask for one; it follows the file's revisions."""
    put_file(server, "uses.uris", "/dir/one.txt", "old")
    put_file(server, "uses.uris", "/dir/one.txt", "newest")
    put_file(server, "uses.other", "/two.txt", "elsewhere")
    one, other = "{{ fileURI('dir/one.txt') }}", "{{ fileURI('two.txt', 'uses.other') }}"
    ended = server.run(
        f"""id: uris
namespace: uses.uris
tasks:
  - {{id: size, type: io.kestra.plugin.core.storage.Size, uri: "{one}"}}
  - {{id: joined, type: io.kestra.plugin.core.storage.Concat, files: ["{one}", "{other}"]}}
  - id: said
    type: io.kestra.plugin.core.log.Log
    message:
      - "read {{{{ read(fileURI('dir/one.txt')) }}}}"
      - "{{{{ fileSize(fileURI('dir/one.txt')) }}}} {{{{ fileExists(fileURI('dir/one.txt')) }}}}"
      - "{{{{ fileExists(fileURI('dir/none.txt')) }}}}"
      - "joined {{{{ read(outputs.joined.uri) }}}}"
  - id: shell
    inputFiles: {{here.txt: "{one}"}}
    {SHELL}
""",
        {"command": "cat here.txt"},
    )
    assert run_of(ended, "size")["outputs"]["size"] == len("newest")
    messages(server, ended["id"], "read newest", "6 true", "false", "joined newestelsewhere", "newest")


def test_the_uri_of_a_file_that_is_not_there_fails_its_task(server: Server) -> None:
    ended = server.run(
        "id: none\nnamespace: uses.uris\ntasks:\n"
        "  - {id: size, type: io.kestra.plugin.core.storage.Size, uri: \"{{ fileURI('never.txt') }}\"}\n"
    )
    assert ended["state"]["current"] == "FAILED"
    messages(server, ended["id"], "kestra:///uses/uris/_files/never.txt (File not found)")
