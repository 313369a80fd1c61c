# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a Kube-OVN installer against a recorder instead of a cluster, and read what it would have done.

The installer believes that it talks to kubectl. What it talks to is a small shell script that answers the few
questions an installer asks, keeps a copy of every manifest at the moment it is applied, and writes each call down.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

try:
    from shlex import quote
except ImportError:  # Python 2.7
    from pipes import quote

try:
    import yaml
except ImportError:
    yaml = None

# What an installer may call. Anything else is not on its PATH, and is reported by name.
TOOLS = ("awk", "bash", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "egrep", "env", "expr", "false", "grep", "head", "ls", "mkdir", "mktemp", "mv",
         "nproc", "printf", "pwd", "rm", "sed", "seq", "sh", "sort", "tail", "tee", "test", "touch", "tr", "true", "uname", "uniq", "wc", "xargs")

# The namespace and the pod that the recorder makes up when the installer lists pods in order to delete them.
MADE_UP_NAMESPACE = "recorder-namespace"
MADE_UP_POD = "recorder-pod"

UNPRIVILEGED_ID = 65534

# One directory per call: argv (separated by NUL) and, where manifests were applied, their text at that moment.
# Only builtins are used until something has to be copied, for an installer makes about fifty calls.
RECORDER = r"""#!/bin/sh
set -u
record=@RECORD@
read -r number < "$record/counter"
number=$((number + 1))
echo "$number" > "$record/counter"
call="$record/$number"
mkdir "$call"
printf '%s\0' "$@" > "$call/argv"

unexpected() {
  printf '%s\n' "$1" > "$call/unexpected"
  echo "recorder: $1" >&2
  exit 64
}

verb='' kind='' rest='' file='' selector='' wide='' skip=''
for word in "$@"; do
  case "$skip" in
    selector) selector=$word skip='' && continue ;;
    file) file=$word skip='' && continue ;;
    output) wide=$word skip='' && continue ;;
    other) skip='' && continue ;;
  esac
  case "$word" in
    -l | --selector) skip='selector' ;;
    -l*) selector=${word#-l} ;;
    --selector=*) selector=${word#*=} ;;
    -f | --filename) skip='file' ;;
    --filename=*) file=${word#*=} ;;
    -f*) file=${word#-f}; file=${file#=} ;;
    -o | --output) skip='output' ;;
    -o*) wide=${word#-o}; wide=${wide#=} ;;
    --output=*) wide=${word#*=} ;;
    --timeout | -n | --namespace | -c | --container | --field-selector | --template) skip='other' ;;
    -*) ;;
    *)
      if [ -z "$verb" ]; then verb=$word
      elif [ -z "$kind" ]; then kind=$word
      else rest="$rest $word"; fi
      ;;
  esac
done

# Nodes are lines of "name address key=value key=value …"; a node without labels stands for one that has them all.
nodes() {
  awk -v selector="$selector" -v change="$1" -v wide="$wide" '
    function has(line, key,   i, n, w) {
      n = split(line, w, " ")
      for (i = 3; i <= n; i++) if (w[i] == key || index(w[i], key "=") == 1) return i
      return 0
    }
    function value(line, key,   i, w) {
      i = has(line, key)
      split(line, w, " ")
      return i ? substr(w[i], length(key) + 2) : ""
    }
    function matches(line,   i, n, terms, at) {
      if (NF == 2) return 1
      n = split(selector, terms, ",")
      for (i = 1; i <= n; i++) {
        if (at = index(terms[i], "!=")) {
          if (value(line, substr(terms[i], 1, at - 1)) == substr(terms[i], at + 2)) return 0
        } else if (at = index(terms[i], "=")) {
          w_key = substr(terms[i], 1, at - 1)
          w_value = substr(terms[i], at + 1)
          sub(/^=/, "", w_value)
          if (!has(line, w_key) || value(line, w_key) != w_value) return 0
        } else if (substr(terms[i], 1, 1) == "!") {
          if (has(line, substr(terms[i], 2))) return 0
        } else if (!has(line, terms[i])) return 0
      }
      return 1
    }
    {
      line = $0
      if (change != "" && NF > 2 && matches(line)) {
        n = split(change, c, " ")
        for (i = 1; i <= n; i++) if (!has(line, substr(c[i], 1, index(c[i], "=") - 1))) line = line " " c[i]
      }
      if (change != "") print line
      else if (matches(line)) {
        if (wide == "wide") print $1, "Ready", "control-plane", "1d", "v1", $2, "<none>"
        else if (wide == "name") print $1
        else print $1, "Ready", "control-plane", "1d", "v1"
      }
    }' "$record/nodes"
}

case "$verb" in
  apply | create)
    # Installers apply files that they overwrite later, so the text has to be taken now.
    if [ "$file" = - ]; then cat > "$call/manifest"
    elif [ -n "$file" ]; then cp "$file" "$call/manifest" || unexpected "cannot read the manifest $file"
    elif [ "$verb $kind" = "create secret" ]; then :
    else unexpected "kubectl $*"; fi
    ;;
  get)
    case "$kind" in
      no | node | nodes)
        case " $* " in
          *" --show-labels "*) ;;
          *) nodes "" ;;
        esac
        ;;
      ns | namespace | namespaces) echo @NAMESPACE@ ;;
      po | pod | pods)
        case " $* " in
          # The loop that waits for old pingers to go ends when none is reported.
          *" --template "* | *" --template="*) ;;
          *" --field-selector "* | *" --field-selector="*) echo "@POD@ <none>" ;;
          *) echo "kube-ovn-cni-recorder 1/1 Running 0 1d 192.0.2.1 recorder" ;;
        esac
        ;;
      # "Is there one already?" is answered with no: nothing exists, as on a first install.
      secret | secrets | network-attachment-definitions* | net-attach-def*) ;;
      deployment | deploy | deployments | daemonset | ds | daemonsets | statefulset | cm | configmap | svc | service | subnet | subnets | crd | sts)
        echo "Error from server (NotFound)" >&2
        exit 1
        ;;
      *) unexpected "kubectl $*" ;;
    esac
    ;;
  label)
    wide=name
    nodes "" > "$call/matched"
    nodes "$rest" > "$record/nodes.new" && mv "$record/nodes.new" "$record/nodes"
    ;;
  cp)
    target=${rest##* }
    : > "$target"
    ;;
  # What was written here is the plugin of kubectl itself; where it comes out of an image it is empty.
  ko) cat /usr/local/bin/kubectl-ko > "$call/plugin" 2> /dev/null || true ;;
  rollout | wait | delete) ;;
  *) unexpected "kubectl $*" ;;
esac
exit 0
"""

# docker and ctr are only ever called to make certificates; empty files do, since only names are recorded.
CERTIFICATES = """#!/bin/sh
for file in cacert.pem ovn-cert.pem ovn-privkey.pem; do : > "$file"; done
"""

SLEEP = "#!/bin/sh\nexit 0\n"

# Sourced by bash before the installer: a command that is not there is written down by name.
PRELUDE = """command_not_found_handle() {
  printf '%s\\n' "$*" >> @RECORD@/missing
  return 127
}
"""

# Inside new namespaces: an empty root in memory, the system's programs read-only, only the scratch directory writable.
JAIL = r"""set -eu
scratch=$1
shift
mount --make-rprivate / 2>/dev/null || true
root="$scratch/root"
mount -t tmpfs -o size=64m,mode=0755 tmpfs "$root"
mkdir -p "$root/usr" "$root/dev" "$root/proc" "$root/etc" "$root/tmp" "$root$scratch"
chmod 1777 "$root/tmp"
mount --rbind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
mount -t tmpfs -o size=8m,mode=1777 tmpfs "$root/usr/local/bin"
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then ln -s "$(readlink "/$name")" "$root/$name"
  elif [ -d "/$name" ]; then mkdir "$root/$name"; mount --bind "/$name" "$root/$name"; mount -o remount,bind,ro "$root/$name"; fi
done
if [ -d /etc/alternatives ]; then mkdir "$root/etc/alternatives"; mount --bind /etc/alternatives "$root/etc/alternatives"; fi
: > "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount -t proc proc "$root/proc" 2>/dev/null || true
ln -s /proc/self/fd "$root/dev/fd"
mount --bind "$scratch" "$root$scratch"
umount -l "$root$scratch/root" 2>/dev/null || true
cd "$root"
exec chroot "$root" @DROP@ "$@"
"""


class RenderError(Exception):
    """The installer could not be turned into objects; the message says why and what to do."""


def _write(path, text, mode=0o644):
    with open(path, "wb") as handle:
        handle.write(text.encode("utf-8"))
    os.chmod(path, mode)


def which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"):
    for directory in path.split(":"):
        candidate = os.path.join(directory, name)
        if os.access(candidate, os.X_OK):
            return candidate
    return None


# --- settings ---------------------------------------------------------------------------------------------------

ASSIGNMENT = re.compile(r"^(?P<indent>[ \t]*)(?P<name>[A-Za-z_][A-Za-z0-9_]*)=.*$")


def _shell_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else "%s" % (value,)


def apply_settings(script, settings):
    """Return the script with its variables set, and the names it knows.

    Variables live in the head of the script, before its help function; further down the same names appear inside
    here-documents, where they must stay as they are. A name counts as known when it is assigned at column 0. Where it
    is assigned again in an indented line of the head (for IPv6 and dual stack), that line gets the same value.
    The gateway that the script names is of its own network of pods: with another network, and no gateway given, it is
    left empty, of which Kube-OVN makes the first address.
    """
    lines = script.split("\n")
    end = len(lines)
    for number, line in enumerate(lines):
        if re.match(r"^(function[ \t]+)?display_help[ \t]*\(\)", line):
            end = number
            break
    known = []
    for line in lines[:end]:
        match = ASSIGNMENT.match(line)
        if match and not match.group("indent") and match.group("name") not in known:
            known.append(match.group("name"))
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise RenderError(
            "The installer has no setting named %s. It knows: %s." % (", ".join(unknown), ", ".join(sorted(known)))
        )
    if "POD_CIDR" in settings and "POD_GATEWAY" in known:
        settings = dict({"POD_GATEWAY": ""}, **settings)
    for number in range(end):
        match = ASSIGNMENT.match(lines[number])
        if match and match.group("name") in settings:
            name = match.group("name")
            value = _shell_value(settings[name])
            if "\n" in value:
                raise RenderError("The setting %s must be a single line." % name)
            lines[number] = "%s%s=%s" % (match.group("indent"), name, quote(value))
    return "\n".join(lines), sorted(known)


NAME = re.compile(r"^\s*-?\s*name:\s*\"?(?P<name>[A-Za-z0-9_.-]+)\"?\s*$")
ONE_VARIABLE = r"(?P<before>[^$\"\s]*)\$\{?(?P<variable>[A-Z][A-Z0-9_]*)\}?(?P<after>[^$\"\s]*)"
FLAG = re.compile(r"^\s*-\s*\"?(?P<flag>--[A-Za-z0-9_-]+)=\"?%s\"?\s*$" % ONE_VARIABLE)
VALUE = re.compile(r"^\s*value:\s*\"?%s\"?\s*$" % ONE_VARIABLE)


def read_sources(script, known):
    """Where the script puts its variables in containers: [{container, flag or env, variable, before, after}].

    `before` and `after` are the text around the variable. Only values of one variable that can be set are listed.
    """
    lines = script.split("\n")
    found, container, last = [], None, None
    for number, line in enumerate(lines):
        name = NAME.match(line)
        if name:
            last = name.group("name")
            # A container has its image beside its name.
            if any(re.match(r"^\s*image:", other) for other in lines[number + 1 : number + 3]):
                container = last
        flag, value = FLAG.match(line), VALUE.match(line)
        source = flag or value
        if container and source and source.group("variable") in known:
            entry = dict((key, source.group(key)) for key in ("variable", "before", "after"))
            entry.update(container=container, **({"flag": flag.group("flag")} if flag else {"env": last}))
            if entry not in found:
                found.append(entry)
    return found


# --- running ----------------------------------------------------------------------------------------------------


def _scratch(nodes, script):
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="kube-ovn-manifests-"))
    record = os.path.join(scratch, "record")
    for name in ("bin", "record", "run", "root"):
        os.mkdir(os.path.join(scratch, name))
    recorder = RECORDER.replace("@RECORD@", record).replace("@NAMESPACE@", MADE_UP_NAMESPACE).replace("@POD@", MADE_UP_POD)
    tools = os.path.join(scratch, "bin")
    _write(os.path.join(tools, "kubectl"), recorder, 0o755)
    _write(os.path.join(tools, "docker"), CERTIFICATES, 0o755)
    _write(os.path.join(tools, "ctr"), CERTIFICATES, 0o755)
    _write(os.path.join(tools, "sleep"), SLEEP, 0o755)
    for name in TOOLS:
        path = which(name)
        if path:
            os.symlink(path, os.path.join(tools, name))
    _write(os.path.join(scratch, "prelude"), PRELUDE.replace("@RECORD@", record))
    _write(os.path.join(scratch, "install.sh"), script)
    _write(os.path.join(record, "counter"), "0\n", 0o666)
    lines = []
    for node in nodes:
        labels = node.get("labels")
        words = [node["name"], node["internal_ip"]]
        if labels is not None:
            # A label without a value would look like a bare key; "key=" keeps both readings right.
            words += ["%s=%s" % (key, labels[key]) for key in sorted(labels)] or ["kubernetes.io/hostname=%s" % node["name"]]
        lines.append(" ".join(words))
    _write(os.path.join(record, "nodes"), "".join(line + "\n" for line in lines), 0o666)
    return scratch


def _levels(scratch):
    """Ways to lock the installer in, the best one first: (name, what it gives, command prefix)."""
    unshare, setpriv, shell = which("unshare"), which("setpriv"), which("bash")
    nobody = ["--reuid=%d" % UNPRIVILEGED_ID, "--regid=%d" % UNPRIVILEGED_ID, "--clear-groups"] if os.geteuid() == 0 else []
    drop = [setpriv] + nobody + ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"] if setpriv else None
    namespaces = [unshare] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"]) + ["--net"]
    if unshare and drop:
        jail = JAIL.replace("@DROP@", " ".join(drop))
        yield (
            "namespaces",
            {"network": True, "filesystem": True, "unprivileged": True},
            namespaces + ["--mount", "--ipc", "--pid", "--fork", shell, "-c", jail, "jail", scratch],
        )
        yield "network-only", {"network": True, "filesystem": False, "unprivileged": True}, namespaces + drop
    if os.geteuid() != 0 or drop:
        yield "unprivileged", {"network": False, "filesystem": False, "unprivileged": True}, drop or []


def _run(command, cwd, env, timeout):
    """Run a command with a hard end; returns (rc or None when it was cut off, its output)."""
    with tempfile.TemporaryFile() as log, open(os.devnull) as nothing:
        # run_command has no time limit and no process group to end.
        # pylint: disable-next=ansible-bad-function
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=nothing, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        rc = _wait(process, timeout)
        log.seek(0)
        return rc, log.read().decode("utf-8", "replace")


def _wait(process, timeout):
    end = time.time() + timeout
    while process.poll() is None:
        if time.time() > end:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
        time.sleep(0.01)
    return process.returncode


def _lock_in(scratch, env):
    """The best way to lock the installer in that this host allows: (what it gives, command prefix)."""
    tried = []
    for level, gives, prefix in _levels(scratch):
        rc, output = _run(prefix + [which("env"), "test", "-w", os.path.join(scratch, "record")], "/", env, 10)
        if rc == 0:
            return dict(gives, level=level, tried=tried), prefix
        tried.append("%s: %s" % (level, output.strip().split("\n")[-1] or "exit status %s" % rc))
    raise RenderError("The installer cannot be run without privileges on this host (%s)." % "; ".join(tried))


def run_installer(script, arguments, nodes, timeout=60):
    """Run the script; returns (calls, isolation). Each call is {argv, manifest, matched, plugin, unexpected}."""
    scratch = _scratch(nodes, script)
    try:
        env = {
            # /usr/local/bin comes last and is there: scripts put it first when it is missing.
            "PATH": "%s:/usr/local/bin" % os.path.join(scratch, "bin"),
            "BASH_ENV": os.path.join(scratch, "prelude"),
            "LC_ALL": "C",
            "HOME": os.path.join(scratch, "run"),
            "TMPDIR": os.path.join(scratch, "run"),
        }
        os.chmod(scratch, 0o711)
        if os.geteuid() == 0:
            for name in ("record", "run"):
                os.chown(os.path.join(scratch, name), UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        shell = os.path.join(scratch, "bin", "bash")
        setup_env = dict(env, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        setup_env.pop("BASH_ENV")
        isolation, prefix = _lock_in(scratch, setup_env)
        start = 'ulimit -c 0 -f 65536; cd "$1" && shift && exec bash "$@"'
        inner = [which("env"), "-i"] + ["%s=%s" % item for item in sorted(env.items())]
        inner += [shell, "-c", start, "installer", os.path.join(scratch, "run"), os.path.join(scratch, "install.sh")]
        rc, output = _run(prefix + inner + list(arguments), "/", setup_env, timeout)
        calls = _read_calls(os.path.join(scratch, "record"))
        missing = _read(os.path.join(scratch, "record", "missing")) or ""
        _check(rc, output, calls, missing.strip(), timeout)
        return calls, isolation
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(path):
    """A file that the installer had the right to write: what it may have put there as a link is not followed."""
    if not os.path.isfile(path) or os.path.realpath(path) != path:
        return None
    with open(path, "rb") as handle:
        return handle.read().decode("utf-8", "replace")


def _read_calls(record):
    count = (_read(os.path.join(record, "counter")) or "").strip()
    if not re.match("^[0-9]{1,4}$", count):
        raise RenderError("The installer damaged the record of its calls.")
    calls = []
    for number in range(1, int(count) + 1):
        call = dict((name, _read(os.path.join(record, "%d" % number, name))) for name in ("argv", "manifest", "matched", "plugin", "unexpected"))
        calls.append(dict(call, argv=(call["argv"] or "").split("\0")[:-1]))
    return calls


def _tail(output, lines=6):
    kept = [line for line in output.strip().split("\n") if line.strip()]
    return " | ".join(kept[-lines:]) or "no output"


def _check(rc, output, calls, missing, timeout):
    unexpected = [call["unexpected"].strip() for call in calls if call["unexpected"]]
    if unexpected:
        raise RenderError("The installer called something that the recorder does not support: %s" % "; ".join(unexpected))
    if missing:
        raise RenderError(
            "The installer called commands that are not allowed while rendering: %s" % ", ".join(sorted(set(missing.split("\n"))))
        )
    if rc is None:
        raise RenderError("The installer did not end within %s s. Last output: %s" % (timeout, _tail(output)))
    if rc != 0:
        # Without a mount namespace the very last step, writing the kubectl plugin, is refused. All else is recorded then.
        verbs = [_verb(call["argv"]) for call in calls]
        done = "ko" in verbs or "cp" in verbs or ("apply" in verbs and "/usr/local/bin/kubectl-ko" in output)
        if not done:
            raise RenderError("The installer ended with status %d. Last output: %s" % (rc, _tail(output)))


# --- reading what was recorded ----------------------------------------------------------------------------------

WITH_VALUE = (
    "-n", "--namespace", "-l", "--selector", "-f", "--filename", "-o", "--output", "-c", "--container", "--timeout", "--template", "--field-selector", "--for"
)
KINDS = {
    "deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment", "deployment.apps": "Deployment",
    "ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet", "daemonset.apps": "DaemonSet",
    "sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet",
    "po": "Pod", "pod": "Pod", "pods": "Pod",
    "no": "Node", "node": "Node", "nodes": "Node",
    "secret": "Secret", "secrets": "Secret",
}


def parse_call(argv):
    """Split kubectl's words into positional ones and options; a flag without a value is True."""
    words, options, index = [], {}, 0
    while index < len(argv):
        word = argv[index]
        index += 1
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif word.startswith("--") and "=" in word:
            name, value = word.split("=", 1)
            options.setdefault(name, []).append(value)
        elif word in WITH_VALUE:
            options.setdefault(word, []).append(argv[index] if index < len(argv) else "")
            index += 1
        elif not word.startswith("--") and len(word) > 2 and word[:2] in WITH_VALUE:
            options.setdefault(word[:2], []).append(word[2:].lstrip("="))
        else:
            options.setdefault(word, []).append(True)
    return words, options


def _verb(argv):
    words = parse_call(argv)[0]
    return words[0] if words else ""


def _option(options, *names):
    for name in names:
        if name in options:
            return options[name][-1]
    return None


def _seconds(text):
    match = re.match(r"^(\d+)(s|m|h)?$", text or "")
    if not match:
        return None
    return int(match.group(1)) * {None: 1, "s": 1, "m": 60, "h": 3600}[match.group(2)]


def _target(words):
    """`deployment/name`, or `deployment name` as (kind, name)."""
    if words and "/" in words[0]:
        kind, name = words[0].split("/", 1)
    else:
        kind, name = (words + ["", ""])[:2]
    return KINDS.get(kind.lower(), kind), name or None


def loader():
    if yaml is None:
        raise RenderError("PyYAML is needed on this host to read the rendered manifests.")
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):
        """YAML as Kubernetes reads it: a date is a string."""

    Loader.yaml_implicit_resolvers = dict(
        (key, [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]) for key, pairs in base.yaml_implicit_resolvers.items()
    )
    return Loader


def load_objects(text, name):
    objects = []
    try:
        for document in yaml.load_all(text, Loader=loader()):
            if not document:
                continue
            items = document.get("items") or [] if isinstance(document, dict) and document.get("kind", "").endswith("List") else [document]
            for item in items:
                if not isinstance(item, dict) or not item.get("kind") or not item.get("apiVersion") or not (item.get("metadata") or {}).get("name"):
                    raise RenderError("%s holds something that is no Kubernetes object (kind, apiVersion and metadata.name are needed)." % name)
                objects.append(item)
    except yaml.YAMLError as error:
        raise RenderError("%s is not valid YAML: %s" % (name, error))
    return objects


def read_steps(calls):
    """Turn the recorded calls into (objects, steps). Questions (`get`) leave no step."""
    loader()
    objects, steps = [], []
    for call in calls:
        words, options = parse_call(call["argv"])
        verb = words[0] if words else ""
        namespace = _option(options, "-n", "--namespace")
        if verb in ("apply", "create") and call["manifest"] is not None:
            name = os.path.basename(_option(options, "-f", "--filename"))
            found = load_objects(call["manifest"], name)
            steps.append({"action": "apply", "file": name, "first": len(objects), "count": len(found)})
            objects.extend(found)
        elif verb == "create":
            steps.append({"action": "create", "kind": KINDS.get(words[1], words[1]), "name": words[-1], "namespace": namespace})
        elif verb == "label":
            labels = [word.split("=", 1) for word in words[2:] if "=" in word]
            names = [word for word in words[2:] if "=" not in word and not word.endswith("-")]
            steps.append({
                "action": "label", "kind": KINDS.get(words[1], words[1]), "selector": _option(options, "-l", "--selector"),
                "nodes": names or (call["matched"] or "").split(), "labels": dict(labels), "overwrite": "--overwrite" in options,
            })
        elif verb == "rollout" and words[1:2] == ["status"]:
            kind, name = _target(words[2:])
            steps.append({"action": "wait", "kind": kind, "name": name, "namespace": namespace, "condition": "rollout",
                          "selector": None, "timeout": _seconds(_option(options, "--timeout"))})
        elif verb == "rollout":
            kind, name = _target(words[2:])
            steps.append({"action": "rollout-%s" % words[1], "kind": kind, "name": name, "namespace": namespace})
        elif verb == "wait":
            kind, name = _target(words[1:])
            condition = (_option(options, "--for") or "").split("=", 1)[-1]
            steps.append({"action": "wait", "kind": kind, "name": name, "namespace": namespace, "condition": condition,
                          "selector": _option(options, "-l", "--selector"), "timeout": _seconds(_option(options, "--timeout"))})
        elif verb == "delete" and namespace == MADE_UP_NAMESPACE:
            # The one deletion stands for all: every pod of the cluster that is not on the host network and is restarted for ever.
            steps.append({"action": "recreate-pods"})
        elif verb == "delete":
            kind, name = _target(words[1:])
            steps.append({"action": "delete", "kind": kind, "name": name, "namespace": namespace, "selector": _option(options, "-l", "--selector")})
        elif verb in ("cp", "ko"):
            steps.append({"action": "plugin-%s" % verb, "arguments": words[1:]})
    return objects, steps


def plugin(calls, isolation):
    """The plugin of kubectl that the installer wrote; None where it has to come out of an image, or where it could not be written."""
    written = [call["plugin"] for call in calls if call["plugin"]]
    # Without a file system of its own this would be what an earlier installation left on this host.
    return written[-1] if written and isolation["filesystem"] else None


def images(objects):
    """Every container image that the objects name, each once, in order."""
    found = []
    for item in objects:
        template = (item.get("spec") or {}).get("template") if isinstance(item.get("spec"), dict) else None
        spec = (template or {}).get("spec") or (item.get("spec") if item.get("kind") == "Pod" else None) or {}
        for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
            if container.get("image") and container["image"] not in found:
                found.append(container["image"])
    return found
