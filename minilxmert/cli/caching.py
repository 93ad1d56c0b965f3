"""minilxmert cache: the kernels that were compiled for this machine, to see and to remove."""

import shutil

from .common import OK


def cache_arguments(command):
    command.add_argument("action", nargs="?", choices=("show", "clear"), default="show", help="clear removes them")


def cache(options):
    """Show where the compiled kernels are kept, or remove them: the next answer compiles them anew.

    minilxmert cache
    minilxmert cache clear
    """
    from ..kernels.compiling import FOLDER, cache_base, kept_folders

    print(f"compiled kernels are kept in {cache_base()}")
    for folder, size in kept_folders().items():
        if options.action == "clear":
            shutil.rmtree(folder)
        used = ", in use" * (folder == FOLDER and options.action == "show")
        print(f"  {'removed ' if options.action == 'clear' else ''}{folder.name}  {size / 1e6:.1f} MB{used}")
    return OK


COMMANDS = {"cache": (cache, cache_arguments, "show or clear the compiled kernels")}
