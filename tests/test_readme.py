"""Everything that the README and the other documents name exists and does what they say."""

import re
import shlex
from pathlib import Path

import pytest

from minilxmert.cli import COMMANDS, main, parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("tutorials/**/*.md")), *sorted(ROOT.glob("weights/*.md"))]
CHAPTERS = sorted(ROOT.glob("tutorials/*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_first_command_prints_what_the_readme_shows(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = next(line for line in blocks("bash")[0].splitlines() if "minilxmert answer" in line)
    words = shlex.split(command.split("bin/minilxmert ")[1])
    assert main(words) == 0
    assert capsys.readouterr().out.split() == blocks("text")[0].split()


def commands(path):
    """The lines in the bash blocks of a document, or of a chapter's comments, that are minilxmert's."""
    text = re.sub(r"^# ?", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in found if re.match(r"(\w+=\S* )*minilxmert ", line)]


@pytest.mark.parametrize("document", [*DOCUMENTS, *CHAPTERS], ids=lambda path: path.name)
def test_every_command_is_understood(document):
    for words in commands(document):
        options = parser().parse_args(words[words.index("minilxmert") + 1 :])
        assert options.command in COMMANDS


def test_the_readme_names_the_commands_people_begin_with():
    named = {words[1] for words in commands(ROOT / "README.md")}
    assert named >= {"download", "verify", "inspect", "convert", "answer", "export", "pretrain", "ablate", "easy-vqa"}


def test_the_python_in_it_runs(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for block in blocks("python"):
        exec(block, {})  # noqa: S102 (our own README)
    assert capsys.readouterr().out


def test_the_rooms_are_all_named():
    for path in (ROOT / "minilxmert").glob("*/__init__.py"):
        assert f"minilxmert/{path.parent.name}/" in README, path.parent.name
