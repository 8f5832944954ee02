"""Every command and flag of the reference's open edition is taken (operations notes G3)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowdeck.cli import GROUPS, group_of, main, parser
from flowdeck.cli.completion import script
from flowdeck.cli.parsing import MARKS, SWITCHES, leaves, plain_switches, settle
from flowdeck.cli.reference import PAGE, page

SERVER = "--server http://h:1 --user u:p --tenant t --api-token x --headers a=b --headers c=d"
GLOBAL = "-c a.yml --config b.yml -p plugins -l DEBUG -v --verbose --internal-log"
SKIPPED = (
    "--ignore-executions a,b --ignore-flows t|n|f --ignore-namespaces t|n --ignore-tenants t "
    "--skip-executions a --skip-flows t|n|f --skip-namespaces t|n --skip-tenants t "
    "--start-executors A,B --not-start-executors C"
)
WHOLE = f"--port 1 -f flows --worker-thread 0 --no-tutorials --no-indexer {SKIPPED}"
REFERENCE = [
    f"server standalone {WHOLE}",
    "server standalone --flow-path=flows --port=8080",
    f"server local {WHOLE}",
    "server webserver --port 1 --no-tutorials --no-indexer",
    f"server executor --port 1 {SKIPPED}",
    "server scheduler --port 1",
    "server indexer --port 1",
    "server worker -t 4 -g gpu --port 1",
    "server worker --thread=4 --worker-group gpu",
    "flow validate flows --local",
    f"flow validate flows {SERVER}",
    "flow test flow.yml name value other value",
    "flow dot flow.yml",
    "flow expand flow.yml",
    f"flow create flow.yml {SERVER}",
    f"flow update flow.yml company.team id {SERVER}",
    f"flow delete company.team id {SERVER}",
    f"flow updates flows --delete --namespace company {SERVER}",
    "flow updates flows --no-delete",
    f"flow export out --namespace company {SERVER}",
    f"flow syncFromSource {SERVER}",
    f"flow namespace update company.team flows --delete --override-namespaces {SERVER}",
    "flow namespace update company.team flows --no-delete --no-override-namespaces",
    "template export out",
    "template validate x --local",
    "template namespace update company.team x",
    f"namespace files update company.team scripts /to --delete {SERVER}",
    "namespace files update company.team scripts --no-delete",
    f"namespace kv update company.team key value -e PT1H -t STRING {SERVER}",
    "namespace kv update company.team key --expiration PT1H --type JSON --file-value value.json",
    "plugins install io.kestra.plugin:plugin-dbt:LATEST other --locally --repositories u,v --repositories w",
    "plugins install --all --no-locally",
    "plugins uninstall io.kestra.plugin:plugin-dbt:LATEST",
    "plugins list --core",
    "plugins search text",
    "plugins doc",
    "plugins doc out --core --icons --schema",
    "configs properties",
    "sys database migrate",
    "sys reindex --type flow",
    "sys submit-queued-execution",
    "sys state-store migrate",
    "sys dump out.zip",
    "sys usage-report",
    "sys import --from http://h:1",
    "migrate default-tenant --tenant-id a --tenant-name A --dry-run",
    "auths users create admin --admin --superadmin --tenant main",
    "tenants create --tenant a --name A",
    "backups create FULL --no-encryption",
    "sys-ee restore-queue --no-recreate",
]


@pytest.fixture(scope="module")
def whole():
    return parser()


@pytest.mark.parametrize("line", REFERENCE)
def test_a_command_of_the_reference_is_taken(whole, line: str) -> None:
    assert whole.parse_args(line.split()).run is not None


def test_switches_take_a_truth_value(whole) -> None:
    words = plain_switches(["plugins", "install", "--locally=false", "x", "--all=true"])
    options = whole.parse_args(words)
    assert (options.locally, options.all) == (False, True)
    words = plain_switches(["flow", "updates", "--delete=true", "dir", "--namespace=true"])
    assert (whole.parse_args(words).delete, whole.parse_args(words).namespace) == (True, "true")
    assert plain_switches(["--local=false"]) == []
    taken = {f[2:] for _, leaf in leaves(whole) for a in leaf._actions for f in a.option_strings if a.nargs == 0}
    assert taken - {"help", "version"} >= {*SWITCHES, *MARKS}


def test_every_command_takes_the_global_flags_before_and_after_its_name(whole) -> None:
    for path, leaf in leaves(whole):
        if leaf.get_default("name") is not None:
            continue
        flags = {flag for action in leaf._actions for flag in action.option_strings}
        assert {"-c", "--config", "-p", "--plugins", "-l", "--log-level", "-v", "--internal-log", "-V"} <= flags, path
    options = settle(whole.parse_args(f"-c 0.yml -l WARN sys reindex {GLOBAL}".split()))
    assert options.config == ["0.yml", "a.yml", "b.yml"]
    assert (options.log_level, options.verbose, options.plugins, options.internal_log) == ("DEBUG", 2, "plugins", True)
    assert settle(whole.parse_args(["-l", "WARN", "-v", "sys", "reindex"])).log_level == "WARN"


def test_every_command_that_prints_data_prints_json(whole) -> None:
    texts = {
        ("flow", "dot"),
        ("flow", "expand"),
        ("plugins", "index"),
        ("completion",),
        ("sys", "usage-report"),
    }
    for path, leaf in leaves(whole):
        if path[0] == "server" or path in texts or leaf.get_default("name") is not None:
            continue
        assert any("--output" in action.option_strings for action in leaf._actions), path


@pytest.mark.parametrize(
    ("words", "group"),
    [
        (["-c", "server", "flow", "list"], "flow"),
        (["--config=x", "-v", "sys"], "sys"),
        (["--help"], None),
        (["-l", "INFO", "-p", "x", "plugins"], "plugins"),
    ],
)
def test_only_the_module_of_the_command_is_needed(words: list[str], group: str | None) -> None:
    assert group_of(words) == group


def test_help_costs_no_heavy_module() -> None:
    """`flowdeck --help` stays below 0.25 s: neither the HTTP client, YAML nor any command is imported for it."""
    code = (
        "import sys\nfrom flowdeck.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = [n for n in sys.modules if n.split('.')[0] in ('httpx', 'yaml', 'asyncio', 'sqlmodel', 'fastapi')"
        " or n.startswith(('flowdeck.cli.flow', 'flowdeck.config', 'flowdeck.model'))]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all((f"\n    {group} " in done.stdout) is (module != "foreign") for group, (module, _) in GROUPS.items())
    assert "SUPPRESS" not in done.stdout


def test_the_page_of_commands_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m flowdeck.cli.reference"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["flowdeck", ""], {"flow", "server", "--home"}),
        (["flowdeck", "flow", "va"], {"validate"}),
        (["flowdeck", "namespace", "kv", ""], {"update", "get", "list", "delete"}),
        (["flowdeck", "namespace", "kv", "update", "--exp"], {"--expiration"}),
        (["flowdeck", "-v", "completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_the_shell_completes_commands_and_flags(words: list[str], expected: set[str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    asked = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script('bash')}\nCOMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; _flowdeck\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert expected <= set(done.stdout.split())
    assert all(one.startswith(words[-1]) for one in done.stdout.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_that_names_every_group(shell: str) -> None:
    text = script(shell)
    assert all(group in text for group, (module, _) in GROUPS.items() if module != "foreign")


def test_other_editions_get_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sys-ee", "restore-queue", "--no-recreate"]) == 0
    assert main(["auths", "users", "create", "x", "--admin"]) == 1
    assert "kestra.server.basic-auth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flow", "list", "--headers", "a"], "--headers a: NAME=VALUE is expected"),
        (["flow", "run", "x.yml", "a"], "input 'a' has no value"),
        (["plugins", "install"], "name a plugin"),
        (["flow", "run", "x.yml", "--secret", "NO_SUCH_VARIABLE"], "--secret NO_SUCH_VARIABLE: there is no such"),
        (["server", "executor", "--skip-flows", "a|b|c|d"], "tenant|namespace|flow is expected"),
        (["server", "standalone", "--flow-path", "/nowhere"], "a folder is expected"),
        (["flow", "run", "x.yml", "--timeout", "soon"], "--timeout soon"),
        (["flow", "list", "--server", "localhost"], "an address such as"),
        (["namespace", "kv", "update", "a", "b"], "give VALUE or --file-value"),
    ],
)
def test_wrong_values_name_the_flag(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_mistyped_word_gets_a_proposal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["flow", "delet", "a", "b"])
    assert caught.value.code == 2
    assert "did you mean 'delete'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["flwo"])
    assert "did you mean 'flow'?" in capsys.readouterr().err
