"""The lab's substitute of kube-ovn-cni: the node's port in br-int, and the daemon behind the CNI plugin.

What it does for a pod follows pkg/daemon of kubeovn/kube-ovn at v1.12.35 and v1.16.2: handleAdd and handleDel in handler.go, createShortSharedDir and
removeShortSharedDir in handler_linux.go, configureDpdkNic, deleteNic and generateNicName in ovs_linux.go, and SetInterfaceBandwidth in
pkg/ovs/ovs-vsctl_linux.go. Where the releases differ, it does what the release does whose image it runs as.
"""

import argparse
import json
import os
import re
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, "/kube-ovn")
from kubernetes_api import Api  # noqa: E402

SOCKET = "/run/openvswitch/kube-ovn-daemon.sock"
VHOST_SOCKETS = "/run/openvswitch/vhost_sockets"
CONFLIST = {
    "name": "kube-ovn",
    "cniVersion": "0.3.1",
    "plugins": [{"type": "kube-ovn", "server_socket": SOCKET}],
}
NODE_PORT = "ovn0"
MTU = "1400"
# pkg/util/const.go: with this consumption of a socket the volume has a fixed name, and the socket that of the interface.
KUBEVIRT, KUBEVIRT_VOLUME = "kubevirt", "vhostuser-sockets"
# The mark of the routes to other nodes, by which uninstall.sh finds them.
ROUTES = "147"


def log(message):
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), message, flush=True)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.strip()))
    return done.stdout


def vsctl(*arguments):
    return run("ovs-vsctl", "--timeout=20", *arguments)


def in_namespace(netns, *command):
    return run("nsenter", "--net=" + netns, "--", *command)


def internal_address(node):
    return next(item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP")


def port_state():
    """What the kernel says of the node's own port; nothing where it is not there."""
    try:
        with open("/sys/class/net/%s/operstate" % NODE_PORT, encoding="ascii") as handle:
            return handle.read().strip()
    except OSError:
        return ""


class Daemon:
    def __init__(self, options):
        self.api = Api()
        self.options = options
        self.node = os.environ["KUBE_NODE_NAME"]
        self.started = False
        self.known_release = None

    @property
    def release(self):
        """The release as two numbers, by the tag of the image that this runs as; a newer one where that does not say it."""
        if self.known_release is None:
            pods = self.api.items("/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dkube-ovn-cni&fieldSelector=spec.nodeName%3D" + self.node)
            images = [container["image"] for pod in pods for container in pod["spec"]["containers"] if container["name"] == "cni-server"]
            found = re.search(r":v(\d+)\.(\d+)\.", images[-1] if images else "")
            self.known_release = tuple(int(number) for number in found.groups()) if found else (99, 0)
        return self.known_release

    # --- the node --------------------------------------------------------------------------------------------------

    def connect_tunnels(self, node):
        """Where the tunnels of other nodes lead to: the address of the tunnel bridge on a node with OVS-DPDK of its own, else that of the node."""
        address = internal_address(node)
        if node["metadata"].get("labels", {}).get("ovn.kubernetes.io/ovs_dp_type") == "userspace":
            device = self.options.dpdk_tunnel_iface
            links = json.loads(run("ip", "-j", "-4", "address", "show", "dev", device))
            # An address without a network counts for a virtual one.
            found = [item["local"] for link in links for item in link.get("addr_info", []) if item["prefixlen"] < 32]
            if not found:
                raise RuntimeError("%s has no valid IP address" % device)
            address = found[0]
        vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=" + address)

    def connect_node(self):
        """The node's own address in the pods' network. Made again after a restart of OVS: a port of the userspace datapath goes with it."""
        nodes = self.api.items("/api/v1/nodes")
        node = next(node for node in nodes if node["metadata"]["name"] == self.node)
        # The released one reads the address when it starts, and ends itself when it finds its port gone or down, to be started again.
        if not self.started or port_state() in ("", "down"):
            self.connect_tunnels(node)
            self.started = True
        own = node["metadata"].get("annotations", {})
        if own.get("ovn.kubernetes.io/allocated") != "true":
            raise RuntimeError("no address was allocated for node %s yet" % self.node)
        mac, address = own["ovn.kubernetes.io/mac_address"], own["ovn.kubernetes.io/ip_address"]
        vsctl("--may-exist", "add-port", "br-int", NODE_PORT, "--", "set", "Interface", NODE_PORT, "type=internal", 'mac="%s"' % mac,
              "external_ids:iface-id=%s" % own["ovn.kubernetes.io/port_name"], "mtu_request=%s" % MTU)
        run("ip", "link", "set", NODE_PORT, "up")
        run("ip", "address", "replace", address + "/24", "dev", NODE_PORT)
        for node in nodes:
            block = node["metadata"].get("annotations", {}).get("ovn.kubernetes.io/cidr")
            if block and node["metadata"]["name"] != self.node:
                run("ip", "route", "replace", block, "via", internal_address(node), "proto", ROUTES)
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as handle:
            handle.write("1")

    def write_conflist(self):
        path = os.path.join("/etc/cni/net.d", self.options.cni_conf_name)
        text = json.dumps(CONFLIST, indent=2) + "\n"
        try:
            with open(path, encoding="utf-8") as handle:
                if handle.read() == text:
                    return
        except OSError:
            pass
        with open(path + ".new", "w", encoding="utf-8") as handle:
            handle.write(text)
        os.chmod(path + ".new", 0o444)
        os.rename(path + ".new", path)
        log("wrote " + path)

    # --- pods ------------------------------------------------------------------------------------------------------

    def pod(self, args, provider):
        path = "/api/v1/namespaces/%s/pods/%s" % (args["K8S_POD_NAMESPACE"], args["K8S_POD_NAME"])
        for _attempt in range(20):
            pod = self.api.get(path)
            if pod is None:
                raise RuntimeError("get pod %(K8S_POD_NAMESPACE)s/%(K8S_POD_NAME)s failed: there is no such pod" % args)
            if pod["metadata"].get("annotations", {}).get(provider + ".kubernetes.io/allocated") == "true":
                return pod
            time.sleep(1)
        raise RuntimeError(
            "no address allocated to pod %s/%s provider %s, please see kube-ovn-controller logs to find errors"
            % (args["K8S_POD_NAMESPACE"], args["K8S_POD_NAME"], provider)
        )

    @staticmethod
    def names(request):
        """generateNicName: the end of the node, and that of the pod."""
        container, ifname = request["container_id"], request["ifname"]
        if ifname == "eth0":
            return container[:12] + "_h", container[:12] + "_c"
        stem = "%s_%s" % (container[: 12 - len(ifname)], ifname)
        return stem + "_h", stem + "_c"

    @staticmethod
    def provider(request):
        """The first interface is always of the default network."""
        return "ovn" if request["ifname"] == "eth0" else request["config"].get("provider") or "ovn"

    def socket(self, config):
        """Volume, consumption and whether there is a vhost-user socket at all."""
        consumption = config.get("vhost_user_socket_consumption", "") if self.release >= (1, 13) else ""
        return KUBEVIRT_VOLUME if consumption == KUBEVIRT else config.get("vhost_user_socket_volume_name", ""), consumption

    def add(self, request):
        config, provider = request["config"], self.provider(request)
        if not provider.endswith("ovn") and not any(
            subnet["spec"].get("provider") == provider for subnet in self.api.items("/apis/kubeovn.io/v1/subnets")
        ):
            raise RuntimeError("provider %s not bind to any subnet" % provider)
        pod = self.pod(request["args"], provider)
        metadata = pod["metadata"]
        annotations = metadata["annotations"]
        key = provider + ".kubernetes.io/"
        address, mac, gateway = annotations[key + "ip_address"], annotations[key + "mac_address"], annotations[key + "gateway"]
        prefix = annotations.get(key + "cidr", "/24").rpartition("/")[2]
        port = "%s.%s" % (metadata["name"], metadata["namespace"])
        if provider != "ovn":
            port += "." + provider
        ids = ["external_ids:iface-id=" + port, "external_ids:pod_name=" + metadata["name"], "external_ids:pod_namespace=" + metadata["namespace"],
               "external_ids:ip=" + address, "external_ids:pod_netns=" + request["netns"]]
        volume, consumption = self.socket(config)
        if volume:
            self.share_directory(pod, volume, consumption)
            self.add_vhost_user(request, volume, consumption, metadata["uid"], ids)
            self.limit(request, port, annotations.get(key + "ingress_rate"), annotations.get(key + "egress_rate"))
        else:
            self.add_veth(request, mac, address, gateway if provider == "ovn" else None, ids)
        result = {
            "cniVersion": "0.3.1",
            # Of a vhost-user port too, which the pod does not have as an interface.
            "interfaces": [{"name": request["ifname"], "mac": mac, "sandbox": request["netns"]}],
            "ips": [{"version": "4", "address": "%s/%s" % (address, prefix), "interface": 0}],
        }
        if provider == "ovn":
            result["ips"][0]["gateway"] = gateway
            result["routes"] = [{"dst": "0.0.0.0/0", "gw": gateway}]
        return result

    def add_veth(self, request, mac, address, gateway, ids):
        host, inner = self.names(request)
        netns, ifname = request["netns"], request["ifname"]
        subprocess.run(["ip", "link", "delete", host], capture_output=True, check=False)
        run("ip", "link", "add", host, "mtu", MTU, "type", "veth", "peer", "name", inner, "mtu", MTU, "address", mac)
        run("ip", "link", "set", inner, "netns", netns)
        run("ip", "link", "set", host, "up")
        in_namespace(netns, "ip", "link", "set", inner, "name", ifname)
        # The userspace datapath forwards what it gets: checksums have to be right when a packet leaves the pod.
        for namespace, device in ((None, host), (netns, ifname)):
            command = ["ethtool", "-K", device, "tx", "off"]
            (in_namespace(namespace, *command) if namespace else run(*command))
        in_namespace(netns, "ip", "address", "replace", address + "/24", "dev", ifname)
        in_namespace(netns, "ip", "link", "set", ifname, "up")
        if gateway:
            in_namespace(netns, "ip", "route", "replace", "default", "via", gateway, "dev", ifname)
        vsctl("--if-exists", "del-port", host, "--", "add-port", "br-int", host, "--", "set", "Interface", host, *ids)

    def share_directory(self, pod, volume, consumption):
        """createShortSharedDir: the pod's emptyDir, bound to a path that is short enough for a socket."""
        found = [item for item in pod["spec"].get("volumes") or [] if item["name"] == volume]
        if not found:
            raise RuntimeError("cannot find volume %s in pod %s" % (volume, pod["metadata"]["name"]))
        if "emptyDir" not in found[0]:
            raise RuntimeError("volume %s is not empty dir" % volume)
        uid = pod["metadata"]["uid"]
        source = os.path.join(self.options.kubelet_dir, "pods", uid, "volumes/kubernetes.io~empty-dir", volume)
        target = os.path.join(VHOST_SOCKETS, uid, volume)
        if not os.path.exists(target):
            mask = os.umask(0)
            try:
                os.makedirs(target, 0o777)
            finally:
                os.umask(mask)
            run("mount", "--bind", source, target)
        elif self.release >= (1, 13) and consumption != KUBEVIRT:
            # A second interface with this volume, or a second attempt at the first one.
            raise RuntimeError("createShortSharedDir: volume %s already exists" % volume)

    def add_vhost_user(self, request, volume, consumption, uid, ids):
        """configureDpdkNic: neither the address nor the MTU of the port is set."""
        name = self.names(request)[0]
        port = ids[0].partition("iface-id=")[2]
        for other in vsctl("--bare", "--columns=_uuid", "find", "Interface", 'external_ids:iface-id="%s"' % port, "name!=" + name).split():
            vsctl("remove", "Interface", other, "external_ids", "iface-id")
        file = request["ifname"] if consumption == KUBEVIRT else request["config"].get("vhost_user_socket_name", "")
        path = os.path.join("/var/run/openvswitch/vhost_sockets", uid, volume, file).rstrip("/")
        vsctl("--may-exist", "add-port", "br-int", name, "--", "set", "Interface", name, "type=dpdkvhostuserclient",
              "options:vhost-server-path=" + path, *ids)

    def limit(self, request, port, ingress, egress):
        """SetInterfaceBandwidth: megabits a second of the pod's own view. The queue of what the pod gets is one that netdev-dpdk does not have."""
        name = self.names(request)[0]
        kilobits = int(egress) * 1000 if str(egress or "").isdigit() else 0
        vsctl("set", "Interface", name, "ingress_policing_rate=%d" % kilobits, "ingress_policing_burst=%d" % (kilobits * 8 // 10))
        if str(ingress or "").isdigit() and int(ingress):
            vsctl("set", "Port", name, "qos=@qos", "--", "--id=@qos", "create", "QoS", "type=linux-htb", 'external_ids:iface-id="%s"' % port, "queues:0=@queue",
                  "--", "--id=@queue", "create", "Queue", "other_config:max-rate=%d" % (int(ingress) * 1000000), 'external_ids:iface-id="%s"' % port)

    def unshare_directory(self, uid, volume, consumption):
        """removeShortSharedDir: the directory of the pod above it stays."""
        target = os.path.join(VHOST_SOCKETS, uid, volume)
        if not os.path.exists(target) or (consumption == KUBEVIRT and os.listdir(target)) or not os.path.ismount(target):
            return
        run("umount", target)
        os.rmdir(target)

    def delete(self, request):
        args, host = request["args"], self.names(request)[0]
        pod = self.api.get("/api/v1/namespaces/%s/pods/%s" % (args["K8S_POD_NAMESPACE"], args["K8S_POD_NAME"]))
        volume, consumption = self.socket(request["config"])
        # The directory of a pod that was deleted by force stays.
        if pod is not None and volume:
            self.unshare_directory(pod["metadata"]["uid"], volume, consumption)
        vsctl("--if-exists", "--with-iface", "del-port", "br-int", host)
        subprocess.run(["ip", "link", "delete", host], capture_output=True, check=False)
        return {}

    def serve(self, request):
        if request["command"] == "ADD":
            return self.add(request)
        if request["command"] == "DEL":
            return self.delete(request)
        return {}


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    # More pods than five may come and go at once.
    request_queue_size = 128


def handler(daemon):
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status, text):
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer(200, "ok\n")

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            what = "%s %s %s %s" % (request["command"], request["args"].get("K8S_POD_NAMESPACE"), request["args"].get("K8S_POD_NAME"), request["ifname"])
            try:
                answer = json.dumps(daemon.serve(request))
            except Exception as error:  # whatever it is, the pod's event has to tell it
                log("%s failed: %s" % (what, error))
                self.answer(500, str(error))
                return
            log("%s done" % what)
            self.answer(200, answer)

        def address_string(self):
            return "local"

        def log_message(self, *arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cni-conf-name", default="01-kube-ovn.conflist")
    parser.add_argument("--kubelet-dir", default="/var/lib/kubelet")
    parser.add_argument("--dpdk-tunnel-iface", default="br-phy")
    options, ignored = parser.parse_known_args()
    log("arguments without effect in the lab: %s" % " ".join(ignored))
    daemon = Daemon(options)
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    threading.Thread(target=UnixServer(SOCKET, handler(daemon)).serve_forever, daemon=True).start()
    ready = False
    while True:
        try:
            daemon.connect_node()
            # Only now, for it tells the node that pods can come.
            daemon.write_conflist()
            if not ready:
                threading.Thread(target=ThreadingHTTPServer(("", 10665), handler(daemon)).serve_forever, daemon=True).start()
                ready = True
                log("ready")
        except (OSError, RuntimeError, StopIteration, subprocess.TimeoutExpired) as error:
            log("%s: %s" % (type(error).__name__, error))
        time.sleep(5 if ready else 2)


if __name__ == "__main__":
    main()
