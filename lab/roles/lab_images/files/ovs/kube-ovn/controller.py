"""The lab's substitute of kube-ovn-controller.

Each subnet is a logical switch, but for that of the nodes (join), whose ports are in the default subnet. Each node has a /24 of that one, whose first
address is the node's own (port ovn0 of br-int); a pod gets an address of its node, an annotation with it and a port in OVN. So does each attachment of
type kube-ovn, as getPodAttachmentNet in pkg/controller/pod.go of kubeovn/kube-ovn (v1.12.35, v1.16.2) has it: the provider is made of the attachment's
name and namespace, whatever its configuration says, and leads to the subnet with that provider, else to the default one. Addresses are made up, as by
GenerateMac in pkg/util/net.go, and chassis whose host name is no node's are deleted, as by gcChassis in pkg/controller/gc.go (from v1.12.1 on).
"""

import argparse
import ipaddress
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, "/kube-ovn")
from kubernetes_api import Api  # noqa: E402

SWITCH, JOIN = "ovn-default", "join"
FINALIZER = "kube-ovn-controller"
SUBNETS = "/apis/kubeovn.io/v1/subnets"
# Chassis are looked at so often, in seconds; --gc-interval of the release is 360.
GC_INTERVAL = 30
PREFIX = "ovn.kubernetes.io/"


def log(message):
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), message, flush=True)


def ovn(program, service, *arguments):
    database = "tcp:[%s]:%s" % (os.environ[service + "_SERVICE_HOST"], os.environ[service + "_SERVICE_PORT"])
    command = [program, "--db=" + database, "--timeout=10", "--no-leader-only"] + list(arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def nbctl(*arguments):
    return ovn("ovn-nbctl", "OVN_NB", *arguments)


def sbctl(*arguments):
    return ovn("ovn-sbctl", "OVN_SB", *arguments)


def mac_of(address):
    """Of a node's own port, which its kube-ovn-cni knows by its annotation."""
    return "00:00:" + ":".join("%02x" % byte for byte in ipaddress.ip_address(address).packed)


def new_mac():
    """Locally administered, of one station, and another one each time."""
    first, *rest = secrets.token_bytes(6)
    return ":".join("%02x" % byte for byte in [(first | 2) & 0xFE, *rest])


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
        self.next_gc = 0
        self.known_release = None

    @property
    def running_release(self):
        """By the tag of the image that this runs as; a newer one where that does not say it."""
        if self.known_release is None:
            found = self.api.get("/apis/apps/v1/namespaces/kube-system/deployments/kube-ovn-controller")
            match = re.search(r":v(\d+)\.(\d+)\.(\d+)", found["spec"]["template"]["spec"]["containers"][0]["image"] if found else "")
            self.known_release = tuple(int(number) for number in match.groups()) if match else (99, 0, 0)
        return self.known_release

    def provider(self, namespace, name):
        """Of an attachment that Kube-OVN serves itself; None for those of other plugins."""
        found = self.api.get("/apis/k8s.cni.cncf.io/v1/namespaces/%s/network-attachment-definitions/%s" % (namespace, name))
        try:
            config = json.loads(found["spec"]["config"])
        except (TypeError, KeyError, ValueError):
            return None
        for plugin in config.get("plugins", [config]):
            if plugin.get("type") == "kube-ovn":
                return "%s.%s.ovn" % (name, namespace)
        return None

    def custom(self, plural, kind, name, spec):
        path = "/apis/kubeovn.io/v1/%s" % plural
        if self.api.get("%s/%s" % (path, name)) is None:
            body = {"apiVersion": "kubeovn.io/v1", "kind": kind, "metadata": {"name": name, "finalizers": [FINALIZER]}, "spec": spec}
            self.api.call("POST", path, body)

    def initialise(self):
        self.custom("vpcs", "Vpc", "ovn-cluster", {})
        common = {"protocol": "IPv4", "vpc": "ovn-cluster", "provider": "ovn"}
        gateway = self.options.default_gateway
        self.custom("subnets", "Subnet", SWITCH, dict(common, cidrBlock=str(self.network), gateway=gateway, default=True))
        self.custom("subnets", "Subnet", JOIN, dict(common, cidrBlock=self.options.node_switch_cidr))

    def subnets(self):
        """The logical switches, by the name of the subnet: its network and its provider. A subnet that is deleted goes when no address of it is used."""
        found = {}
        for item in self.api.items(SUBNETS):
            metadata, spec = item["metadata"], item["spec"]
            if metadata["name"] == JOIN:
                continue
            name, path = metadata["name"], "%s/%s" % (SUBNETS, metadata["name"])
            if metadata.get("deletionTimestamp"):
                if not any(ip["spec"].get("subnet") == name for ip in self.api.items("/apis/kubeovn.io/v1/ips")):
                    nbctl("--if-exists", "ls-del", name)
                    self.api.call("PATCH", path, {"metadata": {"finalizers": []}}, "application/merge-patch+json")
                continue
            network = ipaddress.ip_network(spec["cidrBlock"], strict=False)
            if FINALIZER not in metadata.get("finalizers", []) or not spec.get("gateway"):
                gateway = spec.get("gateway") or str(network[1])
                self.api.call("PATCH", path, {"metadata": {"finalizers": [FINALIZER]}, "spec": {"gateway": gateway}}, "application/merge-patch+json")
            nbctl("--may-exist", "ls-add", name, "--", "set", "Logical_Switch", name, "other_config:subnet=%s" % network)
            found[name] = {"network": network, "provider": spec.get("provider") or "ovn", "gateway": spec.get("gateway") or str(network[1])}
        return found

    def collect_chassis(self):
        """gcChassis: what is the name of no node goes from the southbound database, and with it the tunnels to that node."""
        if time.monotonic() < self.next_gc:
            return
        self.next_gc = time.monotonic() + GC_INTERVAL
        nodes = {node["metadata"]["name"] for node in self.api.items("/api/v1/nodes")}
        for name, hostname in json.loads(sbctl("--format=json", "--columns=name,hostname", "list", "Chassis"))["data"]:
            if hostname not in nodes:
                log("gc node %s chassis %s" % (hostname, name))
                sbctl("--if-exists", "chassis-del", name)

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

    def wanted_of(self, pod, blocks, taken, subnets):
        """Give a pod what it lacks; the ports it has to have, as {port: (logical switch, "mac address")}."""
        metadata = pod["metadata"]
        annotations = metadata.setdefault("annotations", {})
        changed = {}
        ports = {}

        def allocate(provider, block, port, name=SWITCH):
            key = provider + ".kubernetes.io/"
            subnet = subnets[name]
            address = annotations.get(key + "ip_address")
            if not address:
                # The first one is the gateway's.
                hosts = (item for item in block.hosts() if item != block[1])
                address = next(text for text in map(str, hosts) if text not in taken and text != subnet["gateway"])
            mac = annotations.get(key + "mac_address") or new_mac()
            taken.add(address)
            if annotations.get(key + "allocated") != "true":
                changed.update({
                    key + "allocated": "true", key + "ip_address": address, key + "mac_address": mac, key + "cidr": str(subnet["network"]),
                    key + "gateway": str(block[1]) if name == SWITCH else subnet["gateway"], key + "logical_switch": name,
                })
            ports[port] = (name, "%s %s" % (mac, address))

        name = "%s.%s" % (metadata["name"], metadata["namespace"])
        allocate("ovn", blocks[pod["spec"]["nodeName"]], name)
        for namespace, network in attachments(pod):
            provider = self.provider(namespace, network)
            if not provider:
                continue
            subnet = annotations.get(provider + ".kubernetes.io/logical_switch")
            subnet = subnet or next((item for item, settings in subnets.items() if settings["provider"] == provider), SWITCH)
            if subnet not in subnets:
                log("failed to get subnet %s of pod %s" % (subnet, name))
                continue
            block = self.blocks[0] if subnet == SWITCH else subnets[subnet]["network"]
            allocate(provider, block, "%s.%s" % (name, provider), subnet)
        if changed:
            self.api.annotate("/api/v1/namespaces/%s/pods/%s" % (metadata["namespace"], metadata["name"]), changed)
            log("pod %s/%s has %s" % (metadata["namespace"], metadata["name"], ports))
        for port, (switch, value) in ports.items():
            mac, address = value.split()
            self.custom("ips", "IP", port, {
                "podName": metadata["name"], "namespace": metadata["namespace"], "subnet": switch, "nodeName": pod["spec"]["nodeName"],
                "ipAddress": address, "v4IpAddress": address, "macAddress": mac, "podType": "",
            })
        return ports

    def release(self, name):
        path = "/apis/kubeovn.io/v1/ips/" + name
        if self.api.call("PATCH", path, {"metadata": {"finalizers": []}}, "application/merge-patch+json") is not None:
            self.api.call("DELETE", path)

    def reconcile(self):
        blocks = self.nodes()
        subnets = self.subnets()
        wanted = {"node-" + name: (SWITCH, "%s %s" % (mac_of(block[1]), block[1])) for name, block in blocks.items()}
        pods = [
            pod for pod in self.api.items("/api/v1/pods")
            if pod["spec"].get("nodeName") in blocks and not pod["spec"].get("hostNetwork")
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        taken = {value for pod in pods for key, value in pod["metadata"].get("annotations", {}).items() if key.endswith(".kubernetes.io/ip_address")}
        for pod in pods:
            wanted.update(self.wanted_of(pod, blocks, taken, subnets))
        listed = json.loads(nbctl("--format=json", "--columns=name,addresses", "list", "Logical_Switch_Port"))["data"]
        there = {name: addresses if isinstance(addresses, str) else " ".join(addresses[1]) for name, addresses in listed}
        kept = {name for name, (_switch, value) in wanted.items() if there.get(name) == value}
        gone = [["--", "--if-exists", "lsp-del", name] for name in there if name not in kept]
        new = [["--", "lsp-add", switch, name, "--", "lsp-set-addresses", name, value] for name, (switch, value) in wanted.items() if name not in kept]
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
            if controller.running_release >= (1, 12, 1):
                controller.collect_chassis()
        except subprocess.CalledProcessError as error:
            log("%s: %s" % (" ".join(error.cmd), error.stderr.strip()))
            time.sleep(2)
        except (OSError, RuntimeError, StopIteration) as error:
            log("%s: %s" % (type(error).__name__, error))
            time.sleep(2)


if __name__ == "__main__":
    main()
