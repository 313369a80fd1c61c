#!/usr/bin/env bash
# A made-up installer: it does what installers of Kube-OVN do to whoever wants to know what they apply. Nothing of it is theirs.
set -euo pipefail

IPV6=${IPV6:-false}
ENABLE_SSL=${ENABLE_SSL:-false}
ENABLE_IC=${ENABLE_IC:-$(kubectl get node --show-labels | grep -q "example/ic" && echo true || echo false)}
REGISTRY="registry.example/kubeovn"
VERSION="v0.0.0-wrong"
IMAGE_PULL_POLICY="IfNotPresent"
POD_CIDR="10.16.0.0/16" # not the network of the nodes
POD_GATEWAY="10.16.0.1"
if [ "$IPV6" = "true" ]; then
  POD_CIDR="fd00:10:16::/112"
  POD_GATEWAY="fd00:10:16::1"
fi
DPDK_TUNNEL_IFACE=${DPDK_TUNNEL_IFACE:-br-phy}
LABEL="node-role.kubernetes.io/control-plane"
DEPRECATED_LABEL="node-role.kubernetes.io/master"
DPDK="false"
HYBRID_DPDK="false"
DPDK_TAG="${VERSION}-dpdk"

display_help() {
  echo "a made-up installer"
  exit 0
}

while [ $# -gt 0 ]; do
  case "$1" in
    --help) display_help ;;
    --with-dpdk=19.11) DPDK="true" ;;
    --with-hybrid-dpdk) HYBRID_DPDK="true" ;;
    *)
      echo "Unknown argument $1"
      exit 1
      ;;
  esac
  shift
done

if [ "$ENABLE_SSL" = "true" ]; then
  if [ "$(kubectl get secret -n kube-system kube-ovn-tls --ignore-not-found)" = "" ]; then
    docker run --rm -v "$PWD":/etc/ovn "$REGISTRY/kube-ovn:$VERSION" bash generate-ssl.sh
    kubectl create secret generic -n kube-system kube-ovn-tls --from-file=cacert=cacert.pem --from-file=cert=ovn-cert.pem --from-file=key=ovn-privkey.pem
    rm -rf cacert.pem ovn-cert.pem ovn-privkey.pem
  fi
fi

node_label="$LABEL"
count=$(kubectl get no -l"$LABEL" --no-headers | wc -l)
if [ "$count" -eq 0 ]; then
  node_label="$DEPRECATED_LABEL"
  count=$(kubectl get no -l"$DEPRECATED_LABEL" --no-headers | wc -l)
  if [ "$count" -eq 0 ]; then
    echo "ERROR: No node with label $LABEL or $DEPRECATED_LABEL"
    exit 1
  fi
fi
kubectl label no -lbeta.kubernetes.io/os=linux kubernetes.io/os=linux --overwrite
kubectl label no -l"$node_label" kube-ovn/role=master --overwrite
if [ "$DPDK" = "true" ] || [ "$HYBRID_DPDK" = "true" ]; then
  kubectl label no -l'ovn.kubernetes.io/ovs_dp_type!=userspace' ovn.kubernetes.io/ovs_dp_type=kernel --overwrite
fi
addresses=$(kubectl get no -lkube-ovn/role=master --no-headers -o wide | awk '{print $6}' | tr \\n ',' | sed 's/,$//')
count=$(kubectl get no -lkube-ovn/role=master --no-headers | wc -l)

cat <<EOC > crd.yaml
---
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: subnets.example.test
spec:
  group: example.test
  names: {kind: Subnet, plural: subnets}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          description: the first
          description: the second
          default: 2020-01-01
---
EOC
kubectl apply -f crd.yaml

cat <<EOC > ovn.yaml
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata:
  name: kube-ovn
spec: {privileged: true}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: system:ovn
rules:
  - apiGroups: ["kubeovn.io"]
    resources: [subnets, networks]
    verbs: ["*"]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ovn-central
  namespace: kube-system
spec:
  replicas: $count
  selector: {matchLabels: {app: ovn-central}}
  template:
    metadata: {labels: {app: ovn-central}}
    spec:
      containers:
        - name: ovn-central
          image: "$REGISTRY/kube-ovn:$VERSION"
          imagePullPolicy: $IMAGE_PULL_POLICY
          env:
            - {name: NODE_IPS, value: "$addresses"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ovs-ovn
  namespace: kube-system
spec:
  selector: {matchLabels: {app: $([ "$DPDK" = true ] && echo ovs-dpdk || echo ovs)}}
  updateStrategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  template:
    metadata: {labels: {app: $([ "$DPDK" = true ] && echo ovs-dpdk || echo ovs)}}
    spec:
      containers:
        - name: openvswitch
          image: "$([ "$DPDK" = true ] && echo "kubeovn/kube-ovn-dpdk:19.11-$VERSION" || echo "$REGISTRY/kube-ovn:$VERSION")"
          livenessProbe: {exec: {command: [check]}, initialDelaySeconds: 10}
          volumeMounts:
            - {name: hugepage, mountPath: /dev/hugepages}
          resources:
            requests: {cpu: 500m, memory: 2Gi}
            limits: {cpu: 1000m, memory: 2Gi, hugepages-1Gi: 1Gi}
      volumes:
        - {name: hugepage, emptyDir: {medium: HugePages}}
EOC
kubectl apply -f ovn.yaml
if [ "$HYBRID_DPDK" = "true" ]; then
  cat <<EOC | kubectl apply -f -
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ovs-ovn-dpdk
  namespace: kube-system
spec:
  selector: {matchLabels: {app: ovs-dpdk}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: ovs-dpdk}}
    spec:
      containers:
        - name: openvswitch
          image: "$REGISTRY/kube-ovn:$DPDK_TAG"
          env:
            - {name: DPDK_TUNNEL_IFACE, value: "$DPDK_TUNNEL_IFACE"}
          livenessProbe: {exec: {command: [check]}, initialDelaySeconds: 10}
          resources:
            requests: {cpu: 200m, memory: 200Mi, hugepages-2Mi: 1Gi}
            limits: {cpu: 1000m, memory: 800Mi, hugepages-2Mi: 1Gi}
EOC
fi
kubectl rollout status deployment/ovn-central -n kube-system --timeout 300s

# The same file again, with something else in it.
cat <<EOC > ovn.yaml
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-ovn-cni
  namespace: kube-system
spec:
  selector: {matchLabels: {app: kube-ovn-cni}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: kube-ovn-cni}}
    spec:
      initContainers:
        - {name: install-cni, image: "$REGISTRY/kube-ovn:$VERSION"}
      containers:
        - name: cni-server
          image: "$REGISTRY/kube-ovn:$VERSION"
          args: [--default-cidr=$POD_CIDR, --enable-ic=$ENABLE_IC, --default-gateway=$POD_GATEWAY]
          securityContext: {runAsUser: 0, privileged: false}
          volumeMounts:
            - {name: host-run-ovs, mountPath: /run/openvswitch, mountPropagation: HostToContainer}
      volumes:
        - {name: host-run-ovs, hostPath: {path: /run/openvswitch}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-ovn-pinger
  namespace: kube-system
spec:
  selector: {matchLabels: {app: kube-ovn-pinger}}
  template:
    metadata: {labels: {app: kube-ovn-pinger}}
    spec:
      containers:
        - name: pinger
          image: "$REGISTRY/kube-ovn:$VERSION"
          command: [/kube-ovn/kube-ovn-pinger, --external-address=203.0.113.1]
EOC
kubectl apply -f ovn.yaml
kubectl rollout status daemonset/kube-ovn-cni -n kube-system --timeout 300s

for ns in $(kubectl get ns --no-headers -o custom-columns=NAME:.metadata.name); do
  for pod in $(kubectl get pod --no-headers -n "$ns" --field-selector spec.restartPolicy=Always -o custom-columns=NAME:.metadata.name,HOST:spec.hostNetwork | awk '{if ($2!="true") print $1}'); do
    kubectl delete pod "$pod" -n "$ns" --ignore-not-found --wait=false
  done
done
kubectl rollout status deployment/coredns -n kube-system --timeout 300s
while true; do
  pods=$(kubectl get pod -n kube-system -l app=kube-ovn-pinger --template '{{range .items}}{{if .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}')
  [ -z "$pods" ] && break
  sleep 60
done
kubectl rollout status daemonset/kube-ovn-pinger -n kube-system
sleep 60
kubectl wait pod --for=condition=Ready -l app=kube-ovn-pinger -n kube-system --timeout 120s

if ! sh -c "echo \":$PATH:\" | grep -q \":/usr/local/bin:\""; then
  export PATH=/usr/local/bin:$PATH
fi
kubectl cp kube-system/"$(kubectl -n kube-system get pods -o wide | grep cni | awk 'NR==1{print $1}')":/kube-ovn/kubectl-ko /usr/local/bin/kubectl-ko
chmod +x /usr/local/bin/kubectl-ko
# VERSION= further down stays as it is.
cat <<EOC > /usr/local/bin/kubectl-ko
VERSION=kept
EOC
kubectl ko diagnose all
