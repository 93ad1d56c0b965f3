"""Variants of an exercise for other classes: some arguments reach the student multiplied by a number k, or divided, and
some results must be. The solution, the usual mistakes and the gradients stay as they are.

A sheet says which, and tells the student:

    VARIES = "logits * k -> gradient / k", "the logits are divided by {k}, the temperature, before anything else"
In texts, k is a mark that stands instead of ##."""

from dataclasses import dataclass

import numpy as np

from ..errors import MinilxmertError

FACTORS = range(2, 10)
MARKS = "@~+_=%&^"


@dataclass(frozen=True)
class Variant:
    """What variant `number` changes: given and wanted are (name, 1 for times k or -1 for divided by k). 0: nothing.

    text: what the student is told, with {k} or {mark}."""

    number: int = 0
    text: str = ""
    given: tuple = ()
    wanted: tuple = ()

    @classmethod
    def of(cls, sheet, number):
        """Variant `number` of a sheet; AS_IT_STANDS where the sheet has none. Raises MinilxmertError."""
        if number > len(FACTORS):  # it would be one of these again
            raise MinilxmertError.at("variant", None, f"a number from 1 to {len(FACTORS)}", number)
        if not hasattr(sheet, "VARIES"):
            return AS_IT_STANDS
        changes, text = sheet.VARIES
        sides = [[read_change(change) for change in part.split(",") if change.strip()] for part in changes.split("->")]
        return cls(number, text, *map(tuple, sides))

    @property
    def sentence(self):
        """The sentence for the student; none where nothing is changed."""
        return f"In this variant {self.text.format(k=self.k, mark=self.mark)}." if self.text else ""

    @property
    def k(self):
        return FACTORS[self.number - 1]

    @property
    def mark(self):
        return 2 * MARKS[self.number - 1]

    def vary_arguments(self, names, args):
        """Arguments of the exercise -> those that the student gets."""
        return self.scale_all(names, args, self.given)

    def vary_result(self, names, result, back=False):
        """A result of the exercise -> that which the student must give; back: the other way round."""
        if not self.wanted:
            return result
        parts = result if len(names) > 1 else (result,)
        parts = self.scale_all(names, parts, self.wanted, back)
        return parts if len(names) > 1 else parts[0]

    def scale_all(self, names, values, changes, back=False):
        values = dict(zip(names, values, strict=True))
        for name, power in changes:
            first, *path = name.split(".")
            values[first] = self.scale(values[first], path, -power if back else power)
        return tuple(values.values())

    def scale(self, value, path, power):
        """A value times k ** power, which is 1 or -1; of a nested dict only what lies at a path."""
        if isinstance(value, dict):
            meant = path[:1] or value
            return {key: self.scale(v, path[1:], power) if key in meant else v for key, v in value.items()}
        if isinstance(value, list | set):
            return type(value)(self.scale(item, path, power) for item in value)
        if isinstance(value, str):
            return value.replace(*("##", self.mark)[::power])
        return value * self.k if power > 0 else divide(value, self.k)


AS_IT_STANDS = Variant()


def read_change(change):
    """ "boxes * k" -> ("boxes", 1)"""
    name, sign, _ = change.strip().rsplit(" ", 2)
    return name, {"*": 1, "/": -1}[sign]


def divide(value, k):
    """value / k, in whole numbers where they are divisible; a single whole number is rounded down."""
    whole = np.asarray(value).dtype.kind in "iu" and (np.ndim(value) == 0 or not np.any(value % k))
    return value // k if whole else value / k
