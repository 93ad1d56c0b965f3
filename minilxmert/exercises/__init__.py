"""The exercises: stubs to fill in, and checks that say in a sentence what is right or wrong.

Exercise N is two files of one name: stubs/exNN_name.py is what a student gets, checks/exNN_name.py says what is right;
`name` is the function to write. What is right is the package's own function wherever there is one."""

import importlib
import pkgutil
import re

from ..errors import MinilxmertError
from . import checks

# {6: "ex06_layer_norm", …}
NAMES = {int(module.name[2:4]): module.name for module in pkgutil.iter_modules(checks.__path__)}


def exercise(number):
    """The Exercise of a number. Raises MinilxmertError."""
    if number not in NAMES:
        raise MinilxmertError(f"there is no exercise {number}; `minilxmert exercise list` shows all")
    return importlib.import_module(f".checks.{NAMES[number]}", __name__).EXERCISE


def function_name(number):
    """The name of the function that a student writes."""
    return NAMES[number][5:]


def number_of(filename):
    """The exercise that a file is an answer to, by its name: "ada_ex06_layer_norm.py" -> 6; None for other files."""
    found = re.search(r"(?:^|[^a-z])ex(\d\d)(?!\d).*\.py$", filename, re.IGNORECASE)
    return int(found[1]) if found and int(found[1]) in NAMES else None
