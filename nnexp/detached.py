"""Options by which a process that is started goes on when the terminal interrupts the one that started it."""

import os
import subprocess
from typing import Any


def detached(windows: bool = os.name == "nt") -> dict[str, Any]:
    """Return the options of `subprocess.Popen` for a process that Ctrl-C does not reach."""
    if windows:
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}
    return {"process_group": 0}
