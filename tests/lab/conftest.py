import subprocess

import pytest
from lab import NODE, STATE


@pytest.fixture(scope="session", autouse=True)
def lab_is_up():
    found = subprocess.run(["docker", "ps", "--quiet", "--filter", f"name=^{NODE}$"], capture_output=True, text=True, timeout=60, check=False)
    if not found.stdout.strip() or not (STATE / "kubeconfig").exists():
        pytest.exit("There is no lab: run make site first.", returncode=1)
