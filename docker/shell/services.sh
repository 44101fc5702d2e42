# Starting, watching and stopping the services. Sourced by testpbx.
# shellcheck shell=bash

declare -A HOST_PART=([pbx]=10 [carrier]=20 [keepline]=30 [pbx16]=16 [carrier16]=26 [keepline16]=36)
declare -A PORTS=([pbx]=KEEPLINE_PORT_PBX_AMI [carrier]=KEEPLINE_PORT_CARRIER_AMI
    [keepline]="KEEPLINE_PORT_PAGE KEEPLINE_PORT_AUDIO"
    [pbx16]=KEEPLINE_PORT_PBX16_AMI [carrier16]=KEEPLINE_PORT_CARRIER16_AMI
    [keepline16]="KEEPLINE_PORT_PAGE16 KEEPLINE_PORT_AUDIO16")

container() {
    [ -n "${1:-}" ] && [ -n "${HOST_PART[$1]:-}" ] || die "no such service: '${1:-}' (${!HOST_PART[*]})"
    printf '%s-%s' "$KEEPLINE_PROJECT" "$1"
}
address() { printf '%s.%s' "$KEEPLINE_NET" "${HOST_PART[$1]}"; }
inspect() { "$ENGINE" container inspect -f "$2" "$(container "$1")" 2>/dev/null; }
# A container of another checkout is left alone, whatever it is asked.
ours() {
    local home
    container "$1" >/dev/null
    home=$(inspect "$1" '{{index .Config.Labels "keepline.home"}}') || return 0
    [ "$home" != "$HOME_DIR" ] || return 0
    ! running "$1" \
        || die "$(container "$1") belongs to $home: use its testpbx, or set KEEPLINE_PROJECT, KEEPLINE_NET and the ports"
    # Stopped, by its owner or with the machine: what it kept lies in its own checkout's state/, so the name is free.
    "$ENGINE" rm -f "$(container "$1")" >/dev/null
}
running() { [ "$(inspect "$1" '{{.State.Running}}')" = true ]; }

# The hash of everything a container was made from; a container with another one is made anew.
inputs_name() {
    local shared
    shared=$(sha256sum compose.yaml "$STATE/secrets.env"; printf '%s ' "$KEEPLINE_NET" "$KEEPLINE_LAB")
    KEEPLINE_INPUTS_CARRIER=$(printf '%s' "$shared $KEEPLINE_ASTERISK_IMAGE $KEEPLINE_PORT_CARRIER_AMI $(hash_of carrier)" | sha256sum | cut -c1-16)
    KEEPLINE_INPUTS_PBX=$(printf '%s' "$shared $KEEPLINE_ASTERISK_IMAGE $KEEPLINE_PORT_PBX_AMI $KEEPLINE_QUALIFY_SECONDS \
        $KEEPLINE_QUALIFY_TIMEOUT $(hash_of pbx)" | sha256sum | cut -c1-16)
    KEEPLINE_INPUTS_KEEPLINE=$(printf '%s' "$shared $KEEPLINE_IMAGE $KEEPLINE_PORT_PAGE $KEEPLINE_PORT_AUDIO \
        $(sha256sum keepline.toml "$STATE/keepline.env")" | sha256sum | cut -c1-16)
    # An old PBX, a telephone network and a companion of its own, from the same configuration as the others.
    KEEPLINE_INPUTS_PBX16=$(printf '%s' "$shared $KEEPLINE_ASTERISK16_IMAGE $KEEPLINE_PORT_PBX16_AMI $(hash_of pbx)" | sha256sum | cut -c1-16)
    KEEPLINE_INPUTS_CARRIER16=$(printf '%s' "$shared $KEEPLINE_ASTERISK_IMAGE $KEEPLINE_PORT_CARRIER16_AMI $(hash_of carrier)" | sha256sum | cut -c1-16)
    KEEPLINE_INPUTS_KEEPLINE16=$(printf '%s' "$shared $KEEPLINE_IMAGE $KEEPLINE_PORT_PAGE16 $KEEPLINE_PORT_AUDIO16 \
        $(sha256sum "$STATE/keepline16.toml" "$STATE/keepline.env")" | sha256sum | cut -c1-16)
    export KEEPLINE_INPUTS_CARRIER KEEPLINE_INPUTS_PBX KEEPLINE_INPUTS_KEEPLINE
    export KEEPLINE_INPUTS_CARRIER16 KEEPLINE_INPUTS_PBX16 KEEPLINE_INPUTS_KEEPLINE16
}

up() {
    local wanted=("$@") service
    [ ${#wanted[@]} -gt 0 ] || wanted=("${SERVICES[@]}")
    for service in "${wanted[@]}"; do
        container "$service" >/dev/null
        ours "$service"
    done
    state_make
    images_build "${wanted[@]}"
    inputs_name
    settings_save
    [[ " ${wanted[*]} " != *" keepline "* ]] || dialplan_render keepline.toml pbx
    [[ " ${wanted[*]} " != *" keepline16 "* ]] || dialplan_render "$STATE/keepline16.toml" pbx16
    containers_make "${wanted[@]}"
    # In the order of SERVICES: the PBX checks its trunks as it starts, so the carrier is there first.
    for service in "${SERVICES[@]}" "${SERVICES_OLD[@]}"; do
        [[ " ${wanted[*]} " == *" $service "* ]] || continue
        [[ $service == carrier* ]] || faults_forget "$service"
        running "$service" || container_begin "$service"
        "ready_$service"
    done
    [[ " ${wanted[*]} " != *" pbx "* ]] || ! running carrier || ready_trunks pbx carrier
    [[ " ${wanted[*]} " != *" pbx16 "* ]] || ! running carrier16 || ready_trunks pbx16 carrier16
    say "ready: ${wanted[*]}"
}

# A fault matrix that was killed in the middle leaves a clock moved, or the ledger elsewhere: until a new start without.
faults_forget() {
    local service=$1 left='test -e /etc/ld.so.preload -o -e /etc/keepline/store-url'
    running "$service" && container_exec "$service" sh -c "$left" || return 0
    container_exec "$service" rm -f /etc/ld.so.preload /etc/keepline/store-url
    container_stop "$service"
}

# Make the containers that are missing, and those whose inputs changed anew.
containers_make() {
    local service label missing=()
    for service in "$@"; do
        label=KEEPLINE_INPUTS_${service^^}
        [ "$(inspect "$service" '{{index .Config.Labels "keepline.inputs"}}')" != "${!label}" ] || continue
        container_remove "$service"
        ports_free "$service"
        missing+=("$service")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "starting ${missing[*]}"
    compose_create "${missing[@]}" >"$STATE/compose.log" 2>&1 \
        || { tail -5 "$STATE/compose.log" >&2; die "the containers could not be made; the whole log is $STATE/compose.log"; }
}

ports_free() {
    local variable
    for variable in ${PORTS[$1]}; do
        if (exec 3<>"/dev/tcp/127.0.0.1/${!variable}") 2>/dev/null; then
            die "port ${!variable} on 127.0.0.1 is taken: free it, or set $variable to another one"
        fi
    done
}

# dialplan_render SETTINGS PBX: have the companion write that PBX's dialplan and AMI account, and a running PBX take them.
dialplan_render() {
    local inputs settings pbx=$2
    settings=$(readlink -f "$1")
    inputs="$KEEPLINE_IMAGE $(sha256sum "$settings" "$STATE/keepline.env" | sha256sum)"
    [ "$(cat "$STATE/$pbx/.inputs" 2>/dev/null)" != "$inputs" ] || return 0
    "$ENGINE" run --rm --network none --env-file "$STATE/keepline.env" \
        -v "$settings:/etc/keepline/keepline.toml:ro" -v "$STATE/$pbx:/rendered" \
        "$KEEPLINE_IMAGE" render --config /etc/keepline/keepline.toml --out /rendered >/dev/null \
        || die "keepline render failed (above)"
    if running "$pbx"; then
        container_exec "$pbx" start-asterisk refresh >/dev/null
    fi
    printf '%s' "$inputs" >"$STATE/$pbx/.inputs"
}

# Poll until a command succeeds: within SECONDS WHAT COMMAND...
within() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die "$what; see: docker/testpbx logs"
        sleep 0.2
    done
}

ready_carrier() { within 30 "the carrier's Asterisk did not start" booted carrier; }
ready_pbx() { within 30 "the PBX's Asterisk did not start" booted pbx; }
booted() { container_exec "$1" asterisk -rx 'core waitfullybooted' | grep -q 'fully booted'; }
ready_carrier16() { within 30 "the carrier's Asterisk did not start" booted carrier16; }
ready_pbx16() { within 30 "the old PBX's Asterisk did not start" booted pbx16; }
ready_keepline() { within 90 "the companion does not answer on port $KEEPLINE_PORT_PAGE" healthy "$KEEPLINE_PORT_PAGE"; }
ready_keepline16() { within 90 "the companion does not answer on port $KEEPLINE_PORT_PAGE16" healthy "$KEEPLINE_PORT_PAGE16"; }
ready_trunks() { within 30 "$1 does not reach both trunks" trunks_up "$@"; }

healthy() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return
    printf 'GET /healthz HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$1" >&3
    local line
    IFS= read -r -t 5 line <&3
    exec 3>&-
    [[ $line == *" 200 "* ]]
}

# Asterisk spreads its first checks over the qualify interval: ask at once instead. A driver that was killed in the
# middle of an outage has left its trunk cut: mend it.
trunks_up() {
    local contacts pbx=$1 carrier=$2
    contacts=$(container_exec "$pbx" asterisk -rx 'pjsip show contacts')
    if [ "$(grep -cE 'acme-(primary|backup)/.* Avail' <<<"$contacts")" = 2 ]; then
        return 0
    fi
    ! running "$carrier" || container_exec "$carrier" iptables -w -F
    container_exec "$pbx" asterisk -rx 'pjsip qualify acme-primary' >/dev/null
    container_exec "$pbx" asterisk -rx 'pjsip qualify acme-backup' >/dev/null
    return 1
}

container_remove() {
    ours "$1"
    inspect "$1" '{{.Id}}' >/dev/null || return 0
    "$ENGINE" stop -t 40 "$(container "$1")" >/dev/null 2>&1 || true
    "$ENGINE" rm -f "$(container "$1")" >/dev/null
}
container_exec() { container "${1:-}" >/dev/null; local service=$1; shift; "$ENGINE" exec "$(container "$service")" "$@"; }
container_begin() { "$ENGINE" start "$(container "$1")" >"$STATE/start.log" 2>&1 || die "$1 did not start: $(tail -1 "$STATE/start.log")"; }
container_start() { ours "${1:-}"; container_begin "${1:-}"; "ready_$1"; }
container_stop() { ours "${1:-}"; "$ENGINE" stop -t 40 "$(container "${1:-}")" >/dev/null; }
container_kill() { ours "${1:-}"; "$ENGINE" kill -s "${2:-KILL}" "$(container "${1:-}")" >/dev/null; }

container_logs() {
    local service
    for service in "${@:-${SERVICES[@]}}"; do
        inspect "$service" '{{.Id}}' >/dev/null || continue
        [ $# -gt 0 ] || printf '==== %s\n' "$service"
        "$ENGINE" logs "$(container "$service")"
    done
}

status() {
    local service state
    for service in "${SERVICES[@]}" "${SERVICES_OLD[@]}"; do
        state=$(inspect "$service" '{{.State.Status}}') || state='not there'
        printf '%-10s %s\n' "$service" "$state"
    done
    running pbx || return 0
    container_exec pbx asterisk -rx 'pjsip show contacts' \
        | awk '/Contact: +(acme-|10)/ { printf "%-22s %s\n", substr($2, 1, index($2, "/") - 1), $4 }'
}

down() {
    local service
    for service in keepline pbx carrier keepline16 pbx16 carrier16; do container_remove "$service"; done
    "$ENGINE" network rm "$KEEPLINE_PROJECT-lab" >/dev/null 2>&1 || true
}

# What the containers' users wrote is theirs: where we may not remove it, a container does.
clean() {
    local data=(recordings recordings16 sounds pbx pbx-data pbx-logs pbx16 pbx16-data pbx16-logs keepline keepline16)
    down
    images_name
    if ! (cd "$STATE" && rm -rf "${data[@]}" 2>/dev/null) && image_exists "$KEEPLINE_ASTERISK_IMAGE"; then
        "$ENGINE" run --rm --entrypoint rm -v "$STATE:/state" "$KEEPLINE_ASTERISK_IMAGE" -rf "${data[@]/#//state/}"
    fi
    images_forget localhost/keepline-asterisk none
    images_forget localhost/keepline-asterisk16 none
    images_forget localhost/keepline none
    rm -f "$STATE"/*.env "$STATE"/*.log "$STATE"/*.toml
}
