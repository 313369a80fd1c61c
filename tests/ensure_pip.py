"""What tests/run.py gives ansible-test in place of the downloaded get-pip: pip from Python's own ensurepip, then the packages asked for.

Runs under each Python version that ansible-test makes an environment for, 2.7 included.
"""

from __future__ import absolute_import, division, print_function

import ensurepip
import os
import runpy
import sys

__metaclass__ = type

ensurepip.bootstrap()
# ensurepip points pip at an empty configuration; from here on the machine's own counts again.
os.environ.pop("PIP_CONFIG_FILE", None)
# Options that only get-pip knows: nothing but the named packages is installed here anyway.
sys.argv = ["pip", "install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
