"""Exchange with Git: its history becomes a pod's, and a pod's becomes its, without loss and with the same ids.

Objects are converted, repositories are read and written as files through dulwich's parts; the program `git` is not
needed. How everything is mapped, and why, is in `docs/internals/git.md`.
"""

from sovrgit.gitexchange.exporting import Exported, ExportRequest, export_git
from sovrgit.gitexchange.importing import Imported, ImportRequest, import_git, import_into_new

__all__ = [
    "ExportRequest",
    "Exported",
    "ImportRequest",
    "Imported",
    "export_git",
    "import_git",
    "import_into_new",
]
