# Docker or podman, whichever works here; podman is installed where there is neither. Sourced by testpbx.
# shellcheck shell=bash

PODMAN_PACKAGES=(podman podman-compose buildah netavark aardvark-dns iptables fuse-overlayfs runc mmdebstrap)

# Sets ENGINE for the commands that follow an `up`: what it chose, without asking again.
engine_recall() {
    ENGINE=${KEEPLINE_ENGINE:-}
    case $ENGINE in
        docker) ;;
        podman) podman_configure ;;
        *) engine_choose ;;
    esac
}

# Sets ENGINE. A `docker` command without a running engine behind it is common, so Docker has to answer.
engine_choose() {
    if command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
        ENGINE=docker
        return
    fi
    ENGINE=podman
    if ! command -v podman >/dev/null || ! command -v podman-compose >/dev/null; then
        say "no working Docker, and no podman: installing ${PODMAN_PACKAGES[*]}"
        packages_install "${PODMAN_PACKAGES[@]}"
    fi
    podman_configure
    podman info >/dev/null 2>"$STATE/engine.log" \
        || die "podman does not work here: $(tail -1 "$STATE/engine.log")"
}

packages_install() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "these packages are missing and need root to install: $*"
        sudo=(sudo)
    fi
    # A broken third-party source must not stop us: what matters is whether the packages can be installed.
    "${sudo[@]}" apt-get -qq update >&2 || say "apt-get update had errors (above); going on with what it has"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2 \
        || die "apt-get could not install: $*"
}

# Without systemd, or with the two cgroup versions mixed, podman's defaults fail: crun refuses such cgroups, the
# systemd cgroup manager has nobody to ask, and container limits above the host's own are denied.
podman_configure() {
    [ -z "${CONTAINERS_CONF:-}" ] || return 0
    if [ "$(cat /proc/1/comm)" = systemd ] && [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        return 0
    fi
    local files processes
    files=$(ulimit -Hn); processes=$(ulimit -Hu)
    [ "$files" = unlimited ] || [ "$files" -gt 4096 ] && files=4096
    [ "$processes" = unlimited ] || [ "$processes" -gt 4096 ] && processes=4096
    mkdir -p "$STATE"
    # Under a name of its own: several commands may run at once.
    cat >"$STATE/containers.conf.$$" <<CONF
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
helper_binaries_dir = ["/usr/lib/podman", "/usr/libexec/podman"]
[network]
network_backend = "netavark"
CONF
    mv "$STATE/containers.conf.$$" "$STATE/containers.conf"
    export CONTAINERS_CONF=$STATE/containers.conf
}

# Create the services named, without starting them under podman (their addresses are set first).
compose_create() {
    if [ "$ENGINE" = docker ]; then
        docker compose -p "$KEEPLINE_PROJECT" -f compose.yaml -f compose.docker.yaml up -d --no-build --no-deps --quiet-pull "$@"
        return
    fi
    podman network exists "$KEEPLINE_PROJECT-lab" \
        || podman network create --subnet "$KEEPLINE_NET.0/24" "$KEEPLINE_PROJECT-lab"
    podman-compose -p "$KEEPLINE_PROJECT" -f compose.yaml up --no-build --no-start "$@"
    local service
    for service in "$@"; do
        podman network disconnect "$KEEPLINE_PROJECT-lab" "$(container "$service")"
        podman network connect --ip "$(address "$service")" --alias "$service" "$KEEPLINE_PROJECT-lab" "$(container "$service")"
    done
}
