"""Tasks in further languages, whose programs must be installed where they run (spec: script plugins §2.1)."""

from __future__ import annotations

from flowdeck.plugins.scripts.base import CommandsTask, FileScriptTask
from flowdeck.sdk import Expr, field


class NodeScript(FileScriptTask, type="io.kestra.plugin.scripts.node.Script"):
    """Run a Node.js script."""

    EXTENSION = ".js"
    PROGRAM = ("node",)
    IMAGE = "node"


class NodeCommands(CommandsTask, type="io.kestra.plugin.scripts.node.Commands"):
    """Run commands with Node.js at hand."""

    IMAGE = "node"


class RubyScript(FileScriptTask, type="io.kestra.plugin.scripts.ruby.Script"):
    """Run a Ruby script."""

    EXTENSION = ".rb"
    PROGRAM = ("ruby",)
    IMAGE = "ruby"


class RubyCommands(CommandsTask, type="io.kestra.plugin.scripts.ruby.Commands"):
    """Run commands with Ruby at hand."""

    IMAGE = "ruby"


class PerlScript(FileScriptTask, type="io.kestra.plugin.scripts.perl.Script"):
    """Run a Perl script."""

    EXTENSION = ".pl"
    PROGRAM = ("perl",)
    IMAGE = "perl"


class PerlCommands(CommandsTask, type="io.kestra.plugin.scripts.perl.Commands"):
    """Run commands with Perl at hand."""

    IMAGE = "perl"


class PhpScript(FileScriptTask, type="io.kestra.plugin.scripts.php.Script"):
    """Run a PHP script."""

    EXTENSION = ".php"
    PROGRAM = ("php",)
    IMAGE = "php"


class PhpCommands(CommandsTask, type="io.kestra.plugin.scripts.php.Commands"):
    """Run commands with PHP at hand."""

    IMAGE = "php"


class LuaScript(FileScriptTask, type="io.kestra.plugin.scripts.lua.Script"):
    """Run a Lua script."""

    EXTENSION = ".lua"
    PROGRAM = ("lua",)
    IMAGE = "nickblah/lua"


class LuaCommands(CommandsTask, type="io.kestra.plugin.scripts.lua.Commands"):
    """Run commands with Lua at hand."""

    IMAGE = "nickblah/lua"


class RScript(FileScriptTask, type="io.kestra.plugin.scripts.r.Script"):
    """Run a R script."""

    EXTENSION = ".R"
    PROGRAM = ("Rscript",)
    IMAGE = "r-base"


class RCommands(CommandsTask, type="io.kestra.plugin.scripts.r.Commands"):
    """Run commands with R at hand."""

    IMAGE = "r-base"


class JuliaScript(FileScriptTask, type="io.kestra.plugin.scripts.julia.Script"):
    """Run a Julia script."""

    EXTENSION = ".jl"
    PROGRAM = ("julia",)
    IMAGE = "julia"


class JuliaCommands(CommandsTask, type="io.kestra.plugin.scripts.julia.Commands"):
    """Run commands with Julia at hand."""

    IMAGE = "julia"


class GoScript(FileScriptTask, type="io.kestra.plugin.scripts.go.Script"):
    """Run a Go script."""

    EXTENSION = ".go"
    PROGRAM = ("go", "run")
    IMAGE = "golang"


class GoCommands(CommandsTask, type="io.kestra.plugin.scripts.go.Commands"):
    """Run commands with Go at hand."""

    IMAGE = "golang"


class DenoScript(FileScriptTask, type="io.kestra.plugin.scripts.deno.Script"):
    """Run a Deno script."""

    EXTENSION = ".ts"
    PROGRAM = ("deno", "run")
    IMAGE = "denoland/deno"


class DenoCommands(CommandsTask, type="io.kestra.plugin.scripts.deno.Commands"):
    """Run commands with Deno at hand."""

    IMAGE = "denoland/deno"


class BunScript(FileScriptTask, type="io.kestra.plugin.scripts.bun.Script"):
    """Run a Bun script."""

    EXTENSION = ".ts"
    PROGRAM = ("bun", "run")
    IMAGE = "oven/bun"


class BunCommands(CommandsTask, type="io.kestra.plugin.scripts.bun.Commands"):
    """Run commands with Bun at hand."""

    IMAGE = "oven/bun"


class GroovyScript(FileScriptTask, type="io.kestra.plugin.scripts.groovy.Script"):
    """Run a Groovy script."""

    EXTENSION = ".groovy"
    PROGRAM = ("groovy",)
    IMAGE = "groovy"


class GroovyCommands(CommandsTask, type="io.kestra.plugin.scripts.groovy.Commands"):
    """Run commands with Groovy at hand."""

    IMAGE = "groovy"


class PowershellScript(FileScriptTask, type="io.kestra.plugin.scripts.powershell.Script"):
    """Run a PowerShell script."""

    EXTENSION = ".ps1"
    PROGRAM = ("pwsh", "-NoProfile", "-NonInteractive", "-File")
    IMAGE = "kestra-io/powershell:latest"


class PowershellCommands(CommandsTask, type="io.kestra.plugin.scripts.powershell.Commands"):
    """Run PowerShell commands."""

    interpreter: Expr[list[str]] = field(
        default_factory=lambda: ["pwsh", "-NoProfile", "-NonInteractive", "-Command"],
        doc="Program and arguments; the commands are its last argument.",
    )

    IMAGE = "kestra-io/powershell:latest"
