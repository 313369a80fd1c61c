"""What is published: the tarball holds what users need and nothing else, and the tools of the field accept it without a warning."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-publishing" / "bin"
# What an installed collection has at its top.
PUBLISHED = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "LICENSES",
    "MAINTAINERS.md",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "bindep.txt",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


def run(*command, cwd=ROOT, **variables) -> str:
    """What the command prints; the test fails with it when the command fails."""
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), **variables}
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{command[0]} exited with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The files of the checkout without what git ignores, at the place of an installed collection."""
    target = tmp_path_factory.mktemp("collections") / "ansible_collections" / "kube_ovn" / "dpdk"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    return target


@pytest.fixture(scope="module")
def tarball(checkout, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tarball")
    run(TOOLS / "ansible-galaxy", "collection", "build", "--output-path", folder, cwd=checkout)
    (built,) = folder.glob("kube_ovn-dpdk-*.tar.gz")
    return built


def test_the_tarball_holds_what_users_need(tarball):
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == PUBLISHED
    assert [name for name in names if re.search(r"(^|/)(lab|tests|molecule)(/|\.yml$)", name)] == []


# Both controllers; their environments are outside of the checkout, which only links to them.
CONTROLLERS = {name: (ROOT / name / "bin").resolve() for name in (".venv", ".venv-newest")}


@pytest.fixture(scope="module", params=CONTROLLERS)
def installed(request, tarball, tmp_path_factory):
    """The tarball installed into an empty directory. What runs there has nothing of the checkout in reach: an empty file system covers it."""
    folder, tools = tmp_path_factory.mktemp("installed"), CONTROLLERS[request.param]
    assert not tools.is_relative_to(ROOT)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "PATH": f"{tools}:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(folder),
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }

    def call(*command, code=0) -> str:
        words = [str(word) for word in command]
        away = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && cd "$HOME" && exec "$@"', str(ROOT), *words]
        done = subprocess.run(away, cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == code, f"{words} exited with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    assert call("ls", "-A", ROOT).strip() == ""
    # Its dependencies come with the package ansible.
    call("ansible-galaxy", "collection", "install", "--no-deps", "--offline", "--collections-path", folder / "collections", tarball)
    return folder / "collections" / "ansible_collections" / "kube_ovn" / "dpdk", call


def test_every_playbook_of_the_installed_collection_can_be_read(installed):
    collection, call = installed
    playbooks = sorted(path.stem for path in (collection / "playbooks").glob("*.yml"))
    assert {"site", "preflight", "verify", "uninstall", "upgrade", "build", "bundle"} <= set(playbooks)
    called = ["ansible-playbook", "-i", collection / "examples" / "three-nodes", *(f"kube_ovn.dpdk.{name}" for name in playbooks)]
    call(*called, "--syntax-check")
    listed = call(*called, "--list-tasks")
    assert listed.count("\nplaybook: ") == len(playbooks)
    assert "Could not match" not in listed


def test_the_documentation_of_the_installed_collection_can_be_read(installed):
    collection, call = installed
    listed = call("ansible-doc", "--list", "kube_ovn.dpdk")
    modules = [path.stem for path in (collection / "plugins" / "modules").glob("*.py")]
    assert modules and all(f"kube_ovn.dpdk.{name} " in listed for name in modules)


def test_preflight_of_the_installed_collection_runs(installed):
    collection, call = installed
    place = collection.parents[3] / "my-cluster"
    place.mkdir()
    hosts = {"nodes": {"node1": None}, "cluster": {"localhost": None}, "build": {"localhost": None}}
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "cluster_kubeconfig": str(place / "no-kubeconfig"),
        "preflight_ask_registries": False,
        "preflight_ask_servers": False,
    }
    inventory = {"all": {"vars": variables, "children": {name: {"hosts": members} for name, members in hosts.items()}}}
    (place / "hosts.yml").write_text(yaml.safe_dump(inventory))
    # No cluster is there, which is what it has to find.
    printed = call("env", "ANSIBLE_STDOUT_CALLBACK=kube_ovn.dpdk.concise", "ansible-playbook", "kube_ovn.dpdk.preflight", "-i", place / "hosts.yml", code=2)
    assert re.search(r"Preflight found \d+ errors?; nothing was changed", " ".join(printed.split()))
    assert "kubernetes-api" in printed
    assert re.search(r"^Findings: \d+ errors, \d+ warnings; .*/reports/preflight.html$", printed, re.M)
    assert re.search(r"^Next: apply the cures", printed, re.M)
    assert (place / "reports" / "preflight.html").is_file()


def test_galaxy_importer_has_no_warning(tarball, tmp_path):
    printed = run(TOOLS / "python", "-m", "galaxy_importer.main", tarball, cwd=tmp_path)
    assert "Importer processing completed successfully" in printed
    assert [line for line in printed.splitlines() if "WARNING" in line or "ERROR" in line] == []


def test_documentation_is_valid(checkout):
    run(TOOLS / "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=dependent", ".", cwd=checkout)


def test_documentation_builds_without_a_warning(checkout, tmp_path):
    variables = {"ANSIBLE_COLLECTIONS_PATH": str(checkout.parents[2])}
    run(TOOLS / "antsibull-docs", "sphinx-init", "--use-current", "--squash-hierarchy", "--dest-dir", tmp_path, "kube_ovn.dpdk", **variables)
    script = tmp_path / "build.sh"
    text = script.read_text().replace("--cleanup everything", "--cleanup everything --fail-on-error")
    # References into Ansible's own documentation need its index from the network; those within the collection are checked above.
    text = text.replace("-W --keep-going", "-W --keep-going -D suppress_warnings=ref.ref,ref.envvar")
    script.write_text(text)
    configuration = tmp_path / "conf.py"
    configuration.write_text(configuration.read_text() + "\nintersphinx_mapping = {}\n")
    run("bash", script, cwd=tmp_path, **variables)
    pages = {page.name for page in (tmp_path / "build" / "html").glob("*.html")}
    roles = {f"{path.parents[1].name}_role.html" for path in checkout.glob("roles/*/meta/argument_specs.yml")}
    assert roles and roles <= pages


def test_changelog_is_valid_and_has_the_version(checkout):
    run(TOOLS / "antsibull-changelog", "lint")
    version = yaml.safe_load((checkout / "galaxy.yml").read_text())["version"]
    fragments = list((checkout / "changelogs" / "fragments").glob("*.yml"))
    assert fragments or version in yaml.safe_load((checkout / "changelogs" / "changelog.yaml").read_text())["releases"]


def test_the_release_step_of_contributing_writes_the_changelog(checkout, tmp_path):
    (step,) = re.findall(r"`(PATH=\S+ antsibull-changelog release)`", (checkout / "CONTRIBUTING.md").read_text())
    copy = tmp_path / "ansible_collections" / "kube_ovn" / "dpdk"
    shutil.copytree(checkout, copy, symlinks=True)
    (copy / ".venv-publishing").symlink_to(ROOT / ".venv-publishing")
    (copy / "galaxy.yml").write_text(re.sub("^version: .*", "version: 99.0.0", (copy / "galaxy.yml").read_text(), flags=re.MULTILINE))
    (copy / "changelogs" / "fragments").mkdir(exist_ok=True)
    fragment = copy / "changelogs" / "fragments" / "one.yml"
    fragment.write_text("---\nbugfixes:\n  - hugepages - a mend of this test.\n")
    # Which files there are, git is asked.
    run("git", "init", "-q", copy)
    run("sh", "-c", step, cwd=copy)
    written = (copy / "CHANGELOG.md").read_text()
    assert "v99\\.0\\.0" in written and "a mend of this test" in written and "v1\\.0\\.0" in written
    assert not fragment.exists()


def test_every_file_has_a_licence(checkout, tmp_path):
    # REUSE asks git which files there are.
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    run("git", "init", "-q", copy)
    run(TOOLS / "reuse", "lint", cwd=copy)


def test_an_execution_environment_finds_its_dependencies(checkout):
    found = yaml.safe_load(run(TOOLS / "ansible-builder", "introspect", "--verbosity", "0", checkout.parents[2]))
    packages = " ".join(found["python"])
    assert all(name in packages for name in ("kubernetes", "jsonpatch", "cryptography", "requests"))
    assert any(line.startswith("git ") for line in found["system"])


def test_the_pre_commit_configuration_is_valid():
    run(TOOLS / "pre-commit", "validate-config", ".pre-commit-config.yaml")
