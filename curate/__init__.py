"""curate: from a heap of source code to a small, textbook-quality corpus and a scored model.

In a checkout `filters`, `synth`, `train`, `eval` and `recipes` are links from here to the folders beside this one, so
that what is imported and what is installed is one package. A copy that lost its links finds the folders beside it.
"""

from pathlib import Path

__version__ = "0.1.0"

if not (Path(__file__).parent / "filters").is_dir():
    __path__.append(str(Path(__file__).parents[1]))
