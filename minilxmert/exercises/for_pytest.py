"""Lets pytest check the answers in a folder whose conftest.py imports these two hooks."""

import pytest

from . import NAMES, number_of
from .answering import check_file, repeat


def pytest_configure(config):
    for number, name in NAMES.items():
        config.addinivalue_line("markers", f"exercise_{number:02}: {name}")


def pytest_collect_file(file_path, parent):
    return AnswerFile.from_parent(parent, path=file_path) if number_of(file_path.name) else None


class AnswerFile(pytest.File):
    def collect(self):
        yield Check.from_parent(self, name=self.path.stem)


class Check(pytest.Item):
    """The check of one answer, marked with the number of its exercise."""

    def __init__(self, **options):
        super().__init__(**options)
        self.number = number_of(self.path.name)
        self.add_marker(f"exercise_{self.number:02}")

    def runtest(self):
        verdict = check_file(self.number, self.path, hear=repeat)
        if not verdict.right:
            pytest.fail(verdict.text, pytrace=False)
