"""Reference pages that are made from the program itself, so that they cannot say anything else.

A comment `<!-- generated: NAME -->` in a page is replaced by what the function of that name here returns, as Markdown.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[2]
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill(text: str) -> str:
    """A page with everything in it that is generated."""
    return _MARK.sub(lambda mark: _generated(mark[1]), text)


def _generated(name: str) -> str:
    if name.startswith("topic_"):
        return topic(name.removeprefix("topic_").replace("_", "-"))
    return GENERATORS[name]()


def topic(name: str) -> str:
    """A topic of `sovr help`."""
    from sovrgit.help.topics import text_of

    return text_of(name)


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command by topic, with its usage, text and options."""
    from sovrgit.commands.catalogue import COMMANDS

    lines: list[str] = []
    for topic, names in COMMANDS.items():
        lines += [f"## {topic}", ""]
        for name in names:
            lines += _command(load_command(name), f"sovr {name}")
    return "\n".join(lines)


def load_command(name: str) -> click.Command:
    """The command of a name, as the command line would load it."""
    from sovrgit.commands.catalogue import module_of

    command: click.Command = importlib.import_module(module_of(name)).command
    return command


def _command(command: click.Command, path: str, level: int = 3) -> Iterator[str]:
    # A command remembers the first answer to what its help options are: it must be that of the command line.
    context = click.Context(command, info_name=path, help_option_names=["-h", "--help"])
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield from (f"{'#' * level} `{path}`", "", "```text", usage, "```", "", _help(command.help or ""), "")
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        yield from ("| option | |", "| --- | --- |")
        for option in options:
            yield f"| {_option(option)} | {_cell(option.help or '')} |"
        yield ""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _command(child, f"{path} {name}", level + 1)


def _option(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return f"`{names}`"
    choice = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    value = option.metavar or choice or option.type.name.partition(" ")[0].upper()
    return _cell(f"`{names} {value}`")


def _help(text: str) -> str:
    """A command's text: paragraphs as they are, those that click is told not to wrap as a block."""
    parts = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if part.startswith("\b"):
            parts.append(f"```text\n{part.removeprefix(chr(8)).strip(chr(10))}\n```")
        else:
            parts.append(part.replace("...", "…"))
    return "\n\n".join(parts)


# --- failures and surroundings ----------------------------------------------------------------------------------------


def exit_codes() -> str:
    """Every class of failure: exit code, name, what it is, what is said, and what is advised."""
    lines = ["| code | name | meaning | message and *hint* |", "| --- | --- | --- | --- |"]
    for error in sorted(failures(), key=lambda error: (error.exit_code, error.__name__)):
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        said = error.template + (f"<br>*{error.hint_template}*" if error.hint_template else "")
        places = re.sub(r"\{(\w+)\}", r"⟨\1⟩", said)
        lines.append(f"| {error.exit_code} | `{error.__name__}` | {_cell(meaning)} | {_cell(places)} |")
    return "\n".join(lines)


def failures() -> list[Any]:
    """All classes of failure."""
    from sovrgit import errors

    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.SovrError) and value is not errors.SovrError
    ]


# --- schemas ----------------------------------------------------------------------------------------------------------


def recipe() -> str:
    """Every key of `recipe.json`."""
    schema = json.loads((ROOT / "sovrgit" / "pod" / "recipe.schema.json").read_text(encoding="utf-8"))
    lines = ["## The recipe", "", *_properties(schema, schema)]
    titles = {"golem": "`golem`", "payload": "`payload`", "taskPod": "Entries of `pods`", "path": "Paths"}
    for name, title in titles.items():
        definition = schema["$defs"][name]
        lines += ["", f"## {title}", "", definition.get("description", ""), ""]
        if "properties" in definition:
            lines += _properties(definition, schema)
        for choice in definition.get("anyOf", ()) if "properties" not in definition else ():
            inner = choice.get("items", choice)
            lines += [f"* {_kind(choice, schema)}: {choice.get('description', '')}"]
            for key, value in inner.get("properties", {}).items():
                lines.append(f"  * `{key}`: {value.get('description', '')}")
    return "\n".join(lines)


def _properties(definition: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    required = set(definition.get("required", ()))
    yield from ("| key | value | default | |", "| --- | --- | --- | --- |")
    for name, value in definition["properties"].items():
        default = f"`{json.dumps(value['default'])}`" if "default" in value else "required" if name in required else ""
        examples = [f"`{json.dumps(example)}`" for example in value.get("examples", ())]
        text = value.get("description", "") + (f" Such as {' or '.join(examples)}." if examples else "")
        yield f"| `{name}` | {_cell(_kind(value, schema))} | {default} | {_cell(text)} |"
        for key, inner in value.get("properties", {}).items():
            yield f"| `{name}.{key}` | {_cell(_kind(inner, schema))} | | {_cell(inner.get('description', ''))} |"


def _kind(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """What kind of value it is, in a word or two."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        words = {"text": "text", "name": "name", "path": "path", "externalPath": "path", "ownFolder": "folder"}
        return words.get(name) or name
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(choice, schema) for choice in value["anyOf"]))
    if "const" in value or "enum" in value:
        return " or ".join(f"`{json.dumps(choice)}`" for choice in value.get("enum", [value.get("const")]))
    kinds = value.get("type", "any")
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
    names = [words.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join(names)


def json_output() -> str:
    """What every command's JSON document holds."""
    lines: list[str] = []
    for path in sorted((ROOT / "sovrgit" / "ui" / "schemas").glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        lines += ["", f"## `{schema.get('title', path.stem)}`", "", schema.get("description", ""), ""]
        for variant in [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]:
            if "properties" in variant:
                lines += [*_fields(variant, schema), ""]
    return "\n".join(lines)


def _fields(definition: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """A table of the fields of a document, and of those of the objects in it."""
    yield from ("| field | value | |", "| --- | --- | --- |")
    yield from _field_rows(definition, schema, "", depth=0)


def _field_rows(definition: dict[str, Any], schema: dict[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, value in definition["properties"].items():
        if not prefix and name == "sovr":
            continue
        yield f"| `{prefix}{name}` | {_cell(_kind(value, schema))} | {_cell(value.get('description', ''))} |"
        inner, mark = _inside(value, schema)
        if depth < 2 and "properties" in inner:
            yield from _field_rows(inner, schema, f"{prefix}{name}{mark}.", depth + 1)


def _inside(value: dict[str, Any], schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The definition of the objects in a value, and what stands for "each of them"."""
    value = _resolved(value, schema)
    if "items" in value:
        return _resolved(value["items"], schema), "[]"
    return value, ""


def _resolved(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = value.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference and reference.startswith("#/$defs/") else value


def benchmarks_table() -> str:
    """The latest full comparison, if there is one."""
    return _report("benchmarks-table.md")


def fairos_table() -> str:
    """The latest full measurement with FairOS servers, if there is one."""
    return _report("fairos-benchmarks-table.md")


def history_table() -> str:
    """The latest measurement of long histories and large trees, if there is one."""
    return _report("history-benchmarks-table.md")


def _report(name: str) -> str:
    path = ROOT / "docs" / name
    if path.exists():
        # Its title is the page's, so everything below goes one level down.
        return re.sub(r"^#", "##", path.read_text(encoding="utf-8").partition("\n")[2], flags=re.MULTILINE)
    return "The full comparison has not been run for this version yet."


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


# --- secrets ----------------------------------------------------------------------------------------------------------


def secret_tokens() -> str:
    """The rules for what is a secret by its content."""
    from sovrgit.pod.secretscan.tokens import RULES

    lines = ["| rule | looks like | what is looked for |", "| --- | --- | --- |"]
    lines += [f"| `{rule.name}` | {_cell(rule.what)} | {_cell(rule.where)} |" for rule in RULES]
    return "\n".join(lines)


def secret_files() -> str:
    """The rules for what is a secret by its name."""
    from sovrgit.pod.secretscan.keyfiles import KEY_FILES

    lines = ["| rule | names | looks like | what must be in it |", "| --- | --- | --- | --- |"]
    for rule, names, _ in KEY_FILES:
        listed = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| `{rule.name}` | {listed} | {_cell(rule.what)} | {_cell(rule.where)} |")
    return "\n".join(lines)


GENERATORS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "exit_codes": exit_codes,
    "recipe": recipe,
    "json_output": json_output,
    "benchmarks_table": benchmarks_table,
    "fairos_table": fairos_table,
    "history_table": history_table,
    "secret_tokens": secret_tokens,
    "secret_files": secret_files,
}


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""

    def read(app: Any, name: str, content: list[str]) -> None:
        if _MARK.search(content[0]):
            content[0] = fill(content[0])
            # What it is made from is not known to Sphinx, so it is always made anew.
            app.env.note_reread()

    app.connect("source-read", read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
