"""What the lab's small substitutes of Kube-OVN's programs need of the Kubernetes API, with the standard library alone."""

import json
import os
import ssl
import urllib.error
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Api:
    def __init__(self):
        host = os.environ["KUBERNETES_SERVICE_HOST"]
        self.server = "https://%s:%s" % ("[%s]" % host if ":" in host else host, os.environ["KUBERNETES_SERVICE_PORT"])
        self.context = ssl.create_default_context(cafile=ACCOUNT + "/ca.crt")

    def request(self, method, path, body=None, content_type="application/json", timeout=10):
        # The token is replaced before it expires, so it is read each time.
        with open(ACCOUNT + "/token", encoding="ascii") as handle:
            headers = {"Authorization": "Bearer " + handle.read().strip(), "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=timeout, context=self.context)

    def call(self, method, path, body=None, content_type="application/json"):
        """The answer as an object; None where there is no such thing."""
        try:
            with self.request(method, path, body, content_type) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise RuntimeError("%s %s: %s %s" % (method, path, error.code, error.read(300).decode("utf-8", "replace"))) from error

    def get(self, path):
        return self.call("GET", path)

    def items(self, path):
        return (self.get(path) or {}).get("items", [])

    def annotate(self, path, annotations):
        return self.call("PATCH", path, {"metadata": {"annotations": annotations}}, "application/merge-patch+json")

    def wait_for_change(self, path, seconds):
        """Return when something under path has changed, at the latest after so many seconds."""
        try:
            with self.request("GET", path + "?watch=1&timeoutSeconds=%d&resourceVersion=%s" % (seconds, self.version(path)), timeout=seconds + 5) as lines:
                lines.readline()
        except OSError:
            pass

    def version(self, path):
        return self.call("GET", path + "?limit=1")["metadata"]["resourceVersion"]
