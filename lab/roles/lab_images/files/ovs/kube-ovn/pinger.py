"""The lab's substitute of kube-ovn-pinger: tells now and then whether a pod reaches the API server. It asks nobody else."""

import argparse
import os
import socket
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interval", type=int, default=30)
    options = parser.parse_known_args()[0]
    target = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
    while True:
        started = time.monotonic()
        try:
            socket.create_connection(target, timeout=5).close()
            print("%s port %d: connected in %.1f ms" % (target + ((time.monotonic() - started) * 1000,)), flush=True)
        except OSError as error:
            print("%s port %d: %s" % (target + (error,)), flush=True)
        time.sleep(options.interval)


if __name__ == "__main__":
    main()
