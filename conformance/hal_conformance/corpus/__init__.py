"""The corpus: what devices are asked, and what they must answer.

Readers want `standard()` (onnx's own suite, from the cache) and the nouns `Corpus`, `Case` and
`DataSet`. Writers of another corpus want `folder.Source`, `folder.Part` and `folder.join`.

    build.py        the cache: standard()            case.py      Case, DataSet
    corpus.py       Corpus: opening and reading      folder.py    the files of a corpus
    onnx_suite.py   the standard's 2,033 cases       values.py    tensors as packed bytes
    generate.py     a process that makes a part      rows.py      rows of index.jsonl
"""

from hal_conformance.corpus.build import default_cache, standard
from hal_conformance.corpus.case import Case, DataSet
from hal_conformance.corpus.corpus import Corpus
from hal_conformance.corpus.values import CorpusError

__all__ = ["Case", "Corpus", "CorpusError", "DataSet", "default_cache", "standard"]
