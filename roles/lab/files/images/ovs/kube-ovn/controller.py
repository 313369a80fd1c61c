"""The lab's substitute of kube-ovn-controller.

One logical switch for all pods. Each node has a /24 of it, whose first address is the node's own (port ovn0 of br-int);
a pod gets an address of its node, an annotation with it and a port in OVN; so does each attachment of type kube-ovn.
"""

import argparse
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, "/kube-ovn")
from kubernetes_api import Api  # noqa: E402

SWITCH = "ovn-default"
FINALIZER = "kube-ovn-controller"
PREFIX = "ovn.kubernetes.io/"


def log(message):
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), message, flush=True)


def nbctl(*arguments):
    database = "tcp:[%s]:%s" % (os.environ["OVN_NB_SERVICE_HOST"], os.environ["OVN_NB_SERVICE_PORT"])
    command = ["ovn-nbctl", "--db=" + database, "--timeout=10", "--no-leader-only"] + list(arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def mac_of(address):
    return "00:00:" + ":".join("%02x" % byte for byte in ipaddress.ip_address(address).packed)


def attachments(pod):
    """The pod's additional networks as (namespace, name), in both forms of the annotation."""
    namespace = pod["metadata"]["namespace"]
    text = pod["metadata"].get("annotations", {}).get("k8s.v1.cni.cncf.io/networks", "").strip()
    if text.startswith("["):
        return [(item.get("namespace", namespace), item["name"]) for item in json.loads(text)]
    result = []
    for item in filter(None, (part.split("@")[0].strip() for part in text.split(","))):
        result.append(tuple(item.split("/", 1)) if "/" in item else (namespace, item))
    return result


class Controller:
    def __init__(self, options):
        self.api = Api()
        self.network = ipaddress.ip_network(options.default_cidr)
        self.blocks = list(self.network.subnets(new_prefix=24))
        self.options = options

    def provider(self, namespace, name):
        """Of an attachment that Kube-OVN serves itself; None for those of other plugins."""
        found = self.api.get("/apis/k8s.cni.cncf.io/v1/namespaces/%s/network-attachment-definitions/%s" % (namespace, name))
        try:
            config = json.loads(found["spec"]["config"])
        except (TypeError, KeyError, ValueError):
            return None
        for plugin in config.get("plugins", [config]):
            if plugin.get("type") == "kube-ovn" and plugin.get("provider"):
                return plugin["provider"]
        return None

    def custom(self, plural, kind, name, spec):
        path = "/apis/kubeovn.io/v1/%s" % plural
        if self.api.get("%s/%s" % (path, name)) is None:
            body = {"apiVersion": "kubeovn.io/v1", "kind": kind, "metadata": {"name": name, "finalizers": [FINALIZER]}, "spec": spec}
            self.api.call("POST", path, body)

    def initialise(self):
        nbctl("--may-exist", "ls-add", SWITCH)
        nbctl("set", "Logical_Switch", SWITCH, "other_config:subnet=%s" % self.network)
        self.custom("vpcs", "Vpc", "ovn-cluster", {})
        common = {"protocol": "IPv4", "vpc": "ovn-cluster", "provider": "ovn"}
        gateway = self.options.default_gateway
        self.custom("subnets", "Subnet", SWITCH, dict(common, cidrBlock=str(self.network), gateway=gateway, default=True))
        self.custom("subnets", "Subnet", "join", dict(common, cidrBlock=self.options.node_switch_cidr))

    def nodes(self):
        """The block of each node, handed out once."""
        found = {}
        nodes = self.api.items("/api/v1/nodes")
        for node in nodes:
            block = node["metadata"].get("annotations", {}).get(PREFIX + "cidr")
            if block:
                found[node["metadata"]["name"]] = ipaddress.ip_network(block)
        for node in nodes:
            name = node["metadata"]["name"]
            if name in found:
                continue
            block = next(item for item in self.blocks[1:] if item not in found.values())
            address = str(block[1])
            self.api.annotate("/api/v1/nodes/" + name, {
                PREFIX + "allocated": "true", PREFIX + "cidr": str(block), PREFIX + "gateway": address,
                PREFIX + "ip_address": address, PREFIX + "mac_address": mac_of(address),
                PREFIX + "logical_switch": SWITCH, PREFIX + "port_name": "node-" + name,
            })
            found[name] = block
            log("node %s has %s" % (name, block))
        return found

    def wanted_of(self, pod, blocks, taken):
        """Give a pod what it lacks; the ports it has to have, as {port: "mac address"}."""
        metadata = pod["metadata"]
        annotations = metadata.setdefault("annotations", {})
        changed = {}
        ports = {}

        def allocate(provider, block, port):
            key = provider + ".kubernetes.io/"
            address = annotations.get(key + "ip_address")
            if not address:
                address = str(next(item for item in list(block.hosts())[1:] if str(item) not in taken))
            mac = annotations.get(key + "mac_address") or mac_of(address)
            taken.add(address)
            if annotations.get(key + "allocated") != "true":
                changed.update({
                    key + "allocated": "true", key + "ip_address": address, key + "mac_address": mac, key + "cidr": str(self.network),
                    key + "gateway": str(block[1]), key + "logical_switch": SWITCH,
                })
            ports[port] = "%s %s" % (mac, address)

        name = "%s.%s" % (metadata["name"], metadata["namespace"])
        allocate("ovn", blocks[pod["spec"]["nodeName"]], name)
        for namespace, network in attachments(pod):
            provider = self.provider(namespace, network)
            if provider:
                allocate(provider, self.blocks[0], "%s.%s" % (name, provider))
        if changed:
            self.api.annotate("/api/v1/namespaces/%s/pods/%s" % (metadata["namespace"], metadata["name"]), changed)
            log("pod %s/%s has %s" % (metadata["namespace"], metadata["name"], ports))
        for port, value in ports.items():
            mac, address = value.split()
            self.custom("ips", "IP", port, {
                "podName": metadata["name"], "namespace": metadata["namespace"], "subnet": SWITCH, "nodeName": pod["spec"]["nodeName"],
                "ipAddress": address, "v4IpAddress": address, "macAddress": mac, "podType": "",
            })
        return ports

    def release(self, name):
        path = "/apis/kubeovn.io/v1/ips/" + name
        if self.api.call("PATCH", path, {"metadata": {"finalizers": []}}, "application/merge-patch+json") is not None:
            self.api.call("DELETE", path)

    def reconcile(self):
        blocks = self.nodes()
        wanted = {"node-" + name: "%s %s" % (mac_of(block[1]), block[1]) for name, block in blocks.items()}
        pods = [
            pod for pod in self.api.items("/api/v1/pods")
            if pod["spec"].get("nodeName") in blocks and not pod["spec"].get("hostNetwork")
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        taken = {value for pod in pods for key, value in pod["metadata"].get("annotations", {}).items() if key.endswith(".kubernetes.io/ip_address")}
        for pod in pods:
            wanted.update(self.wanted_of(pod, blocks, taken))
        listed = json.loads(nbctl("--format=json", "--columns=name,addresses", "list", "Logical_Switch_Port"))["data"]
        there = {name: addresses if isinstance(addresses, str) else " ".join(addresses[1]) for name, addresses in listed}
        gone = [["--", "--if-exists", "lsp-del", name] for name, value in there.items() if wanted.get(name) != value]
        new = [["--", "lsp-add", SWITCH, name, "--", "lsp-set-addresses", name, value] for name, value in wanted.items() if there.get(name) != value]
        # In two transactions: for ovn-nbctl a port that goes in the same one is still there, and its address may be another's by now.
        for commands in gone, new:
            if commands:
                nbctl(*sum(commands, [])[1:])
        ports = {name for name in wanted if not name.startswith("node-")}
        for item in self.api.items("/apis/kubeovn.io/v1/ips"):
            if item["metadata"]["name"] not in ports:
                self.release(item["metadata"]["name"])


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def main():
    # The first process of a container does not end by a signal unless it says so.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("--default-cidr", required=True)
    parser.add_argument("--default-gateway", default="")
    parser.add_argument("--node-switch-cidr", default="")
    options, ignored = parser.parse_known_args()
    log("arguments without effect in the lab: %s" % " ".join(ignored))
    controller = Controller(options)
    initialised = False
    while True:
        try:
            if not initialised:
                controller.initialise()
                controller.reconcile()
                server = ThreadingHTTPServer(("", 10660), Health)
                threading.Thread(target=server.serve_forever, daemon=True).start()
                initialised = True
                log("ready")
            controller.api.wait_for_change("/api/v1/pods", 10)
            controller.reconcile()
        except subprocess.CalledProcessError as error:
            log("%s: %s" % (" ".join(error.cmd), error.stderr.strip()))
            time.sleep(2)
        except (OSError, RuntimeError, StopIteration) as error:
            log("%s: %s" % (type(error).__name__, error))
            time.sleep(2)


if __name__ == "__main__":
    main()
