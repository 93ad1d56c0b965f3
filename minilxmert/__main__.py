"""python -m minilxmert"""

import sys

from .cli import main

sys.exit(main())
