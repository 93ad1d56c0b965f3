"""Lets `pytest -m exercise_06` check exercise 6 in this folder."""

from minilxmert.exercises import NAMES


def pytest_configure(config):
    for number, name in NAMES.items():
        config.addinivalue_line("markers", f"exercise_{number:02}: {name}")
